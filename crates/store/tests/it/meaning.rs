//! What an expression means in SQL is what it means in memory: random expressions on random rows.

use std::fmt::Write;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use purlin_schema::expr::arbitrary::{Taste, World, condition, world};
use purlin_schema::expr::{Asker, Comparison, Evaluated, ExprKind, Type, eval, sample, specialise};
use purlin_schema::query::{Query, Select};
use purlin_schema::{Expr, Kind, ModelId, Models, Value};
use purlin_store::StepArgs;
use purlin_store::testing::Known;

use crate::servers::Server;
use crate::support::{Site, ids};

/// Worlds that are tried, with some expressions each.
const WORLDS: u32 = 150;
/// The same on servers, which take longer.
const WORLDS_ON_SERVERS: u32 = 40;

#[test]
fn sql_agrees_with_memory() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let site = Site::new();
    let posts = site.model("posts").id;
    let expressions = vec(condition(&site.models, posts, Taste::default()), 12);
    let config = ProptestConfig { cases: WORLDS, failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&(world(&site.models), expressions), |(world, expressions)| {
        runtime.block_on(async {
            site.store.testing().run(&as_sql(&world)).await.expect("rows");
            for expr in expressions {
                for (world, asker) in [(&world, Asker::User), (&world.as_visitor(), Asker::Visitor)] {
                    agree(&site, world, &expr, asker).await?;
                }
            }
            Ok(())
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// The same on servers.
#[test]
fn sql_of_servers_agrees_with_memory() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let models = Arc::new(sample::models());
    let servers = tokio::sync::Mutex::new(runtime.block_on(Server::all("meaning", &models)));
    let posts = models.named("posts").expect("a model of the sample").id;
    let expressions = vec(condition(&models, posts, Taste::default()), 12);
    let config =
        ProptestConfig { cases: WORLDS_ON_SERVERS, failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&(world(&models), expressions), |(world, expressions)| {
        runtime.block_on(async {
            for server in servers.lock().await.iter_mut() {
                server.fill(&world).await;
                for expr in &expressions {
                    for (world, asker) in [(&world, Asker::User), (&world.as_visitor(), Asker::Visitor)] {
                        for (query, expected) in questions(world, posts, expr, asker) {
                            let filled = |known: Known| known.filled(&models, &query, world, &[], None);
                            let sql = match (filled(server.known()), filled(Known::Sqlite)) {
                                (Ok(sql), _) => sql,
                                // What is too long for one, or asks for a pattern.
                                (Err(error), sqlite) => {
                                    let known = sqlite.is_err() || error.message.contains("too complicated");
                                    prop_assert!(known, "{:?}: {}\n{:?}", server.known(), error, expr);
                                    continue;
                                }
                            };
                            let found = server.ids(&sql[0]).await.map_err(TestCaseError::fail)?;
                            prop_assert_eq!(found, expected, "{:?}: {}\n{:?}", server.known(), sql[0], expr);
                        }
                    }
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

/// Compares what the store finds.
async fn agree(site: &Site, world: &World, expr: &Expr, asker: Asker) -> Result<(), TestCaseError> {
    for (query, expected) in questions(world, site.model("posts").id, expr, asker) {
        let Ok(prepared) = site.store.prepare(&query) else { continue };
        let set = site.run_with(&prepared, world, StepArgs::default()).await;
        let set = set.map_err(|error| TestCaseError::fail(format!("{error}\n{}", prepared.sql)))?;
        prop_assert_eq!(ids(&set.rows), expected, "{}\n{:?}", prepared.sql, expr);
    }
    Ok(())
}

/// Filters by an expression, by its opposite, and by what it gives compared with a literal; and the ids of the rows
/// that are to be found.
pub(crate) fn questions(world: &World, posts: ModelId, expr: &Expr, asker: Asker) -> [(Query, Vec<i64>); 4] {
    let plain = specialise(expr, asker);
    let rows = 0..world.rows(posts).len();
    let found = rows.map(|row| eval(&plain, &world.at(posts, row))).collect::<Vec<_>>();
    let where_is = |truth: bool| {
        let wanted = Evaluated::Value(Value::Bool(truth));
        let rows = found.iter().enumerate().filter(|(_, found)| **found == wanted);
        rows.map(|(row, _)| i64::try_from(row).expect("few rows") + 1).collect::<Vec<_>>()
    };
    let truth = |kind: ExprKind| Expr { kind, ty: Type::Value(Kind::Bool), span: 0..0 };
    let not = truth(ExprKind::Not(Box::new(expr.clone())));
    let equal = |to: bool| {
        let sides = (Box::new(expr.clone()), Box::new(Expr::truth(to)));
        truth(ExprKind::Compare(Comparison::Equal, sides.0, sides.1))
    };
    [
        (expr.clone(), where_is(true)),
        (not, where_is(false)),
        (equal(true), where_is(true)),
        (equal(false), where_is(false)),
    ]
    .map(|(filter, expected)| {
        (Query { filter: Some(filter), select: Select::Fields(Vec::new()), ..Query::of(posts) }, expected)
    })
}

/// The rows of a world in place of those that are there.
fn as_sql(world: &World) -> String {
    let mut sql = "PRAGMA foreign_keys = OFF; BEGIN;".to_owned();
    let models: &Arc<Models> = &world.models;
    for model in models.iter() {
        write!(sql, "DELETE FROM \"{}\";", model.name).expect("a string");
        for field in model.fields.iter().filter(|field| field.is_many()) {
            write!(sql, "DELETE FROM \"{}__{}\";", model.name, field.name).expect("a string");
        }
        for row in world.rows(model.id) {
            let columns = model.fields.iter().zip(row).filter(|(field, _)| field.has_column());
            let (names, values): (Vec<_>, Vec<_>) =
                columns.map(|(field, value)| (format!("\"{}\"", field.name), literal(value))).unzip();
            let (names, values) = (names.join(","), values.join(","));
            write!(sql, "INSERT INTO \"{}\" ({names}) VALUES ({values});", model.name).expect("a string");
        }
    }
    for ((model, field), links) in &world.links {
        let model = models.get(*model);
        let field = model.field(*field);
        let to = field.reference.as_ref().expect("a list of refs").to;
        for (source, target) in links {
            let source = literal(&world.rows(model.id)[*source][0]);
            let target = literal(&world.rows(to)[*target][0]);
            write!(sql, "INSERT INTO \"{}__{}\" VALUES ({source},{target});", model.name, field.name)
                .expect("a string");
        }
    }
    sql + "COMMIT;"
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null | Value::Withheld => "NULL".to_owned(),
        Value::Bool(truth) => i64::from(*truth).to_string(),
        Value::Int(number) | Value::Datetime(number) | Value::Duration(number) => number.to_string(),
        Value::Float(number) => format!("{number:e}"),
        Value::Decimal(decimal) => decimal.units.to_string(),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Date(days) => days.to_string(),
        Value::Uuid(uuid) => format!("x'{}'", uuid.simple()),
        Value::Json(json) => format!("'{}'", json.to_string().replace('\'', "''")),
    }
}
