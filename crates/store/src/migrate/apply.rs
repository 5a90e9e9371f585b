//! The migrator: what is applied, what is missing, and how the database gets there.
//!
//! The database's own history says what it is; the files say what it should be in production; the models
//! say what it should be under `dev`. Usually the first is what replaying its applied files gives. After
//! `dev` changed something by itself it is not, and then the way to the files (or models) is found by
//! comparing pictures, and the files that lead there are recorded as applied.

use std::fmt;
use std::path::{Path, PathBuf};

use purlin_schema::Models;
use rusqlite::Connection;

use super::connection::{begin, open, perform};
use super::diff::MigrationPlan;
use super::error::MigrateError;
use super::file::{MigrationFile, read_all, replay_all};
use super::history::{self, History};
use super::operation::Operation;
use super::snapshot::{Snapshot, Wanted};

/// Migrates one site's database.
pub struct Migrator {
    root: PathBuf,
    connection: Connection,
    progress: Box<dyn FnMut(&Progress) + Send>,
}

/// What a migration is doing; its text is for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Another process holds the database; said every two seconds.
    Waiting,
    /// A migration begins.
    Begins {
        /// The file's number and name, or what else it is.
        name: String,
        /// How many operations it has.
        operations: usize,
    },
    /// One of its operations begins.
    Operation {
        /// Which, from 1.
        number: usize,
        /// The operation, as a plan shows it.
        text: String,
    },
    /// The migration is committed.
    Applied {
        /// The file's number and name, or what else it is.
        name: String,
    },
}

/// Who agrees to lose data.
pub enum Consent<'ask> {
    /// Nobody: a migration that loses data is refused.
    Refuse,
    /// It was agreed to beforehand.
    Grant,
    /// A person, who is shown the plan.
    Ask(&'ask mut dyn FnMut(&MigrationPlan) -> bool),
}

/// What the files and the database say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Every migration, in order.
    pub migrations: Vec<MigrationStatus>,
    /// What `dev` changed and no file says, as a plan shows it.
    pub only_here: Vec<String>,
}

/// One migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Number and name: `0002_subtitles`.
    pub label: String,
    /// What became of it.
    pub state: MigrationState,
}

/// What became of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationState {
    /// Applied at this time, in microseconds UTC.
    Applied(i64),
    /// Not yet applied.
    Pending,
    /// Applied, and its file changed since.
    Changed,
    /// Applied, and its file is gone.
    Missing,
}

/// What `new` did.
#[derive(Clone, Debug, PartialEq)]
pub enum NewMigration {
    /// The files say all that the models ask for.
    Nothing,
    /// A file was written.
    Written {
        /// The file, relative to the site.
        path: PathBuf,
        /// What it does.
        plan: MigrationPlan,
        /// Whether this database is there already, by `dev`.
        applied_here: bool,
    },
}

/// What `dev` did.
#[derive(Clone, Debug, PartialEq)]
pub enum DevOutcome {
    /// The database is as the models ask.
    UpToDate,
    /// It is now, by these operations.
    Applied(Vec<Operation>),
    /// It is not: this would lose data, and nobody agreed.
    Declined(MigrationPlan),
}

/// Why a database does not fit the models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Files that are not applied.
    pub pending: Vec<String>,
    /// Changes of the models that no file says, as a plan shows them.
    pub unwritten: Vec<String>,
}

/// What is to be done in one transaction.
struct Move {
    name: String,
    plan: MigrationPlan,
    files: Vec<MigrationFile>,
    by_dev: bool,
}

impl Migrator {
    /// Opens a site's database for migrations; makes it where there is none.
    ///
    /// # Errors
    /// Where the URL names no database that can be opened.
    pub fn open(url: &str, root: &Path) -> Result<Migrator, MigrateError> {
        let connection = open(url, root)?;
        Ok(Migrator { root: root.to_owned(), connection, progress: Box::new(|_| {}) })
    }

