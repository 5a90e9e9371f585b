//! The migrator: what is applied, what is missing, and how the database gets there.
//!
//! The database's own history says what it is; the files say what it should be in production; the models
//! say what it should be under `dev`. Usually the first is what replaying its applied files gives. After
//! `dev` changed something by itself it is not, and then the way to the files (or models) is found by
//! comparing pictures, and the files that lead there are recorded as applied.

use std::path::{Path, PathBuf};

use purlin_schema::Models;

use super::databases::{self, Database, Flavour, Limits, Work};
use super::diff::MigrationPlan;
use super::error::MigrateError;
use super::file::{MigrationFile, read_all, replay_all};
use super::history::History;
use super::operation::Operation;
use super::report::{
    Behind, DevOutcome, Held, MigrationState, MigrationStatus, NewMigration, Progress, Status,
};
use super::snapshot::{Snapshot, Wanted};

/// Migrates one site's database.
pub struct Migrator {
    root: PathBuf,
    database: Box<dyn Database>,
    progress: Box<dyn FnMut(&Progress) + Send>,
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

impl Migrator {
    /// Opens a site's database for migrations; makes it where there is none.
    ///
    /// # Errors
    /// Where the URL names no database that can be opened.
    pub fn open(url: &str, root: &Path) -> Result<Migrator, MigrateError> {
        let database = databases::open(url, root, false)?;
        Ok(Migrator { root: root.to_owned(), database, progress: Box::new(|_| {}) })
    }

    /// As [`open`](Self::open); a server is asked to make the database where there is none.
    ///
    /// # Errors
    /// As there.
    pub fn open_or_create(url: &str, root: &Path) -> Result<Migrator, MigrateError> {
        let database = databases::open(url, root, true)?;
        Ok(Migrator { root: root.to_owned(), database, progress: Box::new(|_| {}) })
    }

    /// Lets large tables be written anew while those who use them wait.
    #[must_use]
    pub fn allow_long_locks(mut self) -> Migrator {
        self.database.limit(Limits { long_locks: true, ..Limits::default() });
        self
    }

    /// For tests: how many bytes make a table large.
    #[doc(hidden)]
    #[must_use]
    pub fn large_from(mut self, bytes: u64) -> Migrator {
        self.database.limit(Limits { large: bytes, long_locks: false });
        self
    }

    /// Which database it is.
    #[must_use]
    pub fn flavour(&self) -> Flavour {
        self.database.flavour()
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
        let history = self.database.history()?;
        let mut migrations: Vec<_> = files.iter().map(|file| file_status(file, &history)).collect();
        let gone = history.files().filter(|applied| !files.iter().any(|file| applied.is(file)));
        migrations.extend(
            gone.map(|applied| MigrationStatus { label: applied.label(), state: MigrationState::Missing }),
        );
        migrations.sort_by(|a, b| a.label.cmp(&b.label));
        let applied = replay_all(files.iter().filter(|file| history.has(file)))?;
        let recorded = history.snapshot.clone();
        let only_here = between(&applied, &wanted(history.snapshot))?;
        let unfinished = history.unfinished.clone();
        let drift = if unfinished.is_empty() { self.database.drift(&recorded)? } else { Vec::new() };
        Ok(Status { migrations, only_here: texts(&only_here), unfinished, drift })
    }

    /// What `new` would write: from what the files say to what the models ask for. Needs no database.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn plan(&self, models: &Models) -> Result<MigrationPlan, MigrateError> {
        between(&replay_all(&read_all(&self.root)?)?, &Wanted::of(models))
    }

    /// What bringing this database to the models asks of those who use it meanwhile: which locks, and for how long they
    /// are held on what is in it, tried in a transaction that is taken back.
    ///
    /// # Errors
    /// Where a file or the database cannot be read.
    pub fn locks(&mut self, models: &Models) -> Result<Vec<Held>, MigrateError> {
        self.locks_to(&Wanted::of(models))
    }

