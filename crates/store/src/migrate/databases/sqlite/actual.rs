//! How a file's tables differ from what the history says that they are.
//!
//! The tables that a picture asks for are made in a database in memory, and the two are compared as SQLite itself
//! describes them.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::statements::{Step, batches};
use crate::migrate::error::MigrateError;
use crate::migrate::operation::Operation;
use crate::migrate::snapshot::Snapshot;

/// Columns, foreign keys and indexes of a table, each as it reads.
type Described = BTreeMap<String, (BTreeMap<String, String>, BTreeSet<String>, BTreeMap<String, String>)>;

/// The differences, a sentence each.
pub(super) fn drift(connection: &Connection, snapshot: &Snapshot) -> Result<Vec<String>, MigrateError> {
    let model = Connection::open_in_memory()?;
    for sql in made(snapshot).map_err(MigrateError::Plan)? {
        model.execute_batch(&sql)?;
    }
    let (ours, real) = (described(&model)?, described(connection)?);
    let mut list = Vec::new();
    for (name, (columns, references, indexes)) in &ours {
        let Some((real_columns, real_references, real_indexes)) = real.get(name) else {
            list.push(format!("table `{name}` is missing"));
            continue;
        };
        compare(&format!("column `{name}."), columns, real_columns, &mut list);
        for gone in references.difference(real_references) {
            list.push(format!("the reference of `{name}.{gone}` is missing"));
        }
        for extra in real_references.difference(references) {
            list.push(format!("the reference of `{name}.{extra}` is not of the models"));
        }
        for (index, text) in indexes {
            match real_indexes.get(index) {
                None => list.push(format!("index `{index}` on `{name}` is missing")),
                Some(real) if real != text => {
                    list.push(format!("index `{index}` on `{name}` is another: {real}"));
                }
                Some(_) => {}
            }
        }
        let by_hand = real_indexes.keys().filter(|index| !indexes.contains_key(*index));
        list.extend(by_hand.map(|index| format!("index `{index}` on `{name}` was made by hand")));
    }
    let extra = real.keys().filter(|name| !ours.contains_key(*name));
    list.extend(extra.map(|name| format!("table `{name}` is not of the models")));
    Ok(list)
}

/// The statements that make a picture's tables.
fn made(snapshot: &Snapshot) -> Result<Vec<String>, String> {
    let mut operations: Vec<_> =
        snapshot.tables.iter().map(|(name, table)| Operation::create(name, table)).collect();
    for (name, table) in &snapshot.tables {
        operations.extend(table.links.iter().map(|(field, to)| Operation::AddLink {
            table: name.clone(),
            field: field.clone(),
            to: to.clone(),
        }));
        let indexed = |path: &String| Operation::AddPathIndex { table: name.clone(), path: path.clone() };
        operations.extend(table.paths.iter().map(indexed));
    }
    let steps = batches(&Snapshot::default(), &operations)?.into_iter().flat_map(|batch| batch.steps);
    Ok(steps.filter_map(|step| if let Step::Run(sql) = step { Some(sql) } else { None }).collect())
}

fn compare(
    what: &str,
    ours: &BTreeMap<String, String>,
    real: &BTreeMap<String, String>,
    list: &mut Vec<String>,
) {
    for (name, text) in ours {
        match real.get(name) {
            None => list.push(format!("{what}{name}` is missing")),
            Some(real) if real != text => list.push(format!("{what}{name}` is {real}, not {text}")),
            Some(_) => {}
        }
    }
    let extra = real.keys().filter(|name| !ours.contains_key(*name));
    list.extend(extra.map(|name| format!("{what}{name}` is not of the models")));
}

fn described(connection: &Connection) -> rusqlite::Result<Described> {
    let mut tables = Described::new();
    for row in texts(
        connection,
        "SELECT name, '', '' FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         AND name != '_migrations'",
    )? {
        tables.insert(row[0].clone(), Default::default());
    }
    for (name, (columns, references, indexes)) in &mut tables {
        let of = |sql: &str| texts(connection, &sql.replace('@', &format!("'{}'", name.replace('\'', "''"))));
        let null = "CASE WHEN \"notnull\" AND NOT pk THEN ', required' ELSE '' END || CASE WHEN pk THEN ', key' ELSE '' END";
        for row in of(&format!("SELECT name, type, {null} FROM pragma_table_info(@)"))? {
            columns.insert(row[0].clone(), format!("{}{}", row[1], row[2]));
        }
        for row in of("SELECT \"from\", \"table\", '' FROM pragma_foreign_key_list(@)")? {
            references.insert(format!("{}` to `{}", row[0], row[1]));
        }
        let parts = "(SELECT group_concat(coalesce(name, '?') || iif(\"desc\", ' desc', ''), ', ')
                      FROM pragma_index_xinfo(i.name) WHERE key = 1)";
        let sql = format!(
            "SELECT i.name, iif(\"unique\", 'unique ', '') || iif(partial, 'partial ', ''), {parts}
             FROM pragma_index_list(@) i WHERE origin = 'c'"
        );
        for row in of(&sql)? {
            indexes.insert(row[0].clone(), format!("{}({})", row[1], row[2]));
        }
    }
    Ok(tables)
}

fn texts(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<[String; 3]>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        Ok([row.get(0)?, row.get(1)?, row.get::<_, Option<String>>(2)?.unwrap_or_default()])
    })?;
    rows.collect()
}
