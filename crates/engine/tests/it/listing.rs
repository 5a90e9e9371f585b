//! Lists as the API asks for them, and what an asker cannot find out by asking.

use purlin_engine::{Actor, Failure};
use serde_json::json;

use crate::support::Fixture;

async fn with_posts() -> (Fixture, Actor, Actor) {
    let site = Fixture::new().await;
    let (ada, bob) = (site.user("ada", "author").await, site.user("bob", "author").await);
    for (title, rating) in [("A", Some(3)), ("B", None), ("C", Some(1)), ("D", Some(3))] {
        let post = json!({"title": title, "rating": rating, "status": "published", "published_at": "2026-01-01T00:00:00Z", "private_note": title});
        site.create(&ada, "posts", &post).await.unwrap();
    }
    site.create(&bob, "posts", &json!({"title": "Bob's draft"})).await.unwrap();
    (site, ada, bob)
}

#[tokio::test]
async fn filters_sorts_and_pages() {
    let (site, ada, bob) = with_posts().await;
    let visitor = Actor::Visitor;
    assert_eq!(site.list(&visitor, "posts", &[]).await.unwrap(), ["A", "B", "C", "D"]);
    assert_eq!(
        site.list(&visitor, "posts", &[("sort", "-rating,-title")]).await.unwrap(),
        ["D", "A", "C", "B"]
    );
    assert_eq!(site.list(&visitor, "posts", &[("sort", "rating")]).await.unwrap(), ["B", "C", "A", "D"]);
    assert_eq!(site.list(&visitor, "posts", &[("rating", "3")]).await.unwrap(), ["A", "D"]);
    assert_eq!(site.list(&visitor, "posts", &[("filter", "rating == null")]).await.unwrap(), ["B"]);
    assert_eq!(site.list(&visitor, "posts", &[("per_page", "3"), ("page", "2")]).await.unwrap(), ["D"]);
    assert_eq!(site.list(&visitor, "posts", &[("status", "draft")]).await.unwrap(), [""; 0]);
    assert_eq!(site.list(&bob, "posts", &[("status", "draft")]).await.unwrap(), ["Bob's draft"]);
    assert_eq!(site.list(&ada, "posts", &[("filter", "author == user")]).await.unwrap().len(), 4);
    assert_eq!(
        site.list(&visitor, "notes", &[]).await.unwrap(),
        [""; 0],
        "a list that nobody may read is empty"
    );
}

#[tokio::test]
async fn a_cursor_visits_every_row_once_and_is_bound_to_its_list() {
    let (site, ..) = with_posts().await;
    let posts = site.model("posts");
    let ask = |pairs: Vec<(&str, String)>| {
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Vec<_>>()
    };
    let mut seen = 0;
    let mut pairs = ask(vec![("sort", "-rating".to_owned()), ("per_page", "1".to_owned())]);
    let mut first_cursor = None;
    loop {
        let listing = site.engine.list(&Actor::Visitor, posts, &pairs).await.unwrap();
        seen += listing.set.rows.len();
        let Some(next) = listing.next else { break };
        first_cursor.get_or_insert_with(|| next.clone());
        pairs = ask(vec![("sort", "-rating".to_owned()), ("per_page", "1".to_owned()), ("cursor", next)]);
    }
    assert_eq!(seen, 4);
    let cursor = first_cursor.unwrap();
    for other in [
        vec![("cursor", cursor.clone())],
        vec![("sort", "rating".to_owned()), ("cursor", cursor.clone())],
        vec![("sort", "-rating".to_owned()), ("rating", "3".to_owned()), ("cursor", cursor.clone())],
        vec![("sort", "-rating".to_owned()), ("cursor", format!("{cursor}A"))],
        vec![("sort", "-rating".to_owned()), ("cursor", "nonsense".to_owned())],
    ] {
        let refused = site.engine.list(&Actor::Visitor, posts, &ask(other)).await;
        assert!(matches!(refused, Err(Failure::BadRequest { code: "bad_cursor", .. })));
    }
}

