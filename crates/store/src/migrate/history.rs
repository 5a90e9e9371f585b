//! What a database says of itself: `_migrations`, kept in the database.
//!
//! Each row holds the picture after it, so the last one says what tables there are without looking at the
//! files. Changes that `dev` makes by itself are rows too; a file written afterwards joins them. Each database
//! keeps the table in its own way; what the rows mean is here.

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
    /// Steps of the last migration that are still to be done, as they read; a death came between.
    pub(super) unfinished: Vec<String>,
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
    /// Whether this format can be read here.
    ///
    /// # Errors
    /// Where a newer Purlin wrote it.
    pub(super) fn check_format(found: Option<i64>) -> Result<(), MigrateError> {
        match found.filter(|found| *found > FORMAT) {
            Some(found) => Err(MigrateError::Newer { found, known: FORMAT }),
            None => Ok(()),
        }
    }

    /// Adds a row that was read: its number, the file's number, name and checksum, and when it was applied.
    pub(super) fn push(&mut self, id: i64, file: Option<AppliedFile>, applied_at: i64) {
        self.last = id;
        self.rows.push(Applied { file, applied_at });
    }

    /// Takes the picture of the last row.
    ///
    /// # Errors
    /// Where it is no picture.
    pub(super) fn set_snapshot(&mut self, json: &str) -> Result<(), MigrateError> {
        self.snapshot = serde_json::from_str(json).map_err(|error| {
            MigrateError::Open(format!("the last row of `_migrations` cannot be read: {error}"))
        })?;
        Ok(())
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

/// What is written into a row.
pub(super) struct NewRow<'work> {
    /// The file; `None` for what `dev` did.
    pub(super) file: Option<&'work MigrationFile>,
    /// When, in microseconds UTC.
    pub(super) applied_at: i64,
    /// What was done, as JSON.
    pub(super) operations: String,
    /// The picture afterwards, as JSON.
    pub(super) snapshot: String,
}
