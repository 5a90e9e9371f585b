//! What a database must say so that it can be migrated, and the databases that do.
//!
//! Above this folder nothing knows which database it is. A [`Database`] is spoken to from synchronous code; one
//! behind a network runs its client on a thread of its own.

mod mysql;
mod postgres;
mod server;
mod sqlite;

use std::path::Path;
use std::time::Duration;

use super::diff::MigrationPlan;
use super::error::MigrateError;
use super::file::MigrationFile;
use super::history::{History, NewRow};
use super::report::{Held, Tell};
use super::snapshot::Snapshot;
pub(crate) use server::link::Link;

/// A database that is migrated.
pub(super) trait Database: Send {
    /// Which it is.
    fn flavour(&self) -> Flavour;

    /// What it says of itself; nothing where it is empty.
    ///
    /// # Errors
    /// Where a newer Purlin wrote it, or it has tables but no history.
    fn history(&self) -> Result<History, MigrateError>;

    /// Performs and records the work; gives false, and does nothing, where the history is no longer the one that
    /// was seen: another process was faster.
    ///
    /// # Errors
    /// Where records stand in the way, or the database fails.
    fn commit(&mut self, seen: &History, work: &Work, progress: Tell<'_>) -> Result<bool, MigrateError>;

    /// Does what is left of a migration that a death interrupted.
    ///
    /// # Errors
    /// As [`commit`](Database::commit).
    fn finish(&mut self, progress: Tell<'_>) -> Result<(), MigrateError>;

    /// How its tables differ from what the history says that they are, a sentence each.
    ///
    /// # Errors
    /// Where the database fails.
    fn drift(&self, snapshot: &Snapshot) -> Result<Vec<String>, MigrateError>;

    /// What a plan asks of those who use the database meanwhile, tried in a transaction that is taken back where that
    /// can be.
    ///
    /// # Errors
    /// Where the database fails.
    fn rehearse(&mut self, plan: &MigrationPlan) -> Result<Vec<Held>, MigrateError>;

    /// Sets what it may ask of those who use the database meanwhile.
    fn limit(&mut self, limits: Limits);
}

/// What a migration may ask of those who use the database meanwhile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From how many bytes on a table is large: what looks at all of it is done beside its users.
    pub(super) large: u64,
    /// Whether a large table may be written anew while others wait.
    pub(super) long_locks: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { large: 16 << 20, long_locks: false }
    }
}

/// What is to be done and recorded together.
pub(super) struct Work {
    /// The file's number and name, or what else it is.
    pub(super) name: String,
    /// The operations.
    pub(super) plan: MigrationPlan,
    /// The files that are recorded as applied by it.
    pub(super) files: Vec<MigrationFile>,
    /// Whether it is recorded as a change of `dev`'s own.
    pub(super) by_dev: bool,
}

/// How long a migration is tried, so that nobody waits for longer.
const TRIAL: Duration = Duration::from_secs(1);

impl Work {
    /// The rows of the history that record it.
    pub(super) fn rows(&self, snapshot: &Snapshot) -> Result<Vec<NewRow<'_>>, MigrateError> {
        let json = |error: serde_json::Error| MigrateError::Plan(error.to_string());
        let snapshot = serde_json::to_string(snapshot).map_err(json)?;
        let operations = serde_json::to_string(&self.plan.operations).map_err(json)?;
        let applied_at = jiff::Timestamp::now().as_microsecond();
        let files = self.files.iter().enumerate().map(|(position, file)| {
            // Where several are recorded for one change, what was done stands with the first.
            let operations = if position == 0 { operations.clone() } else { "[]".to_owned() };
            (Some(file), operations)
        });
        let by_dev = self.by_dev.then(|| (None, operations.clone()));
        let row = |(file, operations)| NewRow { file, applied_at, operations, snapshot: snapshot.clone() };
        Ok(files.chain(by_dev).map(row).collect())
    }
}

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// A file of this machine.
    Sqlite,
    /// PostgreSQL 13 or later.
    Postgres,
    /// MySQL 8.0.19 or MariaDB 10.7, or later.
    MySql,
}

impl Flavour {
    /// A plan's statements, for people to read.
    pub(super) fn sql(self, plan: &MigrationPlan) -> Result<String, String> {
        match self {
            Flavour::Sqlite => sqlite::sql(plan),
            Flavour::Postgres => server::sql(postgres::WORDS, plan),
            Flavour::MySql => server::sql(mysql::WORDS, plan),
        }
    }
}

/// Opens the database of a URL; one behind a network is made where there is none and `create` says so.
pub(super) fn open(url: &str, root: &Path, create: bool) -> Result<Box<dyn Database>, MigrateError> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("postgres" | "postgresql") => Ok(Box::new(postgres::open(url, create)?)),
        Some("mysql" | "mariadb") => Ok(Box::new(mysql::open(url, create)?)),
        _ => Ok(Box::new(sqlite::Sqlite::open(url, root)?)),
    }
}

/// Connects to a database server to look, and to change nothing.
pub(crate) fn look(url: &str) -> Result<Box<dyn Link>, MigrateError> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("mysql" | "mariadb") => mysql::look(url),
        _ => postgres::look(url),
    }
}

/// Records that stand in the way: how many, and some of them.
#[derive(Debug, Default)]
struct Found {
    count: u64,
    examples: Vec<String>,
}

impl Found {
    /// How many examples are shown.
    const EXAMPLES: usize = 3;

    fn add(&mut self, id: &str, value: Option<&str>) {
        self.count += 1;
        if self.examples.len() < Found::EXAMPLES {
            self.examples.push(shown(id, value));
        }
    }

    /// Refuses the migration where there are any.
    fn refuse(&self, operation: &str, problem: &str, hint: &str) -> Result<(), MigrateError> {
        let Found { count, examples } = self;
        if *count == 0 {
            return Ok(());
        }
        let cases = if *count == 1 { "case" } else { "cases" };
        let such_as = if *count > Found::EXAMPLES as u64 { "such as " } else { "" };
        Err(MigrateError::Refused {
            operation: operation.to_owned(),
            problem: format!("{problem}, in {count} {cases}: {such_as}{}", examples.join(", ")),
            hint: hint.to_owned(),
        })
    }
}

/// A record in a message: its id, and the value that is wrong.
fn shown(id: &str, value: Option<&str>) -> String {
    match value {
        Some(value) => format!("`{}` (id {})", shorten(value), shorten(id)),
        None => format!("id {}", shorten(id)),
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
