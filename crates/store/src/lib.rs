//! Queries, mutations and migrations, on a database.
//!
//! Whoever calls says *what* is asked or to be written, in the schema's terms; this crate alone knows that
//! there is SQL. A [`Query`] is compiled once, when it becomes known, to a
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

pub mod audit;
mod catalog;
pub mod copy;
mod counters;
pub mod error;
mod feed;
pub mod inspect;
pub mod migrate;
pub mod mutation;
mod mysql;
mod names;
mod network;
pub mod plan;
mod postgres;
mod read;
pub mod slug;
mod sql;
mod sqlite;
#[doc(hidden)]
pub mod testing;
mod values;
mod write;

pub use error::{CompileError, Error};
pub use mutation::{Change, Changes, Guard, Mutation, Outcome, Refusal};
pub use network::replicas::{Mark, looking};
pub use plan::{Answer, Ask, Plan, Prepared, Step, StepArgs, Window};

use std::path::Path;
use std::sync::Arc;

use purlin_schema::expr::Expr;
use purlin_schema::query::Query;
use purlin_schema::settings::DatabaseSettings;
use purlin_schema::{ModelId, Models};

use catalog::Catalog;
use feed::Feed;
use mysql::MySql;
use network::replicas;
use postgres::Postgres;
use sql::dialect::Dialect;
use sqlite::Sqlite;

/// A database, open, with the models that it holds. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    database: Database,
    catalog: Arc<Catalog>,
    feed: Feed,
    watcher: Option<testing::Watcher>,
}

/// Which database.
#[derive(Clone)]
enum Database {
    /// A file of this process.
    Sqlite(Arc<Sqlite>),
    /// A server, by PostgreSQL's protocol.
    Postgres(Arc<Postgres>),
    /// A server, by MySQL's protocol.
    MySql(Arc<MySql>),
}

impl Store {
    /// Opens the database that the settings name; creates the file (and its folder) of an embedded one.
    ///
    /// # Errors
    /// Where the URL is of no known kind, or the database cannot be opened.
    pub fn open(root: &Path, settings: &DatabaseSettings, models: Arc<Models>) -> Result<Store, Error> {
        let feed = Feed::new();
        let (database, dialect) = match settings.url.split_once(':') {
            Some(("postgres" | "postgresql", _)) => {
                (Database::Postgres(Arc::new(postgres::open(settings, feed.clone())?)), Dialect::Postgres)
            }
            Some(("mysql" | "mariadb", _)) => {
                let (mysql, flavour) = mysql::open(settings, feed.clone())?;
                (Database::MySql(Arc::new(mysql)), Dialect::Mysql(flavour))
            }
            _ => {
                let sqlite = Sqlite::open(root, settings, feed.clone())?;
                (Database::Sqlite(Arc::new(sqlite)), Dialect::Sqlite)
            }
        };
        Ok(Store { database, catalog: Arc::new(Catalog::new(models, dialect)), feed, watcher: None })
    }

    /// The same database with other models: what `dev` uses after a model changed and was migrated.
    #[must_use]
    pub fn with_models(&self, models: Arc<Models>) -> Store {
        let catalog = Arc::new(Catalog::new(models, self.catalog.dialect));
        Store { catalog, ..self.clone() }
    }

    /// The models that it holds.
    #[must_use]
    pub fn models(&self) -> &Arc<Models> {
        &self.catalog.models
    }

    /// Compiles a query.
    ///
    /// # Errors
    /// Where it holds something that SQL cannot do (`matches`).
    pub fn prepare(&self, query: &Query) -> Result<Arc<Prepared>, CompileError> {
        Prepared::compile(&self.catalog.models, self.catalog.dialect, query).map(Arc::new)
    }

    /// Compiles a condition on one record of a model, for use as a [`Guard`].
    ///
    /// # Errors
    /// Where it holds something that SQL cannot do.
    pub fn condition(&self, model: ModelId, expr: &Expr) -> Result<Arc<mutation::Condition>, CompileError> {
        sql::condition::compile(&self.catalog.models, self.catalog.dialect, model, expr).map(Arc::new)
    }

    /// Runs a plan in one snapshot. Short reads run on the calling thread, long ones are moved to a small pool; within
    /// [`looking`], a replica may answer.
    ///
    /// # Errors
    /// Where the database fails, is too busy, or the read takes longer than allowed.
    pub async fn read(&self, plan: &Plan, ask: Ask<'_>) -> Result<Answer, Error> {
        let answer = match &self.database {
            Database::Sqlite(sqlite) => sqlite.reader.read(plan, ask).await,
            // What waits for a network is large, and would be moved with every request of a file's.
            Database::Postgres(postgres) => match replicas::seen().filter(|_| self.has_replicas()) {
                Some(seen) => Box::pin(postgres.look(plan, ask, seen)).await,
                None => Box::pin(postgres.read(plan, ask)).await,
            },
            Database::MySql(mysql) => match replicas::seen().filter(|_| self.has_replicas()) {
                Some(seen) => Box::pin(mysql.look(plan, ask, seen)).await,
                None => Box::pin(mysql.read(plan, ask)).await,
            },
        };
        if let Some(watcher) = &self.watcher {
            watcher.read(self.models(), plan, &answer);
        }
        answer
    }

