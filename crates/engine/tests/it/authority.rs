//! Roles that include others, permissions by name, groups, and the log of who did what.

use purlin_engine::accounts::{Arrival, Carrier};
use purlin_engine::audit::{Author, authored};
use purlin_engine::pages::PageRequest;
use purlin_engine::{Actor, Failure};
use purlin_schema::{Id, Value};
use serde_json::json;

use crate::support::{Fixture, codes};

const SITE: &str = r#"
[accounts]
roles = ["author", "editor"]
[roles]
editor = { includes = ["author"], permissions = ["posts.publish"] }
chief = { includes = ["editor"] }
user = { permissions = ["notes.write"] }
[groups]
desk = { roles = ["editor"] }
"#;

const SLIPS: &str = r#"
[fields]
text = { type = "text", required = true }
live = { type = "bool", default = '= user.can("posts.publish")' }
secret = { type = "text", hidden = true }
owner = { type = "ref", to = "users", default = "= user", write = false, on_delete = "cascade" }
[access]
read = 'live || user.can("posts.publish") || owner == user'
create = 'user.is("author")'
update = 'user.can("posts.publish")'
delete = 'user.role == "editor"'
"#;

const PAGE: &str =
    r#"{% if user.can("posts.publish") %}may publish{% endif %} {% if user.is("author") %}writes{% endif %}"#;

async fn site(log: &str) -> Fixture {
    let settings = format!("{SITE}[audit]\nlog = \"{log}\"\n");
    Fixture::with(&[("site.toml", &settings), ("models/slips.toml", SLIPS), ("pages/slip.html", PAGE)]).await
}

const ARRIVAL: Arrival<'static> =
    Arrival { address: "10.0.0.1", user_agent: "test", carrier: Carrier::Token };

async fn token_of(site: &Fixture, email: &str) -> String {
    let entry = site.engine.sign_in(email, "correct horse battery", ARRIVAL).await.unwrap();
    entry.whole().unwrap().token
}

async fn page(site: &Fixture, actor: &Actor) -> String {
    let matched = site.engine.route("/slip").unwrap();
    let request = PageRequest { actor, path: "/slip", query_string: "", query: &[], flash: Vec::new() };
    site.engine.page(&matched, request).await.unwrap().body.trim().to_owned()
}

#[tokio::test]
async fn a_role_has_what_it_includes() {
    let site = site("off").await;
    let chief = site.user("chief", "chief").await;
    let author = site.user("ann", "author").await;
    let user = site.user("uli", "user").await;

    let slip = site.create(&author, "slips", &json!({"text": "hers"})).await.unwrap();
    assert_eq!(site.value(&slip, "live"), Some(Value::Bool(false)));
    let loud = site.create(&chief, "slips", &json!({"text": "his"})).await.unwrap();
    assert_eq!(site.value(&loud, "live"), Some(Value::Bool(true)), "the default asks for the permission");
    assert!(matches!(site.create(&user, "slips", &json!({"text": "x"})).await, Err(Failure::Forbidden)));

    assert_eq!(site.list(&chief, "slips", &[]).await.unwrap().len(), 2);
    assert_eq!(site.list(&user, "slips", &[]).await.unwrap().len(), 1);
    assert_eq!(site.list(&Actor::Visitor, "slips", &[]).await.unwrap().len(), 1);
    assert!(matches!(
        site.update(&author, "slips", slip.id, &json!({"text": "y"})).await,
        Err(Failure::Forbidden)
    ));
    site.update(&chief, "slips", slip.id, &json!({"text": "y"})).await.unwrap();
    // `==` is exact: the role that includes it is another one.
    let model = site.model("slips");
    assert!(matches!(site.engine.delete(&chief, model, slip.id, None).await, Err(Failure::Forbidden)));

    assert_eq!(page(&site, &chief).await, "may publish writes");
    assert_eq!(page(&site, &author).await, "writes");
    assert_eq!(page(&site, &user).await, "");
    assert_eq!(page(&site, &Actor::Visitor).await, "");
    let admin = site.user("root", "admin").await;
    assert_eq!(page(&site, &admin).await, "may publish writes");
}

#[tokio::test]
async fn names_of_roles_are_nobodys_to_try_out() {
    let site = site("off").await;
    let chief = site.user("chief", "chief").await;
    for filter in ["user.can(\"posts.publish\")", "user.is(\"editor\")", "user.can(\"posts.publis\")"] {
        let failure = site.list(&chief, "slips", &[("filter", filter)]).await.err().unwrap();
        assert!(matches!(&failure, Failure::BadRequest { message, .. } if !message.contains("did you mean")));
    }
}

#[tokio::test]
async fn whoever_joins_or_leaves_a_group_has_its_roles_from_then_on() {
    let site = site("off").await;
    let user = site.user("uli", "user").await;
    let id = user.user().unwrap().id;
    let token = token_of(&site, "uli@example.com").await;
    let now = || async { site.engine.resume(&token).await.unwrap().unwrap() };
    assert!(site.create(&now().await, "slips", &json!({"text": "x"})).await.is_err());
    site.engine.join_group(id, "desk").await.unwrap();
    site.engine.join_group(id, "desk").await.unwrap();
    assert_eq!(site.engine.group_members("desk").await.unwrap(), [id]);
    site.create(&now().await, "slips", &json!({"text": "x"})).await.unwrap();
    assert_eq!(page(&site, &now().await).await, "may publish writes");
    site.engine.leave_group(id, "desk").await.unwrap();
    assert!(site.create(&now().await, "slips", &json!({"text": "x"})).await.is_err());
    assert!(matches!(site.engine.leave_group(id, "desk").await, Err(Failure::NotFound)));
    let failure = site.engine.join_group(id, "desc").await.err().unwrap();
    assert_eq!(codes(&failure), ["group: unknown"]);
    let failure = site.engine.join_group(Id::Int(99), "desk").await.err().unwrap();
    assert_eq!(codes(&failure), ["user: not_found"]);
}

