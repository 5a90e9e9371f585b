//! Connections that are kept and lent, the one that was used last first.

use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::{Client, NoTls};

use super::Statements;
use crate::backend::Fault;

/// As many as Purlin has for reading, and again as many for writing.
const CONNECTIONS: usize = 20;

/// A connection with its statements.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) statements: Statements,
}

pub(super) struct Pool {
    url: String,
    permits: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

/// A connection that is lent; dropped, it goes back.
pub(super) struct Lease<'pool> {
    connection: Option<Connection>,
    pool: &'pool Pool,
    _permit: SemaphorePermit<'pool>,
}

impl Pool {
    /// With one connection, so that a wrong URL is told at once.
    pub(super) async fn new(url: &str) -> Result<Pool, Fault> {
        let idle = Mutex::new(vec![connect(url).await?]);
        Ok(Pool { url: url.to_owned(), permits: Semaphore::new(CONNECTIONS), idle })
    }

    pub(super) async fn lend(&self) -> Result<Lease<'_>, Fault> {
        let permit = self.permits.acquire().await?;
        let connection = match self.take() {
            Some(connection) => connection,
            None => connect(&self.url).await?,
        };
        Ok(Lease { connection: Some(connection), pool: self, _permit: permit })
    }

    /// The last one that is not closed.
    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(connection) = idle.pop() {
            if !connection.client.is_closed() {
                return Some(connection);
            }
        }
        None
    }
}

async fn connect(url: &str) -> Result<Connection, Fault> {
    let (client, half) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(half);
    let statements = Statements::prepare(&client).await?;
    Ok(Connection { client, statements })
}

impl Deref for Lease<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a lease has its connection until it ends")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        // One in the middle of an answer takes the rest of it before it answers anybody else.
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
    }
}
