//! Transactions of PostgreSQL.
//!
//! Writes are `SERIALIZABLE`. What need not be waited for is sent with what comes next: the beginning of a transaction, and
//! the end of one that only read.

use futures_util::future::join;
use futures_util::{FutureExt, TryStreamExt};
use purlin_schema::{Id, Inputs, Kind, RowSet};
use tokio_postgres::Row;

use super::connection::{Connection, Connector, plain};
use crate::catalog::Insert;
use crate::error::Error;
use crate::network::read::{self, Run};
use crate::network::server::Transactions;
use crate::plan::{Answer, Ask, Plan, Prepared};
use crate::read::{DEFAULT_ARGS, Source};
use crate::sql::{Args, Statement};
use crate::write::Failure;
use crate::write::session::Session;

impl Transactions for Connector {
    async fn snapshot(connection: &Connection, plan: &Plan, ask: Ask<'_>) -> Result<Answer, Error> {
        let client = &connection.client;
        let begin = client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        let (begun, answer) = join(begin, read::plan(connection, plan, ask)).await;
        begun.map_err(|error| plain(&error))?;
        // Sent when it is first polled; whatever is sent next comes after it.
        let _ = client.batch_execute("COMMIT").now_or_never();
        answer
    }

    async fn begin(connection: &Connection) -> Result<(), Error> {
        // Where it fails, so does what follows.
        let _ = connection.client.batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE").now_or_never();
        Ok(())
    }

    async fn commit(connection: &Connection) -> Result<(), Error> {
        match connection.client.batch_execute("COMMIT").await {
            Ok(()) => Ok(()),
            Err(error) => match plain(&error) {
                error @ (Error::Conflict(_) | Error::Database(_)) => Err(error),
                // Whatever else ends a connection may have come after the commit.
                _ => Err(Error::Unknown),
            },
        }
    }

    async fn roll_back(connection: &Connection) -> Result<(), Error> {
        let _ = connection.client.batch_execute("ROLLBACK").now_or_never();
        Ok(())
    }
}

impl Session for Connection {
    async fn each(
        &self,
        statement: &Statement,
        args: &Args<'_>,
        mut row: impl FnMut(&dyn Source) -> bool + Send,
    ) -> Result<(), Failure> {
        Ok(Run::each(self, statement, args, |found: &Row| row(found)).await?)
    }

    async fn execute(&self, statement: &Statement, args: &Args<'_>) -> Result<(), Failure> {
        let rows = self.rows(statement, args).await?;
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
        Run::each(self, insert.statement(id, step_back), args, |row: &Row| {
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
        Ok(read::query(self, query, inputs, DEFAULT_ARGS, |_| ()).await?)
    }

    async fn defer_refs(&self, defer: bool) -> Result<(), Failure> {
        let text = if defer { "SET CONSTRAINTS ALL DEFERRED" } else { "SET CONSTRAINTS ALL IMMEDIATE" };
        let done = self.client.batch_execute(text).await;
        Ok(done.map_err(|error| plain(&error))?)
    }
}
