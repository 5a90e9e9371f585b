//! What a migrator tells: while it works, of the files and the database, and of what it did.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::diff::MigrationPlan;
use super::operation::Operation;

/// What a migration is doing; its text is for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Another process holds the database; said every two seconds.
    Waiting,
    /// Others hold a table that a step needs; it is tried again.
    InUse {
        /// Which.
        table: String,
    },
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

/// What the files and the database say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Every migration, in order.
    pub migrations: Vec<MigrationStatus>,
    /// What `dev` changed and no file says, as a plan shows it.
    pub only_here: Vec<String>,
    /// What is still to be done of the last migration, which a death interrupted.
    pub unfinished: Vec<String>,
    /// How the tables differ from what was applied, a sentence each: somebody changed them by hand.
    pub drift: Vec<String>,
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

/// What a step asks of those who use the database meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The operation, as a plan shows it.
    pub operation: String,
    /// The table whose users wait.
    pub table: String,
    /// Who waits: "whoever writes to it waits".
    pub whom: String,
    /// For how long.
    pub time: HeldTime,
}

/// For how long a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldTime {
    /// As it was when the migration was tried and taken back.
    Measured(Duration),
    /// Longer than this: it was given up.
    Longer(Duration),
    /// It was not tried; so much is in the table.
    Untried {
        /// About how many rows.
        rows: u64,
        /// What they take.
        megabytes: u64,
    },
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

/// Who is told how far a migration has come.
pub(super) type Tell<'run> = &'run mut dyn FnMut(&Progress);

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Progress::Waiting => f.write_str("another process holds the database; waiting"),
            Progress::InUse { table } => write!(f, "`{table}` is in use by others; trying again"),
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
        if !self.unfinished.is_empty() {
            writeln!(f, "begun and not finished (`purlin migrate apply` goes on):")?;
            self.unfinished.iter().try_for_each(|text| writeln!(f, "  {text}"))?;
        }
        if !self.drift.is_empty() {
            writeln!(f, "changed by hand:")?;
            self.drift.iter().try_for_each(|text| writeln!(f, "  {text}"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = self.operation.lines().next().unwrap_or_default();
        write!(f, "{operation}: `{}`: {}", self.table, self.whom)?;
        match self.time {
            HeldTime::Measured(time) => {
                write!(f, "; held for {:.1} ms when it was tried", time.as_secs_f64() * 1e3)
            }
            HeldTime::Longer(time) => {
                write!(f, "; held for longer than {:.1} s, when trying it was given up", time.as_secs_f64())
            }
            HeldTime::Untried { rows, megabytes } => {
                write!(f, "; not tried, with about {rows} rows ({megabytes} MB) in it")
            }
        }
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
