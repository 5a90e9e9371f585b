//! A database server: PostgreSQL, MySQL or MariaDB.
//!
//! What is common to them: the order of things, the history, the looks for records that stand in the way, values
//! that are converted row by row. What each says by itself is in its [`Words`].
//!
//! A migration is recorded together with the steps that are still to be done, so that whoever comes after a death
//! goes on from there. Where changes of tables are transactional these are only the steps that are done beside the
//! work of others; elsewhere all of them.

pub(crate) mod convert;
mod free;
pub(crate) mod link;
mod look;
pub(crate) mod looks;
mod perform;
mod rehearse;
pub(crate) mod schema;
pub(crate) mod steps;
pub(crate) mod thread;
pub(crate) mod words;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use purlin_schema::Value;

use super::{Database, Flavour, Limits, Work};
use crate::migrate::diff::MigrationPlan;
use crate::migrate::error::MigrateError;
use crate::migrate::history::{AppliedFile, FORMAT, History};
use crate::migrate::operation::Operation;
use crate::migrate::report::{Held, Progress, Tell};
use crate::migrate::snapshot::{Snapshot, link_name};
use link::{Failure, FailureKind, Link, Rows};
use schema::Schema;
use steps::{Action, Size, Step, steps};
use words::{Lock, Words};

/// How long another process may migrate.
const PATIENCE: Duration = Duration::from_mins(5);
/// How often it is looked whether it has ended.
const GLANCE: Duration = Duration::from_millis(100);
/// How often the wait is reported.
const REPORT_AFTER: Duration = Duration::from_secs(2);
/// How often a step is tried whose table others hold; each waits for as long as the session's lock time-out says.
const TRIES: u32 = 20;
/// How long others are let through in between.
const BREATH: Duration = Duration::from_millis(500);

/// A server that is migrated.
pub(crate) struct Server {
    flavour: Flavour,
    link: Box<dyn Link>,
    words: Box<dyn Words>,
    /// Tries to take the lock of migrations: a row with `1` where it is taken.
    take: &'static str,
    give: &'static str,
    limits: Limits,
}

impl Server {
    pub(crate) fn new(
        flavour: Flavour,
        link: Box<dyn Link>,
        words: Box<dyn Words>,
        (take, give): (&'static str, &'static str),
    ) -> Server {
        Server { flavour, link, words, take, give, limits: Limits::default() }
    }

