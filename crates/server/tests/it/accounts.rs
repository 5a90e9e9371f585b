//! Sign-in, sign-up, sign-out, and what a cookie or a token is worth.

use serde_json::json;

use crate::site::{PASSWORD, Reply, Site};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");

async fn login(site: &Site, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut all = vec![FORM, SAME];
    all.extend(headers);
    site.ask("POST", "/login", &all, body).await
}

fn form(email: &str, next: &str) -> String {
    let password = PASSWORD.replace(' ', "+");
    format!("email={email}&password={password}&next={next}")
}

#[tokio::test]
async fn a_user_signs_in_and_out_by_form() {
    let site = Site::new().await;
    let away = site.get("/members?a=b").await;
    assert_eq!((away.status.as_u16(), away.header("location")), (303, "/login?next=%2Fmembers%3Fa%3Db"));
    assert_eq!(site.get("/login?next=/members").await.status, 200);
    let reply = login(&site, &[], &form("ann@example.org", "%2Fmembers")).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (303, "/members"));
    let cookie = reply.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    let cookie = format!("purlin_session={}", reply.cookie("purlin_session").unwrap());
    let members = site.ask("GET", "/members", &[("cookie", &cookie)], "").await;
    assert_eq!(members.status, 200);
    assert_eq!(members.header("cache-control"), "private, no-store");
    let out = site.ask("POST", "/logout", &[("cookie", &cookie), SAME], "").await;
    assert_eq!((out.status.as_u16(), out.cookie("purlin_session")), (303, Some("")));
    assert_eq!(site.ask("GET", "/members", &[("cookie", &cookie)], "").await.status, 303);
}

#[tokio::test]
async fn a_user_who_may_not_is_told_so() {
    let site = Site::new().await;
    let token = site.token("cem@example.org").await;
    let cookie = format!("purlin_session={token}");
    let refused = site.ask("GET", "/authors", &[("cookie", &cookie)], "").await;
    assert_eq!((refused.status.as_u16(), refused.header("content-type")), (403, "text/html; charset=utf-8"));
    assert_eq!(site.get("/authors").await.status, 303);
}

#[tokio::test]
async fn attack_28_sessions_are_neither_planted_nor_revived() {
    let site = Site::new().await;
    // A planted cookie stands for nobody, is cleared, and is not what sign-in gives.
    let planted = site.ask("GET", "/", &[("cookie", "purlin_session=planted")], "").await;
    assert_eq!((planted.status.as_u16(), planted.cookie("purlin_session")), (200, Some("")));
    let reply = login(&site, &[("cookie", "purlin_session=planted")], &form("ann@example.org", "/")).await;
    let first = reply.cookie("purlin_session").unwrap().to_owned();
    assert_ne!(first, "planted");
    // A second sign-in gives another id and ends the first.
    let cookie = format!("purlin_session={first}");
    let again = login(&site, &[("cookie", &cookie)], &form("ann@example.org", "/")).await;
    assert_ne!(again.cookie("purlin_session").unwrap(), first);
    assert_eq!(site.ask("GET", "/members", &[("cookie", &cookie)], "").await.status, 303);
}

#[tokio::test]
async fn the_api_signs_in_and_out() {
    let site = Site::new().await;
    let reply = site
        .json("POST", "/api/auth/login", None, json!({ "email": "Ann@example.org ", "password": PASSWORD }))
        .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let answer = reply.value();
    let token = answer["token"].as_str().unwrap();
    assert_eq!(answer["user"]["email"], "ann@example.org");
    assert!(answer["user"].get("password").is_none());
    assert_eq!(reply.cookie("purlin_session"), Some(token));
    assert_eq!(site.get_as("/api/auth/me", token).await.value()["email"], "ann@example.org");
    let cookie = format!("purlin_session={token}");
    assert_eq!(site.ask("GET", "/api/auth/me", &[("cookie", &cookie)], "").await.status, 200);
    site.get("/api/auth/me").await.is_problem(401, "unauthenticated");
    let out = site.json("POST", "/api/auth/logout", Some(token), json!(null)).await;
    assert_eq!(out.status, 204);
    site.get_as("/api/auth/me", token).await.is_problem(401, "bad_token");
    assert_eq!(site.ask("GET", "/members", &[("cookie", &cookie)], "").await.status, 303);
}

