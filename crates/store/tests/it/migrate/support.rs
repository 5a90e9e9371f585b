//! A site in a temporary folder, and pictures written as TOML.

use std::collections::BTreeMap;
use std::path::Path;

use purlin_store::migrate::{DevOutcome, Literal, MigrationPlan, Migrator, Snapshot, Wanted};
use rusqlite::Connection;
use rusqlite::types::Value as Sql;
use serde::Deserialize;
use tempfile::TempDir;

/// A picture: `[posts.fields]`, `title = { type = "text" }` …
pub(super) fn picture(text: &str) -> Snapshot {
    let tables = toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    Snapshot { tables }
}

/// The same, to be reached; `[_known]` says what is known of the way: `tables` and `fields` their former
/// names, `defaults` what records that are there get.
pub(super) fn wanted(text: &str) -> Wanted {
    let mut all: toml::Table = toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let known: Known = all.remove("_known").map(|known| known.try_into().expect("hints")).unwrap_or_default();
    let tables = toml::Value::Table(all).try_into().unwrap_or_else(|error| panic!("{error}\n{text}"));
    let key = |name: &str| {
        let (table, field) = name.split_once('.').expect("a table and a field");
        (table.to_owned(), field.to_owned())
    };
    Wanted {
        snapshot: Snapshot { tables },
        tables_were: known.tables,
        fields_were: known.fields.into_iter().map(|(name, was)| (key(&name), was)).collect(),
        defaults: known.defaults.into_iter().map(|(name, value)| (key(&name), value)).collect(),
        freed: known.freed.iter().map(|name| key(name)).collect(),
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Known {
    tables: BTreeMap<String, String>,
    fields: BTreeMap<String, String>,
    defaults: BTreeMap<String, Literal>,
    freed: Vec<String>,
}

/// A site's folder that goes when the test ends.
pub(super) struct Folder(pub(super) TempDir);

impl Folder {
    pub(super) fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(super) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn migrator(&self) -> Migrator {
        Migrator::open("sqlite:data/site.db", self.root()).expect("a database")
    }

    /// Brings the database to a picture as `dev` does, with consent to everything.
    pub(super) fn become_this(&self, wanted: &Wanted) -> DevOutcome {
        self.migrator().dev_to(wanted, |_: &MigrationPlan| true).expect("the database follows")
    }

    /// Another connection, as the store's own would be: with foreign keys.
    pub(super) fn database(&self) -> Connection {
        let connection = Connection::open(self.root().join("data/site.db")).expect("the database");
        connection.execute_batch("PRAGMA foreign_keys = ON").expect("foreign keys");
        connection
    }

    pub(super) fn run(&self, sql: &str) {
        self.database().execute_batch(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    pub(super) fn rows(&self, sql: &str) -> Vec<Vec<Sql>> {
        rows(&self.database(), sql)
    }

    /// Rows with every value as text, joined by `|`, one a line.
    pub(super) fn text(&self, sql: &str) -> String {
        let line = |row: &Vec<Sql>| row.iter().map(show).collect::<Vec<_>>().join("|");
        self.rows(sql).iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

pub(super) fn rows(connection: &Connection, sql: &str) -> Vec<Vec<Sql>> {
    let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    let width = statement.column_count();
    let rows = statement.query_map([], |row| (0..width).map(|column| row.get(column)).collect());
    rows.and_then(Iterator::collect).unwrap_or_else(|error| panic!("{error}\n{sql}"))
}

fn show(value: &Sql) -> String {
    match value {
        Sql::Null => "null".to_owned(),
        Sql::Integer(number) => number.to_string(),
        Sql::Real(number) => format!("{number:?}"),
        Sql::Text(text) => text.clone(),
        Sql::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
