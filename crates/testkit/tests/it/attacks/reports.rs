//! 16, 21, 24, 25: what anybody may send as a browser's report.

use std::net::IpAddr;

use super::open;

const OLD: (&str, &str) = ("content-type", "application/csp-report");
const NEW: (&str, &str) = ("content-type", "application/reports+json; charset=utf-8");

#[tokio::test]
async fn attack_24_reports_are_small_few_and_answered_with_nothing() {
    let running = open("journal").await;
    let mut client = running.client();
    let mut from = 0_u8;
    let mut send = async |headers: &[(&str, &str)], body: &str| {
        from += 1;
        client.peer = Some(IpAddr::from([198, 51, 100, from]));
        let reply = client.send("POST", "/_purlin/reports", headers, body).await;
        assert!(!reply.text().contains("evil"));
        reply.status.as_u16()
    };
    let report = r#"{"csp-report":{"document-uri":"http://a/evil","blocked-uri":"inline"}}"#;
    assert_eq!(send(&[OLD], report).await, 204);
    assert_eq!(send(&[NEW], r#"[{"type":"csp-violation","body":{"blockedURL":"evil"}}]"#).await, 204);
    // As Chromium sends it with a cookie, and without a word of where it comes from.
    assert_eq!(send(&[NEW, ("cookie", "purlin_session=x"), ("origin", "-")], "[]").await, 204);
    assert_eq!(send(&[OLD, ("sec-fetch-site", "cross-site")], report).await, 403);
    assert_eq!(send(&[OLD, ("origin", "https://evil.example")], report).await, 403);
    assert_eq!(send(&[("content-type", "application/json")], report).await, 415);
    assert_eq!(send(&[], report).await, 415);
    assert_eq!(send(&[OLD], "evil").await, 400);
    assert_eq!(send(&[OLD], &"[".repeat(10_000)).await, 400);
    assert_eq!(send(&[OLD], &format!("[\"{}\"]", "a".repeat(17_000))).await, 413);
    for method in ["GET", "PUT", "DELETE"] {
        assert_eq!(
            running.client().send(method, "/_purlin/reports", &[OLD], "").await.status,
            405,
            "{method}"
        );
    }
    let mut answered = Vec::new();
    let mut flood = running.client();
    for _ in 0..25 {
        answered.push(flood.send("POST", "/_purlin/reports", &[OLD], report).await.status.as_u16());
    }
    assert_eq!(answered.iter().filter(|status| **status == 204).count(), 20, "{answered:?}");
    assert_eq!(answered[20..], [429; 5]);
}
