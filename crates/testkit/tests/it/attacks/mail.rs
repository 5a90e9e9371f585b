//! 12, 24, 30, 32: what goes by mail.

use std::time::{Duration, Instant};

use purlin_testkit::{Client, Reply, Running};
use serde_json::json;

use super::{PASSWORD, open, tells_apart};

const KNOWN: [&str; 5] = ["ann", "bob", "eve", "una", "max"];

/// The token of the link in the last mail.
async fn link(running: &Running) -> String {
    let mails = running.mails().await;
    let text = mails.last().expect("a mail").text.clone();
    let token = text.split_once("token=").expect("a link").1;
    token.chars().take_while(|c| *c != '>').collect()
}

#[tokio::test]
async fn attack_12_links_in_mails_are_the_owners() {
    let running = open("journal").await;
    for host in ["evil.example", "127.0.0.1:8080@evil.example", "127.0.0.1:8080.evil.example"] {
        let mut client = running.client();
        let headers = [("host", host), ("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(client.send("POST", "/reset", &headers, "email=ann@example.org").await.status, 400);
    }
    let mut client = running.client();
    client.headers = vec![
        ("host".to_owned(), "localhost:8080".to_owned()),
        ("origin".to_owned(), "http://localhost:8080".to_owned()),
        ("x-forwarded-host".to_owned(), "evil.example".to_owned()),
        ("forwarded".to_owned(), "host=evil.example".to_owned()),
    ];
    assert_eq!(client.post("/reset", &[("email", "ann@example.org")]).await.status, 303);
    let mails = running.mails().await;
    let [mail] = &mails[..] else { panic!("one mail") };
    assert!(mail.text.contains("<http://127.0.0.1:8080/reset?token="), "{}", mail.text);
    assert!(!mail.html.contains("evil"), "{}", mail.html);
}

#[tokio::test]
async fn attack_15_an_address_brings_no_header_and_no_second_recipient() {
    let running = open("journal").await;
    for evil in [
        "ann@example.org\r\nBcc: eve@evil.example",
        "ann@example.org,eve@evil.example",
        "ann@example.org eve@evil.example",
        "ann@example.org\n\nbody",
        "\"ann@example.org\" <eve@evil.example>",
    ] {
        let mut client = running.client();
        let fields = [("email", evil), ("password", PASSWORD), ("name", "x")];
        for path in ["/reset", "/signup"] {
            assert_eq!(client.post(path, &fields).await.status, 422, "{path} {evil:?}");
        }
    }
    assert!(running.mails().await.is_empty());
}

/// What a try is answered, less what names it, and how long that took.
async fn tried(client: &Client, place: u8, path: &str, address: &str) -> (Duration, String) {
    let mut client = client.clone();
    client.peer = Some([203, 0, 113, place].into());
    let fields = [("email", address), ("password", PASSWORD), ("name", "Somebody")];
    let started = Instant::now();
    let reply: Reply = match path {
        "/reset" => client.post(path, &fields[..1]).await,
        "/signup" => client.post(path, &fields).await,
        "/api/auth/reset" => client.json("POST", path, &json!({ "email": address })).await,
        _ => {
            let body = json!({ "email": address, "password": PASSWORD, "name": "Somebody" });
            client.json("POST", path, &body).await
        }
    };
    let took = started.elapsed();
    let mut headers: Vec<String> = reply
        .headers
        .iter()
        .filter(|(name, _)| *name != "x-request-id")
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    headers.sort();
    (took, format!("{} {headers:?} {}", reply.status, reply.text().replace(address, "ADDRESS")))
}

#[tokio::test]
async fn attack_30_sign_up_and_reset_answer_known_and_unknown_addresses_alike() {
    let running = open("journal").await;
    let client = running.client();
    for path in ["/signup", "/reset", "/api/auth/signup", "/api/auth/reset"] {
        let mut times = Vec::new();
        tried(&client, 250, path, "warm@example.org").await;
        // In turn, so that whatever else the machine does falls on both.
        for at in 0..20_u8 {
            let name = KNOWN[usize::from(at) % KNOWN.len()];
            let known = tried(&client, at, path, &format!("{name}@example.org")).await;
            let unknown = tried(&client, 100 + at, path, &format!("n{at}@example.org")).await;
            assert_eq!(known.1, unknown.1, "{path}");
            times.push((known.0, unknown.0));
        }
        assert!(!tells_apart(&times), "{path}: {times:?}");
    }
    // The mails alone tell, each to the address's owner.
    for mail in running.mails().await {
        let has_account = KNOWN.iter().any(|name| mail.recipient == format!("{name}@example.org"));
        assert_eq!(mail.template == "verify", !has_account, "{} to {}", mail.template, mail.recipient);
    }
}

#[tokio::test]
async fn attack_32_a_link_is_used_once_also_by_two_at_once() {
    let running = open("journal").await;
    running.client().post("/reset", &[("email", "ann@example.org")]).await;
    let token = link(&running).await;
    let (mut one, mut two) = (running.client(), running.client());
    let fields = |password| [("token", token.as_str()), ("password", password)];
    let (first, second) = (fields("the first of two"), fields("the second of two"));
    let (first, second) = tokio::join!(one.post("/reset", &first), two.post("/reset", &second));
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);

    let fields = [("email", "new@example.org"), ("password", PASSWORD), ("name", "New")];
    running.client().post("/signup", &fields).await;
    let token = link(&running).await;
    let fields = [("token", token.as_str()), ("password", PASSWORD)];
    let (first, second) = tokio::join!(one.post("/verify", &fields), two.post("/verify", &fields));
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
}

#[tokio::test]
async fn attack_32_a_link_is_bound_to_its_purpose_and_address() {
    let running = open("journal").await;
    running.client().post("/reset", &[("email", "ann@example.org")]).await;
    let token = link(&running).await;
    let mut client = running.client();
    for (path, fields) in [
        ("/verify", vec![("token", token.as_str()), ("password", PASSWORD)]),
        ("/account/email", vec![("token", token.as_str())]),
    ] {
        assert_eq!(client.post(path, &fields).await.status, 422, "{path}");
    }
    // An administrator gives the account another address: the link was for the old one.
    let mut max = super::somebody(&running, "max").await;
    let users = max.get("/api/users?email=ann@example.org").await.json();
    let id = users["items"][0]["id"].to_string();
    let changed =
        max.json("PATCH", &format!("/api/users/{id}"), &json!({ "email": "ann@new.example" })).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let fields = [("token", token.as_str()), ("password", "another long one")];
    assert_eq!(client.post("/reset", &fields).await.status, 422);
}

#[tokio::test]
async fn attack_33_nobody_opens_an_account_with_a_strangers_password() {
    let running = open("journal").await;
    let mut stranger = running.client();
    let fields = [("email", "victim@example.org"), ("password", "the stranger's own"), ("name", "V")];
    stranger.post("/signup", &fields).await;
    let planted = link(&running).await;
    let mut victim = running.client();
    victim.post("/signup", &[("email", "victim@example.org"), ("password", PASSWORD), ("name", "V")]).await;
    let own = link(&running).await;
    // The victim follows the wrong link with his own password: nothing is made of what the stranger chose.
    assert_eq!(victim.post("/verify", &[("token", &planted), ("password", PASSWORD)]).await.status, 422);
    assert_eq!(victim.post("/verify", &[("token", &own), ("password", PASSWORD)]).await.status, 303);
    let fields = [("email", "victim@example.org"), ("password", "the stranger's own")];
    assert_eq!(stranger.post("/login", &fields).await.status, 422);
    assert_eq!(
        stranger.post("/verify", &[("token", &planted), ("password", "the stranger's own")]).await.status,
        422
    );
}

#[tokio::test]
async fn attack_24_nobody_floods_a_mailbox() {
    let running = open("journal").await;
    for at in 0..20_u8 {
        let mut client = running.client();
        client.peer = Some([198, 51, 100, at].into());
        assert_eq!(client.post("/reset", &[("email", "ann@example.org")]).await.status, 303);
    }
    assert_eq!(running.mails().await.len(), 5, "an address gets five in an hour");
    let mut refused = 0;
    for at in 0..40_u8 {
        let mut client = running.client();
        client.peer = Some([198, 51, 100, 200].into());
        let status = client.post("/reset", &[("email", &format!("n{at}@example.org"))]).await.status.as_u16();
        assert!(matches!(status, 303 | 429));
        refused += usize::from(status == 429);
    }
    assert_eq!(refused, 20, "and one place asks for twenty in a quarter of an hour");
}
