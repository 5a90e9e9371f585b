//! A connection that runs compiled statements, one after the other: MySQL's protocol knows no other way.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Statement as Prepared};
use purlin_schema::Id;
use tokio::sync::Mutex;

use super::codec::stored;
use super::connect::Target;
use super::violation::{TAKEN, violation};
use crate::error::{Error, Rule, Violation};
use crate::network::address::Unreachable;
use crate::network::pool::{Connect, Connector};
use crate::network::read::{self, Run};
use crate::network::replicas::{Follows, Mark, Standing};
use crate::network::server::Transactions;
use crate::network::session::Insert;
use crate::plan::{Answer, Ask, Plan};
use crate::sql::dialect::Flavour;
use crate::sql::{Args, Statement};
use crate::values::bound;
use crate::write::session::NewRow;

/// The name of a lock, which is the server's, not a database's, and takes 64 letters.
const HELD: &str = "SHA2(CONCAT('purlin ', DATABASE(), ' ', ?), 224)";

/// How long taking leave may take.
const LEAVE: Duration = Duration::from_secs(1);

/// A connection.
pub(crate) struct Connection {
    client: Mutex<Conn>,
    /// Whether statements are kept prepared.
    kept: bool,
}

impl Connect for Connector<Target> {
    type Connection = Connection;

    async fn connect(&self) -> Result<Connection, Unreachable> {
        let (mut connection, flavour) = self.target.connect().await?;
        let isolation = if self.writes { "SERIALIZABLE" } else { "REPEATABLE READ" };
        let seconds = self.limit.as_secs().max(1);
        let statements = match flavour {
            Flavour::MariaDb => format!("SET SESSION max_statement_time = {seconds}"),
            // Of reads alone: it knows no other.
            Flavour::Mysql => format!("SET SESSION max_execution_time = {}", self.limit.as_millis()),
        };
        for setup in [
            format!("SET SESSION TRANSACTION ISOLATION LEVEL {isolation}"),
            format!("SET SESSION innodb_lock_wait_timeout = {seconds}"),
            statements,
        ] {
            let done = connection.query_drop(setup).await;
            done.map_err(|error| Unreachable::Away(error.to_string()))?;
        }
        let kept = self.statement_cache;
        Ok(Connection { client: Mutex::new(connection), kept })
    }

    fn is_open(connection: &Connection) -> bool {
        connection.client.try_lock().is_ok_and(|connection| !connection.is_disconnected())
    }

    async fn answers(connection: &mut Connection) -> bool {
        connection.client.get_mut().ping().await.is_ok()
    }

    /// Takes leave of the server, and not for long: dropped as it is, a connection waits for answers that are still to come,
    /// of a server that may have fallen silent.
    fn abandon(&self, connection: Connection) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let leave = connection.client.into_inner().disconnect();
            runtime.spawn(tokio::time::timeout(LEAVE, leave));
        }
    }
}

impl Transactions for Connector<Target> {
    async fn snapshot(connection: &Connection, plan: &Plan, ask: Ask<'_>) -> Result<Answer, Error> {
        connection.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await?;
        let answer = read::plan(connection, plan, ask).await;
        connection.run("COMMIT").await?;
        answer
    }

    async fn begin(connection: &Connection, name: Option<&str>) -> Result<(), Error> {
        if let Some(name) = name {
            connection.hold(name).await?;
        }
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

    fn commits_by_itself(_: &Connection) -> bool {
        true
    }

    async fn release(connection: &Connection, name: &str) -> Result<(), Error> {
        let mut client = connection.client.lock().await;
        let released = client.exec_drop(format!("DO RELEASE_LOCK({HELD})"), (name,)).await;
        released.map_err(|error| plain(&error))
    }
}

/// Where MariaDB stands: the last transaction in its own log, or the last of its primary's that it has applied, by a number
/// that grows within a domain. Whoever replicates is told by its thread; one whose primary is away, by being read-only. Which
/// database it is, whatever its address, says the moment at which its first migration was applied, since all else that a
/// server could be known by is its own.
const STANDING: &str = "SELECT CAST((SELECT CONCAT(applied_at, ' ', checksum_of) FROM (SELECT \"applied_at\", \
                        COALESCE(\"checksum\", '') AS checksum_of FROM \"_migrations\" ORDER BY \"id\" LIMIT 1) q) AS CHAR), \
                        @@GLOBAL.read_only OR EXISTS (SELECT 1 FROM information_schema.GLOBAL_STATUS \
                        WHERE VARIABLE_NAME = 'SLAVE_RUNNING' AND VARIABLE_VALUE = 'ON'), \
                        @@GLOBAL.gtid_binlog_pos, @@GLOBAL.gtid_slave_pos";

impl Follows for Connector<Target> {
    async fn standing(connection: &Connection) -> Result<Standing, Error> {
        let mut client = connection.client.lock().await;
        let row: Option<(Option<String>, bool, String, String)> =
            client.query_first(STANDING).await.map_err(|error| plain(&error))?;
        let silent = || Error::Database("a server says nothing of itself".to_owned());
        let (system, follows, written, applied) = row.ok_or_else(silent)?;
        let (domain, mark) = place(if follows { &applied } else { &written }).map_err(Error::Database)?;
        Ok(Standing { system: format!("{domain} {}", system.unwrap_or_default()), follows, mark })
    }
}

/// Domain and number of a place, `0-1-270`.
fn place(text: &str) -> Result<(u32, Mark), String> {
    if text.is_empty() {
        return Err("it has no binary log, or has applied nothing of another's".to_owned());
    }
    let mut parts = text.splitn(3, '-');
    let mut number = || parts.next().and_then(|part| part.parse::<u64>().ok());
    let read = (number(), number(), number());
    match read {
        (Some(domain), Some(_), Some(number)) => {
            Ok((u32::try_from(domain).unwrap_or(u32::MAX), Mark(number)))
        }
        // Numbers of several domains say nothing of each other.
        _ => Err(format!("its place in the log is not one of one domain: {text}")),
    }
}

impl Connection {
    /// Takes a lock of a name. It is the connection's: the server lets it go when that has ended and so has all that was
    /// under way on it.
    async fn hold(&self, name: &str) -> Result<(), Error> {
        let mut client = self.client.lock().await;
        let sql = format!("SELECT GET_LOCK({HELD}, @@innodb_lock_wait_timeout)");
        match client.exec_first::<Option<i64>, _, _>(sql, (name,)).await {
            Ok(Some(Some(1))) => Ok(()),
            Ok(_) => {
                Err(Error::Unavailable("another transaction of the same work is still under way".to_owned()))
            }
            Err(error) => Err(plain(&error)),
        }
    }

