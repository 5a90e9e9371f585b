//! 10, 11, 35: pages of other sites, where the owner has let some of them use the API.

use std::path::Path;

use purlin_server::Kind;
use purlin_testkit::{Client, Running};

use super::{answered_by_a_provider, concrete, everybody, somebody};

const APP: &str = "https://app.example.com";

async fn open_to(cors: &str) -> Running {
    let sites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/sites");
    Running::with_settings(&sites.join("journal"), &format!("\n[cors]\n{cors}\n")).await
}

async fn preflight(client: &mut Client, path: &str, origin: &str) -> purlin_testkit::Reply {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "DELETE"),
        ("access-control-request-headers", "authorization, x-evil"),
    ];
    client.send("OPTIONS", path, &headers, "").await
}

#[tokio::test]
async fn attack_10_only_named_origins_read_answers_and_only_of_the_api() {
    let running = open_to(&format!("origins = [\"{APP}\"]")).await;
    for (who, mut client) in everybody(&running).await {
        for route in running.app.routes() {
            let path = concrete(&route);
            for (origin, is_named) in [
                (APP, true),
                ("https://app.example.com.evil.example", false),
                ("https://evil.example", false),
                ("http://app.example.com", false),
                ("null", false),
                ("-", false),
            ] {
                let may = is_named && route.kind == Kind::Api;
                let what = format!("{who} {path} {origin}");
                let replies = [
                    client.send("GET", &path, &[("origin", origin)], "").await,
                    client
                        .send("PURGE", &path, &[("origin", origin), ("authorization", "Bearer x")], "")
                        .await,
                    client.send("GET", &path, &[("origin", origin), ("host", "evil.example")], "").await,
                ];
                for reply in &replies {
                    let allowed = reply.header("access-control-allow-origin");
                    assert_eq!(allowed, if may { APP } else { "" }, "{what}");
                    assert_eq!(reply.header("access-control-allow-credentials"), "", "{what}");
                    let varies = reply.headers.get_all("vary").iter().any(|value| value == "origin");
                    assert_eq!(varies, route.kind == Kind::Api, "{what}");
                }
                let reply = preflight(&mut client, &path, origin).await;
                assert_eq!(reply.header("access-control-allow-methods").contains("DELETE"), may, "{what}");
                assert!(!reply.header("access-control-allow-headers").contains("evil"), "{what}");
                assert_eq!(
                    reply.header("access-control-allow-headers").contains("Authorization"),
                    may,
                    "{what}"
                );
            }
        }
    }
}

#[tokio::test]
async fn attack_10_a_named_origin_brings_no_cookie_unless_it_may() {
    for (credentials, may_bring) in [("", false), ("\ncredentials = true", true)] {
        let running = open_to(&format!("origins = [\"{APP}\"]{credentials}")).await;
        let json = ("content-type", "application/json");
        let from_app = [("origin", APP), ("sec-fetch-site", "same-site"), json];
        let mut max = somebody(&running, "max").await;
        for route in running.app.routes() {
            for method in ["POST", "PUT", "PATCH", "DELETE"] {
                let ends = route.path.contains("logout") || route.path.contains("auth/");
                let path = concrete(&route).replace("/1", "/999999");
                if method == "POST" && answered_by_a_provider(&route) {
                    continue;
                }
                let with_cookie = [from_app.as_slice(), &[]].concat();
                if !(may_bring && ends) {
                    let reply = max.send(method, &path, &with_cookie, "{}").await;
                    let is_refused = reply.status == 403;
                    assert_eq!(is_refused, !may_bring || route.kind != Kind::Api, "{method} {path}");
                }
                // Without a cookie it is a program, as far as the API can tell.
                let reply = running.client().send(method, &path, &from_app, "{}").await;
                let is_cross = reply.status == 403 && reply.text().contains("another site");
                assert_eq!(is_cross, route.kind != Kind::Api, "{method} {path} {}", reply.text());
            }
        }
        let reply = max.send("GET", "/api/posts", &from_app, "").await;
        assert_eq!(reply.header("access-control-allow-credentials"), if may_bring { "true" } else { "" });
    }
}

#[tokio::test]
async fn attack_10_everybody_is_let_in_without_cookies_alone() {
    let running = open_to("origins = \"*\"").await;
    let mut max = somebody(&running, "max").await;
    let evil = [("origin", "https://evil.example"), ("content-type", "application/json")];
    let read = max.send("GET", "/api/posts", &evil, "").await;
    assert_eq!(read.header("access-control-allow-origin"), "*");
    assert_eq!(read.header("access-control-allow-credentials"), "");
    assert_eq!(max.send("POST", "/api/posts", &evil, "{}").await.status, 403);
    let reply =
        running.client().send("POST", "/api/auth/login", &evil, r#"{"email":"a","password":"b"}"#).await;
    assert_eq!(reply.status, 401, "{}", reply.text());
    assert_eq!(running.client().send("POST", "/login", &evil, "").await.status, 403);
}
