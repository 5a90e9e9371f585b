//! The second step of a sign-in: by page and by API, on one node and on two, with an independent authenticator.

use std::io::Write;
use std::process::Command;

use purlin_engine::Failure;
use purlin_engine::accounts::{Arrival, Carrier, Entry};
use purlin_engine::records::Fields;
use purlin_store::testing::Fresh;
use purlin_testkit::{BEGINNING, Client, Reply, Running, pass};
use serde_json::json;
use totp_rs::{Builder, Secret};

const PASSWORD: &str = "correct horse battery";
const SECOND: i64 = 1_000_000;
/// The time at which every test begins, in seconds.
const NOON: u64 = BEGINNING.unsigned_abs() / 1_000_000;

const SITE: &str =
    "[site]\nname = \"Guarded\"\n[accounts]\nroles = [\"editor\"]\nsecond_factor = [\"editor\"]\n";
const MEMBERS: &str = "+++\n[page]\nrequire = 'user != null'\n+++\n<p>Members</p>";
const FILES: &[(&str, &str)] =
    &[("site.toml", SITE), ("pages/index.html", "<p>Home</p>"), ("pages/members.html", MEMBERS)];

async fn site() -> Running {
    let running = Running::from_files(FILES).await;
    people(&running).await;
    running
}

async fn people(running: &Running) {
    let users = running.engine.site().models.users().id;
    for (name, role) in [("ann", "user"), ("bob", "user"), ("eve", "editor")] {
        let fields = json!({"email": format!("{name}@example.org"), "password": PASSWORD, "role": role});
        let fields = Fields::Json(fields.as_object().expect("an object"));
        running.engine.create(&purlin_engine::Actor::Owner, users, fields).await.expect("an account");
    }
}

/// What an app shows for a secret at a time.
fn code(secret: &str, seconds: u64) -> String {
    let secret = Secret::try_from_base32(secret).expect("Base32");
    Builder::new().with_secret(secret).build().expect("a secret").generate(seconds).to_string()
}

/// A code that the app shows neither now nor a step before or after.
fn wrong(secret: &str) -> String {
    let right: Vec<String> = (0..9).map(|step| code(secret, NOON - 120 + step * 30)).collect();
    (0..100).map(|n| format!("{n:06}")).find(|code| !right.contains(code)).expect("there is one")
}

/// Sets up Ann's app by API, an instant before noon; gives its secret and the recovery codes.
async fn set_up(client: &mut Client, name: &str) -> (String, Vec<String>) {
    client.sign_in(&format!("{name}@example.org"), PASSWORD).await;
    let begun = client.json("POST", "/api/auth/second/app", &json!({ "password": PASSWORD })).await;
    assert_eq!(begun.status, 201, "{}", begun.text());
    let begun = begun.json();
    let secret = begun["secret"].as_str().expect("a secret").to_owned();
    let uri = begun["uri"].as_str().expect("an address");
    assert!(uri.starts_with(&format!("otpauth://totp/Guarded:{name}%40example%2Eorg?secret=")), "{uri}");
    let body = json!({ "app_token": begun["app_token"], "code": code(&secret, NOON - 30) });
    let confirmed = client.json("POST", "/api/auth/second/app/confirm", &body).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text());
    let codes = confirmed.json()["recovery_codes"].as_array().expect("codes").clone();
    (secret, codes.iter().map(|code| code.as_str().expect("a code").to_owned()).collect())
}

async fn login(client: &mut Client, name: &str) -> Reply {
    let body = json!({ "email": format!("{name}@example.org"), "password": PASSWORD });
    client.json("POST", "/api/auth/login", &body).await
}

/// The token of a sign-in that lacks its second step.
async fn half(client: &mut Client, name: &str) -> String {
    let reply = login(client, name).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (401, &json!("second_factor")));
    assert!(client.cookies().get("purlin_session").is_none());
    reply.json()["second_token"].as_str().expect("a token").to_owned()
}

async fn step(client: &mut Client, token: &str, code: &str) -> Reply {
    client.json("POST", "/api/auth/login/second", &json!({ "second_token": token, "code": code })).await
}

fn is_wrong(reply: &Reply) {
    assert_eq!(reply.status, 422, "{}", reply.text());
    assert_eq!(reply.json()["errors"][0]["code"], "wrong_code", "{}", reply.text());
}

