//! Writes the benchmark's data, into this server's own schema or into one that Purlin migrated.

use std::path::Path;

use rusqlite::{Connection, params_from_iter, types::Value};
use sha2::{Digest, Sha256};

use super::db;
use crate::backend::Fault;
use crate::data::{Cell, EXPIRY, TABLES, TOKEN, Table};

/// The same columns and indexes as Purlin makes of bench/site/models, so that writes cost both the same.
const SCHEMA: &str = "
    CREATE TABLE users (
        id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT, role TEXT NOT NULL,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, _version INTEGER NOT NULL);
    CREATE TABLE posts (
        id INTEGER PRIMARY KEY, title TEXT NOT NULL, slug TEXT NOT NULL UNIQUE, body TEXT, status TEXT NOT NULL,
        author INTEGER NOT NULL REFERENCES users, published_at INTEGER,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, _version INTEGER NOT NULL);
    CREATE INDEX posts_author ON posts (author);
    CREATE INDEX posts_published_at ON posts (published_at);
    CREATE TABLE comments (
        id INTEGER PRIMARY KEY, post INTEGER NOT NULL REFERENCES posts, author INTEGER NOT NULL REFERENCES users,
        body TEXT NOT NULL, status TEXT NOT NULL,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, _version INTEGER NOT NULL);
    CREATE INDEX comments_author ON comments (author);
    CREATE INDEX comments_post_status ON comments (post, status);
    CREATE TABLE sessions (
        hash BLOB PRIMARY KEY, user INTEGER NOT NULL REFERENCES users, expires_at INTEGER NOT NULL) WITHOUT ROWID;
";

/// Makes this server's database; it must not exist.
pub(crate) fn make(file: &str) -> Result<(), Fault> {
    if Path::new(file).exists() {
        return Err(format!("{file} exists already").into());
    }
    let mut connection = Connection::open(file)?;
    db::configure(&connection)?;
    connection.execute_batch(SCHEMA)?;
    insert_all(&mut connection)?;
    let session = (&Sha256::digest(TOKEN)[..], 1, EXPIRY);
    connection.execute("INSERT INTO sessions (hash, user, expires_at) VALUES (?1, ?2, ?3)", session)?;
    Ok(())
}

/// Fills a database that Purlin migrated, whose tables are named as the models and columns as the fields.
///
/// What this does not know of is read from the database: a column of ours that is missing is an error, and one
/// that it demands and we do not have gets an empty value of its type.
pub(crate) fn fill(file: &str) -> Result<(), Fault> {
    if !Path::new(file).exists() {
        return Err(format!("{file} does not exist: migrate it first").into());
    }
    let mut connection = Connection::open(file)?;
    db::configure(&connection)?;
    insert_all(&mut connection)
}

fn insert_all(connection: &mut Connection) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    for table in &TABLES {
        insert(&transaction, table)?;
    }
    transaction.commit()?;
    // The log is as long as the data now; a server should not start with it.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

fn insert(connection: &Connection, table: &Table) -> Result<(), Fault> {
    let ours: Vec<&str> = (table.row)(1).into_iter().map(|(name, _)| name).collect();
    let demanded = demanded_columns(connection, table.name)?;
    let extra: Vec<&(String, Value)> = demanded.iter().filter(|(name, _)| !ours.contains(&&**name)).collect();
    let names = ours.iter().copied().chain(extra.iter().map(|(name, _)| &**name));
    let names: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    let marks = vec!["?"; names.len()].join(", ");
    let sql = format!("INSERT INTO \"{}\" ({}) VALUES ({marks})", table.name, names.join(", "));
    let mut statement = connection.prepare(&sql)?;
    for id in 1..=table.rows {
        let values = (table.row)(id).into_iter().map(|(_, cell)| Value::from(cell));
        let values = values.chain(extra.iter().map(|(_, value)| value.clone()));
        statement.execute(params_from_iter(values))?;
    }
    Ok(())
}

/// The columns that may not be null and have no default, each with an empty value.
fn demanded_columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<(String, Value)>> {
    let mut statement = connection.prepare(
        "SELECT name, type FROM pragma_table_info(?1) WHERE \"notnull\" AND dflt_value IS NULL AND pk = 0",
    )?;
    let columns = statement.query_map([table], |row| {
        let kind: String = row.get(1)?;
        let empty = match kind.as_str() {
            "INTEGER" => Value::Integer(0),
            "REAL" => Value::Real(0.0),
            "BLOB" => Value::Blob(Vec::new()),
            _ => Value::Text(String::new()),
        };
        Ok((row.get(0)?, empty))
    })?;
    columns.collect()
}

impl From<Cell> for Value {
    fn from(cell: Cell) -> Value {
        match cell {
            Cell::Null => Value::Null,
            Cell::Int(number) | Cell::Time(number) => Value::Integer(number),
            Cell::Text(text) => Value::Text(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demanded_column_that_is_unknown_gets_an_empty_value() {
        let connection = Connection::open_in_memory().unwrap();
        let schema =
            SCHEMA.replace("role TEXT NOT NULL,", "role TEXT NOT NULL, password TEXT NOT NULL, age INTEGER,");
        connection.execute_batch(&schema).unwrap();
        let [users, ..] = TABLES;
        insert(&connection, &Table { rows: 3, ..users }).unwrap();
        let found = connection.query_row("SELECT count(*), max(password), max(age) FROM users", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<i64>>(2)?))
        });
        assert_eq!(found.unwrap(), (3, String::new(), None));
    }
}