    /// Waits until no other process migrates, does something, and lets the next one in.
    fn alone<T>(
        &mut self,
        progress: Tell<'_>,
        work: impl FnOnce(&mut Server, Tell<'_>) -> Result<T, MigrateError>,
    ) -> Result<T, MigrateError> {
        self.link.settle()?;
        let (started, mut reported) = (Instant::now(), None::<Instant>);
        while !self.is_one(self.take)? {
            if started.elapsed() > PATIENCE {
                return Err(MigrateError::Locked(PATIENCE));
            }
            if reported.is_none_or(|at| at.elapsed() > REPORT_AFTER) {
                progress(&Progress::Waiting);
                reported = Some(Instant::now());
            }
            self.link.pause(GLANCE);
        }
        let result = work(self, progress);
        // Where the connection is gone, so is the lock.
        drop(self.link.rows(self.give));
        result
    }

    fn is_one(&self, sql: &str) -> Result<bool, MigrateError> {
        Ok(self
            .link
            .rows(sql)?
            .first()
            .and_then(|row| row.first()?.as_deref())
            .is_some_and(|cell| cell == "1"))
    }

    fn sizes(&self) -> Result<BTreeMap<String, Size>, MigrateError> {
        let number = |cell: Option<&Option<String>>| -> u64 {
            cell.and_then(|cell| cell.as_deref()?.parse().ok()).unwrap_or_default()
        };
        let rows = self.link.rows(self.words.sizes())?.into_iter();
        let size = |row: Vec<Option<String>>| {
            let size = Size { bytes: number(row.get(1)), rows: number(row.get(2)) };
            Some((row.into_iter().next()??, size))
        };
        Ok(rows.filter_map(size).collect())
    }

    fn commit_alone(
        &mut self,
        seen: &History,
        work: &Work,
        progress: Tell<'_>,
    ) -> Result<bool, MigrateError> {
        let now = self.history()?;
        if now.last != seen.last || !now.unfinished.is_empty() {
            return Ok(false);
        }
        let operations = &work.plan.operations;
        let sizes = self.sizes()?;
        let made = steps(&*self.words, &now.snapshot, operations, &sizes, self.limits.large);
        let (steps, after) = made.map_err(MigrateError::Plan)?;
        self.check_names(&after)?;
        self.check_rows(&after)?;
        progress(&Progress::Begins { name: work.name.clone(), operations: operations.len() });
        let looks = looks::looks(&*self.words, &now.snapshot, operations).map_err(MigrateError::Plan)?;
        looks.iter().try_for_each(|look| self.look(look))?;
        self.refuse_long_locks(&steps, &sizes)?;
        let records = self.records(work, &after)?;
        if self.words.is_transactional() {
            self.in_one_transaction(&steps, &records, operations, progress)?;
        } else {
            self.make_history()?;
            self.link.run("BEGIN")?;
            let all = steps.iter().enumerate().map(|(position, step)| self.remember(position, step));
            let all = records.into_iter().map(Ok).chain(all).collect::<Result<Vec<_>, _>>()?;
            all.iter().try_for_each(|sql| self.link.run(sql))?;
            self.link.run("COMMIT")?;
        }
        self.go_on(progress)?;
        progress(&Progress::Applied { name: work.name.clone() });
        Ok(true)
    }

    /// The steps that are not put off, and the records, all or nothing; again where others hold a table.
    fn in_one_transaction(
        &self,
        steps: &[Step],
        records: &[String],
        operations: &[Operation],
        progress: Tell<'_>,
    ) -> Result<(), MigrateError> {
        let mut told = 0;
        let mut tell = |number: usize, progress: Tell<'_>| {
            while told < number {
                let text = operations[told].to_string();
                told += 1;
                progress(&Progress::Operation { number: told, text });
            }
        };
        for attempt in 1.. {
            self.link.run("BEGIN")?;
            let mut at = None;
            let done = (|| -> Result<(), StepError> {
                self.words.create_history().iter().try_for_each(|sql| self.link.run(sql))?;
                for step in steps.iter().filter(|step| !step.beside) {
                    at = Some(step);
                    tell(step.operation, progress);
                    self.perform(step)?;
                }
                at = None;
                records.iter().try_for_each(|sql| self.link.run(sql))?;
                for (position, step) in steps.iter().enumerate().filter(|(_, step)| step.beside) {
                    self.link.run(&self.remember(position, step)?)?;
                }
                self.link.run("COMMIT")?;
                Ok(())
            })();
            let Err(error) = done else { break };
            drop(self.link.run("ROLLBACK"));
            self.again_or(error, at, attempt, progress)?;
        }
        tell(operations.len(), progress);
        Ok(())
    }

    /// Lets others through and says that it is to be tried again; or gives the error.
    fn again_or(
        &self,
        error: StepError,
        step: Option<&Step>,
        attempt: u32,
        progress: Tell<'_>,
    ) -> Result<(), MigrateError> {
        let StepError::Failed(failure) = error else { return Err(error.into()) };
        if failure.kind != FailureKind::Locked {
            return Err(failure.into());
        }
        let table = step.map(|step| step.table.clone()).unwrap_or_default();
        if attempt >= TRIES {
            return Err(MigrateError::InUse { table, tries: TRIES });
        }
        progress(&Progress::InUse { table });
        self.link.pause(BREATH);
        Ok(())
    }

    /// Does the steps that are recorded as still to be done.
    fn go_on(&self, progress: Tell<'_>) -> Result<(), MigrateError> {
        let rows = self
            .link
            .rows("SELECT \"position\", \"step\" FROM \"_migrations_steps\" ORDER BY \"position\"")?;
        let mut told = 0;
        for row in rows {
            let [Some(position), Some(json)] = row.as_slice() else { continue };
            let step: Step = serde_json::from_str(json).map_err(|error| {
                MigrateError::Open(format!("a row of `_migrations_steps` cannot be read: {error}"))
            })?;
            if step.operation != told {
                told = step.operation;
                progress(&Progress::Operation { number: told, text: step.text.clone() });
            }
            for attempt in 1.. {
                match self.perform_apart(&step) {
                    Ok(()) => break,
                    Err(error) => self.again_or(error, Some(&step), attempt, progress)?,
                }
            }
            self.link.run(&format!("DELETE FROM \"_migrations_steps\" WHERE \"position\" = {position}"))?;
        }
        Ok(())
    }

