//! MySQL and MariaDB: each change of a table commits by itself, so every step is recorded before the first is done,
//! and each can be told to be done already.

mod read;
mod words;

use std::sync::Arc;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Row, Value as Cell};
use tokio::sync::Mutex;

use super::Flavour;
use super::server::Server;
use super::server::link::{Failure, FailureKind, Link, Pairs, Rows, told};
use super::server::thread::Remote;
use super::server::words::Words;
use crate::migrate::error::MigrateError;
use crate::mysql::connect::Target;
use crate::network::address::Unreachable;

/// Purlin's lock of migrations, one for each database.
const TAKE: &str = "SELECT GET_LOCK(concat('purlin_', sha2(database(), 224)), 0)";
const GIVE: &str = "SELECT RELEASE_LOCK(concat('purlin_', sha2(database(), 224)))";

/// A step waits for others for so long, and those that come after it wait behind it.
const SESSION: &str = "SET SESSION lock_wait_timeout = 1, innodb_lock_wait_timeout = 3, group_concat_max_len = 100000, wait_timeout = 28800";

/// What they say, without a connection.
pub(super) const WORDS: &dyn Words = &words::MySql(crate::sql::dialect::Flavour::MariaDb);

/// Connects; makes the database where there is none and `create` says so.
pub(super) fn open(url: &str, create: bool) -> Result<Server, MigrateError> {
    let target = Target::parse(url).map_err(MigrateError::Open)?;
    let remote = match connect(&target) {
        Err(MigrateError::Open(_)) if create && make_database(&target) => connect(&target)?,
        other => other?,
    };
    let flavour = remote.call(|client| async move { client.flavour })?;
    let words = Box::new(words::MySql(flavour));
    Ok(Server::new(Flavour::MySql, Box::new(Connection { remote, target }), words, (TAKE, GIVE)))
}

/// Connects to look, and to change nothing.
pub(super) fn look(url: &str) -> Result<Box<dyn Link>, MigrateError> {
    let target = Target::parse(url).map_err(MigrateError::Open)?;
    let link = Connection { remote: connect(&target)?, target };
    link.run("SET SESSION TRANSACTION READ ONLY")?;
    Ok(Box::new(link))
}

struct Client {
    connection: Mutex<Conn>,
    flavour: crate::sql::dialect::Flavour,
}

fn connect(target: &Target) -> Result<Remote<Client>, MigrateError> {
    let target = target.clone();
    Remote::start(move || async move {
        let (mut connection, flavour) = target.connect().await.map_err(|error| told(&error))?;
        connection.query_drop(SESSION).await.map_err(|error| failure(SESSION, &error))?;
        Ok(Client { connection: Mutex::new(connection), flavour })
    })
}

/// Makes the database from the server's own; gives whether there was none and there is one now.
fn make_database(target: &Target) -> bool {
    let (server, name) = (target.without_database(), target.address.database.clone());
    let made = Remote::start(move || async move {
        let (mut connection, flavour) = server.connect().await.map_err(|error| told(&error))?;
        let name = name.replace('"', "\"\"");
        let collation = flavour.collation();
        let sql = format!("CREATE DATABASE \"{name}\" CHARACTER SET utf8mb4 COLLATE {collation}");
        connection.query_drop(&sql).await.map_err(|error| failure(&sql, &error))?;
        Ok(())
    });
    made.is_ok()
}

struct Connection {
    remote: Remote<Client>,
    target: Target,
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
            let mut connection = client.connection.lock().await;
            let Some(unchecked) = text.strip_prefix(words::UNCHECKED) else {
                return connection.query_drop(&text).await.map_err(|error| failure(&text, &error));
            };
            let set = |on: u8| format!("SET SESSION foreign_key_checks = {on}");
            connection.query_drop(set(0)).await.map_err(|error| failure(&text, &error))?;
            let done = connection.query_drop(unchecked).await.map_err(|error| failure(unchecked, &error));
            connection.query_drop(set(1)).await.map_err(|error| failure(&text, &error))?;
            done
        })
    }

    fn rows(&self, sql: &str) -> Result<Rows, Failure> {
        let text = sql.to_owned();
        self.ask(sql, move |client| async move {
            let mut connection = client.connection.lock().await;
            let rows: Vec<Row> = connection.query(&text).await.map_err(|error| failure(&text, &error))?;
            Ok(rows.into_iter().map(|row| row.unwrap().into_iter().map(shown).collect()).collect())
        })
    }

    fn put(&self, sql: &str, pairs: Pairs) -> Result<(), Failure> {
        let text = sql.to_owned();
        self.ask(sql, move |client| async move {
            let mut connection = client.connection.lock().await;
            let failed = |error: Error| failure(&text, &error);
            connection.query_drop("BEGIN").await.map_err(failed)?;
            let pairs = pairs.into_iter().map(|(id, value)| (value, id));
            connection.exec_batch(text.as_str(), pairs).await.map_err(failed)?;
            connection.query_drop("COMMIT").await.map_err(failed)
        })
    }

    fn pause(&self, time: Duration) {
        drop(self.remote.call(move |_| tokio::time::sleep(time)));
    }
}

/// What the text protocol gives: bytes, or null.
fn shown(cell: Cell) -> Option<String> {
    match cell {
        Cell::NULL => None,
        Cell::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    }
}

/// The numbers are those of MySQL's reference of error messages.
fn failure(during: &str, error: &Error) -> Failure {
    let kind = match error {
        Error::Server(said) => match said.code {
            1205 | 1213 => FailureKind::Locked,
            1062 => FailureKind::Duplicate,
            1290 | 1792 | 1836 => FailureKind::ReadOnly,
            1021 | 1114 => FailureKind::Full,
            1044 | 1142 | 1227 | 1370 => FailureKind::Denied,
            1053 | 1927 => FailureKind::Gone,
            _ => FailureKind::Other,
        },
        Error::Io(_) | Error::Driver(_) => FailureKind::Gone,
        _ => FailureKind::Other,
    };
    let message = match error {
        Error::Server(said) => said.message.clone(),
        other => other.to_string(),
    };
    Failure { kind, during: during.to_owned(), message }
}
