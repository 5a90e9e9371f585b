//! Migrations: how a database becomes what the models ask for.
//!
//! ```text
//! models ──────────▶ Wanted ──┐
//!                             ├─ diff ─▶ MigrationPlan ──▶ text, SQL, a file in migrations/
//! migrations/*.toml ▶ Snapshot┘                        └─▶ Work ─▶ databases: sqlite, postgres, mysql
//! ```
//!
//! A [`Snapshot`] is a picture of the tables, neutral of the database; a plan is a list of named
//! [`Operation`]s between two of them; `databases/` holds how each database performs them. Purlin's own models
//! (`_sessions`) are part of the picture and of the files like any other: one rule, one history, and an
//! upgrade of Purlin that changes them is reviewed like any other change.
//!
//! ```no_run
//! # fn main() -> Result<(), purlin_store::migrate::MigrateError> {
//! # let models = purlin_schema::Models::default();
//! use purlin_store::migrate::Migrator;
//!
//! let mut migrator = Migrator::open("sqlite:data/site.db", std::path::Path::new("examples/blog"))?;
//! migrator.dev(&models, |plan| { let _shown = plan.to_string(); false })?;
//! assert!(migrator.is_behind(&models)?.is_none());
//! # Ok(())
//! # }
//! ```

mod apply;
mod databases;
mod diff;
mod error;
mod file;
mod free;
mod history;
mod literal;
mod operation;
mod report;
mod snapshot;

pub use apply::{Consent, Migrator};
pub use databases::Flavour;
pub(crate) use databases::{Link, look};
pub use diff::MigrationPlan;
pub use error::MigrateError;
pub use file::{MigrationFile, read_all, replay_all};
pub use literal::Literal;
pub use operation::{Conversion, Operation, conversion};
pub use report::{
    Behind, DevOutcome, Held, HeldTime, MigrationState, MigrationStatus, NewMigration, Progress, Status,
};
pub use snapshot::{Column, ColumnType, IdKind, IndexPart, Snapshot, Table, Wanted};
