//! SQLite: exclusive while it works, with foreign keys off, and a transaction that either reaches the new state
//! or leaves the old one.

mod actual;
mod convert;
mod free;
mod history;
mod statements;
mod values;

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, ErrorCode, OptionalExtension};

use purlin_schema::Kind;

use super::{Database, Flavour, Found, Limits, TRIAL, Work, shown};
use crate::migrate::diff::MigrationPlan;
use crate::migrate::error::MigrateError;
use crate::migrate::history::History;
use crate::migrate::operation::Operation;
use crate::migrate::report::{Held, HeldTime, Progress, Tell};
use crate::migrate::snapshot::{ColumnType, Snapshot};
use crate::sqlite::open::{Role, path_of};

use statements::{Check, Step, batches, index_names};
use values::{parse, to_text};

/// How long another process may hold the database.
const PATIENCE: Duration = Duration::from_mins(5);
/// How long SQLite waits before the wait is reported.
const REPORT_AFTER: Duration = Duration::from_secs(2);

/// A database file.
pub(super) struct Sqlite {
    connection: Connection,
}

impl Sqlite {
    /// Opens it; makes the file, and its folder, where there is none.
    pub(super) fn open(url: &str, root: &Path) -> Result<Sqlite, MigrateError> {
        Ok(Sqlite { connection: open(url, root)? })
    }
}

impl Database for Sqlite {
    fn flavour(&self) -> Flavour {
        Flavour::Sqlite
    }

    fn history(&self) -> Result<History, MigrateError> {
        history::read(&self.connection)
    }

    fn commit(&mut self, seen: &History, work: &Work, progress: Tell<'_>) -> Result<bool, MigrateError> {
        begin(&self.connection, || progress(&Progress::Waiting))?;
        let result = transact(&self.connection, seen, work, progress);
        match &result {
            Ok(true) => {
                self.connection.execute_batch("COMMIT").inspect_err(|_| roll_back(&self.connection))?;
                progress(&Progress::Applied { name: work.name.clone() });
            }
            Ok(false) | Err(_) => roll_back(&self.connection),
        }
        result
    }

    /// There is nothing: what a death interrupts was never there.
    fn finish(&mut self, _progress: Tell<'_>) -> Result<(), MigrateError> {
        Ok(())
    }

    fn drift(&self, snapshot: &Snapshot) -> Result<Vec<String>, MigrateError> {
        actual::drift(&self.connection, snapshot)
    }

    /// In a transaction that is taken back; others write to nothing of the file meanwhile, and read what they like.
    fn rehearse(&mut self, plan: &MigrationPlan) -> Result<Vec<Held>, MigrateError> {
        if plan.is_empty() || plan.from == Snapshot::default() {
            return Ok(Vec::new());
        }
        begin(&self.connection, || {})?;
        let began = Instant::now();
        self.connection.progress_handler(10_000, Some(move || began.elapsed() > TRIAL))?;
        let done = perform(&self.connection, &plan.from, &plan.operations, |_, _| {});
        let time = began.elapsed();
        self.connection.progress_handler(0, None::<fn() -> bool>)?;
        roll_back(&self.connection);
        // What stands in the way is told by applying it.
        let whole = done.is_ok() || time <= TRIAL;
        Ok(vec![Held {
            operation: "the whole migration".to_owned(),
            table: "the file".to_owned(),
            whom: "whoever writes to it waits, whoever reads does not".to_owned(),
            time: if whole { HeldTime::Measured(time) } else { HeldTime::Longer(TRIAL) },
        }])
    }

    /// A file has one writer at a time in any case.
    fn limit(&mut self, _limits: Limits) {}
}

/// A plan's statements, for people to read; `purlin_…` are functions that Purlin brings.
pub(super) fn sql(plan: &MigrationPlan) -> Result<String, String> {
    let mut text = String::new();
    for batch in batches(&plan.from, &plan.operations)? {
        for step in batch.steps {
            if let Step::Run(statement) = step {
                text.push_str(&statement);
                text.push_str(";\n");
            }
        }
    }
    Ok(text)
}

