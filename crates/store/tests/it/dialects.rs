//! What our SQL is, for each database, and what servers make of it: texts, functions of texts, cursors, indexes.

use std::fmt::Write;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use purlin_schema::expr::arbitrary::{World, world};
use purlin_schema::expr::eval::{call, dynamic};
use purlin_schema::expr::{
    Asker, Comparison, Env, Evaluated, Expect, ExprKind, Function, Scope, Type, check, sample,
};
use purlin_schema::query::{Count, Include, Limit, Query, Select, SortKey};
use purlin_schema::value::Decimal;
use purlin_schema::{Expr, Input, Kind, Models, Value};
use purlin_store::testing::Known;
use tokio::sync::Mutex;

use crate::meaning::questions;
use crate::servers::Server;

const ALL: [Known; 4] = [Known::Sqlite, Known::Postgres, Known::MariaDb, Known::Mysql];

/// Texts that are numbers, times, spans, or nearly so.
const TEXTS: [&str; 88] = [
    "",
    " ",
    "0",
    "-0",
    "+0",
    "7",
    "+7",
    "-7",
    "--7",
    "7 ",
    " 7",
    "7\n",
    "٣",
    "007",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999",
    "1_000",
    "1.5",
    "-1.5",
    ".5",
    "5.",
    ".",
    "1e3",
    "1E3",
    "1e+3",
    "1e-3",
    "1e",
    "e3",
    "1e308",
    "1e309",
    "-1e999",
    "1e-400",
    "4e-324",
    "0x10",
    "inf",
    "nan",
    "1.5.5",
    "true",
    "TRUE",
    "True",
    "tRUE",
    "t",
    "1",
    "f",
    "false",
    "no",
    "2026-01-31T12:30:00Z",
    "2026-01-31t12:30:00z",
    "2026-01-31 12:30:00Z",
    "2026-01-31T12:30:00",
    "2026-02-30T12:30:00Z",
    "2024-02-29T12:30:00Z",
    "2023-02-29T12:30:00Z",
    "1900-02-29T00:00:00Z",
    "2000-02-29T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-31T24:00:00Z",
    "2026-01-31T12:60:00Z",
    "2026-01-31T12:30:00+02:00",
    "2026-01-31T12:30:00-11:30",
    "2026-01-31T12:30:00.5Z",
    "2026-01-31T12:30:00.123456Z",
    "2026-01-31T12:30:00.123456789Z",
    "1969-12-31T23:59:59.9999999+01:00",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+01:00",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "9999-12-30T22:00:00Z",
    "36h",
    "1h30m",
    "-1.5s",
    "250ms",
    "1m",
    "1ms2us3ns",
    "5µs",
    "5μs",
    ".5s",
    "5.s",
    "1h 30m",
    "h",
    "1d",
    "+2s",
    "2562047h47m16.854775807s",
];

fn models() -> Arc<Models> {
    Arc::new(sample::models())
}

fn expr(models: &Models, model: &str, text: &str) -> Expr {
    let model = models.named(model).expect("a model of the sample").id;
    let params = ["id".to_owned(), "slug".to_owned(), "text".to_owned()];
    let scope = Scope::of(models).this(model).params(&params);
    check(text, &scope, Expect::Anything).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}"))
}

fn sort(models: &Models, model: &str, keys: &[&str]) -> Vec<SortKey> {
    let key = |key: &&str| {
        let ExprKind::Field(path) = expr(models, model, key.trim_start_matches('-')).kind else {
            panic!("{key} is a field")
        };
        SortKey::by(path, key.starts_with('-'))
    };
    keys.iter().map(key).collect()
}

fn query(models: &Models, model: &str, filter: Option<&str>, keys: &[&str]) -> Query {
    Query {
        filter: filter.map(|filter| expr(models, model, filter)),
        sort: sort(models, model, keys),
        select: Select::Fields(Vec::new()),
        limit: Limit::Page(20),
        ..Query::of(models.named(model).expect("a model of the sample").id)
    }
}

fn include(models: &Models, model: &str, relation: &str, limit: Limit) -> Include {
    let relation = models.named(model).expect("a model").relation_named(relation).expect("a relation");
    let query = Query { limit, select: Select::Fields(Vec::new()), ..Query::of(relation.to) };
    Include { relation: relation.id, query }
}

/// An empty world: one row of each model, and inputs.
fn one_world(models: &Arc<Models>) -> World {
    let mut runner = TestRunner::deterministic();
    let tree = world(models).new_tree(&mut runner).expect("a world");
    prop::strategy::ValueTree::current(&tree)
}

