//! Personal access tokens: what they may do, and what they never may.

use serde_json::{Value, json};

use crate::site::{PASSWORD, Reply, Site};

async fn make(site: &Site, session: &str, scopes: &str) -> Reply {
    let body = json!({ "name": "deploy", "scopes": scopes, "password": PASSWORD });
    site.json("POST", "/api/auth/tokens", Some(session), body).await
}

async fn made(site: &Site, session: &str, scopes: &str) -> String {
    let reply = make(site, session, scopes).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    reply.value()["token"].as_str().expect("a secret").to_owned()
}

fn code(reply: &Reply) -> (u16, Value) {
    (reply.status.as_u16(), reply.value()["code"].clone())
}

#[tokio::test]
async fn a_token_does_what_its_scopes_say_and_nothing_else() {
    let site = Site::new().await;
    let session = site.token("ann@example.org").await;
    let reader = made(&site, &session, "posts:read").await;
    assert!(reader.starts_with("pur_") && reader.len() > 40, "{reader}");
    let writer = made(&site, &session, "posts:create  posts:update").await;
    let all = made(&site, &session, "*:*").await;

    let post = json!({ "title": "By a program" });
    let created = site.json("POST", "/api/posts", Some(&writer), post.clone()).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let path = format!("/api/posts/{}", created.value()["id"]);
    let changed = json!({ "title": "Changed" });
    assert_eq!(site.json("PATCH", &path, Some(&writer), changed.clone()).await.status, 200);
    assert_eq!(site.get_as(&path, &reader).await.status, 200);
    assert_eq!(site.get_as("/api/posts", &reader).await.status, 200);

    let outside = (403, json!("insufficient_scope"));
    assert_eq!(code(&site.get_as(&path, &writer).await), outside);
    assert_eq!(code(&site.get_as("/api/posts", &writer).await), outside);
    assert_eq!(code(&site.get_as("/api/wishes", &reader).await), outside);
    for (method, token) in [("POST", &reader), ("PATCH", &reader), ("PUT", &reader), ("DELETE", &writer)] {
        let path = if method == "POST" { "/api/posts" } else { path.as_str() };
        let refused = site.json(method, path, Some(token), changed.clone()).await;
        assert_eq!(code(&refused), outside, "{method}");
        let header = refused.header("www-authenticate");
        assert!(header.starts_with("Bearer error=\"insufficient_scope\", scope=\"posts:"), "{header}");
    }
    assert_eq!(site.json("DELETE", &path, Some(&all), json!({})).await.status, 204);

    // A scope gives nothing that its owner has not.
    let cem = site.token("cem@example.org").await;
    let everything = made(&site, &cem, "*:*").await;
    assert_eq!(
        code(&site.json("POST", "/api/posts", Some(&everything), post).await),
        (403, json!("forbidden"))
    );
}

