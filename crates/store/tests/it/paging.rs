//! Pages of a cursor: every row once, whatever the order, the nulls and the page size; and by the index.

use proptest::prelude::*;
use purlin_schema::Value;
use purlin_schema::model::Index;
use purlin_schema::query::{Count, Limit, Query};
use purlin_store::{StepArgs, Window};

use crate::support::{Given, Site, ids, named};

const KEYS: [&str; 10] = [
    "views",
    "-views",
    "title",
    "-title",
    "author.name",
    "-author.name",
    "-author.team.name",
    "meta.a",
    "-meta[\"$.'b\"].c",
    "-id",
];

/// Posts with few values, so that many keys are equal or null.
async fn crowded() -> Site {
    let site = Site::with(|models| {
        let posts = named(models, "posts");
        let at = |name: &str| posts.fields.iter().find(|field| field.name == name).expect("a field").id;
        posts.indexes = [("views", false), ("published_at", true)]
            .map(|(name, descending)| Index { fields: vec![(at(name), descending)] })
            .into();
    });
    let team = site.add("teams", &[("name", "red".into())]).await;
    let names = [Value::from("a"), "b".into(), Value::Null];
    for (at, name) in names.into_iter().enumerate() {
        let team = if at == 0 { Value::Null } else { Value::Int(team) };
        site.add("users", &[("name", name), ("team", team)]).await;
    }
    let mut mutations = Vec::new();
    for number in 0..60_i64 {
        let few = |by: i64, of: i64| (number * by + number / 7) % of;
        let or_null = |value: i64, then: Value| if value == 0 { Value::Null } else { then };
        mutations.push(site.create(
            "posts",
            &[
                ("views", or_null(few(3, 5), Value::Int(few(3, 5)))),
                ("title", or_null(few(5, 4), few(5, 4).to_string().into())),
                ("author", or_null(few(2, 4), Value::Int(few(2, 4)))),
                ("published_at", or_null(few(11, 9), Value::Datetime(few(11, 9)))),
                ("meta", or_null(few(7, 6), document(few(7, 6), few(3, 8)))),
            ],
        ));
    }
    site.store.commit(mutations).await.expect("posts");
    site
}

/// Documents whose places hold values of every type, or nothing.
fn document(one: i64, other: i64) -> Value {
    let values = [
        serde_json::json!(true),
        serde_json::json!(1),
        serde_json::json!(1.0),
        serde_json::json!("1"),
        serde_json::json!("x"),
        serde_json::json!(9_007_199_254_740_993_i64),
        serde_json::json!([1]),
        serde_json::Value::Null,
    ];
    let value = |at: i64| usize::try_from(at).ok().and_then(|at| values.get(at)).cloned().unwrap_or_default();
    Value::json(serde_json::json!({ "a": value(one), "$.'b": { "c": value(other) } }))
}

#[test]
fn every_row_is_on_one_page() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let site = runtime.block_on(crowded());
    let sort = prop::sample::subsequence(KEYS.to_vec(), 0..4).prop_shuffle();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let result = runner.run(&(sort, 1_u32..70, any::<bool>()), |(sort, size, filtered)| {
        let filter = filtered.then(|| site.expr("posts", "views != 2"));
        let sort = site.sort("posts", &sort.join(","));
        let query = Query { sort, filter, limit: Limit::Page(size), total: true, ..site.query("posts") };
        let all = Query { limit: Limit::All, ..query.clone() };
        let prepared = site.prepare(&query);
        runtime.block_on(async {
            let expected = ids(&site.rows(&all).await.rows);
            let mut found = Vec::new();
            let mut window = Window::First;
            loop {
                let args = StepArgs { window, per_page: None };
                let page = site.run(&prepared, &Given::default(), args).await.expect("a page");
                prop_assert_eq!(page.total, Some(expected.len() as u64));
                prop_assert!(page.rows.len() <= size as usize);
                found.extend(ids(&page.rows));
                if !page.more {
                    break;
                }
                window = Window::After(page.last_key);
            }
            prop_assert_eq!(found, expected);
            Ok(())
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[tokio::test]
async fn a_later_page_starts_in_the_index() {
    let site = crowded().await;
    let query =
        |sort: &str| Query { sort: site.sort("posts", sort), limit: Limit::Page(5), ..site.query("posts") };
    for (sort, nulls, expected) in [
        ("views", 0, vec!["(views>?)"]),
        ("views", 1, vec!["(views=? AND rowid>?)", "(views>?)"]),
        ("-published_at", 0, vec!["(published_at<?)", "(published_at=?)"]),
        ("-published_at", 1, vec!["(published_at=?"]),
        ("-id", 0, vec!["(rowid<?)"]),
        ("id", 0, vec!["(rowid>?)"]),
    ] {
        let prepared = site.prepare(&query(sort));
        let segments = site.store.testing().segments(&prepared, nulls);
        assert_eq!(segments.len(), expected.len(), "{sort} {nulls}: {segments:?}");
        for (sql, expected) in segments.iter().zip(expected) {
            let plan = site.store.testing().explain_sql(sql).expect("a plan");
            assert!(plan.contains("SEARCH") && plan.contains(expected), "{sort}: {sql}\n{plan}");
            assert!(!plan.contains("ORDER BY"), "{sort} sorts by hand: {sql}\n{plan}");
        }
    }
}

#[tokio::test]
async fn conditions_use_their_indexes() {
    let site = crowded().await;
    for (model, filter, expected) in [
        ("posts", "author == user", "author"),
        ("posts", "views == 3", "(views=?)"),
        ("posts", "views == null", "(views=?)"),
        ("posts", "views in [1, 2]", "(views=?)"),
        ("posts", "views > 1 && views <= 3", "(views>? AND views<?)"),
        ("posts", "id == params.id", "INTEGER PRIMARY KEY (rowid=?)"),
        ("posts", "tags.exists(t, t.id == 3)", "EXISTS USING PRIMARY KEY (source=? AND target=?)"),
        (
            "posts",
            "tags.exists(t, t.slug == params.slug)",
            "EXISTS USING PRIMARY KEY (source=? AND target=?)",
        ),
        ("comments", "post.author == user", "author"),
        ("posts", "comments.exists(c, c.author == user)", "(post=?)"),
    ] {
        let prepared = site.prepare(&site.filtered(model, filter));
        let plan = site.store.testing().explain(&prepared).expect("a plan");
        let searched = plan.lines().any(|line| line.contains("SEARCH") && line.contains(expected));
        assert!(searched, "{filter}: {}\n{plan}", prepared.sql);
    }
}

#[tokio::test]
async fn what_stands_beside_rows_is_computed_for_the_page_alone() {
    let site = crowded().await;
    let relation = site.model("posts").relation_named("comments").expect("a relation").id;
    let count = vec![Count { name: "comments".to_owned(), relation, filter: None }];
    let sort = site.sort("posts", "title");
    let prepared = site.prepare(&Query { sort, count, limit: Limit::Page(20), ..site.query("posts") });
    let plan = site.store.testing().explain(&prepared).expect("a plan");
    let at = |text: &str| plan.find(text).unwrap_or_else(|| panic!("no {text} in\n{plan}"));
    assert!(at("CO-ROUTINE p") < at("USE TEMP B-TREE FOR ORDER BY"), "{plan}");
    assert!(at("USE TEMP B-TREE FOR ORDER BY") < at("CORRELATED SCALAR SUBQUERY"), "{plan}");
}
