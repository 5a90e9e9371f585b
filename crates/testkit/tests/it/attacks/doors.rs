//! 10, 12, 13, 15, 17, 18, 37, 42: at every door, for everybody.

use purlin_server::Kind;
use purlin_testkit::Reply;

use super::{answered_by_a_provider, concrete, everybody, open, somebody};

const METHODS: &[&str] = &["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PURGE"];

#[tokio::test]
async fn attack_10_no_other_site_changes_anything() {
    let running = open("journal").await;
    for (who, mut client) in everybody(&running).await {
        for route in running.app.routes() {
            for method in METHODS.iter().filter(|method| !matches!(**method, "GET" | "HEAD" | "OPTIONS")) {
                let form = ("content-type", "application/x-www-form-urlencoded");
                let json = ("content-type", "application/json");
                let text = ("content-type", "text/plain");
                let own = "http://127.0.0.1:8080";
                let mut refused = vec![
                    vec![("sec-fetch-site", "cross-site"), form],
                    vec![("sec-fetch-site", "cross-site"), ("origin", own), json],
                    vec![("sec-fetch-site", "same-site"), json],
                    vec![("origin", "https://evil.example"), text],
                    vec![("origin", "null"), form],
                    vec![("origin", "http://127.0.0.1:8081"), json],
                    vec![("origin", "https://127.0.0.1:8080.evil.example"), json],
                ];
                // Without a cookie and without a word of where it comes from it is a program, not a browser.
                if !who.is_empty() {
                    refused.push(vec![("origin", "-"), json]);
                    refused.push(vec![("origin", "-"), ("referer", own), form]);
                }
                for headers in refused {
                    let before = client.cookies().clone();
                    let reply = client.send(method, &concrete(&route), &headers, "{\"title\":\"x\"}").await;
                    let what = format!("{who} {method} {} {headers:?}", route.path);
                    if *method == "POST" && answered_by_a_provider(&route) {
                        // A provider's page posts it, and nothing comes of it but the way to a GET that looks at it.
                        let to = reply.header("location");
                        assert!(to.is_empty() || to.starts_with("/login/with/idp/callback?"), "{what}: {to}");
                        assert!(matches!(reply.status.as_u16(), 303 | 400 | 415), "{what}: {}", reply.status);
                    } else {
                        assert_eq!(reply.status, 403, "{what}");
                    }
                    assert_eq!(client.cookies(), &before, "{what}");
                }
            }
        }
    }
    let mut admin = somebody(&running, "max").await;
    assert_eq!(admin.get("/api/posts?total=true").await.json()["total"], 4);
}

#[tokio::test]
async fn attack_13_forwarded_headers_count_for_nothing() {
    let running = open("journal").await;
    for (who, mut client) in everybody(&running).await {
        for route in running.app.routes().iter().filter(|route| route.path != "/logout") {
            let plain = client.get(&concrete(route)).await;
            for headers in [
                vec![("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https")],
                vec![("forwarded", "host=evil.example;proto=https;for=127.0.0.1")],
                vec![("x-original-url", "/desk"), ("x-rewrite-url", "/desk"), ("x-real-ip", "127.0.0.1")],
                vec![("x-forwarded-prefix", "/evil"), ("x-forwarded-server", "evil.example")],
                vec![("x-http-method-override", "DELETE"), ("x-method-override", "DELETE")],
            ] {
                let spoofed = client.send("GET", &concrete(route), &headers, "").await;
                assert_eq!(spoofed.status, plain.status, "{who} {} {headers:?}", route.path);
                assert!(!spoofed.text().contains("evil"), "{who} {} {headers:?}", route.path);
                assert_eq!(spoofed.header("location"), plain.header("location"));
                assert_eq!(spoofed.header("strict-transport-security"), "");
            }
        }
    }
}