#[tokio::test]
async fn no_parameter_is_ignored_and_none_reaches_what_may_not_be_read() {
    let (site, ada, _) = with_posts().await;
    for parameter in [
        ("nonsense", "1"),
        ("sort", "nonsense"),
        ("sort", "id\"--"),
        ("sort", "secret_note"),
        ("sort", "private_note"),
        ("sort", "author.password"),
        ("sort", "author.email"),
        ("fields", "a\") or 1=1--"),
        ("fields", "secret_note"),
        ("fields", "_version"),
        ("include", "nonsense"),
        ("include", "notes"),
        ("include", "author._sessions"),
        ("filter", "secret_note == 'x'"),
        ("filter", "author.password == 'x'"),
        ("filter", "_version == 1"),
        ("filter", "title = 'A'"),
        ("secret_note", "x"),
        ("private_note", "A"),
        ("per_page", "0"),
        ("per_page", "1000000"),
        ("per_page", "1e9"),
        ("page", "-1"),
        ("total", "1"),
        ("_connector", "or"),
    ] {
        let refused = site.list(&ada, "posts", &[parameter]).await;
        assert!(matches!(refused, Err(Failure::BadRequest { .. })), "{parameter:?}: {refused:?}");
    }
    let twice = site.list(&ada, "posts", &[("sort", "id"), ("sort", "id")]).await;
    assert!(matches!(twice, Err(Failure::BadRequest { code: "repeated_parameter", .. })));
}

#[tokio::test]
async fn a_filter_sees_no_more_than_its_asker() {
    let (site, ada, bob) = with_posts().await;
    let private = [("filter", "private_note == 'A'")];
    assert_eq!(site.list(&ada, "posts", &private).await.unwrap(), ["A"]);
    assert_eq!(site.list(&bob, "posts", &private).await.unwrap(), [""; 0]);
    assert_eq!(
        site.list(&bob, "posts", &[("filter", "!(private_note == 'A')")]).await.unwrap(),
        ["Bob's draft"]
    );
    let email = [("filter", "author.email == 'ada@example.com'")];
    assert_eq!(site.list(&ada, "posts", &email).await.unwrap().len(), 4);
    assert_eq!(site.list(&bob, "posts", &email).await.unwrap(), [""; 0]);
    assert_eq!(
        site.list(&bob, "users", &[("filter", "posts.exists(p, p.status == 'draft')")]).await.unwrap().len(),
        1
    );
    assert_eq!(
        site.list(&ada, "users", &[("filter", "posts.exists(p, p.status == 'draft')")]).await.unwrap().len(),
        0
    );
}

const LETTERS: &str = r#"
[model]
label = "title"
[fields]
title    = { type = "text", required = true }
sender   = { type = "ref", to = "users", default = "= user", read = "sender == user", inverse = "letters" }
topics   = { type = "refs", to = "topics", read = "sender == user", inverse = "letters" }
envelope = { type = "password" }
[access]
read   = "true"
create = "user != null"
update = "user != null"
delete = "user != null"
"#;

const TOPICS: &str = r#"
[fields]
name = { type = "text", required = true }
[access]
read   = "true"
create = "user != null"
delete = "user != null"
"#;

const STAMPS: &str = r#"
[fields]
topic = { type = "ref", to = "topics" }
"#;

const LETTERS_PAGE: &str = r#"+++
[data.letters]
from = "letters"
include = ["sender", "topics"]
[data.topics]
from = "topics"
count = { letters = "true" }
+++
{% for letter in letters %}{{ letter.sender.id if letter.sender else "nobody" }} {{ letter.topics|length }}{% endfor %};
{%- for topic in topics %} {{ topic.counts.letters }}{% endfor %}"#;

async fn with_letters() -> (Fixture, Actor, Actor) {
    let site = Fixture::of(&[
        ("models/users.toml", "[fields]\nname = { type = \"text\" }\n[access]\nread = \"true\"\n"),
        ("models/letters.toml", LETTERS),
        ("models/topics.toml", TOPICS),
        ("models/stamps.toml", STAMPS),
        ("pages/letters.html", LETTERS_PAGE),
    ])
    .await;
    let (ada, bob) = (site.user("ada", "user").await, site.user("bob", "user").await);
    site.create(&ada, "topics", &json!({"name": "rust"})).await.unwrap();
    let letter = json!({"title": "Dear Bob", "topics": [1], "envelope": "correct horse"});
    site.create(&ada, "letters", &letter).await.unwrap();
    (site, ada, bob)
}

/// How many records come along with each that is found.
async fn included(site: &Fixture, actor: &Actor, model: &str, parameters: &[(&str, &str)]) -> Vec<usize> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let parameters: Vec<(String, String)> = parameters.iter().map(own).collect();
    let listing = site.engine.list(actor, site.model(model), &parameters).await.unwrap();
    let number = |related: &purlin_schema::record::Related| match related {
        purlin_schema::record::Related::One(one) => usize::from(one.is_some()),
        purlin_schema::record::Related::Many(many) => many.len(),
    };
    listing.set.rows.iter().flat_map(|row| row.related.iter().map(number)).collect()
}