#[tokio::test]
async fn a_password_alone_opens_nothing_and_a_code_signs_in_once() {
    let running = site().await;
    let (secret, _) = set_up(&mut running.client(), "ann").await;
    let now = code(&secret, NOON);
    let mut client = running.client();
    let token = half(&mut client, "ann").await;
    // The token is no session, however it is carried.
    for header in
        [("authorization", format!("Bearer {token}")), ("cookie", format!("purlin_session={token}"))]
    {
        let reply = client.clone().send("GET", "/api/auth/me", &[(header.0, &header.1)], "").await;
        assert_eq!(reply.status, 401, "{}", reply.text());
    }
    is_wrong(&step(&mut client, &token, &wrong(&secret)).await);
    // The code with which the app was set up has had its turn, and so has any before it.
    for old in [code(&secret, NOON - 30), code(&secret, NOON - 60), String::new(), "x".repeat(10_000)] {
        is_wrong(&step(&mut client, &token, &old).await);
    }
    let right = step(&mut client, &token, &format!("{} {}", &now[..3], &now[3..])).await;
    assert_eq!(right.status, 200, "{}", right.text());
    assert_eq!(right.json()["user"]["email"], "ann@example.org");
    assert!(right.json().get("recovery_codes").is_none());
    assert_eq!(client.get("/api/auth/me").await.status, 200);
    // Neither the token nor the code works again.
    let again = step(&mut running.client(), &token, &code(&secret, NOON + 30)).await;
    assert_eq!(again.json()["errors"][0]["code"], "expired", "{}", again.text());
    let mut other = running.client();
    let token = half(&mut other, "ann").await;
    is_wrong(&step(&mut other, &token, &now).await);
    assert_eq!(step(&mut other, &token, &code(&secret, NOON + 30)).await.status, 200);
    // Whoever has none signs in as before.
    assert_eq!(login(&mut running.client(), "bob").await.status, 200);
}

#[tokio::test]
async fn the_pages_lead_through_both_steps() {
    let running = site().await;
    let mut client = running.client();
    client.sign_in("ann@example.org", PASSWORD).await;
    let refused = client.post("/account/second", &[("do", "begin"), ("password", "not this one")]).await;
    assert_eq!(refused.status, 422);
    let shown = client.post("/account/second", &[("do", "begin"), ("password", PASSWORD)]).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    let page = shown.text();
    assert!(page.contains("<svg") && page.contains("<path d=\"M4 4h7v1h-7z"), "{page}");
    assert!(!page.contains("style="), "the policy refuses it");
    let between = |from: &str, to: &str| {
        let rest = &page[page.find(from).expect("it is there") + from.len()..];
        rest[..rest.find(to).expect("its end")].to_owned()
    };
    let (secret, token) = (between("<code>", "<"), between("name=\"token\" value=\"", "\""));
    let again = client.post("/account/second", &[("do", "confirm"), ("token", &token), ("code", "1")]).await;
    assert!(again.status == 422 && again.text().contains(&secret), "{}", again.text());
    let right = code(&secret, NOON - 30);
    let done =
        client.post("/account/second", &[("do", "confirm"), ("token", &token), ("code", &right)]).await;
    assert_eq!(done.text().matches("<li><code>").count(), 10, "{}", done.text());
    assert!(client.get("/account/second").await.text().contains("10 recovery codes left"));

    let mut phone = running.client();
    let fields = [("email", "ann@example.org"), ("password", PASSWORD), ("next", "/members")];
    let first = phone.post("/login", &fields).await;
    assert_eq!((first.status.as_u16(), first.header("location")), (303, "/login/second?next=%2Fmembers"));
    assert_eq!(phone.get("/members").await.status, 303, "half is nothing");
    assert!(phone.get("/login/second?next=/members").await.text().contains("name=\"code\""));
    let wrong = phone.post("/login/second", &[("code", &wrong(&secret)), ("next", "/members")]).await;
    assert!(wrong.status == 422 && wrong.text().contains("The code is wrong"), "{}", wrong.text());
    let now = code(&secret, NOON);
    for (next, to) in [("//evil.example", "/")] {
        let done = phone.post("/login/second", &[("code", &now), ("next", next)]).await;
        assert_eq!((done.status.as_u16(), done.header("location")), (303, to), "{}", done.text());
    }
    assert_eq!(phone.get("/members").await.status, 200);
    assert!(!phone.cookies().contains_key("purlin_half"), "{:?}", phone.cookies());
    // Without a first step there is no second.
    assert_eq!(running.client().get("/login/second").await.header("location"), "/login");
    assert_eq!(running.client().post("/login/second", &[("code", "1")]).await.header("location"), "/login");
}

