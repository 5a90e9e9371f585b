//! A connection to a server, for synchronous code, and what its errors mean.

use std::time::Duration;

use crate::migrate::error::MigrateError;
use crate::network::address::Unreachable;

/// Rows as texts; null is nothing.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

/// Ids with the values that their rows get.
pub(crate) type Pairs = Vec<(String, Option<String>)>;

/// A connection.
pub(crate) trait Link: Send {
    /// Runs statements that give no rows.
    fn run(&self, sql: &str) -> Result<(), Failure>;
    /// Runs a statement and gives its rows as texts.
    fn rows(&self, sql: &str) -> Result<Rows, Failure>;
    /// Runs a statement that takes ids and values, for each pair.
    fn put(&self, sql: &str, pairs: Pairs) -> Result<(), Failure>;
    /// Lets time pass.
    fn pause(&self, time: Duration);
    /// Makes the session ready to change tables.
    ///
    /// # Errors
    /// Where this is no way to do so.
    fn settle(&self) -> Result<(), MigrateError> {
        Ok(())
    }
}

/// A statement that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) during: String,
    pub(crate) message: String,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// Somebody else held what it needs for longer than it waits.
    Locked,
    /// It needs a value to occur once, and it occurs more often.
    Duplicate,
    /// The database takes no changes.
    ReadOnly,
    /// There is no room left.
    Full,
    /// The user may not.
    Denied,
    /// The connection ended.
    Gone,
    /// The server answers nobody.
    Silent,
    /// Anything else.
    Other,
}

impl From<Failure> for MigrateError {
    fn from(failure: Failure) -> MigrateError {
        let Failure { kind, during, message } = failure;
        let told = |text: &str| MigrateError::Open(format!("{text} (it says: {message})"));
        match kind {
            FailureKind::ReadOnly => told(
                "the database is read-only: let database.url name the server that takes writes, not a replica, \
                 or make it writable",
            ),
            FailureKind::Full => told("the database's disk is full: make room there and try again"),
            FailureKind::Denied => told(
                "the user of database.url may not change this database's tables: grant it, or migrate with \
                 another user",
            ),
            FailureKind::Gone => told(
                "the connection to the database ended in the middle of a migration: run it again, it goes on from \
                 where it was",
            ),
            FailureKind::Silent => MigrateError::Open(
                "the database server does not answer any more: look whether it is in order, then run this again; what was \
                 begun goes on from where it was"
                    .to_owned(),
            ),
            FailureKind::Locked => {
                told("the database's tables are in use by others; try again when there are fewer")
            }
            FailureKind::Duplicate | FailureKind::Other => {
                MigrateError::Database { during: Some(during), message }
            }
        }
    }
}

/// Why there is no connection.
pub(crate) fn told(unreachable: &Unreachable) -> MigrateError {
    MigrateError::Open(unreachable.message().to_owned())
}

/// What a statement comes to where the connection's thread is gone.
pub(crate) fn gone(error: &MigrateError) -> Failure {
    Failure { kind: FailureKind::Gone, during: String::new(), message: error.to_string() }
}