    /// As [`locks`](Self::locks), for a picture.
    ///
    /// # Errors
    /// As there.
    pub fn locks_to(&mut self, wanted: &Wanted) -> Result<Vec<Held>, MigrateError> {
        let files = read_all(&self.root)?;
        let history = self.database.history()?;
        let pending: Vec<_> = files.iter().filter(|file| !history.has(file)).collect();
        let mut target = wanted.clone();
        learn(&mut target, &pending);
        self.database.rehearse(&between(&history.snapshot, &target)?)
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
        let history = self.database.history()?;
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
            let record = Work { name, plan: nothing, files: missing, by_dev: false };
            applied_here = self.commit(&history, &record)?;
        }
        Ok(NewMigration::Written { path: file.path, plan, applied_here })
    }

    /// Applies every migration file that is not applied yet, a transaction each; gives their labels.
    ///
    /// # Errors
    /// Where a file was changed or is missing, data would be lost without consent, or records stand in the way.
    pub fn apply(&mut self, mut consent: Consent<'_>) -> Result<Vec<String>, MigrateError> {
        let next = |files: &[MigrationFile], history: &History| {
            check_applied(files, history)?;
            check_order(files, history)?;
            next_file(files, history)
        };
        let (done, declined) = self.work(next, |plan| consent.given(plan))?;
        match declined {
            Some(plan) => Err(MigrateError::NeedsConsent(plan)),
            None => Ok(done.iter().flat_map(|work| &work.files).map(MigrationFile::label).collect()),
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
        ask: impl FnMut(&MigrationPlan) -> bool,
    ) -> Result<DevOutcome, MigrateError> {
        let next = |files: &[MigrationFile], history: &History| {
            check_changed(files, history)?;
            next_under_dev(files, history, wanted)
        };
        let (done, declined) = self.work(next, ask)?;
        let done: Vec<Operation> = done.into_iter().flat_map(|work| work.plan.operations).collect();
        Ok(match declined {
            Some(plan) => DevOutcome::Declined(plan),
            None if done.is_empty() => DevOutcome::UpToDate,
            None => DevOutcome::Applied(done),
        })
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
        let history = self.database.history()?;
        if !history.unfinished.is_empty() {
            let begun = history.rows.last().and_then(|row| Some(row.file.as_ref()?.label()));
            let begun = begun.unwrap_or_else(|| "changes of the models".to_owned());
            let pending = vec![format!("{begun}, which was begun and is not finished")];
            return Ok(Some(Behind { pending, unwritten: Vec::new() }));
        }
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

    /// Does one piece of work after the other, what was interrupted first, until there is none, or one that loses data
    /// is declined; gives what was done and what was declined.
    fn work(
        &mut self,
        next: impl Fn(&[MigrationFile], &History) -> Result<Option<Work>, MigrateError>,
        mut agree: impl FnMut(&MigrationPlan) -> bool,
    ) -> Result<(Vec<Work>, Option<MigrationPlan>), MigrateError> {
        let mut done = Vec::new();
        loop {
            let files = read_all(&self.root)?;
            let history = self.database.history()?;
            if !history.unfinished.is_empty() {
                self.database.finish(&mut self.progress)?;
                continue;
            }
            let Some(work) = next(&files, &history)? else { return Ok((done, None)) };
            if work.plan.is_destructive() && !agree(&work.plan) {
                return Ok((done, Some(work.plan)));
            }
            if self.commit(&history, &work)? {
                done.push(work);
            }
        }
    }

    /// Does it; gives false, and does nothing, where another process was faster.
    fn commit(&mut self, seen: &History, next: &Work) -> Result<bool, MigrateError> {
        self.database.commit(seen, next, &mut self.progress)
    }
}

/// The next move towards the files.
fn next_file(files: &[MigrationFile], history: &History) -> Result<Option<Work>, MigrateError> {
    let pending: Vec<_> = files.iter().filter(|file| !history.has(file)).collect();
    let Some(first) = pending.first() else { return Ok(None) };
    if replay_all(files.iter().filter(|file| history.has(file)))? == history.snapshot {
        let mut replayed = history.snapshot.clone();
        first.replay(&mut replayed)?;
        let plan = MigrationPlan { from: history.snapshot.clone(), operations: first.operations.clone() };
        return Ok(Some(Work { name: first.label(), plan, files: vec![(*first).clone()], by_dev: false }));
    }
    let mut target = wanted(replay_all(files)?);
    learn(&mut target, &pending);
    let plan = between(&history.snapshot, &target)?;
    let name = pending.iter().map(|file| file.label()).collect::<Vec<_>>().join(", ");
    Ok(Some(Work { name, plan, files: pending.into_iter().cloned().collect(), by_dev: false }))
}

/// The next move towards the models: pending files as they are while the database is what its files say,
/// otherwise straight to the models.
fn next_under_dev(
    files: &[MigrationFile],
    history: &History,
    wanted: &Wanted,
) -> Result<Option<Work>, MigrateError> {
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
    Ok(Some(Work { name: "changes of the models".to_owned(), plan, files, by_dev }))
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
            Operation::TakeFree { table, field, key } if key != field => {
                let of = (table.clone(), field.clone());
                target.fields_were.entry(of).or_insert_with(|| key.clone());
            }
            Operation::GiveFree { table, field, .. } => {
                target.freed.insert((table.clone(), field.clone()));
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