    /// With somebody who is told what happens.
    #[must_use]
    pub fn on_progress(mut self, progress: impl FnMut(&Progress) + Send + 'static) -> Migrator {
        self.progress = Box::new(progress);
        self
    }

    /// What the files and the database say.
    ///
    /// # Errors
    /// Where a file or the database cannot be read.
    pub fn status(&self) -> Result<Status, MigrateError> {
        let files = read_all(&self.root)?;
        let history = History::read(&self.connection)?;
        let mut migrations: Vec<_> = files.iter().map(|file| file_status(file, &history)).collect();
        let gone = history.files().filter(|applied| !files.iter().any(|file| applied.is(file)));
        migrations.extend(
            gone.map(|applied| MigrationStatus { label: applied.label(), state: MigrationState::Missing }),
        );
        migrations.sort_by(|a, b| a.label.cmp(&b.label));
        let applied = replay_all(files.iter().filter(|file| history.has(file)))?;
        let only_here = between(&applied, &wanted(history.snapshot))?;
        Ok(Status { migrations, only_here: texts(&only_here) })
    }

    /// What `new` would write: from what the files say to what the models ask for. Needs no database.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn plan(&self, models: &Models) -> Result<MigrationPlan, MigrateError> {
        between(&replay_all(&read_all(&self.root)?)?, &Wanted::of(models))
    }

    /// Writes a migration file with what the files do not yet say of the models. Where `dev` brought this
    /// database there already, the file is recorded as applied to it.
    ///
    /// # Errors
    /// Where a file or the database cannot be read or written.
    pub fn write_new(&mut self, models: &Models, name: &str) -> Result<NewMigration, MigrateError> {
        self.write_new_for(&Wanted::of(models), name)
    }

    /// As [`write_new`](Self::write_new), for a picture.
    ///
    /// # Errors
    /// As there.
    pub fn write_new_for(&mut self, wanted: &Wanted, name: &str) -> Result<NewMigration, MigrateError> {
        let files = read_all(&self.root)?;
        let history = History::read(&self.connection)?;
        check_changed(&files, &history)?;
        let plan = between(&replay_all(&files)?, wanted)?;
        if plan.is_empty() {
            return Ok(NewMigration::Nothing);
        }
        let number = files.last().map_or(1, |last| last.number + 1);
        let file = MigrationFile::new(number, name, plan.operations.clone())?;
        file.write(&self.root)?;
        let mut applied_here = history.snapshot == wanted.snapshot;
        if applied_here {
            let mut missing: Vec<_> = files.into_iter().filter(|file| !history.has(file)).collect();
            missing.push(file.clone());
            let nothing = MigrationPlan { from: history.snapshot.clone(), operations: Vec::new() };
            let name = file.label();
            let record = Move { name, plan: nothing, files: missing, by_dev: false };
            applied_here = self.commit(&history, &record)?;
        }
        Ok(NewMigration::Written { path: file.path, plan, applied_here })
    }

    /// Applies every migration file that is not applied yet, a transaction each; gives their labels.
    ///
    /// # Errors
    /// Where a file was changed or is missing, data would be lost without consent, or records stand in the way.
    pub fn apply(&mut self, mut consent: Consent<'_>) -> Result<Vec<String>, MigrateError> {
        let mut applied = Vec::new();
        loop {
            let files = read_all(&self.root)?;
            let history = History::read(&self.connection)?;
            check_applied(&files, &history)?;
            check_order(&files, &history)?;
            let Some(next) = next_file(&files, &history)? else { return Ok(applied) };
            if next.plan.is_destructive() && !consent.given(&next.plan) {
                return Err(MigrateError::NeedsConsent(next.plan));
            }
            if self.commit(&history, &next)? {
                applied.extend(next.files.iter().map(MigrationFile::label));
            }
        }
    }

    /// Brings the database to the models: files first, then what they do not say. What loses nothing is done
    /// at once; what loses data is shown to `ask`.
    ///
    /// # Errors
    /// Where an applied file was changed, or records stand in the way.
    pub fn dev(
        &mut self,
        models: &Models,
        ask: impl FnMut(&MigrationPlan) -> bool,
    ) -> Result<DevOutcome, MigrateError> {
        self.dev_to(&Wanted::of(models), ask)
    }

    /// As [`dev`](Self::dev), for a picture.
    ///
    /// # Errors
    /// As there.
    pub fn dev_to(
        &mut self,
        wanted: &Wanted,
        mut ask: impl FnMut(&MigrationPlan) -> bool,
    ) -> Result<DevOutcome, MigrateError> {
        let mut done = Vec::new();
        loop {
            let files = read_all(&self.root)?;
            let history = History::read(&self.connection)?;
            check_changed(&files, &history)?;
            let Some(next) = next_under_dev(&files, &history, wanted)? else { break };
            if next.plan.is_destructive() && !ask(&next.plan) {
                return Ok(DevOutcome::Declined(next.plan));
            }
            if self.commit(&history, &next)? {
                done.extend(next.plan.operations);
            }
        }
        Ok(if done.is_empty() { DevOutcome::UpToDate } else { DevOutcome::Applied(done) })
    }

    /// Why the database does not fit the models; `None` where it does.
    ///
    /// # Errors
    /// Where a file or the database cannot be read.
    pub fn is_behind(&self, models: &Models) -> Result<Option<Behind>, MigrateError> {
        self.is_behind_of(&Wanted::of(models))
    }

    /// As [`is_behind`](Self::is_behind), for a picture.
    ///
    /// # Errors
    /// As there.
    pub fn is_behind_of(&self, wanted: &Wanted) -> Result<Option<Behind>, MigrateError> {
        let history = History::read(&self.connection)?;
        let missing = between(&history.snapshot, wanted)?;
        // Another list of choices changes no table: a site that only gained a role need not wait for a migration.
        if missing.operations.iter().all(|operation| matches!(operation, Operation::SetChoices { .. })) {
            return Ok(None);
        }
        let files = read_all(&self.root)?;
        check_applied(&files, &history)?;
        let unwritten = texts(&between(&replay_all(&files)?, wanted)?);
        let pending = files.iter().filter(|file| !history.has(file)).map(MigrationFile::label).collect();
        Ok(Some(Behind { pending, unwritten }))
    }

    /// Does it in one transaction; gives false, and does nothing, where another process was faster.
    fn commit(&mut self, seen: &History, next: &Move) -> Result<bool, MigrateError> {
        let progress = &mut self.progress;
        begin(&self.connection, || progress(&Progress::Waiting))?;
        let result = transact(&self.connection, seen, next, progress);
        match &result {
            Ok(true) => {
                self.connection.execute_batch("COMMIT").inspect_err(|_| roll_back(&self.connection))?;
                (self.progress)(&Progress::Applied { name: next.name.clone() });
            }
            Ok(false) | Err(_) => roll_back(&self.connection),
        }
        result
    }
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
    next: &Move,
    progress: &mut dyn FnMut(&Progress),
) -> Result<bool, MigrateError> {
    let now = History::read(connection)?;
    if now.last != seen.last {
        return Ok(false);
    }
    history::create(connection)?;
    let operations = &next.plan.operations;
    progress(&Progress::Begins { name: next.name.clone(), operations: operations.len() });
    let snapshot = perform(connection, &now.snapshot, operations, |position, operation| {
        progress(&Progress::Operation { number: position + 1, text: operation.to_string() });
    })?;
    let json = serde_json::to_string(operations).map_err(|error| MigrateError::Plan(error.to_string()))?;
    for (position, file) in next.files.iter().enumerate() {
        // Where several are recorded for one change, what was done stands with the first.
        let operations = if position == 0 { json.as_str() } else { "[]" };
        history::record(connection, Some(file), operations, &snapshot)?;
    }
    if next.by_dev {
        history::record(connection, None, &json, &snapshot)?;
    }
    Ok(true)
}