#[tokio::test]
async fn attack_04_nothing_is_included_by_a_ref_that_may_not_be_read() {
    let (site, ada, bob) = with_letters().await;
    for (actor, number) in [(&ada, 1), (&bob, 0)] {
        for (model, parameters) in [
            ("letters", vec![("include", "sender")]),
            ("letters", vec![("include", "sender"), ("fields", "id")]),
            ("letters", vec![("include", "topics"), ("fields", "title")]),
            ("users", vec![("include", "letters"), ("filter", "name == 'ada'")]),
            ("topics", vec![("include", "letters")]),
        ] {
            assert_eq!(included(&site, actor, model, &parameters).await, [number], "{model} {parameters:?}");
        }
    }
    let matched = site.engine.route("/letters").unwrap();
    for (actor, text) in [(&ada, "1 1; 1"), (&bob, "nobody 0; 0"), (&Actor::Visitor, "nobody 0; 0")] {
        let request = purlin_engine::pages::PageRequest {
            actor,
            path: "/letters",
            query_string: "",
            query: &[],
            flash: Vec::new(),
        };
        assert_eq!(site.engine.page(&matched, request).await.unwrap().body, text);
    }
}

#[tokio::test]
async fn attack_04_no_password_is_asked_for_whatever_its_field_says() {
    let (site, ada, _) = with_letters().await;
    for parameter in [
        ("fields", "envelope"),
        ("sort", "envelope"),
        ("envelope", "x"),
        ("filter", "envelope.startsWith('$argon2id')"),
    ] {
        let refused = site.list(&ada, "letters", &[parameter]).await;
        assert!(matches!(refused, Err(Failure::BadRequest { .. })), "{parameter:?}: {refused:?}");
    }
}

#[tokio::test]
async fn a_conflict_does_not_name_a_model_that_one_may_not_read() {
    let (site, ada, _) = with_letters().await;
    site.create(&Actor::Owner, "stamps", &json!({"topic": 1})).await.unwrap();
    let (topics, id) = (site.model("topics"), purlin_schema::Id::Int(1));
    let refused = site.engine.delete(&ada, topics, id, None).await.err().unwrap();
    assert_eq!(refused.to_string(), "records of another model refer to it");
    let refused = site.engine.delete(&Actor::Owner, topics, id, None).await.err().unwrap();
    assert_eq!(refused.to_string(), "records of stamps refer to it");
}

#[tokio::test]
async fn attack_04_no_mistake_in_a_filter_tells_what_there_is() {
    let (site, ada, _) = with_posts().await;
    let said = async |filter: &str| match site.list(&ada, "posts", &[("filter", filter)]).await {
        Err(Failure::BadRequest { message, .. }) => message,
        other => panic!("{filter}: {other:?}"),
    };
    // What may not be read is spoken of as what is not there.
    for (filter, hidden, unknown) in [
        ("NAME == 'x'", "secret_note", "public_note"),
        ("NAME == 1", "secret_note", "public_note"),
        ("NAME == 1", "_version", "_revision"),
        ("author.NAME == 'x'", "password", "pancakes"),
        ("NAME.exists(n, n.text == 'x')", "notes", "cards"),
    ] {
        let first = |text: String| text.lines().next().unwrap_or_default().to_owned();
        let told = first(said(&filter.replace("NAME", hidden)).await);
        let same = first(said(&filter.replace("NAME", unknown)).await);
        assert_eq!(told, same.replace(unknown, hidden));
    }
    for filter in ["secret_not == 'x'", "qqqqqqq == 1", "author.passwort == 'x'", "author.qqqqqqq == 1"] {
        let message = said(filter).await;
        for secret in ["secret_note", "`_version`", "password", "_sessions", "notes"] {
            assert!(!message.contains(secret), "{filter}: {message}");
        }
    }
}

#[tokio::test]
async fn attack_24_a_filter_of_great_length_is_answered_or_refused() {
    let (site, ada, _) = with_posts().await;
    let long = vec!["tags.exists(t, t.name == 'a')"; 60].join(" || ");
    assert_eq!(
        site.list(&ada, "posts", &[("filter", &format!("title == 'A' || {long}"))]).await.unwrap(),
        ["A"]
    );
    let longer = vec!["tags.exists(t, t.name == 'a')"; 600].join(" || ");
    assert!(matches!(
        site.list(&ada, "posts", &[("filter", &longer)]).await,
        Err(Failure::BadRequest { .. })
    ));
    for body in ["body", "-body"] {
        let refused = site.list(&ada, "posts", &[("sort", body)]).await;
        assert!(matches!(refused, Err(Failure::BadRequest { .. })), "a cursor would hold the whole text");
    }
}
