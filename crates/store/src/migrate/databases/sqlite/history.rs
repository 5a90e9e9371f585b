//! `_migrations` in SQLite.

use rusqlite::{Connection, OptionalExtension, params};

use crate::migrate::error::MigrateError;
use crate::migrate::history::{AppliedFile, FORMAT, History, NewRow};

/// Reads it; a database without the table has no history.
pub(super) fn read(connection: &Connection) -> Result<History, MigrateError> {
    let has_table = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '_migrations'";
    if connection.query_row(has_table, [], |row| row.get::<_, i64>(0))? == 0 {
        let foreign =
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
        return match connection.query_row(foreign, [], |row| row.get(0)).optional()? {
            Some(table) => Err(MigrateError::Foreign(table)),
            None => Ok(History::default()),
        };
    }
    // Before any other column is named: a newer format may have other columns.
    History::check_format(connection.query_row(
        "SELECT max(\"format\") FROM \"_migrations\"",
        [],
        |row| row.get(0),
    )?)?;
    let mut history = History::default();
    let mut statement = connection.prepare(
        "SELECT \"id\", \"number\", \"name\", \"checksum\", \"applied_at\" FROM \"_migrations\" ORDER BY \"id\"",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let number: Option<u32> = row.get(1)?;
        let file = match number {
            Some(number) => Some(AppliedFile { number, name: row.get(2)?, checksum: row.get(3)? }),
            None => None,
        };
        history.push(row.get(0)?, file, row.get(4)?);
    }
    if history.last > 0 {
        let sql = "SELECT \"snapshot\" FROM \"_migrations\" WHERE \"id\" = ?";
        let json: String = connection.query_row(sql, [history.last], |row| row.get(0))?;
        history.set_snapshot(&json)?;
    }
    Ok(history)
}

/// Makes the table where there is none.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS \"_migrations\" (
          \"id\" INTEGER PRIMARY KEY AUTOINCREMENT,
          \"format\" INTEGER NOT NULL,
          \"number\" INTEGER,
          \"name\" TEXT,
          \"checksum\" TEXT,
          \"applied_at\" INTEGER NOT NULL,
          \"operations\" TEXT NOT NULL,
          \"snapshot\" TEXT NOT NULL
        ) STRICT",
    )
}

/// Adds a row.
pub(super) fn record(connection: &Connection, row: &NewRow<'_>) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO \"_migrations\" (\"format\", \"number\", \"name\", \"checksum\", \"applied_at\", \"operations\", \
         \"snapshot\") VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            FORMAT,
            row.file.map(|file| file.number),
            row.file.map(|file| &file.name),
            row.file.map(|file| &file.checksum),
            row.applied_at,
            row.operations,
            row.snapshot
        ],
    )?;
    Ok(())
}