/// The next move towards the files.
fn next_file(files: &[MigrationFile], history: &History) -> Result<Option<Move>, MigrateError> {
    let pending: Vec<_> = files.iter().filter(|file| !history.has(file)).collect();
    let Some(first) = pending.first() else { return Ok(None) };
    if replay_all(files.iter().filter(|file| history.has(file)))? == history.snapshot {
        let mut replayed = history.snapshot.clone();
        first.replay(&mut replayed)?;
        let plan = MigrationPlan { from: history.snapshot.clone(), operations: first.operations.clone() };
        return Ok(Some(Move { name: first.label(), plan, files: vec![(*first).clone()], by_dev: false }));
    }
    let mut target = wanted(replay_all(files)?);
    learn(&mut target, &pending);
    let plan = between(&history.snapshot, &target)?;
    let name = pending.iter().map(|file| file.label()).collect::<Vec<_>>().join(", ");
    Ok(Some(Move { name, plan, files: pending.into_iter().cloned().collect(), by_dev: false }))
}

/// The next move towards the models: pending files as they are while the database is what its files say,
/// otherwise straight to the models.
fn next_under_dev(
    files: &[MigrationFile],
    history: &History,
    wanted: &Wanted,
) -> Result<Option<Move>, MigrateError> {
    let is_in_order = history.files().all(|applied| files.iter().any(|file| applied.is(file)))
        && check_order(files, history).is_ok();
    let pending: Vec<_> = files.iter().filter(|file| !history.has(file)).collect();
    let is_as_files_say =
        is_in_order && replay_all(files.iter().filter(|file| history.has(file)))? == history.snapshot;
    if is_as_files_say && let Some(next) = next_file(files, history)? {
        return Ok(Some(next));
    }
    let mut target = wanted.clone();
    learn(&mut target, &pending);
    let plan = between(&history.snapshot, &target)?;
    if plan.is_empty() && pending.is_empty() {
        return Ok(None);
    }
    let by_dev = !plan.is_empty();
    let files = pending.into_iter().cloned().collect();
    Ok(Some(Move { name: "changes of the models".to_owned(), plan, files, by_dev }))
}