/// Queries of every shape.
fn shapes(models: &Models) -> Vec<(&'static str, Query)> {
    let relation = |name: &str| models.named("posts").expect("posts").relation_named(name).expect("it").id;
    let listed = Query {
        include: vec![
            include(models, "posts", "author", Limit::All),
            include(models, "posts", "tags", Limit::All),
            include(models, "posts", "comments", Limit::AtMost(3)),
        ],
        count: vec![Count { name: "comments".to_owned(), relation: relation("comments"), filter: None }],
        total: true,
        ..query(models, "posts", Some("status == \"published\""), &["-published_at"])
    };
    let filtered = |filter| query(models, "posts", Some(filter), &[]);
    vec![
        ("a list with what comes along", listed),
        ("null or not", filtered("views == params.id || slug != title")),
        ("of related rows", filtered("tags.exists(t, t.slug == params.slug) && author.team.name == \"red\"")),
        ("all of them", filtered("comments.all(c, c.score > 0) == true")),
        ("texts", filtered("title.startsWith(params.text) && title.contains(\"%\") && title.endsWith(slug)")),
        ("numbers", filtered("views + 1 > views * 2 && views / views == 1 && rating < views")),
        ("times", filtered("published_at + duration(\"1h\") < now && published_at.getFullYear() == 2026")),
    ]
}