#[tokio::test]
async fn a_role_that_must_have_one_sets_it_up_before_it_gets_in() {
    let running = site().await;
    let mut client = running.client();
    let reply = login(&mut client, "eve").await;
    assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (401, &json!("second_factor_setup")));
    let token = reply.json()["second_token"].as_str().expect("a token").to_owned();
    let secret = reply.json()["setup"]["secret"].as_str().expect("a secret").to_owned();
    is_wrong(&step(&mut client, &token, &wrong(&secret)).await);
    let done = step(&mut client, &token, &code(&secret, NOON)).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.json()["recovery_codes"].as_array().map(Vec::len), Some(10));
    let factors = client.get("/api/auth/second").await.json();
    assert_eq!(factors, json!({ "app": true, "recovery_codes": 10, "required": true }));
    // It cannot be taken off again, and the next sign-in asks for it.
    let body = json!({ "password": PASSWORD });
    assert_eq!(client.json("POST", "/api/auth/second/app/remove", &body).await.status, 409);
    half(&mut running.client(), "eve").await;
    // By page it is the same.
    let mut page = running.client();
    let fields = json!({"email": "fay@example.org", "password": PASSWORD, "role": "editor"});
    let users = running.engine.site().models.users().id;
    let fields = Fields::Json(fields.as_object().expect("an object"));
    running.engine.create(&purlin_engine::Actor::Owner, users, fields).await.expect("an account");
    page.post("/login", &[("email", "fay@example.org"), ("password", PASSWORD)]).await;
    let shown = page.get("/login/second").await.text();
    let at = shown.find("<code>").expect("a secret") + 6;
    let secret = &shown[at..at + 32];
    let done = page.post("/login/second", &[("code", &code(secret, NOON)), ("next", "/members")]).await;
    assert_eq!(done.text().matches("<li><code>").count(), 10, "{}", done.text());
    assert!(done.text().contains("href=\"/members\""));
    assert_eq!(page.get("/members").await.status, 200);
}

#[tokio::test]
async fn a_recovery_code_works_once_and_fresh_ones_end_the_old() {
    let running = site().await;
    let mut owner = running.client();
    let (secret, codes) = set_up(&mut owner, "ann").await;
    assert!(codes.len() == 10 && codes.iter().all(|code| code.len() == 19), "{codes:?}");
    let mut client = running.client();
    let token = half(&mut client, "ann").await;
    // Another account's are no good: Bob's app gave him others.
    let (_, bobs) = set_up(&mut running.client(), "bob").await;
    is_wrong(&step(&mut client, &token, &bobs[0]).await);
    assert_eq!(step(&mut client, &token, &codes[0].to_uppercase().replace('-', " ")).await.status, 200);
    let token = half(&mut running.client(), "ann").await;
    is_wrong(&step(&mut client, &token, &codes[0]).await);
    assert_eq!(client.get("/api/auth/second").await.json()["recovery_codes"], 9);
    // Fresh ones are given for the password or a code, and the old ones end.
    let path = "/api/auth/second/recovery-codes";
    for nothing in [json!({}), json!({ "password": "not this one" }), json!({ "code": "000000" })] {
        assert_eq!(client.json("POST", path, &nothing).await.status, 422, "{nothing}");
    }
    let fresh = client.json("POST", path, &json!({ "code": code(&secret, NOON) })).await;
    assert_eq!(fresh.status, 200, "{}", fresh.text());
    is_wrong(&step(&mut client, &token, &codes[1]).await);
    let fresh = fresh.json()["recovery_codes"][3].as_str().expect("a code").to_owned();
    assert_eq!(step(&mut client, &token, &fresh).await.status, 200);
    // Taken off, the password signs in again.
    let body = json!({ "password": PASSWORD });
    assert_eq!(client.json("POST", "/api/auth/second/app/remove", &body).await.status, 204);
    assert_eq!(login(&mut running.client(), "ann").await.status, 200);
}

#[tokio::test]
async fn attack_31_wrong_codes_are_counted_with_the_password_known() {
    let running = site().await;
    let (secret, codes) = set_up(&mut running.client(), "ann").await;
    let mut client = running.client();
    let bad = wrong(&secret);
    for _ in 0..10 {
        // A fresh sign-in each time is no fresh count.
        let token = half(&mut client, "ann").await;
        is_wrong(&step(&mut client, &token, &bad).await);
    }
    let token = half(&mut client, "ann").await;
    let late = step(&mut client, &token, &code(&secret, NOON)).await;
    assert_eq!((late.status.as_u16(), late.header("retry-after")), (429, "901"), "{}", late.text());
    // A recovery code is none that could be guessed, and signs its owner in meanwhile.
    assert_eq!(step(&mut client, &token, &codes[0]).await.status, 200);
    pass(16 * 60 * SECOND);
    let mut client = running.client();
    let token = half(&mut client, "ann").await;
    assert_eq!(step(&mut client, &token, &code(&secret, NOON + 16 * 60)).await.status, 200);
    // And a sign-in waits for its second step for ten minutes.
    let mut client = running.client();
    let token = half(&mut client, "ann").await;
    pass(11 * 60 * SECOND);
    let over = step(&mut client, &token, &code(&secret, NOON + 27 * 60)).await;
    assert_eq!(over.json()["errors"][0]["code"], "expired", "{}", over.text());
}

