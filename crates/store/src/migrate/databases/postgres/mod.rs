//! PostgreSQL: a migration is one transaction, and what would keep others waiting is done after it, beside them.

mod read;
mod words;

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::Flavour;
use super::server::Server;
use super::server::link::{Failure, FailureKind, Link, Pairs, Rows, gone, told};
use super::server::thread::Remote;
use super::server::words::Words;
use crate::migrate::error::MigrateError;
use crate::postgres::connect::{Target, causes};

/// Purlin's lock of migrations, one for each schema. It is this session's, so the way must not lead through a pooler
/// that gives each transaction another.
const TAKE: &str = "SELECT pg_try_advisory_lock(7291, hashtext(current_schema()))::int::text";
const GIVE: &str = "SELECT pg_advisory_unlock(7291, hashtext(current_schema()))";

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
        Box::new(Connection { remote }),
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
        client.batch_execute(SESSION).await.map_err(|error| open(failure(SESSION, &error)))?;
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
    let remote = connect(&Target::parse(url).map_err(MigrateError::Open)?)?;
    let link = Connection { remote };
    link.run("SET default_transaction_read_only = on")?;
    Ok(Box::new(link))
}

struct Connection {
    remote: Remote<Client>,
}

impl Link for Connection {
    fn run(&self, sql: &str) -> Result<(), Failure> {
        let sql = sql.to_owned();
        let run = move |client: Arc<Client>| async move {
            client.batch_execute(&sql).await.map_err(|error| failure(&sql, &error))
        };
        self.remote.call(run).map_err(|error| gone(&error))?
    }

    fn rows(&self, sql: &str) -> Result<Rows, Failure> {
        let sql = sql.to_owned();
        self.remote
            .call(move |client: Arc<Client>| async move { rows(&client, &sql).await })
            .map_err(|error| gone(&error))?
    }

    fn put(&self, sql: &str, pairs: Pairs) -> Result<(), Failure> {
        let sql = sql.to_owned();
        let (ids, values): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let put = move |client: Arc<Client>| async move {
            client.execute(&sql, &[&ids, &values]).await.map(drop).map_err(|error| failure(&sql, &error))
        };
        self.remote.call(put).map_err(|error| gone(&error))?
    }

    fn pause(&self, time: Duration) {
        drop(self.remote.call(move |_| tokio::time::sleep(time)));
    }
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