/// After an error SQLite may have rolled back by itself, so that there is nothing to roll back.
fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
}

fn transact(
    connection: &Connection,
    seen: &History,
    work: &Work,
    progress: Tell<'_>,
) -> Result<bool, MigrateError> {
    let now = history::read(connection)?;
    if now.last != seen.last {
        return Ok(false);
    }
    history::create(connection)?;
    let operations = &work.plan.operations;
    progress(&Progress::Begins { name: work.name.clone(), operations: operations.len() });
    let snapshot = perform(connection, &now.snapshot, operations, |position, operation| {
        progress(&Progress::Operation { number: position + 1, text: operation.to_string() });
    })?;
    for row in work.rows(&snapshot)? {
        history::record(connection, &row)?;
    }
    Ok(true)
}

/// Opens a connection for migrations; makes the file, and its folder, where there is none.
///
/// # Errors
/// Where the URL names no file, or it cannot be opened.
fn open(url: &str, root: &Path) -> Result<Connection, MigrateError> {
    let path = path_of(root, url).map_err(|error| MigrateError::Open(error.to_string()))?;
    if let Some(folder) = path.parent() {
        crate::private_folder(folder)
            .map_err(|source| MigrateError::Io { path: folder.to_owned(), source })?;
    }
    let started = Instant::now();
    let connection = loop {
        // Becoming WAL needs the file for itself for a moment, which another process may have just now.
        match crate::sqlite::open::open(&path, Role::Writer) {
            Ok(connection) => break connection,
            Err(error) if is_busy(&error) && started.elapsed() < PATIENCE => std::thread::yield_now(),
            Err(error) => {
                let path = path.display();
                return Err(MigrateError::Open(format!("the database {path} cannot be opened: {error}")));
            }
        }
    };
    connection.busy_timeout(REPORT_AFTER)?;
    connection.pragma_update(None, "foreign_keys", false)?;
    add_functions(&connection)?;
    Ok(connection)
}

