//! Reading: filters, orders, pages, what comes along.

use std::sync::Arc;

use purlin_schema::query::{Count, Limit, Optional, Query, Select, Selected};
use purlin_schema::{FieldId, Input, Uuid, Value};
use purlin_store::{Ask, Plan, Step, StepArgs, Window};

use crate::support::{Given, Site, ids, many, one};

/// Two users, three tags, four posts: one draft, one without an author.
async fn blog() -> Site {
    let site = Site::new();
    let ada = site.add("users", &[("name", "Ada".into()), ("role", "editor".into())]).await;
    let bob = site.add("users", &[("name", "Bob".into())]).await;
    for name in ["rust", "sql", "web"] {
        site.add("tags", &[("name", name.into()), ("slug", name.into())]).await;
    }
    let post = |title: &str, status: &str, author: Option<i64>, at: Option<i64>| {
        vec![
            ("title", Value::from(title)),
            ("status", status.into()),
            ("author", author.map_or(Value::Null, Value::Int)),
            ("published_at", at.map_or(Value::Null, Value::Datetime)),
        ]
    };
    site.add_linked("posts", &post("One", "published", Some(ada), Some(10)), &[("tags", &[1, 2])]).await;
    site.add_linked("posts", &post("Two", "draft", Some(ada), None), &[("tags", &[2])]).await;
    site.add_linked("posts", &post("Three", "published", Some(bob), Some(30)), &[]).await;
    site.add_linked("posts", &post("Four", "published", None, Some(20)), &[("tags", &[3, 1])]).await;
    for (post, author, status) in
        [(1, 2, "approved"), (1, 1, "waiting"), (1, 2, "approved"), (3, 1, "approved")]
    {
        let values = [("post", Value::Int(post)), ("author", Value::Int(author)), ("status", status.into())];
        site.add("comments", &values).await;
    }
    site
}

#[tokio::test]
async fn a_record_comes_back_as_it_was_written() {
    let site = Site::new();
    let asset = site.commit(site.create("assets", &[("name", "cover".into())])).await.expect("an asset");
    let values = [
        ("title", Value::from("Naïve — “quotes”")),
        ("featured", Value::Bool(true)),
        ("published_at", Value::Datetime(-1)),
        ("day", Value::Date(-719_162)),
        ("views", Value::Int(i64::MAX)),
        ("rating", Value::Float(0.1)),
        ("price", Value::Decimal(purlin_schema::value::Decimal { units: -1, scale: 2 })),
        ("length", Value::Duration(3_600_000_000)),
        ("token", Value::Uuid(Uuid::from_u128(u128::MAX - 1))),
        ("meta", Value::Json(Box::new(serde_json::json!({"a": [1, null, "x"]})))),
        ("cover", Value::from(asset.id)),
    ];
    let id = site.add("posts", &values).await;
    for (name, value) in values {
        assert_eq!(site.stored("posts", id, name).await, Some(value), "{name}");
    }
    assert_eq!(site.stored("posts", id, "slug").await, Some(Value::Null));
    assert_eq!(site.stored("posts", id, "created_at").await, Some(Value::Datetime(crate::support::NOW)));
}

