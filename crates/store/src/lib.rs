//! Queries, mutations and migrations, on a database.
//!
//! Whoever calls says *what* is asked or to be written, in the schema's terms; this crate alone knows that
//! there is SQL. A [`Query`](purlin_schema::query::Query) is compiled once, when it becomes known, to a
//! [`Prepared`] statement in which every identifier comes from the schema and every value is a bound
//! parameter. Reading runs a [`Plan`] of prepared queries in one snapshot. Writing hands a list of
//! [`Mutation`]s, with the conditions under which they may happen, to the one writer, which evaluates all
//! of it inside the transaction: a commit is data, and can be replayed.
//!
//! ```text
//! Query ──compile──▶ Prepared ─┐
//!                              ├─▶ Plan + Ask ──▶ read  ──▶ RowSets        (inline, one snapshot)
//! Inputs, window ──────────────┘
//! Mutation + Guards ───────────────────────────▶ commit ──▶ Outcomes, Changes ──▶ feed
//! ```

pub mod error;
pub mod migrate;
pub mod mutation;
pub mod plan;

pub use error::{CompileError, Error};
pub use mutation::{Change, Changes, Guard, Mutation, Outcome, Refusal};
pub use plan::{Answer, Ask, Plan, Prepared, Step, StepArgs, Window};

use std::path::Path;
use std::sync::Arc;

use purlin_schema::expr::Expr;
use purlin_schema::query::Query;
use purlin_schema::settings::DatabaseSettings;
use purlin_schema::{Inputs, Model, ModelId, Models};

/// A database, open, with the models that it holds. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    _inner: Arc<()>,
}

impl Store {
    /// Opens the database that the settings name; creates the file (and its folder) of an embedded one.
    ///
    /// # Errors
    /// Where the URL is of no known kind, or the database cannot be opened.
    pub fn open(_root: &Path, _settings: &DatabaseSettings, _models: Arc<Models>) -> Result<Store, Error> {
        unimplemented!()
    }

    /// The same database with other models: what `dev` uses after a model changed and was migrated.
    #[must_use]
    pub fn with_models(&self, _models: Arc<Models>) -> Store {
        unimplemented!()
    }

    /// Compiles a query.
    ///
    /// # Errors
    /// Where it holds something that SQL cannot do (`matches`).
    pub fn prepare(&self, _query: &Query) -> Result<Arc<Prepared>, CompileError> {
        unimplemented!()
    }

    /// Compiles a condition on one record of a model, for use as a [`Guard`].
    ///
    /// # Errors
    /// Where it holds something that SQL cannot do.
    pub fn condition(&self, _model: ModelId, _expr: &Expr) -> Result<Arc<mutation::Condition>, CompileError> {
        unimplemented!()
    }

    /// Runs a plan in one snapshot. Short reads run on the calling thread, long ones are moved to a small pool.
    ///
    /// # Errors
    /// Where the database fails, is too busy, or the read takes longer than allowed.
    pub async fn read(&self, _plan: &Plan, _ask: Ask<'_>) -> Result<Answer, Error> {
        unimplemented!()
    }

    /// Performs mutations in order, all or nothing, and returns when they are durable.
    ///
    /// # Errors
    /// [`Error::Refused`] with what was wrong, or where the database fails.
    pub async fn commit(&self, _mutations: Vec<Mutation>) -> Result<Vec<Outcome>, Error> {
        unimplemented!()
    }

    /// Every change that is committed from now on, in order, in batches of a transaction each.
    #[must_use]
    pub fn feed(&self) -> tokio::sync::broadcast::Receiver<Arc<Changes>> {
        unimplemented!()
    }
}

fn _uses(_: &dyn Inputs, _: &Model) {}
