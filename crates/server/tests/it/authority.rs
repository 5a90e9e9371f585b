//! A fresh proof, acting as somebody else, invitations, suspension, one's own data.

use serde_json::{Value, json};

use crate::site::{PASSWORD, Reply, Site};

const SETTINGS: &str = r#"
[site]
name = "Test"
[server]
max_body = 20000
timeout = "2s"
[accounts]
signup = "invited"
[mail]
url = "none"
[roles]
author = { permissions = ["users.invite"] }
chief = { includes = ["author"], permissions = ["posts.publish"] }
"#;

async fn site() -> Site {
    site_with(SETTINGS).await
}

async fn site_with(settings: &str) -> Site {
    let site = Site::with(Default::default(), &[("site.toml", settings)]).await;
    site.user("root@example.org", "admin").await;
    site
}

fn code(reply: &Reply) -> (u16, Value) {
    (reply.status.as_u16(), reply.value()["code"].clone())
}

async fn form(site: &Site, path: &str, cookie: &str, body: &str) -> Reply {
    let cookie = format!("purlin_session={cookie}");
    let headers = [
        ("cookie", cookie.as_str()),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    site.ask("POST", path, &headers, body).await
}

async fn page(site: &Site, path: &str, cookie: &str) -> Reply {
    site.ask("GET", path, &[("cookie", &format!("purlin_session={cookie}"))], "").await
}

async fn cookie(site: &Site, email: &str) -> String {
    let body = format!("email={}&password={}", email.replace('@', "%40"), PASSWORD.replace(' ', "+"));
    let headers = [("sec-fetch-site", "same-origin"), ("content-type", "application/x-www-form-urlencoded")];
    let reply = site.ask("POST", "/login", &headers, &body).await;
    reply.cookie("purlin_session").expect("a session").to_owned()
}

#[tokio::test]
async fn an_administrator_acts_as_another_and_ends_it_by_one_click() {
    let site = site().await;
    let root = cookie(&site, "root@example.org").await;
    let reply = form(&site, "/account/act", &root, "email=cem%40example.org").await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (303, "/"), "{}", reply.body);

    let home = page(&site, "/", &root).await;
    assert!(home.body.contains("You act as <strong>cem@example.org</strong>"), "{}", home.body);
    assert!(home.body.find("<body>") < home.body.find("purlin-acting"), "the bar is in the body");
    let me = site.ask("GET", "/api/auth/me", &[("cookie", &format!("purlin_session={root}"))], "").await;
    assert_eq!(me.value()["email"], "cem@example.org");
    for path in ["/account", "/nowhere", "/authors"] {
        assert!(page(&site, path, &root).await.body.contains("purlin-acting"), "{path}");
    }

    // What the other signs in with is not touched, nor is more taken by it.
    for (path, body) in [
        ("/account/password", "password=correct+horse+battery&new_password=another+long+one+here"),
        ("/account/email", "password=correct+horse+battery&email=eve%40example.org"),
        ("/account/delete", "password=correct+horse+battery"),
        ("/account/tokens", "password=correct+horse+battery&name=x&scope=posts%3Aread&days=9"),
        ("/account/sessions", "session=others"),
        ("/account/confirm", "password=correct+horse+battery"),
        ("/account/act", "email=bob%40example.org"),
    ] {
        assert_eq!(form(&site, path, &root, body).await.status, 403, "{path}");
    }
    assert_eq!(page(&site, "/account/export", &root).await.status, 403);

    let reply = form(&site, "/account/act", &root, "end=1").await;
    assert_eq!(reply.status, 303);
    assert!(!page(&site, "/", &root).await.body.contains("purlin-acting"));
    let me = site.ask("GET", "/api/auth/me", &[("cookie", &format!("purlin_session={root}"))], "").await;
    assert_eq!(me.value()["email"], "root@example.org");
    assert_eq!(site.token("cem@example.org").await.len(), 43, "the other's password is what it was");
}