#[test]
fn the_sql_of_each_database_is_known() {
    let models = models();
    let mut text = String::new();
    for (name, query) in shapes(&models) {
        for known in ALL {
            writeln!(text, "-- {name}, {known:?}").expect("a string");
            for sql in known.statements(&models, &query).expect("SQL") {
                writeln!(text, "{sql};").expect("a string");
            }
            text.push('\n');
        }
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/dialects.sql");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).expect("the golden file");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "the SQL changed: look at it, and write {} anew with UPDATE=1", path.display());
}

/// Each statement says all that a server must know of its parameters.
#[tokio::test]
async fn servers_prepare_our_statements() {
    let models = models();
    let mut servers = Server::all("prepared", &models).await;
    for server in &mut servers {
        for (_, query) in shapes(&models) {
            for sql in server.known().statements(&models, &query).expect("SQL") {
                let statement = match server.known() {
                    Known::Postgres => format!("PREPARE p AS {sql}"),
                    _ => format!("PREPARE p FROM '{}'", sql.replace('\'', "''")),
                };
                server.run(&statement).await.unwrap_or_else(|error| panic!("{error}"));
                server.run("DEALLOCATE PREPARE p").await.unwrap_or_else(|error| panic!("{error}"));
            }
        }
    }
    Server::leave(servers).await;
}

fn json_of(value: &Value) -> serde_json::Value {
    match value {
        Value::Text(text) => serde_json::Value::from(&**text),
        Value::Float(number) => serde_json::Value::from(*number),
        _ => serde_json::Value::Null,
    }
}

/// Every function of a text, a number or JSON means on servers what it means in memory.
#[tokio::test]
async fn functions_of_values_agree_with_memory() {
    let models = models();
    let posts = models.named("posts").expect("posts").id;
    let mut servers = Server::all("functions", &models).await;
    let mut world = one_world(&models);
    let texts = TEXTS.iter().map(|text| (Kind::Text, Value::from(*text)));
    let floats = [0.0, 0.1, -1.5, 1e15, 1e16, 123_456_789.123, 1e21, 1.5e-7, 1e-5, 5e-324, 1e308, -2.25e22];
    let floats = floats.iter().map(|number| (Kind::Float, Value::Float(*number)));
    let decimals = [0, 5, -5, 12_345, i64::MAX, i64::MIN];
    let decimals = decimals.map(|units| (Kind::Decimal(2), Value::Decimal(Decimal { units, scale: 2 })));
    let spans = [0, 1, -1, 1_500_000, i64::MAX, i64::MIN];
    let spans = spans.map(|micros| (Kind::Duration, Value::Duration(micros)));
    // Of JSON they take whatever it holds.
    let json = texts.clone().chain(floats.clone()).map(|(_, value)| json_of(&value));
    let numbers =
        ["3.0", "-0.0", "1e300", "9007199254740993", "18446744073709551615", "-9223372036854775808"];
    let others = ["true", "false", "null", "[]", "[1]", "{}", "{\"a\": \"1\"}"];
    let written = numbers.iter().chain(&others).map(|text| serde_json::from_str(text).expect("JSON"));
    let json = json.chain(written).map(|json| (Kind::Json, Value::Json(Box::new(json))));
    let given: Vec<_> = texts.chain(floats).chain(decimals).chain(spans).chain(json).collect();
    let functions = [
        (Function::Int, Kind::Int),
        (Function::Double, Kind::Float),
        (Function::String, Kind::Text),
        (Function::Bool, Kind::Bool),
        (Function::Timestamp, Kind::Datetime),
        (Function::Duration, Kind::Duration),
        (Function::LowerAscii, Kind::Text),
        (Function::Size, Kind::Int),
    ];
    let mut wrong = Vec::new();
    for server in &mut servers {
        server.fill(&world).await;
        for (kind, value) in given.clone() {
            for (function, gives) in functions {
                let given = Input::Query("given".to_owned());
                world.inputs.insert(given.clone(), value.clone());
                let of = |kind, ty| Expr { kind, ty: Type::Value(ty), span: 0..0 };
                let computed = of(ExprKind::Call(function, vec![of(ExprKind::Input(given), kind)]), gives);
                let result = call(function, &[dynamic(value.clone())]);
                let other = match &result {
                    Some(result) => of(ExprKind::Const(result.clone()), gives),
                    None => computed.clone(),
                };
                let sides = (Box::new(computed), Box::new(other));
                let equal = of(ExprKind::Compare(Comparison::Equal, sides.0, sides.1), Kind::Bool);
                for (query, expected) in questions(&world, posts, &equal, Asker::User) {
                    let Ok(sql) = server.known().filled(&models, &query, &world, &[], None) else { continue };
                    match server.ids(&sql[0]).await {
                        Ok(found) if found == expected => {}
                        found => wrong.push(format!(
                            "{:?} {function:?}({value:?}) is {result:?}: {found:?}",
                            server.known()
                        )),
                    }
                }
            }
        }
    }
    Server::leave(servers).await;
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const KEYS: [&str; 10] = [
    "views",
    "-views",
    "title",
    "-title",
    "author.name",
    "-author.team.name",
    "-id",
    "rating",
    "-price",
    "published_at",
];

/// After each row come those that follow it in the whole order.
#[test]
fn cursors_of_servers_lose_no_row() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let models = models();
    let posts = models.named("posts").expect("posts").id;
    let servers = Mutex::new(runtime.block_on(Server::all("cursors", &models)));
    let keys = prop::sample::subsequence(KEYS.to_vec(), 0..4).prop_shuffle();
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&(world(&models), keys), |(world, keys)| {
        runtime.block_on(async {
            let query = query(&models, "posts", None, &keys);
            for server in servers.lock().await.iter_mut() {
                server.fill(&world).await;
                let known = server.known();
                let run = async |server: &mut Server, values: &[Value], after| {
                    let mut found = Vec::new();
                    for sql in known.filled(&models, &query, &world, values, after).expect("SQL") {
                        found.extend(server.ids(&sql).await.map_err(TestCaseError::fail)?);
                    }
                    Ok::<_, TestCaseError>(found)
                };
                let all = run(server, &[], None).await?;
                prop_assert_eq!(all.len(), world.rows(posts).len());
                for (at, id) in all.iter().enumerate() {
                    let row = world.at(posts, usize::try_from(*id).expect("an id") - 1);
                    let mut values = Vec::new();
                    for key in &query.sort {
                        values.push(match row.field(&key.path) {
                            Evaluated::Value(value) => value,
                            _ => Value::Null,
                        });
                    }
                    values.push(Value::Int(*id));
                    let nulls =
                        values.iter().enumerate().map(|(at, key)| u64::from(key.is_null()) << at).sum();
                    let rest = run(server, &values, Some(nulls)).await?;
                    prop_assert_eq!(&rest, &all[at + 1..], "{:?} {:?} after {:?}", known, keys, values);
                }
            }
            Ok(())
        })
    });
    runtime.block_on(Server::leave(servers.into_inner()));
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// The main shapes read an index, on tables that are large enough for it to matter.
#[tokio::test]
async fn servers_use_their_indexes() {
    let models = models();
    let mut servers = Server::all("indexes", &models).await;
    let world = one_world(&models);
    let mut listed = query(&models, "posts", None, &[]);
    listed.include.push(include(&models, "posts", "comments", Limit::All));
    listed.include.push(include(&models, "posts", "tags", Limit::All));
    let keys = [Value::Int(700), Value::Int(700)];
    let on = |filter: &str| query(&models, "posts", Some(filter), &[]);
    for server in &mut servers {
        server.crowd().await;
        for (query, statement, after, table) in [
            (on("slug == params.slug"), 0, None, "posts"),
            (on("slug.startsWith(params.slug)"), 0, None, "posts"),
            (on("views == params.id"), 0, None, "posts"),
            (on("author == user"), 0, None, "posts"),
            (on("views in [700, 701]"), 0, None, "posts"),
            (query(&models, "posts", None, &["views"]), 0, None, "posts"),
            (query(&models, "posts", None, &["-views"]), 0, None, "posts"),
            (query(&models, "posts", None, &["views"]), 0, Some(0), "posts"),
            (query(&models, "posts", None, &["-views"]), 0, Some(0), "posts"),
            (query(&models, "posts", None, &["-id"]), 0, Some(0), "posts"),
            (listed.clone(), 1, None, "comments"),
            (listed.clone(), 2, None, "posts__tags"),
        ] {
            let mut inputs = world.clone();
            inputs.inputs.insert(Input::Param("slug".to_owned()), Value::from("slug-700"));
            inputs.inputs.insert(Input::Param("id".to_owned()), Value::Int(700));
            inputs.inputs.insert(Input::User(purlin_schema::FieldId::ID), Value::Int(700));
            let sql = server.known().filled(&models, &query, &inputs, &keys, after).expect("SQL");
            let sql = sql[statement].replace("LIMIT 1000", "LIMIT 20");
            let plan = server.explain(&sql).await.expect("a plan");
            assert!(!server.scans(&plan, table), "{:?} reads all of {table}: {sql}\n{plan}", server.known());
            let sorts = plan.contains("Sort Key") || plan.contains("filesort");
            let ordered = query.sort.is_empty() || !sorts;
            assert!(ordered, "{:?} sorts by hand: {sql}\n{plan}", server.known());
        }
    }
    Server::leave(servers).await;
}
