//! A connection that runs compiled statements.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::TryStreamExt;
use tokio::task::AbortHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row, RowStream};

use super::codec::{Param, type_of};
use super::connect::{Target, causes};
use crate::error::{Error, Rule, Violation};
use crate::network::address::Unreachable;
use crate::network::pool::{Connect, Connector};
use crate::network::read::Run;
use crate::sql::{Args, Statement};

/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 512;

/// A statement with a longer text is prepared anew each time: a stranger's filter can be made of a great deal.
const LONGEST_KEPT_BYTES: usize = 16 * 1024;

/// Statements by their texts, which are ours: made of models and of what a filter may say, by nobody who could choose them to
/// collide and gain more than his own delay. To hash one safely takes as long as all else that is done to find it.
type Prepared = HashMap<Arc<str>, tokio_postgres::Statement, foldhash::fast::RandomState>;

/// A connection.
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// What speaks to the network for it.
    half: AbortHandle,
    /// Those that are prepared, by their texts; `None` behind a pooler, where the next statement may be another
    /// server process's.
    statements: Option<Mutex<Prepared>>,
}

impl Connect for Connector<Target> {
    type Connection = Connection;

    async fn connect(&self) -> Result<Connection, Unreachable> {
        let (client, half) = self.target.dial().await?;
        let statements = self.statement_cache.then(Mutex::default);
        if self.statement_cache {
            let millis = self.limit.as_millis();
            let isolation = if self.writes { "serializable" } else { "read committed" };
            let setup = format!(
                "SET statement_timeout = {millis}; SET idle_in_transaction_session_timeout = {}; \
                 SET default_transaction_isolation = '{isolation}'",
                millis * 2
            );
            let made = client.batch_execute(&setup).await;
            made.map_err(|error| Unreachable::Away(causes(&error)))?;
        }
        Ok(Connection { client, half, statements })
    }

    fn is_open(connection: &Connection) -> bool {
        !connection.client.is_closed()
    }

    async fn answers(connection: &mut Connection) -> bool {
        connection.client.check_connection().await.is_ok()
    }

    /// Tells the server to stop what it is at: it would go on until it has something to say to nobody. Nothing more is
    /// waited for: a server that is silent would keep all that was ever given up.
    fn abandon(&self, connection: Connection) {
        if connection.client.is_closed() {
            return;
        }
        let (token, target) = (connection.client.cancel_token(), self.target.clone());
        connection.half.abort();
        drop(connection);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { target.cancel(token).await });
        }
    }
}

impl Connection {
    /// Whether it keeps what was set when it was made; behind a pooler the next statement may be another's.
    pub(crate) fn is_set_up(&self) -> bool {
        self.statements.is_some()
    }

    /// Begins a statement: its rows come.
    pub(crate) async fn rows(&self, statement: &Statement, args: &Args<'_>) -> Result<RowStream, Error> {
        let params = || statement.binds.iter().map(|bind| Param::of(bind, args));
        let types = || statement.binds.iter().map(type_of);
        let cache = self.statements.as_ref().filter(|_| statement.sql.len() <= LONGEST_KEPT_BYTES);
        let Some(cache) = cache else {
            let typed: Vec<(Param<'_>, Type)> = params().zip(types()).collect();
            return self.client.query_typed_raw(&statement.sql, typed).await.map_err(|error| plain(&error));
        };
        let known = cache.lock().unwrap_or_else(PoisonError::into_inner).get(&statement.sql).cloned();
        let prepared = match known {
            Some(known) => known,
            None => {
                let types: Vec<Type> = types().collect();
                let prepared = self.client.prepare_typed(&statement.sql, &types).await;
                let prepared = prepared.map_err(|error| plain(&error))?;
                let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
                if cache.len() >= STATEMENTS {
                    cache.clear();
                }
                cache.insert(statement.sql.clone(), prepared.clone());
                prepared
            }
        };
        let params: Vec<Param<'_>> = params().collect();
        self.client.query_raw(&prepared, params).await.map_err(|error| plain(&error))
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
        let mut rows = pin!(self.rows(statement, args).await?);
        while let Some(found) = rows.try_next().await.map_err(|error| plain(&error))? {
            if !row(&found) {
                break;
            }
        }
        Ok(())
    }
}

/// What the database's own error means to those above.
pub(crate) fn plain(error: &tokio_postgres::Error) -> Error {
    let Some(said) = error.as_db_error() else {
        // Whatever is no answer of the server's is the end of the connection.
        return Error::Unavailable(format!("the connection to PostgreSQL broke ({})", causes(error)));
    };
    let code = said.code();
    let message = said.message().to_owned();
    match *code {
        // Two transactions that cannot both be.
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Error::Conflict(message),
        SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => {
            Error::Unavailable(format!("PostgreSQL stopped a statement: {message}"))
        }
        SqlState::DISK_FULL => Error::Unavailable("the database server's disk is full".to_owned()),
        SqlState::READ_ONLY_SQL_TRANSACTION => {
            Error::Unavailable("the database server is read-only".to_owned())
        }
        SqlState::FEATURE_NOT_SUPPORTED if message.contains("cached plan") => {
            Error::Unavailable("the tables have changed; asked again it will work".to_owned())
        }
        // One that was prepared is not there, or another's is: no session was ours alone.
        SqlState::INVALID_SQL_STATEMENT_NAME | SqlState::DUPLICATE_PSTATEMENT => Error::Database(format!(
            "{message}; database.url leads through a pooler in transaction mode: say `statement_cache = false` under [database]"
        )),
        // Out of resources, stopped by an operator, broken connections: whole classes.
        _ if ["53", "57", "58", "08"].iter().any(|class| code.code().starts_with(class)) => {
            Error::Unavailable(format!("PostgreSQL is not available: {message}"))
        }
        _ => match rule(code) {
            Some(rule) => Violation {
                column: said.column().map(str::to_owned),
                constraint: said.constraint().map(str::to_owned),
                table: said.table().map(str::to_owned),
                ..Violation::of(rule, format!("{message} ({})", code.code()))
            }
            .into(),
            None => Error::Database(format!("{message} ({})", code.code())),
        },
    }
}

/// The rule that was broken, by its code.
fn rule(code: &SqlState) -> Option<Rule> {
    Some(match *code {
        SqlState::UNIQUE_VIOLATION | SqlState::EXCLUSION_VIOLATION => Rule::Unique,
        SqlState::FOREIGN_KEY_VIOLATION | SqlState::RESTRICT_VIOLATION => Rule::Reference,
        SqlState::NOT_NULL_VIOLATION => Rule::Required,
        SqlState::CHECK_VIOLATION | SqlState::WITH_CHECK_OPTION_VIOLATION => Rule::Check,
        SqlState::STRING_DATA_RIGHT_TRUNCATION => Rule::TooLong,
        SqlState::PROGRAM_LIMIT_EXCEEDED => Rule::TooLarge,
        SqlState::RAISE_EXCEPTION => Rule::Trigger,
        SqlState::GENERATED_ALWAYS => Rule::Computed,
        // Numbers out of range, words that a type does not know, letters that a charset has not.
        _ if code.code().starts_with("22") => Rule::Unfit,
        _ => return None,
    })
}