#[tokio::test]
async fn nobody_acts_who_may_not_and_nobody_as_one_with_more_rights() {
    let site = site().await;
    site.user("eve@example.org", "admin").await;
    let root = site.token("root@example.org").await;
    let act =
        |email: &'static str| site.json("POST", "/api/auth/act", Some(&root), json!({ "email": email }));
    assert_eq!(act("eve@example.org").await.value()["errors"][0]["code"], "too_high");
    assert_eq!(act("root@example.org").await.value()["errors"][0]["code"], "yourself");
    assert_eq!(act("nobody@example.org").await.value()["errors"][0]["code"], "not_found");
    let ann = site.token("ann@example.org").await;
    let body = json!({ "email": "cem@example.org" });
    assert_eq!(
        code(&site.json("POST", "/api/auth/act", Some(&ann), body.clone()).await),
        (404, json!("not_found"))
    );
    assert_eq!(site.json("POST", "/api/auth/act", None, body.clone()).await.status, 401);
    assert_eq!(act("cem@example.org").await.status, 204);
    // Who is an administrator no longer acts no longer.
    site.set_user("cem@example.org", json!({ "role": "admin" })).await;
    let me = site.get_as("/api/auth/me", &root).await;
    assert_eq!(me.value()["email"], "root@example.org", "nobody acts as an administrator");
}

#[tokio::test]
async fn what_is_dangerous_asks_who_it_is_once_a_session_is_old() {
    let settings = format!("{SETTINGS}[audit]\nlog = \"all\"\n")
        .replace("signup = \"invited\"", "signup = \"invited\"\nfresh = \"1ms\"");
    let site = site_with(&settings).await;
    let root = cookie(&site, "root@example.org").await;
    let token = site.token("root@example.org").await;
    let invited = json!({ "email": "new@example.org", "role": "user" });
    for (path, body) in
        [("/api/auth/invitations", invited), ("/api/auth/act", json!({ "email": "cem@example.org" }))]
    {
        assert_eq!(
            code(&site.json("POST", path, Some(&token), body).await),
            (403, json!("confirm_first")),
            "{path}"
        );
    }
    let reply = page(&site, "/account/invitations", &root).await;
    assert_eq!(reply.header("location"), "/account/confirm?next=%2Faccount%2Finvitations");
    assert_eq!(
        page(&site, "/account/act", &root).await.header("location"),
        "/account/confirm?next=%2Faccount%2Fact"
    );
    let wrong = form(&site, "/account/confirm", &root, "password=wrong&next=%2Faccount%2Fact").await;
    assert_eq!(wrong.status, 422);
    let right = "password=correct+horse+battery&next=%2F%2Fevil.example";
    let right = form(&site, "/account/confirm", &root, right).await;
    assert_eq!(
        (right.status.as_u16(), right.header("location")),
        (303, "/"),
        "attack 14: only to a page of the site"
    );
}

#[tokio::test]
async fn an_invitation_is_taken_up_once_and_gives_no_more_than_its_maker_has() {
    let site = site().await;
    let ann = site.token("ann@example.org").await;
    assert_eq!(site.get("/signup").await.status, 404, "nobody signs up uninvited");
    let invite = |token: &str, role: &str| {
        let (token, body) = (token.to_owned(), json!({ "email": "new@example.org", "role": role }));
        let site = &site;
        async move { site.json("POST", "/api/auth/invitations", Some(&token), body).await }
    };
    for role in ["chief", "admin"] {
        assert_eq!(invite(&ann, role).await.value()["errors"][0]["code"], "too_high", "{role}");
    }
    let cem = site.token("cem@example.org").await;
    assert_eq!(invite(&cem, "user").await.status, 404, "who may not invite has no such thing");
    let reply = invite(&ann, "author").await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let link = reply.value()["link"].as_str().expect("no mail is sent here").to_owned();
    let token = link.split("token=").nth(1).unwrap().to_owned();
    let listed = site.get_as("/api/auth/invitations", &ann).await.value();
    assert_eq!(listed["items"][0]["email"], "new@example.org");
    assert!(!listed.to_string().contains(&token), "the link is shown once");

    let shown = site.get(&format!("/invitation?token={token}")).await;
    assert!(shown.status == 200 && shown.body.contains("new@example.org"), "{}", shown.body);
    let accept = |fields: Value| site.json("POST", "/api/auth/invitations/accept", None, fields);
    let sneaky = json!({ "token": token, "password": PASSWORD, "role": "admin", "email": "eve@example.org" });
    assert_eq!(accept(sneaky).await.status, 422);
    let fields = json!({ "token": token, "password": PASSWORD });
    let (one, other) = tokio::join!(accept(fields.clone()), accept(fields.clone()));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422], "{} {}", one.body, other.body);
    let made = if one.status == 201 { one } else { other };
    assert_eq!(made.value()["user"]["role"], "author");
    assert_eq!(made.value()["user"]["email"], "new@example.org");
    assert_eq!(site.get(&format!("/invitation?token={token}")).await.status, 422);

    // One that is taken back, and one whose maker lost the right, open nothing.
    let again = json!({ "email": "other@example.org", "role": "author" });
    let reply = site.json("POST", "/api/auth/invitations", Some(&ann), again.clone()).await.value();
    let id = reply["id"].as_i64().unwrap();
    assert_eq!(
        site.json("DELETE", &format!("/api/auth/invitations/{id}"), Some(&cem), json!({})).await.status,
        404
    );
    assert_eq!(
        site.json("DELETE", &format!("/api/auth/invitations/{id}"), Some(&ann), json!({})).await.status,
        204
    );
    let reply = site.json("POST", "/api/auth/invitations", Some(&ann), again).await.value();
    let token = reply["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
    site.set_user("ann@example.org", json!({ "role": "user" })).await;
    let late = accept(json!({ "token": token, "password": PASSWORD })).await;
    assert_eq!(late.value()["errors"][0]["code"], "expired");
}