#[tokio::test]
async fn filters_find_what_they_say() {
    let site = blog().await;
    let ada = Given(vec![(Input::User(FieldId::ID), Value::Int(1))]);
    let nobody = Given::default();
    for (filter, inputs, expected) in [
        ("status == \"published\"", &nobody, vec![1, 3, 4]),
        ("author == user", &ada, vec![1, 2]),
        ("author == user", &nobody, vec![]),
        ("author != user", &ada, vec![3, 4]),
        ("author != user", &nobody, vec![]),
        ("author == null", &nobody, vec![4]),
        ("status == \"published\" || author == user", &ada, vec![1, 2, 3, 4]),
        ("status == \"published\" || author == user", &nobody, vec![1, 3, 4]),
        ("author.name == \"Ada\"", &nobody, vec![1, 2]),
        ("!(author.name == \"Ada\")", &nobody, vec![3]),
        ("author.role != \"editor\"", &nobody, vec![3]),
        ("tags.exists(t, t.slug == \"rust\")", &nobody, vec![1, 4]),
        ("!tags.exists(t, t.slug == \"rust\")", &nobody, vec![2, 3]),
        ("tags.all(t, t.slug == \"sql\")", &nobody, vec![2, 3]),
        ("size(tags) > 1", &nobody, vec![1, 4]),
        ("size(comments.filter(c, c.status == \"approved\")) == 2", &nobody, vec![1]),
        ("published_at < timestamp(\"1970-01-01T00:00:00.000025Z\")", &nobody, vec![1, 4]),
        ("!(published_at < timestamp(\"1970-01-01T00:00:00.000025Z\"))", &nobody, vec![3]),
        ("title in [\"One\", \"Four\"]", &nobody, vec![1, 4]),
        ("title.startsWith(\"T\")", &nobody, vec![2, 3]),
        ("title.contains(\"o\") && title.endsWith(\"o\")", &nobody, vec![2]),
        ("user == null && status == \"draft\"", &nobody, vec![2]),
        ("user == null && status == \"draft\"", &ada, vec![]),
        ("user.id == null || status == \"draft\"", &nobody, vec![2]),
    ] {
        assert_eq!(site.ids("posts", filter, inputs).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn nulls_sort_first_ascending_and_last_descending() {
    let site = blog().await;
    for (sort, expected) in [
        ("published_at", [2, 1, 4, 3]),
        ("-published_at", [3, 4, 1, 2]),
        ("author.name,-title", [4, 2, 1, 3]),
        ("-author.name", [3, 2, 1, 4]),
        ("-id", [4, 3, 2, 1]),
    ] {
        let query = Query { sort: site.sort("posts", sort), ..site.query("posts") };
        assert_eq!(ids(&site.rows(&query).await.rows), expected, "{sort}");
    }
}

#[tokio::test]
async fn related_records_come_along_and_are_shared() {
    let site = blog().await;
    let mut author = site.include("posts", "author");
    author.query.include.push(site.include("users", "posts"));
    let mut comments = site.include("posts", "comments");
    comments.query.filter = Some(site.expr("comments", "status == \"approved\""));
    comments.query.sort = site.sort("comments", "-id");
    comments.query.include.push(site.include("comments", "author"));
    let include = vec![author, site.include("posts", "tags"), comments];
    let set = site.rows(&Query { include, ..site.query("posts") }).await;
    let [first, second, _, fourth] = set.rows.as_slice() else { panic!("four posts") };
    let ada = one(&first.related[0]).expect("an author");
    assert!(Arc::ptr_eq(ada, one(&second.related[0]).expect("an author")), "one record, one row");
    assert_eq!(ids(many(&ada.related[0])), [1, 2]);
    assert!(one(&fourth.related[0]).is_none());
    assert_eq!(ids(many(&first.related[1])), [1, 2]);
    assert_eq!(ids(many(&fourth.related[1])), [1, 3]);
    let comments = many(&first.related[2]);
    assert_eq!(ids(comments), [3, 1]);
    assert_eq!(one(&comments[0].related[0]).map(|author| author.values[0].clone()), Some(Value::Int(2)));
}

#[tokio::test]
async fn an_include_has_a_limit_for_each_record() {
    let site = blog().await;
    let mut comments = site.include("posts", "comments");
    comments.query.limit = Limit::AtMost(1);
    comments.query.sort = site.sort("comments", "-id");
    let query = Query { include: vec![comments], ..site.query("posts") };
    let found: Vec<Vec<i64>> =
        site.rows(&query).await.rows.iter().map(|row| ids(many(&row.related[0]))).collect();
    assert_eq!(found, [vec![3], vec![], vec![4], vec![]]);
    let single = Query { filter: Some(site.expr("posts", "id == 1")), ..query };
    assert_eq!(ids(many(&site.rows(&single).await.rows[0].related[0])), [3]);
}

#[tokio::test]
async fn relations_are_counted() {
    let site = blog().await;
    let relation = |name: &str| site.model("posts").relation_named(name).expect("a relation").id;
    let approved = "size(comments.filter(c, c.status == \"approved\")) > 0";
    let purlin_schema::expr::ExprKind::Compare(_, count, _) = site.expr("posts", approved).kind else {
        panic!("a comparison")
    };
    let purlin_schema::expr::ExprKind::Count(_, filter) = count.kind else { panic!("a count") };
    let count = vec![
        Count { name: "comments".to_owned(), relation: relation("comments"), filter: None },
        Count {
            name: "approved".to_owned(),
            relation: relation("comments"),
            filter: filter.map(|body| *body),
        },
        Count { name: "tags".to_owned(), relation: relation("tags"), filter: None },
    ];
    let select = Select::Fields(Vec::new());
    let set = site.rows(&Query { count, select, ..site.query("posts") }).await;
    assert_eq!(set.shape.counts, ["comments", "approved", "tags"]);
    let found: Vec<Vec<i64>> =
        set.rows.iter().map(|row| row.values.iter().filter_map(Value::as_int).collect()).collect();
    assert_eq!(found, [vec![1, 3, 2, 2], vec![2, 0, 0, 1], vec![3, 1, 1, 0], vec![4, 0, 0, 2]]);
}

#[tokio::test]
async fn what_may_not_be_read_is_withheld_and_leads_nowhere() {
    let site = blog().await;
    let guard = |text: &str| Some(site.expr("posts", text));
    let field = |name: &str, guard| Selected { field: site.field("posts", name), guard };
    let select = Select::Fields(vec![
        field("title", guard("status == \"published\"")),
        field("author", guard("author == user")),
    ]);
    let query = Query { select, include: vec![site.include("posts", "author")], ..site.query("posts") };
    let bob = Given(vec![(Input::User(FieldId::ID), Value::Int(2))]);
    let set = site.ask(&query, &bob, StepArgs::default()).await.expect("rows");
    let titles: Vec<&Value> = set.rows.iter().map(|row| &row.values[1]).collect();
    assert_eq!(titles, [&Value::from("One"), &Value::Withheld, &"Three".into(), &"Four".into()]);
    let authors: Vec<bool> = set.rows.iter().map(|row| one(&row.related[0]).is_some()).collect();
    assert_eq!(authors, [false, false, true, false]);
    assert_eq!(set.rows[3].values[2], Value::Withheld, "null would tell that there is no author");
}

#[tokio::test]
async fn optional_conditions_apply_when_their_input_is_given() {
    let site = blog().await;
    let given = Input::Param("slug".to_owned());
    let filter = site.expr("posts", "tags.exists(t, t.slug == params.slug)");
    let query = site.prepare(&Query {
        optional: vec![Optional { given: given.clone(), filter }],
        limit: Limit::Page(10),
        total: true,
        ..site.query("posts")
    });
    for (value, expected) in [
        (None, vec![1, 2, 3, 4]),
        (Some(Value::Null), vec![1, 2, 3, 4]),
        (Some("".into()), vec![1, 2, 3, 4]),
        (Some("rust".into()), vec![1, 4]),
    ] {
        let inputs = Given(value.into_iter().map(|value| (given.clone(), value)).collect());
        let set = site.run(&query, &inputs, StepArgs::default()).await.expect("rows");
        assert_eq!(set.total, Some(expected.len() as u64));
        assert_eq!(ids(&set.rows), expected);
    }
}

#[tokio::test]
async fn a_later_step_uses_what_an_earlier_one_found() {
    let site = blog().await;
    let id = Input::Param("id".to_owned());
    let post = Query { limit: Limit::One, ..site.filtered("posts", "id == params.id") };
    let data = Input::Data("post".to_owned(), FieldId::ID);
    let mut comments = site.filtered("comments", "post == params.id");
    let swap = comments.filter.as_mut().expect("a filter");
    let purlin_schema::expr::ExprKind::Compare(_, _, right) = &mut swap.kind else { panic!("a comparison") };
    right.kind = purlin_schema::expr::ExprKind::Input(data);
    let step = |name: &str, query: &Query, must_exist| Step {
        name: name.to_owned(),
        query: site.prepare(query),
        must_exist,
    };
    let plan = Plan { steps: vec![step("post", &post, true), step("comments", &comments, false)] };
    let inputs = Given(vec![(id.clone(), Value::Int(1))]);
    let answer = site.store.read(&plan, Ask { inputs: &inputs, steps: &[] }).await.expect("an answer");
    assert_eq!(answer.missing, None);
    assert_eq!(ids(&answer.sets[1].rows), [1, 2, 3]);
    let inputs = Given(vec![(id, Value::Int(99))]);
    let answer = site.store.read(&plan, Ask { inputs: &inputs, steps: &[] }).await.expect("an answer");
    assert_eq!((answer.missing, answer.sets.len()), (Some(0), 1));
}

#[tokio::test]
async fn pages_follow_one_another() {
    let site = blog().await;
    let query =
        Query { limit: Limit::Page(3), sort: site.sort("posts", "-published_at"), ..site.query("posts") };
    let first = site.rows(&query).await;
    assert_eq!((ids(&first.rows), first.more), (vec![3, 4, 1], true));
    assert_eq!(first.last_key, [Value::Datetime(10), Value::Int(1)]);
    let after = StepArgs { window: Window::After(first.last_key), per_page: None };
    let second = site.ask(&query, &Given::default(), after).await.expect("rows");
    assert_eq!((ids(&second.rows), second.more, second.last_key.len()), (vec![2], false, 0));
    let args = StepArgs { window: Window::Offset(2), per_page: Some(1) };
    let third = site.ask(&query, &Given::default(), args).await.expect("rows");
    assert_eq!((ids(&third.rows), third.more), (vec![1], true));
}

#[tokio::test]
async fn a_cursor_of_another_order_is_refused() {
    let site = blog().await;
    let query = Query { limit: Limit::Page(3), ..site.query("posts") };
    let after = StepArgs { window: Window::After(vec![Value::Int(1), Value::Int(1)]), per_page: None };
    assert!(site.ask(&query, &Given::default(), after).await.is_err());
}

#[tokio::test]
async fn many_parents_are_asked_for_in_chunks() {
    let site = Site::new();
    let asset = site.commit(site.create("assets", &[("name", "cover".into())])).await.expect("an asset").id;
    let tag = site.add("tags", &[]).await;
    let post = |number: i64| {
        let mut mutation = site.create("posts", &[("views", Value::Int(number)), ("cover", asset.into())]);
        if let purlin_store::mutation::Action::Create { links, .. } = &mut mutation.action {
            links.push((site.field("posts", "tags"), vec![purlin_schema::Id::Int(tag)]));
        }
        mutation
    };
    site.store.commit((0..1_300).map(post).collect()).await.expect("posts");
    let mut cover = site.include("posts", "cover");
    cover.query.include.push(site.include("assets", "covered"));
    let relation = site.model("posts").relation_named("tags").expect("a relation").id;
    let count = vec![Count { name: "tags".to_owned(), relation, filter: None }];
    let include = vec![cover, site.include("posts", "tags")];
    let set = site.rows(&Query { include, count, ..site.query("posts") }).await;
    assert_eq!(set.rows.len(), 1_300);
    let first = one(&set.rows[0].related[0]).expect("a cover");
    assert_eq!(many(&first.related[0]).len(), 1_300);
    for row in &set.rows {
        assert!(Arc::ptr_eq(one(&row.related[0]).expect("a cover"), first));
        assert_eq!(ids(many(&row.related[1])), [tag]);
        assert_eq!(row.values.last(), Some(&Value::Int(1)));
    }
}
