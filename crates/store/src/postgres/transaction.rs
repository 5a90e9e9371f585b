//! Transactions of PostgreSQL.
//!
//! Writes are `SERIALIZABLE`. What need not be waited for is sent with what comes next: the beginning of a transaction, and
//! the end of one that only read.

use futures_util::FutureExt;
use futures_util::future::join;
use purlin_schema::{Id, Kind};
use tokio_postgres::types::Type;

use super::connect::Target;
use super::connection::{Connection, plain};
use crate::error::Error;
use crate::network::pool::Connector;
use crate::network::read::{self, Run};
use crate::network::replicas::{Follows, Mark, Standing};
use crate::network::server::Transactions;
use crate::network::session::Insert;
use crate::plan::{Answer, Ask, Plan};
use crate::read::Source;
use crate::write::session::NewRow;

/// Such locks are a database's own. The first number is ours, so that those of others do not get in the way.
const HOLD: &str = "SELECT pg_advisory_xact_lock(1886745705, hashtext($1))";

impl Transactions for Connector<Target> {
    async fn snapshot(connection: &Connection, plan: &Plan, ask: Ask<'_>) -> Result<Answer, Error> {
        let client = &connection.client;
        let begin = client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        let (begun, answer) = join(begin, read::plan(connection, plan, ask)).await;
        begun.map_err(|error| plain(&error))?;
        // Sent when it is first polled; whatever is sent next comes after it.
        let _ = client.batch_execute("COMMIT").now_or_never();
        answer
    }

    async fn begin(connection: &Connection, name: Option<&str>) -> Result<(), Error> {
        // Where it fails, so does what follows.
        let _ = connection.client.batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE").now_or_never();
        let Some(name) = name else { return Ok(()) };
        // The server lets it go at the transaction's end, also at that of one whose client is gone. A transaction that
        // waited here sees the state of before it waited: what it would write over is a conflict, and done again.
        let hold = connection.client.query_typed(HOLD, &[(&name, Type::TEXT)]).await;
        hold.map(|_| ()).map_err(|error| plain(&error))
    }

    async fn commit(connection: &Connection) -> Result<(), Error> {
        match connection.client.batch_execute("COMMIT").await {
            Ok(()) => Ok(()),
            Err(error) => match plain(&error) {
                error @ (Error::Conflict(_) | Error::Violated(_) | Error::Database(_)) => Err(error),
                // Whatever else ends a connection may have come after the commit.
                _ => Err(Error::Unknown),
            },
        }
    }

    async fn roll_back(connection: &Connection) -> Result<(), Error> {
        let _ = connection.client.batch_execute("ROLLBACK").now_or_never();
        Ok(())
    }

    fn commits_by_itself(connection: &Connection) -> bool {
        connection.is_set_up()
    }

    async fn release(_: &Connection, _: &str) -> Result<(), Error> {
        Ok(())
    }
}

impl Insert for Connection {
    const DEFER_REFS: [&str; 2] = ["SET CONSTRAINTS ALL DEFERRED", "SET CONSTRAINTS ALL IMMEDIATE"];
    const SAVEPOINT: Option<[&str; 2]> = Some(["SAVEPOINT tried", "ROLLBACK TO tried"]);

    async fn insert(&self, new: &NewRow<'_>) -> Result<Option<Id>, Error> {
        let mut made = None;
        let args = new.args();
        self.each(new.statement, &args, |row| {
            made = new.id.or_else(|| row.value(0, Kind::Int).as_id());
            true
        })
        .await?;
        if let (Some(Id::Int(_)), Some(_), Some(advance)) = (new.id, made, new.advance) {
            self.each(advance, &args, |_| true).await?;
        }
        Ok(made)
    }

    async fn run(&self, text: &str) -> Result<(), Error> {
        self.client.batch_execute(text).await.map_err(|error| plain(&error))
    }
}

/// A system's identifier is made with the cluster, and its followers have the same. The primary is asked for what is not even
/// written to its disk yet, so that a commit that does not wait for that is before the answer too.
const STANDING: &str = "SELECT system_identifier::text, pg_is_in_recovery(), ((CASE WHEN pg_is_in_recovery() \
                        THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END) - '0/0'::pg_lsn)::bigint \
                        FROM pg_control_system()";

impl Follows for Connector<Target> {
    async fn standing(connection: &Connection) -> Result<Standing, Error> {
        let rows = connection.client.query_typed(STANDING, &[]).await.map_err(|error| plain(&error))?;
        let row =
            rows.first().ok_or_else(|| Error::Database("a server says nothing of itself".to_owned()))?;
        let (system, follows): (String, bool) = (row.get(0), row.get(1));
        let mark: Option<i64> = row.get(2);
        Ok(Standing { system, follows, mark: Mark(mark.unwrap_or_default().unsigned_abs()) })
    }
}
