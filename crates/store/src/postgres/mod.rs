//! PostgreSQL, and what speaks its protocol.
//!
//! Nothing outside of this folder and of `migrate` knows of `tokio_postgres`. Reads share connections of a pool, each for
//! the time of one plan; writes have a pool of their own, so that neither waits for the other.

mod codec;
pub(crate) mod connect;
mod connection;
mod write;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join;
use purlin_schema::settings::DatabaseSettings;

use crate::catalog::Catalog;
use crate::error::Error;
use crate::feed::Feed;
use crate::mutation::{Mutation, Outcome};
use crate::network::pool::{Lease, Pool};
use crate::network::read;
use crate::plan::{Answer, Ask, Plan};
use crate::read::is_one_statement;
use connect::Target;
use connection::{Connection, Connector};
use write::Writer;

/// A database on a server.
pub(crate) struct Postgres {
    readers: Arc<Pool<Connector>>,
    read_timeout: Duration,
    writer: Arc<Writer>,
}

impl Postgres {
    /// Reads the settings; connects when there is something to ask.
    pub(crate) fn open(settings: &DatabaseSettings, feed: Feed) -> Result<Postgres, Error> {
        let target = Target::parse(&settings.url).map_err(Error::Open)?;
        let limit = settings.read_timeout.max(settings.write_timeout);
        let connector = |writes| Connector {
            target: target.clone(),
            limit,
            statement_cache: settings.statement_cache,
            writes,
        };
        let pool = |writes| Pool::new(connector(writes), settings.pool, settings.pool_timeout);
        let writer = Writer { pool: pool(true), timeout: settings.write_timeout, feed };
        Ok(Postgres { readers: pool(false), read_timeout: settings.read_timeout, writer: Arc::new(writer) })
    }

    /// Runs a plan in one snapshot.
    pub(crate) async fn read(&self, plan: &Plan, ask: Ask<'_>) -> Result<Answer, Error> {
        let lease = self.readers.lend().await?;
        let used = lease.used;
        match self.read_on(lease, plan, ask).await {
            // A connection that was idle may have died unseen, as all do when the server is started again; and tables may
            // have changed under what it has prepared. Nothing was written: once more, on a new one.
            Err(Error::Unavailable(_)) if used => {
                self.readers.clear();
                self.read_on(self.readers.lend().await?, plan, ask).await
            }
            other => other,
        }
    }

    /// Performs mutations, all or nothing; to their end, whoever waits for it.
    pub(crate) async fn commit(
        &self,
        catalog: Arc<Catalog>,
        mutations: Vec<Mutation>,
    ) -> Result<Vec<Outcome>, Error> {
        if mutations.is_empty() {
            return Ok(Vec::new());
        }
        let writer = self.writer.clone();
        let task = tokio::spawn(async move { writer.commit(&catalog, &mutations).await });
        task.await.unwrap_or_else(|_| Err(Error::Database("a write panicked".to_owned())))
    }

    async fn read_on(&self, lease: Lease<Connector>, plan: &Plan, ask: Ask<'_>) -> Result<Answer, Error> {
        let run = async {
            let connection = lease.get();
            if is_one_statement(plan, ask.steps) {
                return read::plan(connection, plan, ask).await;
            }
            snapshot(connection, plan, ask).await
        };
        let answer = tokio::time::timeout(self.read_timeout, run).await;
        match answer {
            // What broke is dropped, and what takes too long is stopped.
            Err(_) => Err(Error::TimedOut(self.read_timeout)),
            Ok(Err(error @ Error::Unavailable(_))) => Err(error),
            Ok(answer) => {
                lease.give_back();
                answer
            }
        }
    }
}

/// Runs a plan in a transaction that sees one state of the database. `BEGIN` goes with the first queries; nobody waits for
/// the end.
async fn snapshot(connection: &Connection, plan: &Plan, ask: Ask<'_>) -> Result<Answer, Error> {
    let client = &connection.client;
    let begin = client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    let (begun, answer) = join(begin, read::plan(connection, plan, ask)).await;
    begun.map_err(|error| connection::plain(&error))?;
    // Sent when it is first polled; whatever is sent next comes after it.
    let _ = client.batch_execute("COMMIT").now_or_never();
    answer
}