#[tokio::test]
async fn attack_29_a_bad_token_never_falls_back() {
    let site = Site::new().await;
    let token = site.token("ann@example.org").await;
    let cookie = format!("purlin_session={token}");
    for bad in ["Bearer x", "Bearer", "Basic YTpi", "", "Bearer eyJhbGciOiJub25lIn0.e30.", &token] {
        for path in ["/api/auth/me", "/api/posts"] {
            let reply = site.ask("GET", path, &[("authorization", bad), ("cookie", &cookie)], "").await;
            reply.is_problem(401, "bad_token");
            assert!(reply.header("www-authenticate").starts_with("Bearer"));
        }
        let page = site.ask("GET", "/members", &[("authorization", bad), ("cookie", &cookie)], "").await;
        assert_eq!(page.status, 401);
    }
    let sealed = site.engine.seal("flash", b"hello");
    let reply = site.ask("GET", "/api/auth/me", &[("authorization", &format!("Bearer {sealed}"))], "").await;
    reply.is_problem(401, "bad_token");
}

#[tokio::test]
async fn attack_30_known_and_unknown_addresses_answer_alike() {
    let site = Site::new().await;
    let wrong = async |email: &str| {
        site.json("POST", "/api/auth/login", None, json!({ "email": email, "password": "wrong wrong" })).await
    };
    let (known, unknown) = (wrong("ann@example.org").await, wrong("nobody@example.org").await);
    known.is_problem(401, "wrong_credentials");
    let without_id = |reply: &Reply| reply.body.replace(reply.header("x-request-id"), "");
    assert_eq!(without_id(&known), without_id(&unknown));
    assert_eq!(known.status, unknown.status);
    let page = login(&site, &[], "email=ann%40example.org&password=no").await;
    assert_eq!(page.status, 422);
    assert!(page.cookie("purlin_session").is_none());
}

#[tokio::test]
async fn attack_31_wrong_passwords_are_counted() {
    let site = Site::new().await;
    let mut last = None;
    for _ in 0..21 {
        let body = json!({ "email": "ann@example.org", "password": "wrong" });
        last = Some(site.json("POST", "/api/auth/login", None, body).await);
    }
    let last = last.unwrap();
    last.is_problem(429, "too_many_attempts");
    assert!(last.header("retry-after").parse::<u32>().unwrap() > 0);
    assert_eq!(login(&site, &[], &form("ann@example.org", "/")).await.status, 429);
}

#[tokio::test]
async fn attack_14_sign_in_leads_to_a_local_page() {
    let site = Site::new().await;
    for next in
        ["//evil", "/%5Cevil", "https:evil", "https://evil", "/%2509/evil", "/%0d%0ax", "javascript:x"]
    {
        let reply = login(&site, &[], &form("ann@example.org", next)).await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (303, "/"), "{next}");
        let page = site.get(&format!("/login?next={next}")).await;
        assert!(!page.body.contains("evil"), "{}", page.body);
    }
}

#[tokio::test]
async fn a_stranger_signs_up_at_once_where_no_address_is_verified() {
    let files = [("site.toml", "[accounts]\nroles = [\"author\"]\nverify = false\n")];
    let site = Site::with(purlin_server::Config::default(), &files).await;
    assert_eq!(site.get("/signup").await.status, 200);
    let post = async |body: &str| site.ask("POST", "/signup", &[FORM, SAME], body).await;
    let bad = post("email=not-an-address&password=pw1x&next=%2Fmembers").await;
    assert_eq!(bad.status, 422);
    assert!(
        bad.body.contains("not-an-address") && bad.body.contains("name=\"next\" value=\"/members\""),
        "{}",
        bad.body
    );
    assert!(!bad.body.contains("pw1x"), "a password is never sent back");
    let good = post("email=new%40example.org&password=a+long+password&next=%2Fmembers").await;
    assert_eq!((good.status.as_u16(), good.header("location")), (303, "/members"), "{}", good.body);
    let cookie = format!("purlin_session={}", good.cookie("purlin_session").unwrap());
    let me = site.ask("GET", "/api/auth/me", &[("cookie", &cookie)], "").await;
    assert_eq!(me.value()["role"], "user");
}

