//! What tables a database really has, as SQLite itself tells, and what a picture says it should have.

use std::collections::{BTreeMap, BTreeSet};

use purlin_schema::Kind;
use purlin_store::migrate::{ColumnType, IdKind, Snapshot};
use rusqlite::Connection;
use rusqlite::types::Value as Sql;

use super::support::rows;

/// Tables by name.
pub(super) type Tables = BTreeMap<String, Actual>;

/// One table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Actual {
    /// Type, whether null is refused, and place in the primary key, by column.
    pub(super) columns: BTreeMap<String, (String, bool, i64)>,
    /// Column and the table that it refers to.
    pub(super) references: BTreeSet<(String, String)>,
    /// Whether it is unique, and columns with whether they descend.
    pub(super) indexes: BTreeSet<(bool, Vec<(String, bool)>)>,
    /// Whether it is STRICT, and whether it has no rowid.
    pub(super) kind: (bool, bool),
}

/// As the database tells.
pub(super) fn actual(database: &Connection) -> Tables {
    let list = rows(
        database,
        "SELECT name, strict, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name != '_migrations'",
    );
    list.iter().map(|row| (text(&row[0]), table(database, &text(&row[0]), row))).collect()
}

fn table(database: &Connection, name: &str, listed: &[Sql]) -> Actual {
    let of = |pragma: &str| rows(database, &format!("SELECT * FROM pragma_{pragma}('{name}')"));
    let columns = of("table_info")
        .iter()
        .map(|row| (text(&row[1]), (text(&row[2]), int(&row[3]) != 0, int(&row[5]))))
        .collect();
    // id, seq, table, from, to, on_update, on_delete, match
    let references = of("foreign_key_list")
        .iter()
        .map(|row| {
            assert_eq!((text(&row[4]).as_str(), text(&row[6]).as_str()), ("id", "NO ACTION"), "{name}");
            (text(&row[3]), text(&row[2]))
        })
        .collect();
    // seq, name, unique, origin, partial
    let made = of("index_list").into_iter().filter(|row| text(&row[3]) == "c");
    let indexes = made
        .map(|row| {
            let parts = format!(
                "SELECT name, \"desc\" FROM pragma_index_xinfo('{}') WHERE key = 1 ORDER BY seqno",
                text(&row[1])
            );
            let parts = rows(database, &parts);
            // An expression has no name, so its index is known by its own.
            if parts.iter().any(|part| part[0] == Sql::Null) {
                return (false, vec![(text(&row[1]), false)]);
            }
            (int(&row[2]) != 0, parts.iter().map(|part| (text(&part[0]), int(&part[1]) != 0)).collect())
        })
        .collect();
    Actual { columns, references, indexes, kind: (int(&listed[1]) != 0, int(&listed[2]) != 0) }
}

/// As the picture says.
pub(super) fn expected(snapshot: &Snapshot) -> Tables {
    let mut tables = Tables::new();
    for (name, table) in &snapshot.tables {
        let mut made = Actual { kind: (true, false), ..Actual::default() };
        let id = match table.id {
            IdKind::Int => ("INTEGER".to_owned(), false, 1),
            IdKind::Uuid => ("BLOB".to_owned(), true, 1),
        };
        made.columns.insert("id".to_owned(), id);
        for system in ["created_at", "updated_at", "_version"] {
            made.columns.insert(system.to_owned(), ("INTEGER".to_owned(), true, 0));
        }
        for (field, column) in &table.fields {
            made.columns.insert(field.clone(), (stored_as(column.ty).to_owned(), column.required, 0));
            made.references.extend(column.to.iter().map(|to| (field.clone(), to.clone())));
        }
        let ascending = |fields: &Vec<String>| fields.iter().map(|field| (field.clone(), false)).collect();
        made.indexes.extend(table.uniques.iter().map(|unique| (true, ascending(unique))));
        made.indexes.extend(
            table.indexes.iter().map(|index| {
                (false, index.iter().map(|part| (part.field.clone(), part.descending)).collect())
            }),
        );
        made.indexes.extend(table.paths.iter().map(|path| (false, vec![(format!("{name}({path})"), false)])));
        tables.insert(name.clone(), made);
        for (field, to) in &table.links {
            tables.insert(format!("{name}__{field}"), link(snapshot, name, to));
        }
    }
    tables
}

fn link(snapshot: &Snapshot, source: &str, target: &str) -> Actual {
    let end =
        |table: &str, place| (stored_as(snapshot.tables[table].id.column_type()).to_owned(), true, place);
    Actual {
        columns: BTreeMap::from([
            ("source".to_owned(), end(source, 1)),
            ("target".to_owned(), end(target, 2)),
        ]),
        references: BTreeSet::from([
            ("source".to_owned(), source.to_owned()),
            ("target".to_owned(), target.to_owned()),
        ]),
        indexes: BTreeSet::from([(false, vec![("target".to_owned(), false), ("source".to_owned(), false)])]),
        kind: (true, true),
    }
}

fn stored_as(ty: ColumnType) -> &'static str {
    match ty.0 {
        Kind::Float => "REAL",
        Kind::Text | Kind::Json => "TEXT",
        Kind::Uuid => "BLOB",
        _ => "INTEGER",
    }
}

/// Every row of every table, so that two states can be compared.
pub(super) fn contents(database: &Connection) -> BTreeMap<String, Vec<Vec<Sql>>> {
    let names = actual(database).into_keys();
    names
        .map(|name| (name.clone(), rows(database, &format!("SELECT * FROM \"{name}\" ORDER BY 1, 2"))))
        .collect()
}

fn text(value: &Sql) -> String {
    match value {
        Sql::Text(text) => text.clone(),
        other => panic!("{other:?} is no text"),
    }
}

fn int(value: &Sql) -> i64 {
    match value {
        Sql::Integer(number) => *number,
        other => panic!("{other:?} is no number"),
    }
}
