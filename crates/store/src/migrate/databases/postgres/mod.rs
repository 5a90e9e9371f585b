//! PostgreSQL: a migration is one transaction, and what would keep others waiting is done after it, beside them.

mod read;
mod words;

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::Flavour;
use super::server::Server;
use super::server::link::{Failure, FailureKind, Link, Pairs, Rows, told};
use super::server::thread::Remote;
use super::server::words::Words;
use crate::migrate::error::MigrateError;
use crate::network::address::Unreachable;
use crate::postgres::connect::{Target, causes};

/// Purlin's lock of migrations, one for each schema. It is this session's: see [`Connection::settle`].
const TAKE: &str = "SELECT pg_try_advisory_lock(7291, hashtext(current_schema()))::int::text";
const GIVE: &str = "SELECT pg_advisory_unlock(7291, hashtext(current_schema()))";

/// How often it is looked whether transactions go to one session.
const LOOKS: usize = 3;

/// What is said where they do not.
const POOLED: &str = "database.url leads through a pooler that gives each transaction another session, where neither the lock of a \
                      migration nor its time-outs would hold: migrate by a URL that leads to the server itself \
                      (PURLIN_DATABASE_URL=postgres://… purlin migrate apply), and serve by this one";

/// A step waits for others for so long, and those that come after it wait behind it.
const SESSION: &str = "SET lock_timeout = '1s'; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
                       SET client_min_messages = warning; SET standard_conforming_strings = on; SET datestyle = 'ISO'";

/// What it says, without a connection.
pub(super) const WORDS: &dyn Words = &words::Postgres;

/// Connects; makes the database where there is none and `create` says so.
pub(super) fn open(url: &str, create: bool) -> Result<Server, MigrateError> {
    let target = Target::parse(url).map_err(MigrateError::Open)?;
    let remote = match connect(&target) {
        Err(MigrateError::Open(_)) if create && (make_database(&target) | make_schema(&target)) => {
            connect(&target)?
        }
        other => other?,
    };
    let server = Server::new(
        Flavour::Postgres,
        Box::new(Connection { remote, target, only_looks: false }),
        Box::new(words::Postgres),
        (TAKE, GIVE),
    );
    Ok(server)
}

fn connect(target: &Target) -> Result<Remote<Client>, MigrateError> {
    let target = target.clone();
    Remote::start(move || async move {
        let open = |failure: Failure| MigrateError::Open(failure.message);
        let client = target.connect().await.map_err(|error| told(&error))?;
        let rows = rows(
            &client,
            "SELECT current_schema(), pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()",
        );
        let rows = rows.await.map_err(open)?;
        let cell = |at: usize| rows.first().and_then(|row| row.get(at).cloned().flatten());
        let database = &target.address.database;
        match (cell(0), cell(1).as_deref()) {
            (None, _) => Err(MigrateError::Open(format!(
                "the database {database} has no schema that {} may use: make one (`CREATE SCHEMA {}`), or mend \
                 its search_path",
                target.address.user,
                target.schema.as_deref().unwrap_or("public")
            ))),
            (Some(found), _) if target.schema.as_ref().is_some_and(|schema| *schema != found) => {
                Err(MigrateError::Open(format!(
                    "the way to the database {database} does not hand on schema=…, as some poolers do not: say it to the \
                     server (`ALTER ROLE {} IN DATABASE {database} SET search_path = {}`)",
                    target.address.user,
                    target.schema.as_deref().unwrap_or("public")
                )))
            }
            (_, Some("UTF8") | None) => Ok(client),
            (_, Some(encoding)) => Err(MigrateError::Open(format!(
                "the database {database} keeps texts as {encoding}: make one that keeps them as UTF-8 \
                 (`createdb -E UTF8 -T template0 {database}`)"
            ))),
        }
    })
}

/// Makes the database from the server's own; gives whether there was none and there is one now.
fn make_database(target: &Target) -> bool {
    let name = target.address.database.clone();
    let maintenance = target.with_database("postgres");
    let made = Remote::start(move || async move {
        let client = maintenance.connect().await.map_err(|error| told(&error))?;
        let literal = name.replace('\'', "''");
        let there = rows(&client, &format!("SELECT 1 FROM pg_database WHERE datname = '{literal}'")).await?;
        if there.is_empty() {
            let sql = format!(
                "CREATE DATABASE \"{}\" ENCODING 'UTF8' TEMPLATE template0",
                name.replace('"', "\"\"")
            );
            client.batch_execute(&sql).await.map_err(|error| failure(&sql, &error))?;
        }
        Ok(there.is_empty())
    });
    made.and_then(|remote: Remote<bool>| remote.call(|made| async move { *made })).unwrap_or(false)
}

/// Makes the schema that the URL names; gives whether it is there now.
fn make_schema(target: &Target) -> bool {
    let (Some(schema), target) = (target.schema.clone(), target.clone()) else { return false };
    let made = Remote::start(move || async move {
        let client = target.connect().await.map_err(|error| told(&error))?;
        let sql = format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"");
        client.batch_execute(&sql).await.map_err(|error| failure(&sql, &error))?;
        Ok(())
    });
    made.is_ok()
}