#[tokio::test]
async fn a_stranger_is_sent_to_his_mail() {
    let site = Site::new().await;
    let body = "email=new%40example.org&password=a+long+password";
    let reply = site.ask("POST", "/signup", &[FORM, SAME], body).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (303, "/verify"), "{}", reply.body);
    assert!(reply.cookie("purlin_session").is_none());
    let reply = login(&site, &[], &form("new@example.org", "/")).await;
    assert_eq!(reply.status, 422, "there is no account before the link was followed");
}

#[tokio::test]
async fn what_needs_mail_is_not_offered_without() {
    let files = [("site.toml", "[accounts]\nroles = [\"author\"]\n[mail]\nurl = \"none\"\n")];
    let site = Site::with(purlin_server::Config::default(), &files).await;
    for path in ["/reset", "/verify"] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
        assert!(!site.app.routes().iter().any(|route| route.path == path));
    }
    assert!(!site.get("/login").await.body.contains("/reset"));
}

#[tokio::test]
async fn only_some_domains_sign_up() {
    let files = [("site.toml", "[accounts]\nroles = [\"author\"]\nsignup = [\"example.org\"]\n")];
    let site = Site::with(purlin_server::Config::default(), &files).await;
    for (email, status) in [
        ("new%40example.org", 303),
        ("NEW2%40Example.Org", 303),
        ("new%40evil.example", 422),
        ("new%40example.org.evil.example", 422),
        ("new%40evilexample.org", 422),
    ] {
        let body = format!("email={email}&password=a+long+password");
        assert_eq!(site.ask("POST", "/signup", &[FORM, SAME], &body).await.status, status, "{email}");
    }
}

#[tokio::test]
async fn attack_05_sign_up_takes_no_role() {
    let site = Site::new().await;
    let body = "email=new%40example.org&password=a+long+password&role=admin";
    let reply = site.ask("POST", "/signup", &[FORM, SAME], body).await;
    if let Some(token) = reply.cookie("purlin_session") {
        assert_eq!(site.get_as("/api/auth/me", token).await.value()["role"], "user");
    } else {
        assert_eq!(reply.status, 422);
    }
}

#[tokio::test]
async fn over_https_cookies_are_the_hosts_own() {
    let files = [("site.toml", "[site]\nurl = \"https://example.org\"\n[accounts]\nroles = [\"author\"]\n")];
    let site = Site::with(purlin_server::Config::default(), &files).await;
    let headers = [FORM, ("host", "example.org"), ("origin", "https://example.org")];
    let reply = site.ask("POST", "/login", &headers, &form("ann@example.org", "/")).await;
    let cookie = reply.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-purlin_session=") && cookie.ends_with("; Secure"), "{cookie}");
    assert!(reply.headers.contains_key("strict-transport-security"));
}

#[tokio::test]
async fn sign_up_can_be_closed() {
    let files = [("site.toml", "[accounts]\nroles = [\"author\"]\nsignup = false\n")];
    let site = Site::with(purlin_server::Config::default(), &files).await;
    assert_eq!(site.get("/signup").await.status, 404);
    let body = "email=new%40example.org&password=a+long+password";
    assert_eq!(site.ask("POST", "/signup", &[FORM, SAME], body).await.status, 404);
    assert!(!site.app.routes().iter().any(|route| route.path == "/signup"));
}

#[tokio::test]
async fn a_site_has_its_own_sign_in_page() {
    let files = [("pages/login.html", "<form method=\"post\">Own {{ next|default(\"/\") }}</form>")];
    let site = Site::with(purlin_server::Config::default(), &files).await;
    assert_eq!(site.get("/login?next=/members").await.body, "<form method=\"post\">Own /members</form>");
    assert_eq!(login(&site, &[], &form("ann@example.org", "/")).await.status, 303);
}

#[tokio::test]
async fn a_mistaken_sign_in_keeps_what_was_entered() {
    let site = Site::new().await;
    let page = login(&site, &[], "email=ann%40example.org&password=wr0ng-pass&next=%2Fmembers").await;
    assert_eq!(page.status, 422);
    for kept in ["ann@example.org", "value=\"/members\"", "The e-mail address or the password is wrong."] {
        assert!(page.body.contains(kept), "{}", page.body);
    }
    assert!(!page.body.contains("wr0ng-pass"));
}