/// The log as `event model/record by: changes`, the first first.
async fn log(site: &Fixture) -> Vec<String> {
    let log = site.engine.site().models.named("_audit").unwrap().clone();
    let parameters = [("sort", "id"), ("per_page", "100")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    let listing = site.engine.list(&Actor::Owner, log.id, &parameters).await.unwrap();
    let rows = listing.set.rows.iter().map(|row| {
        let text = |name: &str| {
            let field = log.field_named(name).unwrap().id;
            listing.set.shape.value(row, field).map(Value::to_text).unwrap_or_default()
        };
        format!(
            "{} {}/{} by {}@{} {}: {}",
            text("event"),
            text("model"),
            text("record"),
            text("user"),
            text("address"),
            text("way"),
            text("changes")
        )
    });
    rows.collect()
}

#[tokio::test]
async fn every_write_is_written_down_with_who_and_what() {
    let site = site("all").await;
    let chief = site.user("chief", "chief").await;
    let user = chief.user().unwrap();
    let before = log(&site).await.len();
    let author = Author {
        user: Some(user.id),
        session: user.session,
        way: "cookie",
        address: "10.1.2.3".into(),
        request: "abc".into(),
        ..Author::default()
    };
    let made = authored(author.clone(), async {
        let made = site.create(&chief, "slips", &json!({"text": "one"})).await.unwrap();
        site.update(&chief, "slips", made.id, &json!({"text": "two"})).await.unwrap();
        // Nothing changes, so nothing is written down.
        site.update(&chief, "slips", made.id, &json!({"text": "two"})).await.unwrap();
        assert!(site.update(&chief, "slips", made.id, &json!({"text": ""})).await.is_err());
        made
    })
    .await;
    site.engine.delete(&Actor::Owner, site.model("users"), user.id, None).await.unwrap();
    let id = made.id;
    let found = log(&site).await;
    let (user, id) = (Value::from(user.id).to_text(), Value::from(id).to_text());
    let mut lines = found[before..].iter();
    let mut next = || lines.next().cloned().unwrap_or_default();
    assert_eq!(
        next(),
        format!(
            "create slips/{id} by {user}@10.1.2.3 cookie: \
             {{\"text\":[null,\"one\"],\"live\":[null,true],\"owner\":[null,{user}]}}"
        )
    );
    assert_eq!(
        next(),
        format!("update slips/{id} by {user}@10.1.2.3 cookie: {{\"text\":[\"one\",\"two\"]}}")
    );
    // The account takes along what it owns, each with its own entry.
    let gone = next();
    assert!(gone.starts_with(&format!("delete slips/{id} by @ task: ")), "{gone}");
    let last = found.last().unwrap();
    assert!(last.starts_with(&format!("account_deleted users/{user} ")), "{last}");
    assert!(last.contains("\"password\":[\"•••\",null]") && !last.contains("argon2"), "{last}");
}

#[tokio::test]
async fn what_happens_to_accounts_is_written_down_unless_it_is_off() {
    let site = site("security").await;
    let user = site.user("uli", "user").await;
    let id = user.user().unwrap().id;
    assert!(site.engine.sign_in("uli@example.com", "wrong", ARRIVAL).await.is_err());
    site.create(&Actor::Owner, "tags", &json!({"name": "quiet"})).await.unwrap();
    site.update(&Actor::Owner, "users", id, &json!({"role": "editor"})).await.unwrap();
    site.update(&Actor::Owner, "users", id, &json!({"name": "Uli"})).await.unwrap();
    site.engine.join_group(id, "desk").await.unwrap();
    let found = log(&site).await;
    let events: Vec<&str> = found.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(events[..4], ["account_made", "sign_in", "sign_in_failed", "role_changed"], "{found:#?}");
    assert_eq!(events.last(), Some(&"group_joined"), "{found:#?}");
    assert!(found[3].ends_with("{\"role\":[\"user\",\"editor\"]}"), "{found:#?}");
    assert!(found[2].contains("uli@example.com") && !found.concat().contains("battery"), "{found:#?}");
}

#[tokio::test]
async fn the_log_is_only_added_to() {
    let site = site("all").await;
    site.create(&Actor::Owner, "tags", &json!({"name": "one"})).await.unwrap();
    let model = site.model("_audit");
    let first = Id::Int(1);
    assert!(matches!(site.engine.delete(&Actor::Owner, model, first, None).await, Err(Failure::Forbidden)));
    let failure = site.update(&Actor::Owner, "_audit", first, &json!({"event": "nothing"})).await;
    assert!(matches!(failure, Err(Failure::Forbidden)));
    assert_eq!(log(&site).await.len(), 1);
}

#[tokio::test]
async fn a_site_that_keeps_no_log_has_none() {
    let site = site("off").await;
    site.user("uli", "user").await;
    assert_eq!(log(&site).await, Vec::<String>::new());
}