#[tokio::test]
async fn attack_15_nothing_that_is_sent_becomes_a_header() {
    let running = open("journal").await;
    let split = "a%0d%0aset-cookie:%20evil=1%0d%0a%0d%0a<script>";
    let split = split.replace('<', "%3C").replace('>', "%3E");
    for (who, mut client) in everybody(&running).await {
        for route in running.app.routes() {
            for path in [
                format!("{}?next={split}&{split}={split}", concrete(&route)),
                format!("{}{split}", concrete(&route)),
                format!("{}/?{split}", concrete(&route)),
            ] {
                let reply = client.get(&path).await;
                let cookies = reply.headers.get_all("set-cookie").iter();
                assert!(
                    !cookies.into_iter().any(|cookie| cookie.as_bytes().starts_with(b"evil")),
                    "{who} {path}"
                );
                assert!(!reply.header("location").contains(['\r', '\n']), "{who} {path}");
            }
        }
    }
    // A text of the visitor's that goes into `say` and so into a cookie, and into `then` and so into a redirect.
    let mut una = somebody(&running, "una").await;
    let body = "x\r\nset-cookie: evil=1";
    let reply = una.post("/posts/rain-again", &[("_form", "comment"), ("body", body)]).await;
    assert_eq!(reply.status, 303, "{}", reply.text());
    assert!(!una.cookies().contains_key("evil"));
    let mut ann = somebody(&running, "ann").await;
    let reply = ann.post("/desk", &[("title", "//evil.example\r\nset-cookie: evil=1")]).await;
    assert_eq!(reply.status, 303, "{}", reply.text());
    assert!(reply.header("location").starts_with("/posts/"), "{}", reply.header("location"));
    assert!(!ann.cookies().contains_key("evil"));
}