/// What files know of the way: former names and values for records that are there.
fn learn(target: &mut Wanted, files: &[&MigrationFile]) {
    for operation in files.iter().flat_map(|file| &file.operations) {
        match operation {
            Operation::RenameTable { from, to } => {
                target.tables_were.entry(to.clone()).or_insert_with(|| from.clone());
            }
            Operation::RenameField { table, from, to } => {
                let key = (table.clone(), to.clone());
                target.fields_were.entry(key).or_insert_with(|| from.clone());
            }
            Operation::AddField { table, field, default: Some(default), .. }
            | Operation::SetRequired { table, field, default: Some(default) } => {
                let key = (table.clone(), field.clone());
                target.defaults.entry(key).or_insert_with(|| default.clone());
            }
            _ => {}
        }
    }
}

fn wanted(snapshot: Snapshot) -> Wanted {
    Wanted { snapshot, ..Wanted::default() }
}

fn between(from: &Snapshot, wanted: &Wanted) -> Result<MigrationPlan, MigrateError> {
    MigrationPlan::between(from, wanted).map_err(MigrateError::Plan)
}

fn texts(plan: &MigrationPlan) -> Vec<String> {
    plan.operations.iter().map(ToString::to_string).collect()
}

fn file_status(file: &MigrationFile, history: &History) -> MigrationStatus {
    let row = history.rows.iter().find(|row| row.file.as_ref().is_some_and(|applied| applied.is(file)));
    let state = match row {
        None => MigrationState::Pending,
        Some(row) if row.file.as_ref().is_some_and(|applied| applied.checksum != file.checksum) => {
            MigrationState::Changed
        }
        Some(row) => MigrationState::Applied(row.applied_at),
    };
    MigrationStatus { label: file.label(), state }
}

/// Every file that is applied is as it was.
fn check_changed(files: &[MigrationFile], history: &History) -> Result<(), MigrateError> {
    let changed = |file: &&MigrationFile| {
        history.files().any(|applied| applied.is(file) && applied.checksum != file.checksum)
    };
    files.iter().find(changed).map_or(Ok(()), |file| Err(MigrateError::Changed(file.path.clone())))
}