#[tokio::test]
async fn what_is_looked_at_besides_must_be_in_scope_too() {
    let site = Site::new().await;
    let session = site.token("ann@example.org").await;
    let posts = made(&site, &session, "posts:read").await;
    let both = made(&site, &session, "posts:read users:read").await;
    let post = json!({ "title": "One", "status": "published" });
    let post = site.json("POST", "/api/posts", Some(&session), post).await.value();
    let one = format!("/api/posts/{}?include=author", post["id"]);
    for path in
        ["/api/posts?include=author", "/api/posts?filter=author.role%20%3D%3D%20%22author%22", one.as_str()]
    {
        assert_eq!(code(&site.get_as(path, &posts).await), (403, json!("insufficient_scope")), "{path}");
        assert_eq!(site.get_as(path, &both).await.status, 200, "{path}");
        assert_eq!(site.get_as(path, &session).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn attack_29_a_token_is_for_the_api_alone_and_opens_no_account() {
    let site = Site::new().await;
    let session = site.token("ann@example.org").await;
    let token = made(&site, &session, "*:*").await;
    assert_eq!(site.get_as("/api/auth/me", &token).await.value()["email"], "ann@example.org");
    let asks = [
        (
            "POST",
            "/api/auth/password",
            json!({ "password": PASSWORD, "new_password": "another horse battery" }),
        ),
        ("POST", "/api/auth/email", json!({ "password": PASSWORD, "email": "eve@example.org" })),
        ("POST", "/api/auth/tokens", json!({ "name": "x", "scopes": "*:*", "password": PASSWORD })),
        ("GET", "/api/auth/tokens", json!({})),
        ("GET", "/api/auth/sessions", json!({})),
        ("DELETE", "/api/auth/sessions", json!({})),
        ("DELETE", "/api/auth/tokens/1", json!({})),
        ("DELETE", "/api/auth/me", json!({ "password": PASSWORD })),
    ];
    for (method, path, body) in asks {
        let reply = site.json(method, path, Some(&token), body).await;
        assert_eq!(code(&reply), (403, json!("insufficient_scope")), "{method} {path}");
    }
    // Neither by a page nor in a cookie.
    let bearer = format!("Bearer {token}");
    assert_eq!(site.ask("GET", "/members", &[("authorization", &bearer)], "").await.status, 401);
    let cookie = format!("purlin_session={token}");
    assert_eq!(site.ask("GET", "/members", &[("cookie", &cookie)], "").await.status, 303);
    assert_eq!(site.ask("GET", "/api/auth/me", &[("cookie", &cookie)], "").await.status, 401);
    // Nor is it changed into more.
    assert_eq!(site.get_as("/api/auth/me", &format!("{token}x")).await.status, 401);
    assert_eq!(site.get_as("/api/auth/me", token.trim_start_matches("pur_")).await.status, 401);
}

#[tokio::test]
async fn tokens_are_listed_ended_and_end() {
    let site = Site::new().await;
    let session = site.token("ann@example.org").await;
    let first = made(&site, &session, "posts:read").await;
    let second = made(&site, &session, "*:read").await;
    let list = site.get_as("/api/auth/tokens", &session).await;
    assert!(!list.body.contains("pur_"), "{}", list.body);
    let items = list.value()["items"].as_array().expect("a list").clone();
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|item| item["name"] == "deploy" && item["seen_at"].is_null()), "{items:?}");
    // It is no session: it is not among them, and they end without it.
    let sessions = site.get_as("/api/auth/sessions", &session).await.value();
    assert_eq!(sessions["items"].as_array().map(Vec::len), Some(1), "{sessions}");
    assert_eq!(site.json("DELETE", "/api/auth/sessions", Some(&session), json!({})).await.status, 204);
    assert_eq!(site.get_as("/api/posts", &first).await.status, 200);

    let of = |scopes: &str| items.iter().find(|item| item["scopes"] == scopes).expect("it")["id"].clone();
    let path = format!("/api/auth/tokens/{}", of("posts:read"));
    let other = site.token("bob@example.org").await;
    assert_eq!(site.json("DELETE", &path, Some(&other), json!({})).await.status, 404);
    assert_eq!(site.json("DELETE", &path, Some(&session), json!({})).await.status, 204);
    assert_eq!(site.get_as("/api/posts", &first).await.status, 401);
    assert_eq!(site.get_as("/api/posts", &second).await.status, 200);
    // A new password ends the others.
    let body = json!({ "password": PASSWORD, "new_password": "another horse battery" });
    assert_eq!(site.json("POST", "/api/auth/password", Some(&session), body).await.status, 204);
    assert_eq!(site.get_as("/api/posts", &second).await.status, 401);
}

#[tokio::test]
async fn a_site_may_keep_tokens_or_have_none() {
    let settings =
        |more: &str| format!("[site]\nname = \"Test\"\n[accounts]\nroles = [\"author\"]\n{more}\n");
    let keeps = settings("password_ends_tokens = false");
    let site = Site::with(Default::default(), &[("site.toml", &keeps)]).await;
    let session = site.token("ann@example.org").await;
    let token = made(&site, &session, "*:read").await;
    let body = json!({ "password": PASSWORD, "new_password": "another horse battery" });
    assert_eq!(site.json("POST", "/api/auth/password", Some(&session), body).await.status, 204);
    assert_eq!(site.get_as("/api/posts", &token).await.status, 200);

    let none = settings("tokens = false");
    let site = Site::with(Default::default(), &[("site.toml", &none)]).await;
    let session = site.token("ann@example.org").await;
    assert_eq!(make(&site, &session, "*:read").await.status, 404);
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_told_at_once() {
    let site = Site::new().await;
    let session = site.token("ann@example.org").await;
    let body = json!({ "name": " ", "scopes": "posts:fly", "days": 0, "password": PASSWORD });
    let reply = site.json("POST", "/api/auth/tokens", Some(&session), body).await;
    assert_eq!(reply.status, 422, "{}", reply.body);
    let fields: Vec<Value> = reply.value()["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| error["field"].clone())
        .collect();
    assert_eq!(fields, ["name", "scopes", "days"]);
    for scopes in ["", "posts", "nothing:read", "_sessions:read", "notes:read", "posts:read,write", "posts:"]
    {
        assert_eq!(make(&site, &session, scopes).await.status, 422, "{scopes}");
    }
    let wrong = json!({ "name": "x", "scopes": "*:*", "password": "wrong horse battery" });
    let reply = site.json("POST", "/api/auth/tokens", Some(&session), wrong).await;
    assert_eq!(reply.value()["errors"][0]["field"], "password", "{}", reply.body);
    assert_eq!(site.json("POST", "/api/auth/tokens", None, json!({})).await.status, 401);
    assert_eq!(site.json("POST", "/api/auth/tokens", Some(&session), json!({ "x": 1 })).await.status, 422);
}

#[tokio::test]
async fn a_person_makes_and_ends_a_token_on_a_page() {
    let site = Site::new().await;
    let session = site.token("ann@example.org").await;
    let cookie = format!("purlin_session={session}");
    let ask = async |method: &str, body: &str| {
        let headers = [
            ("cookie", cookie.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
        ];
        site.ask(method, "/account/tokens", &headers, body).await
    };
    assert_eq!(site.get("/account/tokens").await.status, 303);
    let page = ask("GET", "").await;
    assert!(page.status == 200 && page.body.contains("value=\"posts:read\""), "{}", page.body);
    assert!(!page.body.contains("notes:read") && !page.body.contains("closed:read"), "{}", page.body);

    let password = PASSWORD.replace(' ', "+");
    let wrong = ask("POST", "name=%3Cb%3Edeploy&days=9&scope=posts:read&password=no").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("the password is wrong") || wrong.body.contains("The password is wrong"));
    assert!(wrong.body.contains("aria-label=\"posts: read\" checked") && wrong.body.contains("value=\"9\""));
    let made = ask("POST", &format!("name=%3Cb%3Edeploy&days=9&scope=posts:read&password={password}")).await;
    assert_eq!((made.status.as_u16(), made.header("cache-control")), (200, "private, no-store"));
    assert!(!made.body.contains("<b>deploy"), "{}", made.body);
    let at = made.body.find("pur_").expect("a secret");
    let token: String = made.body[at..].chars().take_while(|c| !"<&".contains(*c)).collect();
    assert_eq!(site.get_as("/api/posts", &token).await.status, 200);
    let page = ask("GET", "").await;
    assert!(page.body.contains("posts:read") && !page.body.contains("pur_"), "{}", page.body);
    let id = site.get_as("/api/auth/tokens", &session).await.value()["items"][0]["id"].clone();
    assert_eq!(ask("POST", &format!("end={id}")).await.status, 303);
    assert_eq!(site.get_as("/api/posts", &token).await.status, 401);
}
