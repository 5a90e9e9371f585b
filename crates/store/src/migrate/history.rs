//! `_migrations`: what was applied to a database, kept in the database itself.
//!
//! Each row holds the picture after it, so the last one says what tables there are without looking at the
//! files. Changes that `dev` makes by itself are rows too; a file written afterwards joins them.

use rusqlite::{Connection, OptionalExtension, params};

use super::error::MigrateError;
use super::file::MigrationFile;
use super::snapshot::Snapshot;

/// The format of the rows that this version writes; a database with a greater one is refused.
pub(super) const FORMAT: i64 = 1;

/// What a database says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct History {
    /// What was applied, in order.
    pub(super) rows: Vec<Applied>,
    /// The tables that it has.
    pub(super) snapshot: Snapshot,
    /// The number of the last row, by which a change by another process shows.
    pub(super) last: i64,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Applied {
    /// Number, name and checksum of the file; `None` for a change that `dev` made by itself.
    pub(super) file: Option<AppliedFile>,
    /// When, in microseconds UTC.
    pub(super) applied_at: i64,
}

/// A file that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AppliedFile {
    /// Its number.
    pub(super) number: u32,
    /// Its name without the number.
    pub(super) name: String,
    /// Its checksum then.
    pub(super) checksum: String,
}

impl AppliedFile {
    /// Number and name: `0002_subtitles`.
    #[must_use]
    pub(super) fn label(&self) -> String {
        format!("{:04}_{}", self.number, self.name)
    }

    /// Whether it is this file, by number and name.
    #[must_use]
    pub(super) fn is(&self, file: &MigrationFile) -> bool {
        self.number == file.number && self.name == file.name
    }
}

impl History {
    /// Reads it; a database without the table has no history.
    ///
    /// # Errors
    /// Where a newer Purlin wrote it, or the database has tables but no history.
    pub(super) fn read(connection: &Connection) -> Result<History, MigrateError> {
        let has_table = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '_migrations'";
        if connection.query_row(has_table, [], |row| row.get::<_, i64>(0))? == 0 {
            let foreign = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
            return match connection.query_row(foreign, [], |row| row.get(0)).optional()? {
                Some(table) => Err(MigrateError::Foreign(table)),
                None => Ok(History::default()),
            };
        }
        // Before any other column is named: a newer format may have other columns.
        let found: Option<i64> =
            connection.query_row("SELECT max(\"format\") FROM \"_migrations\"", [], |row| row.get(0))?;
        if let Some(found) = found.filter(|found| *found > FORMAT) {
            return Err(MigrateError::Newer { found, known: FORMAT });
        }
        let mut history = History::default();
        let mut statement = connection.prepare(
            "SELECT \"id\", \"number\", \"name\", \"checksum\", \"applied_at\" FROM \"_migrations\" ORDER BY \"id\"",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            history.last = row.get(0)?;
            let number: Option<u32> = row.get(1)?;
            let file = match number {
                Some(number) => Some(AppliedFile { number, name: row.get(2)?, checksum: row.get(3)? }),
                None => None,
            };
            history.rows.push(Applied { file, applied_at: row.get(4)? });
        }
        if history.last > 0 {
            let sql = "SELECT \"snapshot\" FROM \"_migrations\" WHERE \"id\" = ?";
            let json: String = connection.query_row(sql, [history.last], |row| row.get(0))?;
            history.snapshot = serde_json::from_str(&json).map_err(|error| {
                MigrateError::Open(format!("the last row of `_migrations` cannot be read: {error}"))
            })?;
        }
        Ok(history)
    }

    /// The files that were applied.
    pub(super) fn files(&self) -> impl Iterator<Item = &AppliedFile> {
        self.rows.iter().filter_map(|row| row.file.as_ref())
    }

    /// Whether this file was applied.
    #[must_use]
    pub(super) fn has(&self, file: &MigrationFile) -> bool {
        self.files().any(|applied| applied.is(file))
    }
}

/// Makes the table where there is none.
///
/// # Errors
/// Where the database refuses.
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

/// Adds a row: a file's, or one for what `dev` did.
///
/// # Errors
/// Where the database refuses.
pub(super) fn record(
    connection: &Connection,
    file: Option<&MigrationFile>,
    operations_json: &str,
    snapshot: &Snapshot,
) -> Result<(), MigrateError> {
    let snapshot = serde_json::to_string(snapshot).map_err(|error| MigrateError::Plan(error.to_string()))?;
    connection.execute(
        "INSERT INTO \"_migrations\" (\"format\", \"number\", \"name\", \"checksum\", \"applied_at\", \"operations\", \
         \"snapshot\") VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            FORMAT,
            file.map(|file| file.number),
            file.map(|file| &file.name),
            file.map(|file| &file.checksum),
            jiff::Timestamp::now().as_microsecond(),
            operations_json,
            snapshot
        ],
    )?;
    Ok(())
}
