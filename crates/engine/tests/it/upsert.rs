//! Upserts: one record a key, whoever comes first.

use purlin_engine::records::Fields;
use purlin_engine::{Actor, Failure, Upserted};
use serde_json::json;

use crate::support::Fixture;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_upserts_of_one_key_make_one_record_and_none_fails() {
    let site = Fixture::new().await;
    let tags = site.model("tags");
    let key = [site.engine.site().models.get(tags).field_named("name").expect("a field").id];
    let runs = (0..16).map(|_| {
        let engine = site.engine.clone();
        tokio::spawn(async move {
            let row = json!({ "name": "rust" });
            let fields = Fields::Json(row.as_object().expect("an object"));
            engine.upsert(&Actor::Owner, tags, &key, fields).await.map(|(found, did)| (found.id, did))
        })
    });
    let mut done = Vec::new();
    for run in runs.collect::<Vec<_>>() {
        done.push(run.await.expect("no panic").expect("an upsert"));
    }
    assert_eq!(done.iter().filter(|(_, did)| *did == Upserted::Created).count(), 1);
    assert!(done.iter().all(|(id, _)| *id == done[0].0));
    let list = site.engine.list(&Actor::Owner, tags, &[]).await.expect("a list");
    assert_eq!(list.set.rows.len(), 1);
}

#[tokio::test]
async fn an_upsert_needs_a_unique_key_with_values_and_the_right_to_do_it() {
    let site = Fixture::new().await;
    let tags = site.model("tags");
    let key = [site.engine.site().models.get(tags).field_named("name").expect("a field").id];
    let (row, nothing) = (json!({ "name": "rust" }), json!({}));
    let fields = Fields::Json(row.as_object().expect("an object"));
    let refused =
        site.engine.upsert(&Actor::Owner, tags, &[purlin_schema::FieldId::CREATED_AT], fields).await;
    assert!(matches!(refused.err(), Some(Failure::BadRequest { code: "bad_key", .. })));
    let empty = Fields::Json(nothing.as_object().expect("an object"));
    assert!(matches!(
        site.engine.upsert(&Actor::Owner, tags, &key, empty).await.err(),
        Some(Failure::Invalid(_))
    ));
    let visitor = site.engine.upsert(&Actor::Visitor, tags, &key, fields).await;
    assert!(matches!(visitor.err(), Some(Failure::Unauthenticated)));
}
