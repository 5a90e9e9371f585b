//! Pages with forms, which work without JavaScript.

use crate::site::Site;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");

#[tokio::test]
async fn a_form_is_done_and_says_so_once() {
    let site = Site::new().await;
    let done = site.ask("POST", "/wish", &[FORM, SAME], "text=Rain").await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "/"), "{}", done.body);
    let sealed = done.cookie("purlin_flash").unwrap();
    assert!(!sealed.is_empty() && !sealed.contains(' '));
    assert_eq!(site.get("/api/wishes").await.value()["items"][0]["text"], "Rain");
    let cookie = format!("purlin_flash={sealed}");
    let shown = site.ask("GET", "/", &[("cookie", &cookie)], "").await;
    assert!(shown.body.contains("<b>Wished.</b>"), "{}", shown.body);
    assert_eq!(shown.cookie("purlin_flash"), Some(""));
    // A message that nobody sealed is shown by nobody and cleared.
    let forged = site.ask("GET", "/", &[("cookie", "purlin_flash=forged")], "").await;
    assert_eq!((forged.status.as_u16(), forged.cookie("purlin_flash")), (200, Some("")));
}

#[tokio::test]
async fn multipart_is_taken_too() {
    let site = Site::new().await;
    let body = "--x\r\ncontent-disposition: form-data; name=\"text\"\r\n\r\nSnow\r\n--x--\r\n";
    let done =
        site.ask("POST", "/wish", &[("content-type", "multipart/form-data; boundary=x"), SAME], body).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(site.get("/api/wishes").await.value()["items"][0]["text"], "Snow");
}

#[tokio::test]
async fn mistakes_show_the_page_again() {
    let site = Site::new().await;
    let again = site.ask("POST", "/wish", &[FORM, SAME], "text=").await;
    assert_eq!((again.status.as_u16(), again.header("content-type")), (422, "text/html; charset=utf-8"));
    assert_eq!(site.get("/api/wishes").await.value()["items"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn attack_06_fields_that_the_form_lacks_are_refused() {
    let site = Site::new().await;
    for extra in ["id=7", "created_at=2020-01-01T00:00:00Z", "nothing=1", "_version=9", "_method=DELETE"] {
        let reply = site.ask("POST", "/wish", &[FORM, SAME], &format!("text=a&{extra}")).await;
        assert!(reply.status == 422 || reply.status == 400, "{extra}: {}", reply.status);
    }
    assert_eq!(site.get("/api/wishes").await.value()["items"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn pages_without_forms_take_no_post() {
    let site = Site::new().await;
    let refused = site.ask("POST", "/", &[FORM, SAME], "a=b").await;
    assert_eq!((refused.status.as_u16(), refused.header("allow")), (405, "GET, HEAD, OPTIONS"));
    let other = site.ask("POST", "/wish", &[("content-type", "text/plain"), SAME], "text=a").await;
    assert_eq!(other.status, 415);
}

#[tokio::test]
async fn a_last_slash_is_taken_off() {
    let site = Site::new().await;
    let reply = site.get("/wish/?a=b").await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (308, "/wish?a=b"));
    assert_eq!(site.get("/nothing/").await.status, 404);
}
