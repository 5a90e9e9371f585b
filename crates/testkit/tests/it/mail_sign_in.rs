//! Signing in by mail: a link and a code, of use only in the browser that asked.

use purlin_engine::Failure;
use purlin_engine::accounts::{Arrival, Carrier, Entry};
use purlin_engine::records::Fields;
use purlin_testkit::{Running, pass};
use serde_json::json;

const SITE: &str = "[site]\nname = \"Guarded\"\nurl = \"http://127.0.0.1:8080\"\n[accounts]\nmail_sign_in = true\n\
                    [mail]\nurl = \"terminal\"\nfrom = \"hello@example.org\"\n";
const MEMBERS: &str = "+++\n[page]\nrequire = 'user != null'\n+++\n<p>Members</p>";
const FILES: &[(&str, &str)] =
    &[("site.toml", SITE), ("pages/index.html", "<p>Home</p>"), ("pages/members.html", MEMBERS)];

async fn site() -> Running {
    let running = Running::from_files(FILES).await;
    let users = running.engine.site().models.users().id;
    let fields = json!({ "email": "ann@example.org", "password": "correct horse battery" });
    let fields = Fields::Json(fields.as_object().expect("an object"));
    running.engine.create(&purlin_engine::Actor::Owner, users, fields).await.expect("an account");
    running
}

/// The code and the secret of the link in the one mail that was sent.
async fn brought(running: &Running) -> (String, String) {
    let mails = running.mails().await;
    let [mail] = mails.as_slice() else { panic!("{} mails", mails.len()) };
    assert_eq!((mail.template.as_str(), mail.recipient.as_str()), ("sign_in", "ann@example.org"));
    let at = mail.text.find("/login/mail?link=").expect("a link") + "/login/mail?link=".len();
    let link =
        mail.text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    let is_code = |line: &&str| line.len() == 7 && line.replace(' ', "").bytes().all(|b| b.is_ascii_digit());
    let code = mail.text.lines().map(str::trim).find(is_code).expect("a code").to_owned();
    (code, link)
}

#[tokio::test]
async fn the_link_is_confirmed_in_the_browser_that_asked_and_works_once() {
    let running = site().await;
    let mut client = running.client();
    assert!(client.get("/login").await.text().contains("/login/mail?next="));
    let asked = client.post("/login/mail", &[("email", "Ann@example.org"), ("next", "/members")]).await;
    let to = asked.header("location").to_owned();
    assert_eq!((asked.status.as_u16(), to.as_str()), (303, "/login/mail?sent=1&next=%2Fmembers"));
    assert!(client.get(&to).await.text().contains("Enter its code here"));
    let (code, link) = brought(&running).await;
    let path = format!("/login/mail?link={link}");
    // A robot that follows the link, and a browser elsewhere, get nowhere and use nothing up.
    let mut elsewhere = running.client();
    for _ in 0..3 {
        let page = elsewhere.get(&path).await;
        assert!(
            page.status == 200 && page.text().contains("in the browser where you asked"),
            "{}",
            page.text()
        );
        assert!(!page.text().contains(&link) && elsewhere.cookies().is_empty());
        let posted = elsewhere.post("/login/mail", &[("code", &link)]).await;
        assert_eq!(posted.status, 422, "{}", posted.text());
        let posted = elsewhere.post("/login/mail", &[("code", &code)]).await;
        assert_eq!(posted.status, 422, "{}", posted.text());
    }
    for _ in 0..3 {
        let page = client.get(&path).await;
        assert!(page.text().contains(&format!("name=\"code\" value=\"{link}\"")), "{}", page.text());
        assert_eq!(client.get("/members").await.status, 303, "to look is not to sign in");
    }
    let old = client.clone();
    let done = client.post("/login/mail", &[("code", &link), ("next", "//evil.example")]).await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "/"), "{}", done.text());
    assert_eq!(client.get("/members").await.status, 200);
    assert!(!client.cookies().contains_key("purlin_mail"));
    for again in [&link, &code] {
        assert_eq!(old.clone().post("/login/mail", &[("code", again)]).await.status, 422, "once");
    }
}

#[tokio::test]
async fn attack_30_an_address_without_an_account_is_answered_alike() {
    let running = site().await;
    let mut told = Vec::new();
    for email in ["ann@example.org", "nobody@example.org"] {
        let mut client = running.client();
        drop(running.queries());
        let asked = client.json("POST", "/api/auth/mail", &json!({ "email": email })).await;
        assert_eq!(asked.status, 202, "{}", asked.text());
        let token = asked.json()["mail_token"].as_str().expect("a token").to_owned();
        let queries = running.queries();
        let body = json!({ "mail_token": token, "code": "000000" });
        let wrong = client.json("POST", "/api/auth/mail/confirm", &body).await;
        assert_eq!(wrong.status, 422);
        told.push((queries, running.queries(), token.len(), wrong.json()["errors"].clone()));
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(running.mails().await.len(), 1, "and nobody is written to");
}

#[tokio::test]
async fn attack_31_a_mail_stands_five_wrong_codes_and_a_quarter_of_an_hour() {
    let running = site().await;
    let other = running.another();
    let arrival = Arrival { address: "10.0.0.1", user_agent: "test", carrier: Carrier::Token };
    let ask = async || running.engine.ask_by_mail("ann@example.org", "10.0.0.1").await.expect("asked").token;
    let code_of = |failure: Failure| match failure {
        Failure::Invalid(messages) => messages[0].code.clone(),
        failure => panic!("{failure}"),
    };
    // Eight at the same instant on two nodes: five are looked at.
    let token = ask().await;
    let (code, _) = brought(&running).await;
    let wrong = if code.starts_with('0') { "111111" } else { "000000" };
    let tries = (0..8).map(|at| {
        let engine = if at % 2 == 0 { &running.engine } else { &other };
        engine.sign_in_by_mail(&token, wrong, arrival)
    });
    let done = futures_util::future::join_all(tries).await;
    let told: Vec<String> = done.into_iter().map(|done| code_of(done.err().expect("wrong"))).collect();
    assert_eq!(told.iter().filter(|code| *code == "wrong_code").count(), 5, "{told:?}");
    let late = running.engine.sign_in_by_mail(&token, &code, arrival).await;
    assert_eq!(code_of(late.err().expect("over")), "expired");
    // The right one at the same instant signs in once.
    let token = ask().await;
    let (code, _) = brought(&running).await;
    let tries = [&running.engine, &other].map(|engine| engine.sign_in_by_mail(&token, &code, arrival));
    let done = futures_util::future::join_all(tries).await;
    assert_eq!(done.iter().filter(|done| matches!(done, Ok(Entry::Whole(_)))).count(), 1);
    // And one that is too old is over.
    let token = ask().await;
    let (code, _) = brought(&running).await;
    pass(16 * 60 * 1_000_000);
    let late = running.engine.sign_in_by_mail(&token, &code, arrival).await;
    assert_eq!(code_of(late.err().expect("over")), "expired");
}

#[tokio::test]
async fn without_the_setting_there_is_no_such_way() {
    let running = Running::from_files(&[("site.toml", "[site]\nname = \"Plain\"\n")]).await;
    let mut client = running.client();
    assert_eq!(client.get("/login/mail").await.status, 404);
    let asked = client.json("POST", "/api/auth/mail", &json!({ "email": "ann@example.org" })).await;
    assert_eq!(asked.status, 404);
    assert!(!client.get("/login").await.text().contains("/login/mail"));
}