    /// Whether there are servers that follow the database, on which looks may be answered.
    #[must_use]
    pub fn has_replicas(&self) -> bool {
        match &self.database {
            Database::Sqlite(_) => false,
            Database::Postgres(postgres) => !postgres.replicas.is_empty(),
            Database::MySql(mysql) => !mysql.replicas.is_empty(),
        }
    }

    /// Where the database stands now: after all that was ever committed. [`Mark::LAST`] where it cannot be asked, so that
    /// whoever holds the mark reads from the database itself.
    pub async fn mark(&self) -> Mark {
        match &self.database {
            Database::Sqlite(_) => Mark::LAST,
            Database::Postgres(postgres) => postgres.mark().await.unwrap_or(Mark::LAST),
            Database::MySql(mysql) => mysql.mark().await.unwrap_or(Mark::LAST),
        }
    }

    /// Performs mutations in order, all or nothing, and returns when they are durable. Once it has been called
    /// the mutations are performed whether or not the future is awaited to its end.
    ///
    /// # Errors
    /// [`Error::Refused`] with what was wrong, or where the database fails.
    pub async fn commit(&self, mutations: Vec<Mutation>) -> Result<Vec<Outcome>, Error> {
        if mutations.is_empty() {
            return Ok(Vec::new());
        }
        self.commit_as(None, mutations).await
    }

    /// The same, under a name: of all that is committed under one name, also by other processes, one begins when the
    /// other has come to its end. A process may die while what it sent is still under way to the server or on it; once
    /// something was committed under its name, be it nothing, all of that is in the database or never will be.
    ///
    /// # Errors
    /// As [`Store::commit`], and [`Error::Unavailable`] where another one takes too long.
    pub async fn commit_alone(&self, name: &str, mutations: Vec<Mutation>) -> Result<Vec<Outcome>, Error> {
        self.commit_as(Some(name), mutations).await
    }

    async fn commit_as(&self, name: Option<&str>, mutations: Vec<Mutation>) -> Result<Vec<Outcome>, Error> {
        let watched =
            self.watcher.as_ref().map(|watcher| (watcher, testing::written(self.models(), &mutations)));
        let result = match &self.database {
            // The writer is one, and a file's lock goes with the process that held it.
            Database::Sqlite(_) if mutations.is_empty() => Ok(Vec::new()),
            Database::Sqlite(sqlite) => sqlite.writer.commit(self.catalog.clone(), mutations).await,
            Database::Postgres(postgres) => {
                let (postgres, catalog) = (postgres.clone(), self.catalog.clone());
                let name = name.map(str::to_owned);
                let commit = async move { postgres.commit(&catalog, &mutations, name.as_deref()).await };
                Box::pin(to_the_end(commit)).await
            }
            Database::MySql(mysql) => {
                let (mysql, catalog) = (mysql.clone(), self.catalog.clone());
                let name = name.map(str::to_owned);
                let commit = async move { mysql.commit(&catalog, &mutations, name.as_deref()).await };
                Box::pin(to_the_end(commit)).await
            }
        };
        if let Some((watcher, written)) = watched {
            watcher.committed(&written, &result);
        }
        result
    }

    /// For tests: the same database, with somebody who is told of every read and commit.
    #[doc(hidden)]
    #[must_use]
    pub fn watched(self, watcher: testing::Watcher) -> Store {
        Store { watcher: Some(watcher), ..self }
    }

    /// Every change that is committed from now on, in order, in batches of a transaction each.
    #[must_use]
    pub fn feed(&self) -> tokio::sync::broadcast::Receiver<Arc<Changes>> {
        self.feed.listen()
    }

    /// For tests.
    #[doc(hidden)]
    #[must_use]
    pub fn testing(&self) -> testing::Testing<'_> {
        testing::Testing(self)
    }
}

/// Makes a folder, and those around it, that nobody but this account enters; one that is there stays as it is.
///
/// # Errors
/// Where it cannot be made.
pub fn private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Runs a commit as a task of its own, so that it comes to its end whoever waits for it.
async fn to_the_end(
    commit: impl Future<Output = Result<Vec<Outcome>, Error>> + Send + 'static,
) -> Result<Vec<Outcome>, Error> {
    let task = tokio::spawn(commit);
    task.await.unwrap_or_else(|_| Err(Error::Database("a write panicked".to_owned())))
}
