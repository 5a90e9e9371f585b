//! What can keep a migration from being made or applied, and what to do about each.

use std::path::PathBuf;

use super::diff::MigrationPlan;

/// An error of migrations; its text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A migration file cannot be read or makes no sense.
    #[error("{}{}: {message}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    File {
        /// The file, relative to the site.
        file: PathBuf,
        /// The line, from 1.
        line: Option<usize>,
        /// What is wrong.
        message: String,
    },
    /// A file was changed after it was applied.
    #[error(
        "{} was changed after it was applied to this database; restore it as it was (from version control), \
         and put further changes into a migration of their own (`purlin migrate new`)", .0.display()
    )]
    Changed(PathBuf),
    /// The database knows a migration that the folder does not have.
    #[error(
        "the database has migration {0}, which is not in `migrations/`: this folder is older than the \
         database; deploy the newer one, or restore the file"
    )]
    Missing(String),
    /// A file comes before one that is applied already.
    #[error(
        "{} is numbered before migration {applied}, which is applied already; rename it to `{next:04}_…` so \
         that it comes last", file.display()
    )]
    OutOfOrder {
        /// The file.
        file: PathBuf,
        /// The last one that is applied.
        applied: String,
        /// The next free number.
        next: u32,
    },
    /// Something would be lost, and nobody agreed.
    #[error("these changes lose data and need consent; nothing was changed\n\n{0}")]
    NeedsConsent(MigrationPlan),
    /// Records stand in the way.
    #[error("{operation}\n  {problem}\n  hint: {hint}\n  nothing was changed")]
    Refused {
        /// The operation, as a plan shows it.
        operation: String,
        /// What stands in the way, with examples.
        problem: String,
        /// What to do.
        hint: String,
    },
    /// The models cannot be migrated to.
    #[error("{0}")]
    Plan(String),
    /// A name for a migration that makes no file name.
    #[error("a migration's name is made of letters, digits, `-` and `_`; `{0}` is not")]
    Name(String),
    /// The database was made by a newer Purlin.
    #[error(
        "this database was migrated by a newer Purlin (format {found}, this one knows up to {known}); use that \
         version or a newer one"
    )]
    Newer {
        /// The format of the database.
        found: i64,
        /// The greatest that is known here.
        known: i64,
    },
    /// The database has tables that Purlin did not make.
    #[error(
        "the database already has tables (such as `{0}`) that Purlin did not make; let `database.url` name a \
         database of its own"
    )]
    Foreign(String),
    /// Another process holds the database.
    #[error("the database has been locked by another process for {0:?}; stop it and try again")]
    Locked(std::time::Duration),
    /// A record came in between, after it was looked that none stands in the way.
    #[error(
        "{operation}\n  {problem}\n  hint: correct these records and run `purlin migrate apply` again; it goes on from here"
    )]
    Halfway {
        /// The operation, as a plan shows it.
        operation: String,
        /// What stands in the way.
        problem: String,
    },
    /// Others hold a table that a step needs.
    #[error(
        "`{table}` is in use by others all the time ({tries} tries): nothing that was not done before was changed; \
         try again when there are fewer, or end the transactions that hold it"
    )]
    InUse {
        /// Which.
        table: String,
        /// How often it was tried.
        tries: u32,
    },
    /// A large table would be written anew, and nobody agreed to wait for it.
    #[error(
        "{operation}\n  `{table}` has about {rows} rows ({megabytes} MB), and {whom}\n  hint: add a field of another \
         name and fill it bit by bit, or do it when nobody uses the site: `purlin migrate apply --allow-long-locks`\n  \
         nothing was changed"
    )]
    LongLock {
        /// The operation, as a plan shows it.
        operation: String,
        /// Which table.
        table: String,
        /// About how many rows it has.
        rows: u64,
        /// What it takes.
        megabytes: u64,
        /// Who waits.
        whom: String,
    },
    /// The settings name no database that can be opened.
    #[error("{0}")]
    Open(String),
    /// The folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Anything else that the database says.
    #[error("the database failed{}: {message}", during.as_ref().map(|sql| format!(" at `{sql}`")).unwrap_or_default())]
    Database {
        /// The statement.
        during: Option<String>,
        /// Why.
        message: String,
    },
}

impl From<rusqlite::Error> for MigrateError {
    fn from(source: rusqlite::Error) -> Self {
        MigrateError::of_sqlite(None, &source)
    }
}

impl MigrateError {
    /// An error of an embedded database, whose migrations are a transaction each.
    pub(crate) fn of_sqlite(during: Option<String>, error: &rusqlite::Error) -> MigrateError {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) {
            let text = "the disk is full; this migration changed nothing: make room there and try again";
            return MigrateError::Open(text.to_owned());
        }
        MigrateError::Database { during, message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_with_what_became_of_the_migration() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA max_page_count = 2; CREATE TABLE a (b)").unwrap();
        let error = connection.execute_batch("INSERT INTO a VALUES (randomblob(100000))").unwrap_err();
        let told = MigrateError::of_sqlite(Some("INSERT".to_owned()), &error).to_string();
        assert!(told.contains("changed nothing"), "{told}");
        let other = connection.execute_batch("INSERT INTO nowhere VALUES (1)").unwrap_err();
        assert!(MigrateError::of_sqlite(None, &other).to_string().contains("nowhere"));
    }
}
