//! 14, 28–31: accounts.

use std::time::{Duration, Instant};

use purlin_testkit::Client;
use serde_json::json;

use super::{PASSWORD, concrete, open, somebody, tells_apart};

#[tokio::test]
async fn attack_14_sign_in_leads_to_a_page_of_this_site() {
    let running = open("journal").await;
    for next in [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "https:evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/%09/evil.example/..//",
        ".//evil.example",
        "/..//evil.example",
        "",
        "?a",
        "#a",
        "@evil.example",
        "/\u{0}/evil",
    ] {
        let mut client = running.client();
        let fields = [("email", "ann@example.org"), ("password", PASSWORD), ("next", next)];
        for (what, reply) in [
            ("posted", client.post("/login", &fields).await),
            ("asked", client.get(&format!("/login?next={}", super::encoded(next))).await),
            ("signed up", client.get(&format!("/signup?next={}", super::encoded(next))).await),
        ] {
            if reply.status == 400 && next.contains('\0') {
                continue;
            }
            assert_eq!(reply.status, 303, "{what} {next:?}: {}", reply.text());
            let to = reply.header("location");
            assert!(
                to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\"),
                "{what} {next:?}: {to}"
            );
            let plain: String = to.chars().filter(|c| !c.is_control()).collect();
            assert!(!plain.starts_with("//"), "{what} {next:?}: {to}");
        }
    }
}

#[tokio::test]
async fn attack_28_no_session_is_planted_or_revived() {
    let running = open("journal").await;
    let planted = "A".repeat(43);
    let mut client = running.client();
    client.plant("purlin_session", &planted);
    client.sign_in("ann@example.org", PASSWORD).await;
    let first = client.cookies()["purlin_session"].clone();
    assert_ne!(first, planted);
    // Another sign-in gives another, and ends the one before.
    client.sign_in("ann@example.org", PASSWORD).await;
    let second = client.cookies()["purlin_session"].clone();
    assert_ne!(second, first);
    for dead in [planted, first] {
        let mut old = running.client();
        old.plant("purlin_session", &dead);
        assert_eq!(old.get("/api/auth/me").await.status, 401);
    }
    let mut elsewhere = client.clone();
    assert_eq!(client.post("/logout", &[]).await.status, 303);
    // Signed out, it stays so: nothing that it does afterwards gives it a session again.
    for route in running.app.routes() {
        let reply = elsewhere.get(&concrete(&route)).await;
        let cookies = reply.headers.get_all("set-cookie").iter();
        for cookie in cookies.filter_map(|cookie| cookie.to_str().ok()) {
            assert!(!cookie.starts_with("purlin_session=") || cookie.contains("Max-Age=0"), "{}", route.path);
        }
    }
    let mut again = running.client();
    again.plant("purlin_session", &second);
    assert_eq!(again.get("/members").await.status, 303);
}

#[tokio::test]
async fn attack_28_what_was_begun_before_a_sign_out_is_done_and_nothing_after() {
    let running = open("journal").await;
    // Writes wait in a queue that a test can stop on the embedded database alone.
    let Some(writer) = running.writer() else { return };
    let path = "/posts/rain-again";
    // An administrator sees comments that wait, too.
    let reader = somebody(&running, "max").await;
    let comments = async || reader.clone().get("/api/comments?total=true").await.json()["total"].clone();
    let comment = |text| [("_form", "comment"), ("body", text)];
    for sign_out_first in [false, true] {
        let mut slow = somebody(&running, "una").await;
        let mut other_tab = slow.clone();
        let before = comments().await.as_u64().expect("a number");
        let held = writer.hold_writer().expect("it runs");
        while writer.waiting() > 0 {
            tokio::task::yield_now().await;
        }
        // Both are let in before either is done, in the one order and in the other.
        let queued = |more: usize| {
            let writer = &writer;
            async move {
                while writer.waiting() < more {
                    tokio::task::yield_now().await;
                }
            }
        };
        let turn = |mine: bool| async move {
            if !mine {
                queued(1).await;
            }
        };
        let fields = comment("begun before");
        let (written, out, ()) = tokio::join!(
            async {
                turn(!sign_out_first).await;
                slow.post(path, &fields).await
            },
            async {
                turn(sign_out_first).await;
                other_tab.post("/logout", &[]).await
            },
            async {
                queued(2).await;
                drop(held);
            }
        );
        assert_eq!(out.status, 303, "{}", out.text());
        let done = comments().await.as_u64().expect("a number") - before;
        // Done or refused, and the answer says which.
        match written.status.as_u16() {
            303 if written.header("location").starts_with("/login") => assert_eq!(done, 0),
            303 => assert_eq!(done, 1),
            status => panic!("{status}: {}", written.text()),
        }
        // What the slow request's answer left in the browser opens nothing either.
        for mut late in [slow, other_tab] {
            let reply = late.post(path, &comment("begun after")).await;
            assert!(reply.header("location").starts_with("/login"), "{}", reply.text());
            assert_eq!(late.get("/api/auth/me").await.status, 401);
        }
        assert_eq!(comments().await.as_u64(), Some(before + done));
    }
}