#[tokio::test]
async fn attack_28_a_suspension_and_another_role_end_sessions_and_tokens_at_once() {
    let site = site().await;
    for change in [json!({ "suspended": true }), json!({ "role": "chief" })] {
        site.set_user("ann@example.org", json!({ "suspended": false, "role": "author" })).await;
        let session = site.token("ann@example.org").await;
        let body = json!({ "name": "deploy", "scopes": "posts:read", "password": PASSWORD });
        let token = site.json("POST", "/api/auth/tokens", Some(&session), body).await.value();
        let token = token["token"].as_str().unwrap().to_owned();
        assert_eq!(site.get_as("/api/posts", &token).await.status, 200);
        site.set_user("ann@example.org", change.clone()).await;
        for dead in [&session, &token] {
            assert_eq!(code(&site.get_as("/api/posts", dead).await), (401, json!("bad_token")), "{change}");
        }
    }
    site.set_user("ann@example.org", json!({ "suspended": true })).await;
    let login = json!({ "email": "ann@example.org", "password": PASSWORD });
    let refused = site.json("POST", "/api/auth/login", None, login).await;
    assert_eq!(code(&refused), (401, json!("wrong_credentials")), "it is told like a wrong password");
    // What does not change ends nothing.
    let session = site.token("bob@example.org").await;
    site.set_user("bob@example.org", json!({ "role": "author", "suspended": false })).await;
    assert_eq!(site.get_as("/api/posts", &session).await.status, 200);
}

#[tokio::test]
async fn ones_own_data_is_what_one_may_read_oneself() {
    let site = site_with(&SETTINGS.replace("users.invite", "posts.write")).await;
    let ann = site.token("ann@example.org").await;
    let bob = site.token("bob@example.org").await;
    let post = json!({ "title": "Mine", "notes": "a note" });
    site.json("POST", "/api/posts", Some(&ann), post).await;
    site.json("POST", "/api/posts", Some(&bob), json!({ "title": "His", "status": "published" })).await;
    let own = site.get_as("/api/auth/export", &ann).await;
    assert_eq!((own.status.as_u16(), own.header("cache-control")), (200, "private, no-store"));
    let data = own.value();
    assert_eq!(data["account"]["email"], "ann@example.org");
    assert_eq!(data["records"]["posts"][0]["title"], "Mine");
    assert_eq!(data["records"]["posts"][0]["notes"], "a note");
    assert_eq!(data["records"]["posts"].as_array().unwrap().len(), 1);
    for never in ["argon2", "secret", "suspended", "His"] {
        assert!(!own.body.contains(never), "{never}: {}", own.body);
    }
    assert_eq!(site.get("/account/export").await.header("location"), "/login?next=%2Faccount%2Fexport");
    let headers = [("cookie", format!("purlin_session={ann}"))];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let file = site.ask("GET", "/account/export", &headers, "").await;
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"my-data.json\"");
}