    /// Writes a row; the id that was made.
    async fn write(&self, statement: &Statement, params: Params) -> mysql_async::Result<u64> {
        let mut connection = self.client.lock().await;
        let prepared = connection.prep(&*statement.sql).await?;
        let done = connection.exec_drop(&prepared, params).await;
        let made = connection.last_insert_id().unwrap_or_default();
        self.close(&mut connection, prepared, done).await?;
        Ok(made)
    }

    /// Closes a statement where none is kept: it would stay on the server's side as long as the connection.
    async fn close(
        &self,
        connection: &mut Conn,
        prepared: Prepared,
        done: mysql_async::Result<()>,
    ) -> mysql_async::Result<()> {
        let closed = if self.kept { Ok(()) } else { connection.close(prepared).await };
        done.and(closed)
    }
}

fn params(statement: &Statement, args: &Args<'_>) -> Params {
    match statement.binds.is_empty() {
        true => Params::Empty,
        false => Params::Positional(statement.binds.iter().map(|bind| stored(&bound(bind, args))).collect()),
    }
}

async fn rows(
    connection: &mut Conn,
    prepared: &Prepared,
    params: Params,
    mut row: impl FnMut(&Row) -> bool,
) -> mysql_async::Result<()> {
    let mut rows = connection.exec_iter(prepared, params).await?;
    let mut wanted = true;
    // All are taken off the connection, wanted or not.
    while let Some(found) = rows.next().await? {
        wanted = wanted && row(&found);
    }
    Ok(())
}

impl Run for Connection {
    type Row = Row;

    async fn each(
        &self,
        statement: &Statement,
        args: &Args<'_>,
        row: impl FnMut(&Row) -> bool + Send,
    ) -> Result<(), Error> {
        let params = params(statement, args);
        let run = async {
            let mut connection = self.client.lock().await;
            let prepared = connection.prep(&*statement.sql).await?;
            let done = rows(&mut connection, &prepared, params, row).await;
            self.close(&mut connection, prepared, done).await
        };
        run.await.map_err(|error| plain(&error))
    }
}

impl Insert for Connection {
    const SAVEPOINT: Option<[&str; 2]> = None;
    const DEFER_REFS: [&str; 2] = ["SET foreign_key_checks = 0", "SET foreign_key_checks = 1"];

    async fn insert(&self, row: &NewRow<'_>) -> Result<Option<Id>, Error> {
        match self.write(row.statement, params(row.statement, &row.args())).await {
            Ok(made) => Ok(row.id.or_else(|| i64::try_from(made).ok().map(Id::Int))),
            // The statement is undone and nothing else.
            Err(mysql_async::Error::Server(said)) if said.code == TAKEN && row.step_back => Ok(None),
            Err(error) => Err(plain(&error)),
        }
    }

    async fn run(&self, text: &str) -> Result<(), Error> {
        self.client.lock().await.query_drop(text).await.map_err(|error| plain(&error))
    }
}

/// What the database's own error means to those above. The numbers are those of its reference of error messages.
fn plain(error: &mysql_async::Error) -> Error {
    let mysql_async::Error::Server(said) = error else {
        if matches!(error, mysql_async::Error::Driver(mysql_async::DriverError::PacketTooLarge)) {
            return Violation::of(Rule::TooLarge, error.to_string()).into();
        }
        return Error::Unavailable(format!("the connection to the database broke ({error})"));
    };
    let message = said.message.clone();
    match said.code {
        // Deadlocks and locks that were not had; a record that another one took from under this one.
        1213 | 1205 | 1020 => Error::Conflict(message),
        1021 | 1041 | 1114 => Error::Unavailable("the database server's disk is full".to_owned()),
        1290 | 1792 | 1836 => Error::Unavailable("the database server is read-only".to_owned()),
        1040 | 1053 | 1077 | 1203 | 1317 | 1927 | 1969 | 3024 | 3169 | 4031 => {
            Error::Unavailable(format!("the database is not available: {message}"))
        }
        code => match violation(code, &message) {
            Some(violation) => violation.into(),
            None => Error::Database(format!("{message} ({code})")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_of_one_domain() {
        assert_eq!(place("0-1-270"), Ok((0, Mark(270))));
        assert_eq!(place("7-4294967295-18446744073709551614"), Ok((7, Mark(u64::MAX - 1))));
        for wrong in ["", "0-1-270,1-1-3", "0-1", "x", "0-1--3"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