/// Every file that is applied is there, and as it was.
fn check_applied(files: &[MigrationFile], history: &History) -> Result<(), MigrateError> {
    if let Some(gone) = history.files().find(|applied| !files.iter().any(|file| applied.is(file))) {
        return Err(MigrateError::Missing(gone.label()));
    }
    check_changed(files, history)
}

/// Files that are not applied come after those that are.
fn check_order(files: &[MigrationFile], history: &History) -> Result<(), MigrateError> {
    let Some(last) = history.files().max_by_key(|applied| applied.number) else { return Ok(()) };
    let late = files.iter().find(|file| !history.has(file) && file.number <= last.number);
    late.map_or(Ok(()), |file| {
        Err(MigrateError::OutOfOrder {
            file: file.path.clone(),
            applied: last.label(),
            next: files.last().map_or(1, |last| last.number + 1),
        })
    })
}

impl Consent<'_> {
    fn given(&mut self, plan: &MigrationPlan) -> bool {
        match self {
            Consent::Refuse => false,
            Consent::Grant => true,
            Consent::Ask(ask) => ask(plan),
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Progress::Waiting => f.write_str("another process holds the database; waiting"),
            Progress::Begins { name, operations } => write!(f, "applying {name} (operations: {operations})"),
            Progress::Operation { text, .. } => write!(f, "  {text}"),
            Progress::Applied { name } => write!(f, "applied {name}"),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.migrations.is_empty() {
            writeln!(f, "there are no migration files")?;
        }
        for migration in &self.migrations {
            match migration.state {
                MigrationState::Applied(at) => {
                    let at =
                        jiff::Timestamp::from_microsecond(at).map(|at| at.strftime("%Y-%m-%d %H:%M:%S UTC"));
                    match at {
                        Ok(at) => writeln!(f, "{}  applied {at}", migration.label)?,
                        Err(_) => writeln!(f, "{}  applied", migration.label)?,
                    }
                }
                MigrationState::Pending => writeln!(f, "{}  pending", migration.label)?,
                MigrationState::Changed => {
                    writeln!(f, "{}  applied, and its file was changed since", migration.label)?;
                }
                MigrationState::Missing => writeln!(f, "{}  applied, and its file is gone", migration.label)?,
            }
        }
        if !self.only_here.is_empty() {
            writeln!(f, "changed by `purlin dev` and in no file (write one with `purlin migrate new`):")?;
            for text in &self.only_here {
                writeln!(f, "  {text}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for NewMigration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NewMigration::Nothing => f.write_str("the migrations say all that the models ask for"),
            NewMigration::Written { path, plan, applied_here } => {
                write!(f, "{plan}\nwrote {}", path.display())?;
                if *applied_here {
                    f.write_str("; this database has these changes already")
                } else {
                    f.write_str("; review it, then run `purlin migrate apply`")
                }
            }
        }
    }
}

impl fmt::Display for DevOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DevOutcome::UpToDate => f.write_str("the database is up to date"),
            DevOutcome::Applied(operations) => {
                f.write_str("the database was changed:")?;
                operations.iter().try_for_each(|operation| write!(f, "\n{operation}"))
            }
            DevOutcome::Declined(plan) => write!(
                f,
                "the models changed in a way that loses data, and nobody agreed; the database is as it was\n\n{plan}\n\
                 run `purlin dev` in a terminal to be asked; or, where something only has a new name, write \
                 `was = \"old\"` beside it"
            ),
        }
    }
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the database is not as the models ask; ")?;
        if !self.unwritten.is_empty() {
            f.write_str("run `purlin migrate new --name NAME`, review the file, and ")?;
        }
        f.write_str("run `purlin migrate apply`")?;
        for pending in &self.pending {
            write!(f, "\n  not applied: {pending}")?;
        }
        for text in &self.unwritten {
            write!(f, "\n  in no migration: {text}")?;
        }
        Ok(())
    }
}