    /// The statements that record the work.
    fn records(&self, work: &Work, after: &Snapshot) -> Result<Vec<String>, MigrateError> {
        let text = |text: &str| self.words.literal(&Value::from(text));
        let row = |row: crate::migrate::history::NewRow<'_>| {
            let none = || "NULL".to_owned();
            format!(
                "INSERT INTO \"_migrations\" (\"format\", \"number\", \"name\", \"checksum\", \"applied_at\", \
                 \"operations\", \"snapshot\") VALUES ({FORMAT}, {}, {}, {}, {}, {}, {})",
                row.file.map_or_else(none, |file| file.number.to_string()),
                row.file.map_or_else(none, |file| text(&file.name)),
                row.file.map_or_else(none, |file| text(&file.checksum)),
                row.applied_at,
                text(&row.operations),
                text(&row.snapshot)
            )
        };
        Ok(work.rows(after)?.into_iter().map(row).collect())
    }

    /// The statement that keeps a step for later.
    fn remember(&self, position: usize, step: &Step) -> Result<String, MigrateError> {
        let json = serde_json::to_string(step).map_err(|error| MigrateError::Plan(error.to_string()))?;
        let json = self.words.literal(&Value::from(json));
        Ok(format!("INSERT INTO \"_migrations_steps\" (\"position\", \"step\") VALUES ({position}, {json})"))
    }

    fn make_history(&self) -> Result<(), MigrateError> {
        self.words.create_history().iter().try_for_each(|sql| self.link.run(sql)).map_err(Into::into)
    }

    /// What would keep others waiting for as long as a large table takes to be written anew is not done unasked.
    fn refuse_long_locks(&self, steps: &[Step], sizes: &BTreeMap<String, Size>) -> Result<(), MigrateError> {
        if self.limits.long_locks {
            return Ok(());
        }
        let long = steps.iter().find(|step| {
            let size = sizes.get(&step.table).copied().unwrap_or_default();
            !step.beside && step.lock().is_long() && size.rows > 0 && size.bytes >= self.limits.large
        });
        let Some(step) = long else { return Ok(()) };
        let size = sizes.get(&step.table).copied().unwrap_or_default();
        Err(MigrateError::LongLock {
            operation: step.text.clone(),
            table: step.table.clone(),
            rows: size.rows,
            megabytes: size.bytes >> 20,
            whom: step.lock().to_string(),
        })
    }

    /// A longer name would be cut off in silence, or refused halfway.
    fn check_names(&self, after: &Snapshot) -> Result<(), MigrateError> {
        let limit = self.words.name_limit();
        let tables = after.tables.iter().flat_map(|(name, table)| {
            let links = table.links.keys().map(|field| link_name(name, field));
            std::iter::once(name.clone()).chain(links).chain(table.fields.keys().cloned())
        });
        match tables.into_iter().find(|name| name.len() > limit) {
            Some(name) => Err(MigrateError::Plan(format!(
                "the name `{name}` has {} bytes, and this database takes {limit}: give the model or field a \
                 shorter one",
                name.len()
            ))),
            None => Ok(()),
        }
    }

    /// What cannot be kept is refused before the first step, not at one in the middle.
    fn check_rows(&self, after: &Snapshot) -> Result<(), MigrateError> {
        let schema = Schema::of(after, &*self.words);
        let fault = schema.tables.iter().find_map(|(name, shape)| self.words.row_fault(name, shape));
        fault.map_or(Ok(()), |fault| Err(MigrateError::Plan(fault)))
    }

    fn real(&self) -> Result<Schema, MigrateError> {
        self.words.read(&mut |sql: &str| -> Result<Rows, MigrateError> { Ok(self.link.rows(sql)?) })
    }
}

impl Database for Server {
    fn flavour(&self) -> Flavour {
        self.flavour
    }

    fn limit(&mut self, limits: Limits) {
        self.limits = limits;
    }

