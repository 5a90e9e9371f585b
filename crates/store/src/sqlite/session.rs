//! A connection that runs compiled statements.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use purlin_schema::{Id, Inputs, RowSet};
use rusqlite::{Connection, Row};

use super::open::{self, Files, Role};
use super::run::{self, Stopped};
use super::{decode, plain};
use crate::error::Error;
use crate::plan::Prepared;
use crate::read::{DEFAULT_ARGS, Source};
use crate::sql::{Args, Statement};
use crate::write::session::NewRow;
use crate::write::{self, Failure};

/// Steps of SQLite's machine between two looks at the clock: some 30 µs.
const STEPS: i32 = 1_000;

/// A statement with a longer text is prepared anew each time: hundreds are kept, by each thread, and a stranger's filter
/// can be made of a great deal.
const LONGEST_KEPT_BYTES: usize = 16 * 1024;

/// A connection.
pub(crate) struct Session {
    pub(crate) connection: Connection,
    watch: Option<Arc<Watch>>,
    faults: Option<Arc<Faults>>,
    /// How many statements gave rows so far.
    statements: Cell<u32>,
}

/// How long the current read may take. The clock is first looked at when the handler first runs, so that
/// short reads never look at it.
#[derive(Default)]
struct Watch {
    read: AtomicU64,
    budget_micros: AtomicU64,
}

/// For tests: which of the coming statements fails.
#[derive(Debug)]
pub(crate) struct Faults {
    /// Statements to go until one fails; negative for never.
    pub(crate) countdown: AtomicI64,
}

impl Faults {
    /// None fails.
    pub(crate) fn never() -> Faults {
        Faults { countdown: AtomicI64::new(-1) }
    }

    fn strike(&self) -> rusqlite::Result<()> {
        if self.countdown.load(Ordering::Relaxed) < 0 || self.countdown.fetch_sub(1, Ordering::Relaxed) != 0 {
            return Ok(());
        }
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR);
        Err(rusqlite::Error::SqliteFailure(code, Some("injected failure".to_owned())))
    }
}

impl Session {
    /// A session that reads, each read with a budget.
    pub(crate) fn reader(files: &Files) -> rusqlite::Result<Session> {
        let mut connection = open::reader(files)?;
        let watch = Arc::new(Watch::default());
        let (shared, mut read, mut begun) = (watch.clone(), 0, Instant::now());
        connection.progress_handler(
            STEPS,
            Some(move || {
                let current = shared.read.load(Ordering::Relaxed);
                if current != read {
                    (read, begun) = (current, Instant::now());
                    return false;
                }
                let budget = Duration::from_micros(shared.budget_micros.load(Ordering::Relaxed));
                begun.elapsed() > budget
            }),
        )?;
        Ok(Session { connection, watch: Some(watch), faults: None, statements: Cell::new(0) })
    }

    /// The session that writes.
    pub(crate) fn writer(path: &Path, faults: Arc<Faults>) -> rusqlite::Result<Session> {
        Ok(Session {
            connection: open::open(path, Role::Writer)?,
            watch: None,
            faults: Some(faults),
            statements: Cell::new(0),
        })
    }

    /// The session that writes to a database that is not Purlin's, too.
    pub(crate) fn writer_beside(
        path: &Path,
        existing: &Path,
        faults: Arc<Faults>,
    ) -> rusqlite::Result<Session> {
        Ok(Session {
            connection: open::writer_beside(path, existing)?,
            watch: None,
            faults: Some(faults),
            statements: Cell::new(0),
        })
    }

    /// Starts a read that may take so long.
    pub(crate) fn allow(&self, budget: Duration) {
        if let Some(watch) = &self.watch {
            watch.read.fetch_add(1, Ordering::Relaxed);
            let micros = u64::try_from(budget.as_micros()).unwrap_or(u64::MAX);
            watch.budget_micros.store(micros, Ordering::Relaxed);
        }
    }

    /// How many statements gave rows so far.
    pub(crate) fn statements(&self) -> u32 {
        self.statements.get()
    }

    /// How many did since there were so many.
    pub(crate) fn statements_since(&self, before: u32) -> u32 {
        self.statements.get().wrapping_sub(before)
    }

    /// Calls for each row until it is told to stop.
    pub(crate) fn each(
        &self,
        statement: &Statement,
        args: &Args<'_>,
        mut row: impl FnMut(&Row<'_>) -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<()> {
        self.strike()?;
        self.statements.set(self.statements.get().wrapping_add(1));
        let mut run = |prepared: &mut rusqlite::Statement<'_>| {
            decode::bind(prepared, &statement.binds, args)?;
            let mut rows = prepared.raw_query();
            while let Some(found) = rows.next()? {
                if !row(found)? {
                    break;
                }
            }
            Ok(())
        };
        if statement.sql.len() > LONGEST_KEPT_BYTES {
            return run(&mut self.connection.prepare(&statement.sql)?);
        }
        run(&mut *self.connection.prepare_cached(&statement.sql)?)
    }

    /// Runs a statement that gives no rows; how many it changed.
    pub(crate) fn execute(&self, statement: &Statement, args: &Args<'_>) -> rusqlite::Result<usize> {
        self.strike()?;
        let mut prepared = self.connection.prepare_cached(&statement.sql)?;
        decode::bind(&mut prepared, &statement.binds, args)?;
        prepared.raw_execute()
    }

    /// Runs a statement of a fixed text.
    pub(crate) fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.strike()?;
        self.connection.prepare_cached(sql)?.raw_execute().map(|_| ())
    }

    /// Whether a transaction is open.
    pub(crate) fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Ends a transaction that may be open, whatever happened.
    pub(crate) fn abandon(&self) -> rusqlite::Result<()> {
        if self.in_transaction() { self.connection.execute_batch("ROLLBACK") } else { Ok(()) }
    }

    fn strike(&self) -> rusqlite::Result<()> {
        self.faults.as_ref().map_or(Ok(()), |faults| faults.strike())
    }
}

/// A file answers at once.
impl write::session::Session for Session {
    async fn each(
        &self,
        statement: &Statement,
        args: &Args<'_>,
        mut row: impl FnMut(&dyn Source) -> bool + Send,
    ) -> Result<(), Failure> {
        Ok(self.each(statement, args, |found| Ok(row(found))).map_err(|error| plain(&error))?)
    }

    async fn insert(&self, row: &NewRow<'_>) -> Result<Option<Id>, Failure> {
        let written = self.execute(row.statement, &row.args()).map_err(|error| plain(&error))?;
        let made = || row.id.unwrap_or_else(|| Id::Int(self.connection.last_insert_rowid()));
        Ok((written > 0).then(made))
    }

    async fn mark(&self) -> Result<(), Failure> {
        Ok(())
    }

    async fn back(&self) -> Result<(), Failure> {
        Ok(())
    }

    async fn query(&self, query: &Prepared, inputs: &(dyn Inputs + Sync)) -> Result<RowSet, Failure> {
        run::query(self, query, inputs, DEFAULT_ARGS).map_err(|stopped| match stopped {
            Stopped::Failed(error) => Failure::Failed(error),
            Stopped::Interrupted => Failure::Failed(Error::Database("interrupted".to_owned())),
        })
    }

    /// The writer tells what is found at the end.
    async fn check_refs(&self) -> Result<(), Failure> {
        Ok(())
    }

    async fn defer_refs(&self, defer: bool) -> Result<(), Failure> {
        let pragma = if defer { "PRAGMA defer_foreign_keys = ON" } else { "PRAGMA defer_foreign_keys = OFF" };
        Ok(self.run(pragma).map_err(|error| plain(&error))?)
    }
}
