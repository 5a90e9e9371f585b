//! Every route × everybody: what each is answered, in one table.
//!
//! `verdicts.txt` has a line for each method of each route that the server knows, and a column for each kind of asker. A route
//! that is not in it fails the test, as does an answer that has changed. `UPDATE=1` writes the table; each number in it is then a
//! decision to be read: 401 and the way to sign-in (303) for nobody, 403 for what one may see and not do, 404 for what is not
//! one's to know of, 422 for who may and sent nothing.

use std::fmt::Write as _;
use std::path::Path;

use purlin_server::RouteInfo;
use serde_json::json;

use crate::site::{PASSWORD, Site};

const SETTINGS: &str = r#"
[site]
name = "Test"
[server]
max_body = 20000
timeout = "5s"
[limits]
wrong_passwords = "100000/1m"
wrong_passwords_address = "100000/1m"
wrong_passwords_account = "100000/1m"
[roles]
author = { permissions = ["posts.write"] }
"#;

/// The askers, in the order of the columns.
const ASKERS: [&str; 7] = ["nobody", "user", "other", "role", "admin", "suspended", "token"];

/// What an asker carries.
enum Carried {
    Nothing,
    Session(String),
    Token(String),
}

async fn carried(site: &Site, asker: &str) -> Carried {
    let email = match asker {
        "nobody" => return Carried::Nothing,
        "user" => "cem@example.org",
        "other" => "bob@example.org",
        "role" => "ann@example.org",
        "admin" => "root@example.org",
        "suspended" => "sus@example.org",
        _ => {
            let session = site.token("ann@example.org").await;
            let body = json!({ "name": "narrow", "scopes": "posts:read", "password": PASSWORD });
            let made = site.json("POST", "/api/auth/tokens", Some(&session), body).await.value();
            return Carried::Token(made["token"].as_str().expect("a token").to_owned());
        }
    };
    if asker == "suspended" {
        site.set_user(email, json!({ "suspended": false })).await;
        let session = site.token(email).await;
        site.set_user(email, json!({ "suspended": true })).await;
        return Carried::Session(session);
    }
    Carried::Session(site.token(email).await)
}

fn own_email(number: usize) -> String {
    format!("user{number}@example.org")
}

/// The path of a route, with a record that the one with the role owns and everybody may read.
async fn path_of(site: &Site, route: &RouteInfo, number: usize) -> String {
    let ann = site.token("ann@example.org").await;
    let id = match route.path.as_str() {
        path if path.starts_with("/api/posts/") => {
            let post = json!({ "title": "One", "status": "published" });
            let made = site.json("POST", "/api/posts", Some(&ann), post).await;
            made.value()["id"].to_string()
        }
        path if path.starts_with("/api/wishes/") => {
            let made = site.json("POST", "/api/wishes", None, json!({ "text": "x" })).await;
            made.value()["id"].to_string()
        }
        // One's own account, of the one who is asked about as a user: made anew each time, since some requests change it.
        path if path.starts_with("/api/users/") => {
            site.user(&own_email(number), "user").await;
            let own = site.token(&own_email(number)).await;
            site.get_as("/api/auth/me", &own).await.value()["id"].to_string()
        }
        _ => "9999".to_owned(),
    };
    route.path.replace("[id]", &id).replace("[slug]", "none")
}

async fn verdict(site: &Site, route: &RouteInfo, method: &str, asker: &str, number: usize) -> u16 {
    let path = path_of(site, route, number).await;
    let carried = match asker {
        "user" if path.starts_with("/api/users/") => Carried::Session(site.token(&own_email(number)).await),
        asker => carried(site, asker).await,
    };
    let is_api = path.starts_with("/api/");
    let (cookie, bearer) = match &carried {
        Carried::Nothing => (None, None),
        Carried::Session(token) if !is_api => (Some(format!("purlin_session={token}")), None),
        Carried::Session(token) | Carried::Token(token) => (None, Some(format!("Bearer {token}"))),
    };
    let kind = if is_api { "application/json" } else { "application/x-www-form-urlencoded" };
    let mut headers = vec![("content-type", kind), ("sec-fetch-site", "same-origin")];
    headers.extend(cookie.as_deref().map(|cookie| ("cookie", cookie)));
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    let body = if matches!(method, "GET" | "DELETE") && path != "/api/auth/me" { "" } else { "{}" };
    let status = site.ask(method, &path, &headers, if is_api { body } else { "" }).await.status.as_u16();
    if let Carried::Token(token) = &carried {
        site.json("POST", "/api/auth/logout", Some(token), json!({})).await;
    }
    status
}

#[tokio::test]
async fn every_route_has_its_verdict_for_everybody() {
    let site = Site::with(Default::default(), &[("site.toml", SETTINGS)]).await;
    site.user("root@example.org", "admin").await;
    site.user("sus@example.org", "author").await;
    let mut table = format!("{:<44}", "");
    for asker in ASKERS {
        let _ = write!(table, "{asker:>10}");
    }
    table.push('\n');
    let mut number = 0;
    for route in site.app.routes().iter().filter(|route| route.path != "/fails") {
        for method in route.methods {
            let _ = write!(table, "{:<44}", format!("{method} {}", route.path));
            for asker in ASKERS {
                let status = verdict(&site, route, method, asker, number).await;
                number += 1;
                assert!(status < 500, "{method} {} for {asker}: {status}", route.path);
                let _ = write!(table, "{status:>10}");
            }
            table.push('\n');
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/verdicts.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &table).expect("the table is written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for line in table.lines() {
        assert!(
            expected.lines().any(|known| known == line),
            "no such verdict is expected:\n{line}\n(UPDATE=1 writes it)"
        );
    }
    assert_eq!(table, expected, "a route is gone, or stands elsewhere");
}

/// What must hold of the table whatever else is in it.
#[test]
fn nobody_without_the_right_is_let_in_by_the_table() {
    let table = include_str!("verdicts.txt");
    for line in table.lines().skip(1) {
        let (route, verdicts) = line.split_at(44);
        let verdicts: Vec<u16> =
            verdicts.split_whitespace().map(|one| one.parse().expect("a status")).collect();
        let [nobody, _, _, _, _, suspended, token] = verdicts[..] else { panic!("{line}") };
        let route = route.trim();
        // Whoever is suspended is nobody, or is told that his session is dead.
        assert!(suspended == nobody || suspended == 401, "{line}");
        // What is one's own is nobody's who is not signed in.
        let own =
            route.contains("/account") || route.contains("/auth/me") || route.contains("/auth/sessions");
        // The link of a new address works without.
        if own && !route.ends_with("/account/email") {
            assert!(matches!(nobody, 303 | 401), "{line}");
        }
        // A token that reads posts does nothing else.
        let reads_posts = route.starts_with("GET /api/posts");
        let is_public = matches!(nobody, 200 | 204 | 308) && route.starts_with("GET");
        let about_itself = route.ends_with("/auth/me") || route.ends_with("/auth/logout");
        if !reads_posts && !is_public && !about_itself {
            assert!(matches!(token, 401 | 403 | 404 | 422) || route.starts_with("POST /_purlin"), "{line}");
        }
    }
}
