//! The last id that a table gave: ids are never used again, not even those of records that are gone.

use std::path::Path;

use rusqlite::{OptionalExtension, params};

use super::open::{self, Role};
use super::plain;
use crate::error::Error;

/// The greatest id that the table ever gave.
pub(crate) fn last(path: &Path, table: &str) -> Result<i64, Error> {
    let read = || {
        let connection = open::open(path, Role::Reader)?;
        let found =
            connection.query_row("SELECT seq FROM sqlite_sequence WHERE name = ?", [table], |row| row.get(0));
        found.optional()
    };
    read().map(Option::unwrap_or_default).map_err(|error| plain(&error))
}

/// Gives no id up to this one any more.
pub(crate) fn raise(path: &Path, table: &str, to: i64) -> Result<(), Error> {
    let write = || {
        let mut connection = open::open(path, Role::Writer)?;
        let transaction = connection.transaction()?;
        let raised = "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1";
        if transaction.execute(raised, params![table, to])? == 0 {
            transaction
                .execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", params![table, to])?;
        }
        transaction.commit()
    };
    write().map_err(|error| plain(&error))
}