/// Begins a transaction that holds the database; waits while another process does.
///
/// # Errors
/// Where the other process does not end.
fn begin(connection: &Connection, mut waiting: impl FnMut()) -> Result<(), MigrateError> {
    let started = Instant::now();
    loop {
        match connection.execute_batch("BEGIN IMMEDIATE") {
            Ok(()) => return Ok(()),
            Err(error) if is_busy(&error) && started.elapsed() < PATIENCE => waiting(),
            Err(error) if is_busy(&error) => return Err(MigrateError::Locked(PATIENCE)),
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Performs operations inside the open transaction; gives the picture afterwards.
///
/// # Errors
/// Where records stand in the way, a reference would lead nowhere, or the database fails.
fn perform(
    connection: &Connection,
    from: &Snapshot,
    operations: &[Operation],
    mut begins: impl FnMut(usize, &Operation),
) -> Result<Snapshot, MigrateError> {
    let mut snapshot = from.clone();
    let mut numbered = operations.iter().enumerate();
    for batch in batches(from, operations).map_err(MigrateError::Plan)? {
        numbered
            .by_ref()
            .take(batch.operations)
            .for_each(|(position, operation)| begins(position, operation));
        let strangers = strangers(connection, &snapshot)?;
        for step in batch.steps {
            match step {
                Step::Run(sql) => connection.execute_batch(&sql).map_err(|error| failed(sql, &error))?,
                Step::Check(check) => look(connection, &check)?,
            }
        }
        restore(connection, strangers)?;
        snapshot = batch.after;
    }
    check_references(connection)?;
    Ok(snapshot)
}

/// Looks for records that stand in the way.
fn look(connection: &Connection, check: &Check) -> Result<(), MigrateError> {
    let database = |error: rusqlite::Error| failed(check.sql.clone(), &error);
    let count: i64 = connection
        .query_row(&format!("SELECT count(*) FROM ({})", check.sql), [], |row| row.get(0))
        .map_err(database)?;
    if count == 0 {
        return Ok(());
    }
    let mut found = Found { count: count.unsigned_abs(), examples: Vec::new() };
    let mut statement =
        connection.prepare(&format!("{} LIMIT {}", check.sql, Found::EXAMPLES)).map_err(database)?;
    let examples = statement.query_map([], |row| {
        let (id, value): (Sql, Sql) = (row.get(0)?, row.get(1)?);
        let value = (value != Sql::Null).then(|| to_text(check.ty, &value));
        Ok(shown(&to_text(id_type(&id), &id), value.as_deref()))
    });
    found.examples = examples.and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(database)?;
    found.refuse(&check.operation, &check.problem, &check.hint)
}

fn failed(during: String, error: &rusqlite::Error) -> MigrateError {
    MigrateError::of_sqlite(Some(during), error)
}

fn id_type(id: &Sql) -> ColumnType {
    ColumnType(match id {
        Sql::Blob(_) => Kind::Uuid,
        Sql::Text(_) => Kind::Text,
        _ => Kind::Int,
    })
}

/// Indexes and triggers that somebody made by hand, on tables of ours: a rebuild would lose them.
fn strangers(
    connection: &Connection,
    snapshot: &Snapshot,
) -> rusqlite::Result<Vec<(String, String, String)>> {
    let ours = index_names(snapshot);
    let mut statement = connection.prepare(
        "SELECT name, tbl_name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL",
    )?;
    let all = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    all.filter(|row| row.as_ref().map_or(true, |(name, _, _): &(String, _, _)| !ours.contains(name)))
        .collect()
}

/// Makes them anew where they are gone and their tables are not.
fn restore(connection: &Connection, strangers: Vec<(String, String, String)>) -> Result<(), MigrateError> {
    for (name, table, sql) in strangers {
        let there = "SELECT 1 FROM sqlite_schema WHERE name = ?";
        let is_there = |name: &str| connection.query_row(there, [name], |_| Ok(())).optional();
        if is_there(&name)?.is_none() && is_there(&table)?.is_some() {
            connection.execute_batch(&sql).map_err(|error| failed(sql, &error))?;
        }
    }
    Ok(())
}

/// Every reference leads somewhere, or the migration is refused.
fn check_references(connection: &Connection) -> Result<(), MigrateError> {
    let mut statement = connection.prepare(
        "SELECT \"table\", \"parent\", count(*) FROM pragma_foreign_key_check GROUP BY \"table\", \"parent\"",
    )?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(()) };
    let (table, parent, count): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let cases = if count == 1 { "case" } else { "cases" };
    Err(MigrateError::Refused {
        operation: format!("references of `{table}` to `{parent}`"),
        problem: format!(
            "`{table}` would refer to records of `{parent}` that are not there, in {count} {cases}"
        ),
        hint: "correct or clear these references first".to_owned(),
    })
}

/// `purlin_text(value, type)` and `purlin_parse(text, type)`, by which columns become text and come from it.
fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let ty = |context: &rusqlite::functions::Context<'_>| -> rusqlite::Result<ColumnType> {
        context
            .get::<String>(1)?
            .parse()
            .map_err(|error: String| rusqlite::Error::UserFunctionError(error.into()))
    };
    connection.create_scalar_function("purlin_text", 2, flags, move |context| {
        Ok(match context.get_raw(0) {
            ValueRef::Null => None,
            value => Some(to_text(ty(context)?, &Sql::try_from(value)?)),
        })
    })?;
    connection.create_scalar_function("purlin_parse", 2, flags, move |context| {
        let text: Option<String> = context.get(0)?;
        let ty = ty(context)?;
        Ok(text.and_then(|text| parse(ty, &text)))
    })?;
    free::add_functions(connection)
}