    fn history(&self) -> Result<History, MigrateError> {
        if self.link.rows(self.words.has_history())?.is_empty() {
            let foreign = self.link.rows(self.words.foreign_table())?;
            return match foreign.into_iter().flatten().flatten().next() {
                Some(table) => Err(MigrateError::Foreign(table)),
                None => Ok(History::default()),
            };
        }
        let cell = |row: &Vec<Option<String>>, at: usize| row.get(at).cloned().flatten();
        // Before any other column is named: a newer format may have other columns.
        let found = self.link.rows("SELECT max(\"format\") FROM \"_migrations\"")?;
        History::check_format(found.first().and_then(|row| cell(row, 0)?.parse().ok()))?;
        let mut history = History::default();
        let sql = "SELECT \"id\", \"number\", \"name\", \"checksum\", \"applied_at\" FROM \"_migrations\" ORDER BY \"id\"";
        for row in self.link.rows(sql)? {
            let number = |at| cell(&row, at).and_then(|text| text.parse::<i64>().ok());
            let file = number(1).and_then(|number| u32::try_from(number).ok()).map(|number| AppliedFile {
                number,
                name: cell(&row, 2).unwrap_or_default(),
                checksum: cell(&row, 3).unwrap_or_default(),
            });
            history.push(number(0).unwrap_or_default(), file, number(4).unwrap_or_default());
        }
        if history.last > 0 {
            let sql = format!("SELECT \"snapshot\" FROM \"_migrations\" WHERE \"id\" = {}", history.last);
            let json = self.link.rows(&sql)?.first().and_then(|row| cell(row, 0)).unwrap_or_default();
            history.set_snapshot(&json)?;
        }
        let left = self.link.rows("SELECT \"step\" FROM \"_migrations_steps\" ORDER BY \"position\"")?;
        let step = |row: &Vec<Option<String>>| serde_json::from_str::<Step>(&cell(row, 0)?).ok();
        history.unfinished = left.iter().filter_map(step).map(|step| step.text).collect();
        history.unfinished.dedup();
        Ok(history)
    }

    fn commit(&mut self, seen: &History, work: &Work, progress: Tell<'_>) -> Result<bool, MigrateError> {
        self.alone(progress, |server, progress| server.commit_alone(seen, work, progress))
    }

    fn finish(&mut self, progress: Tell<'_>) -> Result<(), MigrateError> {
        self.alone(progress, |server, progress| {
            let history = server.history()?;
            if history.unfinished.is_empty() {
                return Ok(());
            }
            let label = history.rows.last().and_then(|row| Some(row.file.as_ref()?.label()));
            let name = label.unwrap_or_else(|| "changes of the models".to_owned());
            let operations = history.unfinished.len();
            progress(&Progress::Begins { name: format!("{name}, the rest of it"), operations });
            server.go_on(progress)?;
            progress(&Progress::Applied { name });
            Ok(())
        })
    }

    fn rehearse(&mut self, plan: &MigrationPlan) -> Result<Vec<Held>, MigrateError> {
        self.rehearse_steps(plan)
    }

    fn drift(&self, snapshot: &Snapshot) -> Result<Vec<String>, MigrateError> {
        let (ours, real) = (Schema::of(snapshot, &*self.words), self.real()?);
        let mut list = ours.differences(&real);
        list.extend(ours.strangers(&real));
        Ok(list)
    }
}

/// A plan's statements, for people to read, on a database whose tables are small.
pub(crate) fn sql(words: &dyn Words, plan: &MigrationPlan) -> Result<String, String> {
    let (steps, _) = steps(words, &plan.from, &plan.operations, &BTreeMap::new(), u64::MAX)?;
    Ok(steps.iter().map(|step| step.sql(words)).collect())
}

/// Why a step was not done.
pub(crate) enum StepError {
    /// The server says so.
    Failed(Failure),
    /// We do.
    Told(MigrateError),
}

impl From<Failure> for StepError {
    fn from(failure: Failure) -> StepError {
        StepError::Failed(failure)
    }
}

impl From<MigrateError> for StepError {
    fn from(error: MigrateError) -> StepError {
        StepError::Told(error)
    }
}

impl From<StepError> for MigrateError {
    fn from(error: StepError) -> MigrateError {
        match error {
            StepError::Failed(failure) => failure.into(),
            StepError::Told(error) => error,
        }
    }
}

impl Step {
    /// Whom it keeps waiting.
    pub(crate) fn lock(&self) -> Lock {
        match &self.action {
            Action::Run { lock, .. } => *lock,
            Action::Fill { .. } => Lock::Rows,
            Action::Convert { .. } => Lock::Rewrite,
            Action::TakeFree { .. } | Action::GiveFree { .. } => Lock::Copy,
            Action::Index { .. } => Lock::Nobody,
        }
    }
}