/// Connects to look, and to change nothing.
pub(super) fn look(url: &str) -> Result<Box<dyn Link>, MigrateError> {
    let target = Target::parse(url).map_err(MigrateError::Open)?;
    let remote = connect(&target)?;
    Ok(Box::new(Connection { remote, target, only_looks: true }))
}

struct Connection {
    remote: Remote<Client>,
    target: Target,
    /// Whether it changes nothing. A setting of the session would be another's behind a pooler.
    only_looks: bool,
}

impl Connection {
    fn ask<T, F>(
        &self,
        during: &str,
        job: impl FnOnce(Arc<Client>) -> F + Send + 'static,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + 'static,
    {
        let target = self.target.clone();
        self.remote
            .ask(during, job, async move || !matches!(target.connect().await, Err(Unreachable::Silent(_))))
    }
}

impl Link for Connection {
    fn run(&self, sql: &str) -> Result<(), Failure> {
        let text = sql.to_owned();
        self.ask(sql, move |client| async move {
            client.batch_execute(&text).await.map_err(|error| failure(&text, &error))
        })
    }

    fn rows(&self, sql: &str) -> Result<Rows, Failure> {
        let (text, only_looks) = (sql.to_owned(), self.only_looks);
        self.ask(sql, move |client| async move {
            if !only_looks {
                return rows(&client, &text).await;
            }
            let found = rows(&client, &format!("BEGIN READ ONLY; {text}; COMMIT")).await;
            if found.is_err() {
                drop(client.batch_execute("ROLLBACK").await);
            }
            found
        })
    }

    fn put(&self, sql: &str, pairs: Pairs) -> Result<(), Failure> {
        let text = sql.to_owned();
        let (ids, values): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        self.ask(sql, move |client| async move {
            client.execute(&text, &[&ids, &values]).await.map(drop).map_err(|error| failure(&text, &error))
        })
    }

    fn pause(&self, time: Duration) {
        drop(self.remote.call(move |_| tokio::time::sleep(time)));
    }

    /// Refuses where each transaction may be another session's, before anything of a session is set or taken: it would be
    /// the next one's, whosever that is. A session of one's own is the same one each time, and nobody else is in it.
    fn settle(&self) -> Result<(), MigrateError> {
        let target = self.target.clone();
        let pooled = async move |client: Arc<Client>| is_pooled(&client, &target).await;
        if self.ask("SELECT pg_backend_pid()", pooled)? {
            return Err(MigrateError::Open(POOLED.to_owned()));
        }
        Ok(self.run(SESSION)?)
    }
}

/// Whether transactions of this connection may be run by several sessions. While a transaction is open beside it, it has a
/// session of its own where it always has one; a pooler lends the one that was used last, or the one that waits longest.
async fn is_pooled(client: &Client, target: &Target) -> Result<bool, Failure> {
    // Without room for another connection nobody can tell.
    let Ok(beside) = target.connect().await else { return Ok(false) };
    let before = session(client).await?;
    for _ in 0..LOOKS {
        beside.batch_execute("BEGIN").await.map_err(|error| failure("BEGIN", &error))?;
        let other = session(&beside).await?;
        // It is the pooler's only one, perhaps: nothing else is asked of it meanwhile.
        let is_another = other == before || session(client).await? != before;
        beside.batch_execute("ROLLBACK").await.map_err(|error| failure("ROLLBACK", &error))?;
        if is_another || session(client).await? != before {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Which of the server's processes answers.
async fn session(client: &Client) -> Result<Option<String>, Failure> {
    let rows = rows(client, "SELECT pg_backend_pid()").await?;
    Ok(rows.into_iter().flatten().flatten().next())
}

async fn rows(client: &Client, sql: &str) -> Result<Rows, Failure> {
    let messages = client.simple_query(sql).await.map_err(|error| failure(sql, &error))?;
    let row = |message: SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
        }
        _ => None,
    };
    Ok(messages.into_iter().filter_map(row).collect())
}

fn failure(during: &str, error: &tokio_postgres::Error) -> Failure {
    let kind = match error.code() {
        Some(code) => match *code {
            SqlState::LOCK_NOT_AVAILABLE | SqlState::T_R_DEADLOCK_DETECTED => FailureKind::Locked,
            SqlState::UNIQUE_VIOLATION => FailureKind::Duplicate,
            SqlState::READ_ONLY_SQL_TRANSACTION => FailureKind::ReadOnly,
            SqlState::DISK_FULL => FailureKind::Full,
            SqlState::INSUFFICIENT_PRIVILEGE => FailureKind::Denied,
            SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN => FailureKind::Gone,
            _ => FailureKind::Other,
        },
        None if error.is_closed() => FailureKind::Gone,
        None => FailureKind::Other,
    };
    let message = match error.as_db_error() {
        Some(said) => match said.detail() {
            Some(detail) => format!("{}: {detail}", said.message()),
            None => said.message().to_owned(),
        },
        None => causes(error),
    };
    Failure { kind, during: during.to_owned(), message }
}