#[tokio::test]
async fn attack_17_no_parameter_of_a_path_leads_out() {
    let running = open("journal").await;
    for (who, mut client) in everybody(&running).await {
        for route in running.app.routes() {
            let Some((before, _)) = route.path.split_once('[') else { continue };
            for out in [
                "..%2f..%2fsite.toml",
                "%2e%2e%2fsite.toml",
                "%2e%2e/site.toml",
                "../../site.toml",
                "..%5c..%5csite.toml",
                "..\\site.toml",
                "%00",
                "a%00.html",
                "C:",
                "%ff",
                "%c0%ae%c0%ae/site.toml",
                "....//site.toml",
                ".",
                "..",
                "%2e",
            ] {
                let reply = client.get(&format!("{before}{}", out.replace('\\', "%5C"))).await;
                let what = format!("{who} {before}{out}");
                assert!(
                    matches!(reply.status.as_u16(), 400 | 404 | 303) || route.path.contains("[..."),
                    "{what}: {}",
                    reply.status
                );
                assert!(reply.status.as_u16() < 500, "{what}");
                assert!(!reply.text().contains("[accounts]"), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn attack_18_nothing_of_the_site_folder_is_served() {
    let running = open("journal").await;
    let mut paths = Vec::new();
    let mut folders = vec![running.root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            let inside =
                path.strip_prefix(running.root()).expect("it is below").to_string_lossy().into_owned();
            if path.is_dir() {
                paths.push(format!("{inside}/"));
                folders.push(path);
            }
            paths.push(inside);
        }
    }
    assert!(paths.iter().any(|path| path.starts_with("data/site.db")), "{paths:?}");
    for (who, mut client) in everybody(&running).await {
        for path in &paths {
            let path = path.replace('[', "%5B").replace(']', "%5D");
            for path in
                [format!("/{path}"), format!("//{path}"), format!("/.%2f{path}"), format!("/{path}%20")]
            {
                let reply = client.get(&path).await;
                let fine = matches!(reply.status.as_u16(), 400 | 404 | 308);
                assert!(fine, "{who} {path}: {}", reply.status);
            }
        }
        assert_eq!(client.get("/style.css").await.status, 200);
    }
}

#[tokio::test]
async fn attack_37_other_methods_pass_the_same_guards() {
    let running = open("journal").await;
    // What follows asks for passwords often enough that this place has to wait.
    let mut admin = somebody(&running, "max").await;
    for (who, mut client) in everybody(&running).await {
        for route in running.app.routes().iter().filter(|route| route.path != "/logout") {
            let get = client.get(&concrete(route)).await;
            let head = client.send("HEAD", &concrete(route), &[], "").await;
            assert_eq!(head.status, get.status, "{who} {}", route.path);
            assert_eq!(head.header("location"), get.header("location"));
            assert_eq!(head.header("content-type"), get.header("content-type"));
            assert!(head.body.is_empty());
            for header in ["x-http-method-override", "x-http-method", "x-method-override"] {
                for (method, ty) in [("GET", "text/plain"), ("POST", "application/x-www-form-urlencoded")] {
                    let headers = [(header, "DELETE"), ("content-type", ty)];
                    let path = format!("{}?_method=DELETE", concrete(route));
                    client.send(method, &path, &headers, "_method=DELETE").await;
                }
            }
        }
    }
    for (path, total) in [("/api/posts", 4), ("/api/comments", 2), ("/api/topics", 3), ("/api/users", 5)] {
        assert_eq!(admin.get(&format!("{path}?total=true")).await.json()["total"], total, "{path}");
    }
}

#[track_caller]
fn assert_dressed(what: &str, reply: &Reply) {
    let policy = reply.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") || policy.contains("default-src 'self'"),
        "{what}: {policy}"
    );
    for never in ["unsafe-inline", "unsafe-eval", "script-src *", "http:", "data: 'self' blob:"] {
        assert!(!policy.contains(never), "{what}: {policy}");
    }
    assert!(policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
    assert_eq!(reply.header("x-content-type-options"), "nosniff", "{what}");
    assert!(!reply.header("referrer-policy").is_empty(), "{what}");
    assert_eq!(reply.header("x-request-id").len(), 32, "{what}");
    assert!(!reply.headers.contains_key("access-control-allow-origin"), "{what}");
    assert!(!reply.headers.contains_key("server") && !reply.headers.contains_key("x-powered-by"), "{what}");
}

#[tokio::test]
async fn attack_42_every_answer_is_dressed() {
    let running = open("journal").await;
    for (who, mut client) in everybody(&running).await {
        for route in running.app.routes() {
            // These end the session that asks.
            let ends = route.path.ends_with("/logout") || route.path.ends_with("/sessions/[id]");
            for method in METHODS.iter().filter(|_| !ends) {
                let reply = client.send(method, &concrete(&route), &[], "").await;
                let what = format!("{who} {method} {} {}", route.path, reply.status);
                assert_dressed(&what, &reply);
                let is_private = !who.is_empty() && !matches!(route.kind, Kind::Asset | Kind::Server);
                if is_private {
                    assert!(reply.header("cache-control").contains("no-store"), "{what}");
                }
                assert!(reply.status.as_u16() < 500 || route.path == "/broken", "{what}");
            }
            let mut ranged = client.send("GET", &concrete(&route), &[("range", "bytes=0-1")], "").await;
            assert_dressed("a range", &ranged);
            ranged = client.send("GET", &concrete(&route), &[("if-none-match", "*")], "").await;
            assert_dressed("a condition", &ranged);
            let host = client.send("GET", &concrete(&route), &[("host", "evil.example")], "").await;
            assert_dressed("another host", &host);
        }
        for path in ["/nothing", "/api/nothing", "/%00", "/style.css/", "/members/", "/posts/notes-of-ann"] {
            assert_dressed(path, &client.get(path).await);
        }
        let long = "a".repeat(9_000);
        assert_dressed("a long address", &client.get(&format!("/{long}")).await);
        let large = "x".repeat(2_000_000);
        let ty = [("content-type", "application/x-www-form-urlencoded")];
        assert_dressed("a large body", &client.send("POST", "/letter", &ty, &large).await);
    }
}
