//! 24, 31: whoever asks too often, at every route.

use std::net::IpAddr;
use std::path::Path;

use purlin_server::Kind;
use purlin_testkit::{Client, Reply, Running, running};

use super::{PASSWORD, concrete};

async fn limited(limits: &str) -> Running {
    let sites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/sites");
    Running::with_settings(&sites.join("journal"), &format!("\n[limits]\n{limits}\n")).await
}

fn at(running: &Running, address: impl Into<IpAddr>) -> Client {
    let mut client = running.client();
    client.peer = Some(address.into());
    client
}

#[track_caller]
fn assert_refused(what: &str, reply: &Reply, wait_seconds: u32) {
    assert_eq!(reply.status, 429, "{what}");
    assert_eq!(reply.header("retry-after"), wait_seconds.to_string(), "{what}");
    assert!(reply.header("ratelimit").ends_with(&format!(";r=0;t={wait_seconds}")), "{what}");
    assert!(!reply.headers.contains_key("set-cookie"), "{what}");
}

#[tokio::test]
async fn attack_24_every_route_is_limited_by_address() {
    let running = limited("[limits.routes]\n\"*\" = \"3/1m\"").await;
    for (number, route) in (0_u32..).zip(running.app.routes()) {
        let place = [198, 51, (number >> 8) as u8, number as u8];
        let mut client = at(&running, place);
        for (method, left) in [("GET", 2), ("POST", 1), ("PURGE", 0)] {
            let reply = client.send(method, &concrete(&route), &[], "").await;
            let what = format!("{method} {}", route.path);
            assert_ne!(reply.status, 429, "{what}");
            assert_eq!(reply.header("ratelimit-policy"), "\"*\";q=3;w=60", "{what}");
            assert_eq!(reply.header("ratelimit"), format!("\"*\";r={left};t={}", 60 - 20 * left), "{what}");
        }
        for (method, headers) in [
            ("GET", vec![]),
            ("HEAD", vec![]),
            ("OPTIONS", vec![]),
            ("DELETE", vec![]),
            ("GET", vec![("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=203.0.113.7")]),
            ("GET", vec![("x-real-ip", "203.0.113.7"), ("authorization", "Bearer other")]),
        ] {
            let what = format!("{method} {} {headers:?}", route.path);
            let reply = client.send(method, &concrete(&route), &headers, "").await;
            assert_refused(&what, &reply, 20);
            if route.kind == Kind::Api && method != "HEAD" {
                assert_eq!(reply.json()["code"], "too_many_requests", "{what}");
                assert_eq!(reply.header("content-type"), "application/problem+json");
            }
        }
        assert_ne!(at(&running, [203, 0, 113, 8]).get("/nothing").await.status, 429, "others are not");
        running::pass(20_000_000);
        assert_ne!(client.get(&concrete(&route)).await.status, 429, "{}", route.path);
        running::pass(60_000_000);
    }
}

#[tokio::test]
async fn attack_24_one_spelling_of_a_path_is_as_good_as_another() {
    let running = limited("[limits.routes]\n\"/members\" = \"2/1h\"\n\"POST /letter\" = \"1/1h\"").await;
    let mut client = at(&running, [198, 51, 100, 1]);
    for path in ["/members", "/%6dembers?a=b"] {
        assert_ne!(client.get(path).await.status, 429);
    }
    for path in ["/members", "/members/", "/%6Dembers", "/members?x", "/members/?"] {
        assert_refused(path, &client.get(path).await, 1800);
    }
    assert_ne!(client.get("/letter").await.status, 429, "another method");
    assert_ne!(client.post("/letter", &[]).await.status, 429);
    assert_refused("a form", &client.post("/letter", &[]).await, 3600);
    assert_eq!(client.get("/").await.header("ratelimit"), "", "what has no limit says nothing");
}

#[tokio::test]
async fn attack_31_a_household_of_ipv6_counts_once() {
    let running = limited("[limits.routes]\n\"*\" = \"2/1m\"").await;
    for last in 0..2_u16 {
        let mut client = at(&running, [0x2001, 0xdb8, 0, 1, last, 0, 0, 1]);
        assert_ne!(client.get("/").await.status, 429);
    }
    assert_refused("its third address", &at(&running, [0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]).get("/").await, 30);
    assert_ne!(at(&running, [0x2001, 0xdb8, 0, 2, 0, 0, 0, 1]).get("/").await.status, 429);
    // One of IPv4 is the same however it is written.
    for _ in 0..2 {
        assert_ne!(at(&running, [192, 0, 2, 1]).get("/").await.status, 429);
    }
    assert_eq!(at(&running, [0, 0, 0, 0, 0, 0xffff, 0xc000, 0x201]).get("/").await.status, 429);
}

#[tokio::test]
async fn what_goes_by_account_goes_with_the_person() {
    let running = limited("[limits.routes]\n\"/api/*\" = \"6/1m by account\"").await;
    let mut ann = at(&running, [198, 51, 100, 1]);
    ann.sign_in("ann@example.org", PASSWORD).await;
    let mut elsewhere = at(&running, [198, 51, 100, 2]);
    elsewhere.sign_in("ann@example.org", PASSWORD).await;
    for _ in 0..3 {
        assert_eq!(ann.get("/api/posts").await.status, 200);
        assert_eq!(elsewhere.get("/api/posts").await.status, 200);
    }
    assert_refused("here", &ann.get("/api/posts").await, 10);
    assert_refused("elsewhere", &elsewhere.get("/api/posts").await, 10);
    let mut bob = at(&running, [198, 51, 100, 1]);
    bob.sign_in("bob@example.org", PASSWORD).await;
    assert_eq!(bob.get("/api/posts").await.header("ratelimit"), "\"/api/*\";r=5;t=10");
    for _ in 0..6 {
        assert_eq!(at(&running, [198, 51, 100, 2]).get("/api/posts").await.status, 200);
    }
    assert_refused("a visitor", &at(&running, [198, 51, 100, 2]).get("/api/posts").await, 10);
    assert_eq!(at(&running, [198, 51, 100, 3]).get("/api/posts").await.status, 200);
}

#[tokio::test]
async fn an_owner_exempts_addresses_and_says_how_many_wrong_passwords() {
    let limits =
        "exempt = [\"203.0.113.0/24\"]\nwrong_passwords = \"2/1h\"\n[limits.routes]\n\"*\" = \"2/1m\"";
    let running = limited(limits).await;
    let mut monitor = at(&running, [203, 0, 113, 9]);
    for _ in 0..9 {
        assert_eq!(monitor.get("/").await.status, 200);
    }
    // What is exempt may ask as often as it likes, and still not try passwords.
    let wrong = [("email", "ann@example.org"), ("password", "wrong horse battery")];
    for status in [422, 422, 429] {
        running::pass(10_000_000);
        assert_eq!(monitor.post("/login", &wrong).await.status, status);
    }
}