#[tokio::test]
async fn attack_28_a_user_who_is_gone_is_out_at_once() {
    let running = open("journal").await;
    let mut una = somebody(&running, "una").await;
    assert_eq!(una.get("/members").await.status, 200);
    let mut max = somebody(&running, "max").await;
    let lowered = max.json("PATCH", "/api/users/1", &json!({ "role": "user" })).await;
    assert_eq!(lowered.status, 200, "{}", lowered.text());
    assert_eq!(max.send("DELETE", "/api/users/4", &[], "").await.status, 204);
    assert_eq!(una.get("/members").await.status, 303);
    assert_eq!(una.get("/api/auth/me").await.status, 401);
    // A role that was taken is not kept by a session either.
    let mut eve = somebody(&running, "eve").await;
    assert_eq!(eve.get("/desk").await.status, 200);
    max.json("PATCH", "/api/users/3", &json!({ "role": "user" })).await;
    assert_eq!(eve.get("/desk").await.status, 303, "another role ends the sessions of the old one");
    let mut eve = somebody(&running, "eve").await;
    assert_eq!(eve.get("/desk").await.status, 403);
}

#[tokio::test]
async fn attack_29_what_is_no_session_is_nobody() {
    let running = open("journal").await;
    let mut visitor = running.client();
    let cursor =
        visitor.get("/api/posts?per_page=1").await.json()["next"].as_str().expect("a cursor").to_owned();
    let mut una = somebody(&running, "una").await;
    una.post("/posts/rain-again", &[("_form", "comment"), ("body", "x")]).await;
    let flash = una.cookies()["purlin_flash"].clone();
    for forged in [
        "x",
        "null",
        "1",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOjV9.",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOjV9.AAAA",
        &cursor,
        &flash,
        "../../etc/passwd",
        "' or 1=1--",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let mut client = running.client();
        client.plant("purlin_session", forged);
        assert_eq!(client.get("/api/auth/me").await.status, 401, "{forged}");
        let mut bearer = running.client();
        let header = format!("Bearer {forged}");
        for route in running.app.routes().iter().filter(|route| route.path.starts_with("/api/")) {
            let reply = bearer.send("GET", &concrete(route), &[("authorization", &header)], "").await;
            assert!(matches!(reply.status.as_u16(), 401 | 405), "{forged} {}: {}", route.path, reply.status);
        }
        // A cursor is no flash message, and what is no flash message is not shown.
        let mut told = running.client();
        told.plant("purlin_flash", forged);
        let page = told.get("/letter").await;
        assert!(!page.text().contains("flash-") || forged == flash, "{forged}: {}", page.text());
        let asked = format!("/api/posts?per_page=1&cursor={}", super::encoded(forged));
        assert_eq!(
            visitor.get(&asked).await.status.as_u16(),
            if forged == cursor { 200 } else { 400 },
            "{forged}"
        );
    }
}

/// How long an attempt took, and its status and body without what names the attempt.
async fn attempt(client: &Client, place: u8, address: &str, path: &str) -> (Duration, (u16, String)) {
    let mut client = client.clone();
    // Each from a place of its own, or the limit on attempts would answer.
    client.peer = Some(std::net::IpAddr::from([203, 0, 113, place]));
    let started = Instant::now();
    let reply = if path.starts_with("/api/") {
        client.json("POST", path, &json!({ "email": address, "password": "wrong horse battery" })).await
    } else {
        client.post(path, &[("email", address), ("password", "wrong horse battery")]).await
    };
    let took = started.elapsed();
    let id = reply.header("x-request-id");
    (took, (reply.status.as_u16(), reply.text().replace(address, "ADDRESS").replace(id, "ID")))
}

#[tokio::test]
async fn attack_30_known_and_unknown_addresses_answer_alike() {
    let running = open("journal").await;
    let client = running.client();
    for path in ["/api/auth/login", "/login"] {
        attempt(&client, 250, "warm@example.org", path).await;
        let mut times = Vec::new();
        for (at, name) in (0..30_u8).zip(["ann", "bob", "eve", "una", "max"].into_iter().cycle()) {
            let (known, unknown) = (format!("{name}@example.org"), format!("nb{at}@example.org"));
            let known = attempt(&client, at, &known, path).await;
            let unknown = attempt(&client, 100 + at, &unknown, path).await;
            assert_eq!(known.1, unknown.1, "{path}");
            times.push((known.0, unknown.0));
        }
        assert!(!tells_apart(&times), "{path}: {times:?}");
    }
}

#[tokio::test]
async fn attack_31_wrong_passwords_are_counted_for_address_and_account() {
    let running = open("journal").await;
    // One place, many accounts; and one account from many places.
    for (what, by_place) in [("one place", true), ("one account", false)] {
        let mut refused = 0;
        for at in 0..120_u8 {
            let mut client = running.client();
            let place = if by_place { [203, 0, 113, 1] } else { [198, 51, 100, at] };
            client.peer = Some(std::net::IpAddr::from(place));
            let address =
                if by_place { format!("nobody{at}@example.org") } else { "bob@example.org".to_owned() };
            let body = json!({ "email": address, "password": "wrong horse battery" });
            let reply = client.json("POST", "/api/auth/login", &body).await;
            assert!(matches!(reply.status.as_u16(), 401 | 429));
            if reply.status == 429 {
                assert!(!reply.header("retry-after").is_empty());
                refused += 1;
            }
        }
        assert!(refused >= 40 || !by_place, "{what}: {refused}");
        assert!(refused >= 1, "{what}: {refused}");
    }
}
