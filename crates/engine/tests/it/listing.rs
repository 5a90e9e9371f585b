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
