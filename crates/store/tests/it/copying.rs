//! Copying a site's data into another database, and being interrupted.

use purlin_schema::{Id, Value};
use purlin_store::copy::CopyError;

use crate::support::{Given, Site};

async fn filled() -> Site {
    let site = Site::new();
    for number in 0..8_i64 {
        let user = site.add("users", &[("name", format!("user {number}").into())]).await;
        let tag =
            site.add("tags", &[("name", "odd \u{202e}\"'😀".into()), ("weight", Value::Float(0.1))]).await;
        let values: [(&str, Value); 4] = [
            ("title", "".into()),
            ("author", Value::Int(user)),
            ("views", Value::Int(i64::MAX - number)),
            ("meta", Value::Json(Box::new(serde_json::json!({ "b": [1, null], "a": "\u{1}" })))),
        ];
        site.add_linked("posts", &values, &[("tags", &[tag, 1]), ("editors", &[1])]).await;
    }
    site.commit(site.update("posts", 1, &[("views", Value::Int(1))])).await.expect("an update");
    let last = site.add("tags", &[]).await;
    site.commit(site.delete("tags", last)).await.expect("a delete");
    site
}

#[tokio::test]
async fn whatever_statement_fails_a_copy_that_is_begun_again_is_the_same() {
    let (site, mut failed) = (filled().await, 0);
    for statement in 0.. {
        let other = Site::new();
        other.store.testing().fail_after(statement);
        let interrupted = site.store.copy_into(&other.store, |_| {}).await;
        let struck = other.store.testing().has_failed();
        assert_eq!(interrupted.is_err(), struck, "statement {statement}");
        other.store.testing().fail_after(-1);
        let copied = site.store.copy_into(&other.store, |_| {}).await.expect("a copy");
        let rows = |name: &str| copied.iter().find(|one| one.model == name).map(|one| one.rows);
        assert_eq!((rows("posts"), rows("tags"), rows("users")), (Some(8), Some(8), Some(8)));
        assert_eq!(other.stored("posts", 1, "views").await, Some(Value::Int(1)));
        if !struck {
            break;
        }
        failed += 1;
    }
    assert!(failed > 10, "{failed} statements failed");
}

#[tokio::test]
async fn ids_that_are_gone_are_not_given_again_and_a_difference_is_told() {
    let (site, other) = (filled().await, Site::new());
    assert!(other.store.is_empty().await.expect("a look"));
    site.store.copy_into(&other.store, |_| {}).await.expect("a copy");
    assert!(!other.store.is_empty().await.expect("a look"));
    let id = other.commit(other.create("tags", &[])).await.expect("a record").id;
    assert_eq!(id, Id::Int(10), "the ninth was given and is gone");
    let refused = site.store.copy_into(&other.store, |_| {}).await;
    assert!(
        matches!(&refused, Err(CopyError::Differs { model, here: 8, there: 9 }) if model == "tags"),
        "{refused:?}"
    );
    assert_eq!(site.ids("tags", "true", &Given::default()).await.len(), 8, "the original is as it was");
}
