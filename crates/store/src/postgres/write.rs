//! Writing to PostgreSQL: each request in a transaction of its own, all of them as if one after the other.
//!
//! Transactions are `SERIALIZABLE`: rules may look at any record, and what they looked at must still be so when the request
//! is committed. Where two could not have run one after the other, PostgreSQL ends one of them, and it is performed
//! again, as is one that lost the race for a unique key: then the key is found taken, and that is what is said. A commit is
//! data, so performing it again is sound while nothing of it was committed. Where the connection is lost between `COMMIT`
//! and its answer nobody knows, and that is what is said too.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, TryStreamExt};
use purlin_schema::{Id, Inputs, Kind, RowSet};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_postgres::Row;

use super::connection::{Connection, Connector, plain};
use crate::catalog::{Catalog, Insert};
use crate::error::Error;
use crate::feed::Feed;
use crate::mutation::{Change, Mutation, Outcome};
use crate::network::pool::{Lease, Pool};
use crate::network::read::{self, Run};
use crate::network::retry;
use crate::plan::Prepared;
use crate::read::{DEFAULT_ARGS, Source};
use crate::sql::{Args, Statement};
use crate::write::session::Session;
use crate::write::{self, Failure};

/// How long a `COMMIT` may go unanswered after the request's time is up.
const GRACE: Duration = Duration::from_secs(5);

/// Performs commits.
pub(super) struct Writer {
    pub(super) pool: Arc<Pool<Connector>>,
    pub(super) timeout: Duration,
    pub(super) feed: Feed,
}

type Performed = (Vec<Outcome>, Vec<Change>);

impl Writer {
    /// Performs mutations, all or nothing.
    pub(super) async fn commit(
        &self,
        catalog: &Catalog,
        mutations: &[Mutation],
    ) -> Result<Vec<Outcome>, Error> {
        let deadline = Instant::now() + self.timeout;
        let mut tries = 0;
        loop {
            let lease = self.pool.lend().await?;
            let used = lease.used;
            match self.once(lease, catalog, mutations, deadline).await {
                Ok((outcomes, changes)) => {
                    self.feed.tell_next(changes);
                    return Ok(outcomes);
                }
                Err(error @ Error::Conflict(_)) => {
                    let Some(pause) = retry::pause(tries) else { return Err(error) };
                    if Instant::now() + pause >= deadline {
                        return Err(error);
                    }
                    sleep(pause).await;
                }
                // An idle connection may have died unseen; nothing was committed on it.
                Err(Error::Unavailable(_)) if used && tries == 0 => self.pool.clear(),
                Err(error) => return Err(error),
            }
            tries += 1;
        }
    }

    async fn once(
        &self,
        lease: Lease<Connector>,
        catalog: &Catalog,
        mutations: &[Mutation],
        deadline: Instant,
    ) -> Result<Performed, Error> {
        let connection = lease.get();
        // Sent when it is first polled, and so in the flight of the first statement.
        let _ = connection.client.batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE").now_or_never();
        let transaction = Transaction { connection };
        let performed = timeout_at(deadline, write::perform(&transaction, catalog, mutations)).await;
        match performed {
            Err(_) => Err(Error::Unavailable(format!("nothing was written within {:?}", self.timeout))),
            Ok(Ok(performed)) => {
                match timeout_at(deadline + GRACE, connection.client.batch_execute("COMMIT")).await {
                    Ok(Ok(())) => {
                        lease.give_back();
                        Ok(performed)
                    }
                    Ok(Err(error)) if error.as_db_error().is_some() => {
                        let error = plain(&error);
                        lease.give_back();
                        Err(error)
                    }
                    _ => Err(Error::Unknown),
                }
            }
            Ok(Err((at, failure))) => {
                let error = failure.into_error(at);
                if !matches!(error, Error::Unavailable(_)) {
                    let _ = connection.client.batch_execute("ROLLBACK").now_or_never();
                    lease.give_back();
                }
                Err(error)
            }
        }
    }
}

/// An open transaction.
struct Transaction<'run> {
    connection: &'run Connection,
}

impl Session for Transaction<'_> {
    async fn each(
        &self,
        statement: &Statement,
        args: &Args<'_>,
        mut row: impl FnMut(&dyn Source) -> bool + Send,
    ) -> Result<(), Failure> {
        Ok(self.connection.each(statement, args, |found: &Row| row(found)).await?)
    }

    async fn execute(&self, statement: &Statement, args: &Args<'_>) -> Result<(), Failure> {
        let rows = self.connection.rows(statement, args).await?;
        rows.try_for_each(|_| async { Ok(()) }).await.map_err(|error| plain(&error))?;
        Ok(())
    }

    async fn insert(
        &self,
        insert: &Insert,
        args: &Args<'_>,
        id: Option<Id>,
        step_back: bool,
    ) -> Result<Option<Id>, Failure> {
        let mut made = None;
        self.connection
            .each(insert.statement(id, step_back), args, |row: &Row| {
                made = id.or_else(|| row.value(0, Kind::Int).as_id());
                true
            })
            .await?;
        if let (Some(Id::Int(_)), Some(_), Some(advance)) = (id, made, &insert.advance) {
            self.execute(advance, args).await?;
        }
        Ok(made)
    }

    async fn query(&self, query: &Prepared, inputs: &(dyn Inputs + Sync)) -> Result<RowSet, Failure> {
        Ok(read::query(self.connection, query, inputs, DEFAULT_ARGS, |_| ()).await?)
    }

    async fn defer_refs(&self, defer: bool) -> Result<(), Failure> {
        let text = if defer { "SET CONSTRAINTS ALL DEFERRED" } else { "SET CONSTRAINTS ALL IMMEDIATE" };
        let done = self.connection.client.batch_execute(text).await;
        Ok(done.map_err(|error| plain(&error))?)
    }
}
