//! A connection that runs compiled statements, one after the other: MySQL's protocol knows no other way.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row};
use purlin_schema::{Id, Inputs, RowSet};
use tokio::sync::Mutex;

use super::codec::stored;
use super::connect::Target;
use crate::catalog::Insert;
use crate::error::Error;
use crate::network::address::Unreachable;
use crate::network::pool::Connect;
use crate::network::read::{self, Run};
use crate::network::server::Transactions;
use crate::plan::{Answer, Ask, Plan, Prepared};
use crate::read::{DEFAULT_ARGS, Source};
use crate::sql::{Args, Statement};
use crate::values::bound;
use crate::write::Failure;
use crate::write::session::Session;

/// `ER_DUP_ENTRY`.
const TAKEN: u16 = 1062;

/// A connection.
pub(crate) struct Connection(Mutex<Conn>);

/// How connections are made for a pool.
pub(crate) struct Connector {
    pub(crate) target: Target,
    /// What waiting for a lock may take.
    pub(crate) limit: Duration,
    pub(crate) writes: bool,
}

impl Connect for Connector {
    type Connection = Connection;

    async fn connect(&self) -> Result<Connection, Unreachable> {
        let (mut connection, _) = self.target.connect().await?;
        let isolation = if self.writes { "SERIALIZABLE" } else { "REPEATABLE READ" };
        let seconds = self.limit.as_secs().max(1);
        for setup in [
            format!("SET SESSION TRANSACTION ISOLATION LEVEL {isolation}"),
            format!("SET SESSION innodb_lock_wait_timeout = {seconds}"),
        ] {
            let done = connection.query_drop(setup).await;
            done.map_err(|error| Unreachable::Away(error.to_string()))?;
        }
        Ok(Connection(Mutex::new(connection)))
    }

    fn is_open(connection: &Connection) -> bool {
        connection.0.try_lock().is_ok_and(|connection| !connection.is_disconnected())
    }

    async fn answers(connection: &mut Connection) -> bool {
        connection.0.get_mut().ping().await.is_ok()
    }

    /// Dropping it closes it.
    fn abandon(&self, connection: Connection) {
        drop(connection);
    }
}

impl Transactions for Connector {
    async fn snapshot(connection: &Connection, plan: &Plan, ask: Ask<'_>) -> Result<Answer, Error> {
        connection.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await?;
        let answer = read::plan(connection, plan, ask).await;
        connection.run("COMMIT").await?;
        answer
    }

    async fn begin(connection: &Connection) -> Result<(), Error> {
        connection.run("START TRANSACTION").await
    }

    async fn commit(connection: &Connection) -> Result<(), Error> {
        connection.run("COMMIT").await.map_err(|error| match error {
            Error::Unavailable(_) => Error::Unknown,
            error => error,
        })
    }

    async fn roll_back(connection: &Connection) -> Result<(), Error> {
        connection.run("ROLLBACK").await
    }
}

impl Connection {
    async fn run(&self, text: &str) -> Result<(), Error> {
        self.0.lock().await.query_drop(text).await.map_err(|error| plain(&error))
    }

    /// Writes a row; the id that was made.
    async fn write(&self, statement: &Statement, params: Params) -> mysql_async::Result<u64> {
        let mut connection = self.0.lock().await;
        connection.exec_drop(&*statement.sql, params).await?;
        Ok(connection.last_insert_id().unwrap_or_default())
    }
}

fn params(statement: &Statement, args: &Args<'_>) -> Params {
    match statement.binds.is_empty() {
        true => Params::Empty,
        false => Params::Positional(statement.binds.iter().map(|bind| stored(&bound(bind, args))).collect()),
    }
}

impl Run for Connection {
    type Row = Row;

    async fn each(
        &self,
        statement: &Statement,
        args: &Args<'_>,
        mut row: impl FnMut(&Row) -> bool + Send,
    ) -> Result<(), Error> {
        let params = params(statement, args);
        let mut connection = self.0.lock().await;
        let mut rows = connection.exec_iter(&*statement.sql, params).await.map_err(|error| plain(&error))?;
        let mut wanted = true;
        // All are taken off the connection, wanted or not.
        while let Some(found) = rows.next().await.map_err(|error| plain(&error))? {
            wanted = wanted && row(&found);
        }
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
        self.write(statement, params(statement, args)).await.map_err(|error| plain(&error))?;
        Ok(())
    }

    async fn insert(
        &self,
        insert: &Insert,
        args: &Args<'_>,
        id: Option<Id>,
        step_back: bool,
    ) -> Result<Option<Id>, Failure> {
        let statement = insert.statement(id, step_back);
        match self.write(statement, params(statement, args)).await {
            Ok(made) => Ok(id.or_else(|| i64::try_from(made).ok().map(Id::Int))),
            // The statement is undone and nothing else.
            Err(mysql_async::Error::Server(said)) if said.code == TAKEN && step_back => Ok(None),
            Err(error) => Err(plain(&error).into()),
        }
    }

    async fn query(&self, query: &Prepared, inputs: &(dyn Inputs + Sync)) -> Result<RowSet, Failure> {
        Ok(read::query(self, query, inputs, DEFAULT_ARGS, |_| ()).await?)
    }

    async fn defer_refs(&self, defer: bool) -> Result<(), Failure> {
        let text = if defer { "SET foreign_key_checks = 0" } else { "SET foreign_key_checks = 1" };
        Ok(self.run(text).await?)
    }
}

/// What the database's own error means to those above. The numbers are those of its reference of error messages.
fn plain(error: &mysql_async::Error) -> Error {
    let mysql_async::Error::Server(said) = error else {
        return Error::Unavailable(format!("the connection to the database broke ({error})"));
    };
    let message = said.message.clone();
    match said.code {
        // Deadlocks and locks that were not had; a record, a key or a ref that another one took from under this one.
        1213 | 1205 | 1020 | TAKEN | 1451 | 1452 => Error::Conflict(message),
        1021 | 1041 | 1114 => Error::Unavailable("the database server's disk is full".to_owned()),
        1290 | 1792 | 1836 => Error::Unavailable("the database server is read-only".to_owned()),
        1040 | 1053 | 1077 | 1203 | 1317 | 1927 | 1969 | 3024 | 3169 | 4031 => {
            Error::Unavailable(format!("the database is not available: {message}"))
        }
        code => Error::Database(format!("{message} ({code})")),
    }
}
