//! What a stranger tries, against every route that the server knows.

use std::time::{Duration, Instant};

use purlin_server::{Kind, RouteInfo};
use serde_json::json;

use crate::site::{Reply, Site};

/// A path that fits a route.
fn path_of(route: &RouteInfo) -> String {
    route.path.replace("[id]", "1").replace("[slug]", "one")
}

fn is_dressed(reply: &Reply) {
    let policy = reply.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe-inline"));
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert_eq!(reply.header("x-frame-options"), "DENY");
    assert!(!reply.header("referrer-policy").is_empty());
    assert!(!reply.header("cache-control").is_empty());
    assert_eq!(reply.header("x-request-id").len(), 32);
    assert!(!reply.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn every_route_is_listed() {
    let site = Site::new().await;
    let routes = site.app.routes();
    for (path, kind) in [
        ("/healthz", Kind::Server),
        ("/login", Kind::Account),
        ("/api/posts", Kind::Api),
        ("/api/posts/[id]", Kind::Api),
        ("/api/users/[id]", Kind::Api),
        ("/", Kind::Page),
        ("/posts/[slug]", Kind::Page),
        ("/style.css", Kind::Asset),
    ] {
        assert!(routes.iter().any(|route| route.path == path && route.kind == kind), "{path}");
    }
    assert!(!routes.iter().any(|route| route.path.contains("notes") || route.path.contains("_sessions")));
    // What the table says is what is answered.
    for route in routes.iter().filter(|route| route.path != "/fails") {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "PURGE"] {
            let reply = site.ask(method, &path_of(route), &[], "").await;
            let taken = reply.status != 405;
            assert_eq!(taken, route.methods.contains(&method), "{method} {}: {}", route.path, reply.status);
            assert!(reply.status.as_u16() < 500, "{method} {}: {}", route.path, reply.body);
        }
    }
}

#[tokio::test]
async fn attack_10_no_other_site_changes_anything() {
    let site = Site::new().await;
    let token = site.token("ann@example.org").await;
    let cookie = format!("purlin_session={token}");
    let json = ("content-type", "application/json");
    for route in site.app.routes() {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            for headers in [
                &[("sec-fetch-site", "cross-site"), ("cookie", cookie.as_str()), json][..],
                &[("sec-fetch-site", "same-site"), ("cookie", cookie.as_str()), json],
                &[("origin", "http://evil.net"), json],
                &[("origin", "null"), ("cookie", cookie.as_str()), json],
                &[("cookie", cookie.as_str()), json],
            ] {
                let reply = site.ask(method, &path_of(&route), headers, "{\"title\":\"x\"}").await;
                assert_eq!(reply.status, 403, "{method} {} {headers:?}", route.path);
                assert!(reply.cookie("purlin_session").is_none());
            }
        }
    }
    let unsaid = site.ask("POST", "/api/posts", &[("cookie", &cookie), json], "{}").await;
    assert!(unsaid.value()["detail"].as_str().unwrap().contains("Origin"));
    let own = [("origin", "http://localhost:8080"), ("cookie", cookie.as_str()), json];
    assert_eq!(site.ask("POST", "/api/posts", &own, "{\"title\":\"x\"}").await.status, 201);
    let text =
        [("sec-fetch-site", "same-origin"), ("cookie", cookie.as_str()), ("content-type", "text/plain")];
    site.ask("POST", "/api/posts", &text, "{\"title\":\"x\"}")
        .await
        .is_problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn attack_12_only_expected_hosts_are_answered() {
    let site = Site::new().await;
    for route in site.app.routes() {
        for host in ["good@evil", "evil/good", "evil.net", "localhost:8080:1", "", "localhost.evil.net"] {
            let is_health =
                matches!(route.path.as_str(), "/healthz" | "/readyz") && host.contains("evil.net");
            let reply = site.ask("GET", &path_of(&route), &[("host", host)], "").await;
            assert_eq!(reply.status, if is_health { 200 } else { 400 }, "{host} {}", route.path);
        }
        let two = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(site.ask("GET", &path_of(&route), &two, "").await.status, 400);
    }
}

#[tokio::test]
async fn attack_13_forwarded_headers_count_for_nothing() {
    let site = Site::new().await;
    let plain = site.get("/login").await;
    let spoofed = [
        ("x-forwarded-host", "evil.net"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", "1.2.3.4"),
        ("forwarded", "host=evil.net;proto=https"),
        ("x-original-url", "/members"),
        ("x-rewrite-url", "/members"),
    ];
    let reply = site.ask("GET", "/login", &spoofed, "").await;
    assert_eq!((reply.status, &reply.body), (plain.status, &plain.body));
    assert!(!reply.headers.contains_key("strict-transport-security"));
}

#[tokio::test]
async fn attack_17_no_path_leads_out() {
    let site = Site::new().await;
    for path in [
        "/..%2fsite.toml",
        "/%2e%2e/site.toml",
        "/..%5csite.toml",
        "/a%00",
        "/C:",
        "/posts/..%2f..%2fsite.toml",
        "/posts/%2e%2e",
        "/./style.css",
        "/a//b",
        "/%ff",
        "/posts/%00",
        "/..;/site.toml",
        "/api/posts/%2e%2e",
        "/api/..%2fposts",
        "/style.css%00.png",
        "/%c0%ae%c0%ae/site.toml",
        "/.%252e/site.toml",
    ] {
        let reply = site.get(path).await;
        assert!(matches!(reply.status.as_u16(), 400 | 404), "{path}: {}", reply.status);
        assert!(!reply.body.contains("[accounts]"));
    }
}

#[tokio::test]
async fn attack_18_static_look_alikes_are_not_there() {
    let site = Site::new().await;
    assert_eq!(site.get("/style.css").await.status, 200);
    for path in [
        "/public/style.css",
        "/public-secret",
        "/style%2Ecss",
        "/%73tyle.css",
        "/.git/config",
        "/site.toml",
        "/data/",
        "/data/site.db",
        "/models/posts.toml",
        "/style.css/",
        "/STYLE.CSS",
        "/style.css%20",
        "/style",
        "/.env",
    ] {
        let reply = site.get(path).await;
        assert!(matches!(reply.status.as_u16(), 400 | 404), "{path}: {}", reply.status);
    }
}

#[tokio::test]
async fn attack_24_floods_are_refused_quickly() {
    let site = Site::new().await;
    let started = Instant::now();
    let many = "a=1&".repeat(1500);
    assert_eq!(site.get(&format!("/api/posts?{many}")).await.status, 400);
    assert_eq!(site.get(&format!("/api/posts?{}", "a".repeat(9000))).await.status, 414);
    let headers: Vec<(String, String)> = (0..150).map(|at| (format!("x-{at}"), "1".to_owned())).collect();
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(site.ask("GET", "/", &headers, "").await.status, 431);
    let long = "en,".repeat(20_000);
    assert_eq!(site.ask("GET", "/", &[("accept-language", &long)], "").await.status, 431);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn attack_25_numbers_and_depth_are_refused_quickly() {
    let site = Site::new().await;
    let token = site.token("ann@example.org").await;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let started = Instant::now();
    for body in [
        "{\"title\":1e100000}".to_owned(),
        format!("{{\"title\":{}}}", "[".repeat(9_000)),
        format!("{{\"title\":{}}}", "9".repeat(15_000)),
        "{\"title\":\"a\",\"title\":\"b\"}".to_owned(),
        "[]".to_owned(),
        "nonsense".to_owned(),
    ] {
        let reply = site.ask("POST", "/api/posts", &headers, &body).await;
        reply.is_problem(400, "bad_json");
    }
    let reply = site.ask("POST", "/api/posts", &headers, "{\"title\":\"a\\u0000b\"}").await;
    assert_eq!(reply.status, 422, "{}", reply.body);
    let large = format!("{{\"title\":\"{}\"}}", "a".repeat(30_000));
    site.ask("POST", "/api/posts", &headers, &large).await.is_problem(413, "body_too_large");
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn attack_26_long_paths_are_quick() {
    let site = Site::new().await;
    let path = format!("/{}", "a-".repeat(4000));
    site.get(&path).await;
    let started = Instant::now();
    for _ in 0..10 {
        site.get(&path).await;
    }
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
}

#[tokio::test]
async fn attack_37_methods_cannot_be_disguised() {
    let site = Site::new().await;
    let token = site.token("ann@example.org").await;
    site.json("POST", "/api/posts", Some(&token), json!({ "title": "x", "status": "published" })).await;
    let bearer = format!("Bearer {token}");
    for header in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let headers = [("authorization", bearer.as_str()), (header, "DELETE")];
        assert_eq!(site.ask("GET", "/api/posts/1", &headers, "").await.status, 200);
        assert_eq!(site.ask("POST", "/api/posts/1", &headers, "").await.status, 405);
    }
    assert_eq!(site.get("/api/posts/1").await.status, 200);
    for route in site.app.routes().iter().filter(|route| route.methods.contains(&"GET")) {
        let get = site.get(&path_of(route)).await;
        let head = site.ask("HEAD", &path_of(route), &[], "").await;
        assert_eq!(head.status, get.status, "{}", route.path);
    }
    assert_eq!(site.ask("HEAD", "/members", &[], "").await.status, 303);
}

#[tokio::test]
async fn attack_42_every_answer_is_dressed() {
    let site = Site::new().await;
    let token = site.token("ann@example.org").await;
    for route in site.app.routes() {
        for method in ["GET", "POST", "PURGE", "OPTIONS", "HEAD"] {
            is_dressed(&site.ask(method, &path_of(&route), &[], "").await);
        }
        is_dressed(&site.get_as(&path_of(&route), &token).await);
        is_dressed(&site.ask("POST", &path_of(&route), &[("sec-fetch-site", "cross-site")], "").await);
        is_dressed(&site.ask("GET", &path_of(&route), &[("host", "evil")], "").await);
    }
    is_dressed(&site.get("/nothing").await);
    is_dressed(&site.get("/api/nothing").await);
    is_dressed(&site.get("/%00").await);
}

#[tokio::test]
async fn attack_34_what_is_somebodys_is_kept_by_nobody() {
    let site = Site::new().await;
    let token = site.token("ann@example.org").await;
    for route in site.app.routes().iter().filter(|route| !matches!(route.kind, Kind::Asset | Kind::Server)) {
        let reply = site.get_as(&path_of(route), &token).await;
        assert!(
            reply.header("cache-control").contains("no-store"),
            "{} {}",
            route.path,
            reply.header("cache-control")
        );
        assert!(!site.get(&path_of(route)).await.header("cache-control").contains("public"));
    }
}

#[tokio::test]
async fn attack_15_a_redirect_holds_no_new_header() {
    let site = Site::new().await;
    let reply = site.get("/members?a=%0d%0aset-cookie:x=y").await;
    assert_eq!(reply.status, 303);
    assert!(!reply.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn attack_09_error_pages_are_inert() {
    let site = Site::new().await;
    for path in
        ["/%3Csvg%20onload=alert(1)%3E", "/login?next=%22%3E%3Csvg%20onload=alert(1)%3E", "/api/%3Csvg%3E"]
    {
        let reply = site.get(path).await;
        assert!(!reply.body.contains("<svg"), "{}", reply.body);
    }
}

/// Every list and record of the API, with parameters.
async fn ask_every_list(site: &Site, token: Option<&str>, parameters: &str) -> Vec<(String, Reply)> {
    let mut replies = Vec::new();
    for route in
        site.app.routes().iter().filter(|route| route.kind == Kind::Api && route.methods.contains(&"POST"))
    {
        if !route.path.contains("/auth/") {
            let path = format!("{}?{parameters}", route.path);
            let reply = match token {
                Some(token) => site.get_as(&path, token).await,
                None => site.get(&path).await,
            };
            replies.push((path, reply));
        }
    }
    replies
}

#[tokio::test]
async fn attack_01_identifiers_are_never_sql() {
    let site = Site::new().await;
    for parameters in [
        "sort=id%22--",
        "sort=id;drop%20table%20posts",
        "sort=-id,(select%201)",
        "fields=a%22)%20or%201=1--",
        "fields=id%01",
        "include=author%22--",
        "filter=1=1--",
        "filter=id%20or%201=1",
        "filter=id%20==%201%20%7C%7C%201=1--",
        "title%22=1",
        "search=a&sort=%0aid",
    ] {
        for (path, reply) in ask_every_list(&site, None, parameters).await {
            assert_eq!(reply.status, 400, "{path}: {}", reply.body);
            assert!(
                !reply.body.to_lowercase().contains("sqlite") && !reply.body.contains("syntax error near")
            );
        }
    }
    assert_eq!(site.get("/api/posts").await.status, 200);
}

#[tokio::test]
async fn attack_02_no_query_builder_shows_through() {
    let site = Site::new().await;
    for parameters in [
        "_connector=OR",
        "filter[id]=1",
        "id__gt=0",
        "id[$gt]=0",
        "where=1",
        "limit=1000000",
        "offset=-1",
        "_form=x",
        "per_page=-1",
        "per_page=1000000",
        "per_page=1e3",
        "cursor=forged",
        "total=maybe",
        "sort=id,id,id,id&sort=id",
        "filter=size(%22a%22)",
        "filter=unknown(1)",
        "filter=matches(title,%22(a%2B)%2B%22)",
    ] {
        for (path, reply) in ask_every_list(&site, None, parameters).await {
            assert_eq!(reply.status, 400, "{path}: {}", reply.body);
        }
    }
}

#[tokio::test]
async fn attack_04_what_is_hidden_cannot_be_asked_about() {
    let site = Site::new().await;
    let token = site.token("ann@example.org").await;
    let post = json!({ "title": "x", "status": "published", "notes": "mine" });
    site.json("POST", "/api/posts", Some(&token), post).await;
    let other = site.token("bob@example.org").await;
    let mut asked = Vec::new();
    for field in ["secret", "author.password", "author.role", "_version"] {
        asked.push(format!("filter={field}==%22x%22"));
        asked.push(format!("filter={field}!=null"));
        asked.push(format!("sort={field}"));
        asked.push(format!("fields={field}"));
        asked.push(format!("{field}=x"));
    }
    asked.push("include=_sessions".to_owned());
    asked.push("include=author.sessions".to_owned());
    for parameters in asked {
        for token in [None, Some(other.as_str())] {
            for (path, reply) in ask_every_list(&site, token, &parameters).await {
                // A path to another model ends at that model's rules: an error, or nothing is found by it.
                let through = parameters.contains("author.");
                let found = reply.status == 200 && reply.value()["items"] != json!([]);
                assert!(reply.status == 400 || (through && !found), "{path}: {}", reply.body);
            }
        }
    }
    // A field that its owner alone may read is absent for others, and finds nothing for them.
    let read = site.get_as("/api/posts/1", &other).await.value();
    assert!(read.get("notes").is_none(), "{read}");
    assert_eq!(site.get_as("/api/posts/1", &token).await.value()["notes"], "mine");
    let guessed = site.get_as("/api/posts?filter=notes==%22mine%22", &other).await;
    assert!(guessed.status == 400 || guessed.value()["items"] == json!([]), "{}", guessed.body);
}

#[tokio::test]
async fn attack_05_nobody_sets_what_is_not_his_to_set() {
    let site = Site::new().await;
    let token = site.token("ann@example.org").await;
    for (field, value) in [
        ("id", json!(77)),
        ("author", json!(2)),
        ("score", json!(100)),
        ("created_at", json!("2001-01-01T00:00:00Z")),
        ("_version", json!(9)),
        ("__proto__", json!({ "role": "admin" })),
    ] {
        let mut post = json!({ "title": format!("by {field}"), "status": "published" });
        post[field] = value.clone();
        let reply = site.json("POST", "/api/posts", Some(&token), post).await;
        if reply.status == 201 {
            assert_ne!(reply.value()[field], value, "{field}");
        } else {
            reply.is_problem(422, "invalid");
        }
    }
    let me = site.get_as("/api/auth/me", &token).await.value()["id"].clone();
    let path = format!("/api/users/{me}");
    let reply = site.json("PATCH", &path, Some(&token), json!({ "role": "admin" })).await;
    assert!(reply.status == 422 || reply.status == 403, "{}", reply.body);
    assert_eq!(site.get_as("/api/auth/me", &token).await.value()["role"], "author");
}

#[tokio::test]
async fn attack_07_what_is_stored_is_shown_inert() {
    let site = Site::new().await;
    let token = site.token("ann@example.org").await;
    let evil = "\"><svg onload=alert(1)><script>alert(1)</script>'{{ 7 * 7 }}";
    let post = json!({ "title": evil, "body": evil, "slug": "evil", "status": "published" });
    let made = site.json("POST", "/api/posts", Some(&token), post).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let page = site.get("/posts/evil").await;
    assert_eq!(page.status, 200);
    assert!(
        !page.body.contains("<svg") && !page.body.contains("<script") && !page.body.contains("49"),
        "{}",
        page.body
    );
    assert_eq!(page.body.matches("&lt;svg").count(), 3, "{}", page.body);
}

#[tokio::test]
async fn attack_08_links_lead_to_no_script() {
    let site = Site::new().await;
    let token = site.token("ann@example.org").await;
    for link in [
        "javascript:alert(1)",
        "java\tscript:alert(1)",
        " javascript:x",
        "JaVaScRiPt:x",
        "data:text/html,x",
        "vbscript:x",
    ] {
        let reply =
            site.json("POST", "/api/posts", Some(&token), json!({ "title": "x", "link": link })).await;
        reply.is_problem(422, "invalid");
    }
}

#[tokio::test]
async fn attack_24_what_includes_what_included_it_has_an_end() {
    let site = Site::new().await;
    let token = site.token("ann@example.org").await;
    let body = "x".repeat(8_000);
    for _ in 0..20 {
        let post = json!({"title": "One", "body": body}).to_string();
        let headers = [("authorization", &*format!("Bearer {token}")), ("content-type", "application/json")];
        assert_eq!(site.ask("POST", "/api/posts", &headers, &post).await.status, 201);
    }
    let bearer = format!("Bearer {token}");
    let ask = |include: &'static str| {
        let path = format!("/api/posts?include={include}");
        let (site, bearer) = (&site, &bearer);
        async move { site.ask("GET", &path, &[("authorization", bearer)], "").await }
    };
    assert_eq!(ask("author.posts").await.status, 200);
    let refused = ask("author.posts.author.posts").await;
    assert_eq!(refused.status, 400, "{}", refused.body.len());
    assert_eq!(refused.value()["code"], "too_much");
}