#[tokio::test]
async fn attack_28_a_new_password_ends_what_waits_for_its_second_step() {
    let running = site().await;
    let mut owner = running.client();
    let (secret, _) = set_up(&mut owner, "ann").await;
    let token = half(&mut running.client(), "ann").await;
    let body = json!({ "password": PASSWORD, "new_password": "sorrel glacier forty-one" });
    assert_eq!(owner.json("POST", "/api/auth/password", &body).await.status, 204);
    let over = step(&mut running.client(), &token, &code(&secret, NOON)).await;
    assert_eq!(over.json()["errors"][0]["code"], "expired", "{}", over.text());
}

/// Many at the same instant, on two nodes that have nothing in common but the database.
async fn at_once_on_two_nodes(running: &Running) {
    let other = running.another();
    let (secret, codes) = set_up(&mut running.client(), "ann").await;
    let now = code(&secret, NOON);
    let arrival = Arrival { address: "10.0.0.1", user_agent: "test", carrier: Carrier::Token };
    for code in [now.as_str(), codes[0].as_str()] {
        let mut tokens = Vec::new();
        for _ in 0..8 {
            tokens.push(half(&mut running.client(), "ann").await);
        }
        let tries = tokens.iter().enumerate().map(|(at, token)| {
            let engine = if at % 2 == 0 { &running.engine } else { &other };
            engine.second_step(token, code, arrival)
        });
        let done = futures_util::future::join_all(tries).await;
        let whole = done.iter().filter(|done| matches!(done, Ok((Entry::Whole(_), _)))).count();
        let told: Vec<String> =
            done.iter().filter_map(|done| Some(done.as_ref().err()?.to_string())).collect();
        assert_eq!((whole, told.len()), (1, 7), "{told:?}");
        let is_refused = |failure: &Failure| matches!(failure, Failure::Invalid(_) | Failure::TooMany(_));
        assert!(done.iter().filter_map(|done| done.as_ref().err()).all(is_refused), "{told:?}");
        // And one token at once is one sign-in, though its codes are two.
        pass(16 * 60 * SECOND);
    }
    // Wrong ones are counted on both together.
    let mut tokens = Vec::new();
    for _ in 0..16 {
        tokens.push(half(&mut running.client(), "ann").await);
    }
    let tries = tokens.iter().enumerate().map(|(at, token)| {
        let engine = if at % 2 == 0 { &running.engine } else { &other };
        engine.second_step(token, "000000", arrival)
    });
    let done = futures_util::future::join_all(tries).await;
    let too_many = done.iter().filter(|done| matches!(done, Err(Failure::TooMany(_)))).count();
    let looked_at = done.iter().filter(|done| matches!(done, Err(Failure::Invalid(_)))).count();
    assert!(looked_at <= 10 && too_many >= 6 - (16 - looked_at - too_many), "{looked_at} {too_many}");
}

#[tokio::test]
async fn attack_32_a_code_is_used_once_on_two_nodes_at_the_same_instant() {
    at_once_on_two_nodes(&site().await).await;
    for fresh in Fresh::on_servers() {
        let running = Running::at(fresh.url.clone(), Some(fresh), FILES).await;
        people(&running).await;
        at_once_on_two_nodes(&running).await;
    }
}

#[tokio::test]
async fn the_codes_are_those_of_another_authenticator() {
    let shown = |secret: &str, seconds: u64| {
        let at = format!("@{seconds}");
        let run = Command::new("oathtool").args(["--totp", "--base32", "--now", &at, secret]).output();
        run.ok()
            .filter(|run| run.status.success())
            .map(|run| String::from_utf8_lossy(&run.stdout).trim().to_owned())
    };
    if shown("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 59).is_none() {
        let _ = writeln!(std::io::stderr(), "left out: no oathtool here");
        return;
    }
    let running = site().await;
    let (secret, _) = set_up(&mut running.client(), "ann").await;
    for minute in 1..6 {
        pass(60 * SECOND);
        let mut client = running.client();
        let token = half(&mut client, "ann").await;
        let code = shown(&secret, NOON + minute * 60).expect("a code");
        assert_eq!(step(&mut client, &token, &code).await.status, 200, "{minute}: {code}");
    }
}
