//! A database of a test's own, on the server that `PURLIN_TEST_DATABASE` names.
//!
//! The same tests run on every database: without the variable on files, with `postgres` or `mysql` on a server, where each
//! gets an empty database that goes when the test is over. These are the only databases whose commits do not wait for the
//! disk.

use std::sync::atomic::{AtomicU32, Ordering};

use mysql_async::prelude::Queryable;

use super::{mysql_url, postgres_url};

/// An empty database, which goes with this.
#[derive(Debug)]
pub struct Fresh {
    /// Its URL.
    pub url: String,
    server: Server,
    name: String,
}

#[derive(Clone, Debug)]
enum Server {
    Postgres(String),
    MySql(String),
}

impl Fresh {
    /// A database where the variable names a server; nothing where tests are to use a file.
    ///
    /// # Panics
    /// Where the server that is named does not answer.
    #[must_use]
    pub fn new() -> Option<Fresh> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let named = std::env::var_os("PURLIN_TEST_DATABASE")?;
        let server = match named.to_str()? {
            "postgres" => Server::Postgres(postgres_url().expect("a PostgreSQL that answers")),
            "mysql" => Server::MySql(mysql_url().expect("a MySQL or MariaDB that answers")),
            _ => return None,
        };
        let name = format!("purlin_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let url = match &server {
            Server::Postgres(url) => {
                let (host, _) = url.rsplit_once('/')?;
                run(&server, format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"));
                format!("{host}/{name}?options=-c%20synchronous_commit%3Doff")
            }
            Server::MySql(url) => {
                let (host, _) = url.rsplit_once('/')?;
                run(&server, format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"));
                format!("{host}/{name}")
            }
        };
        Some(Fresh { url, server, name })
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let forced = if matches!(self.server, Server::Postgres(_)) { " WITH (FORCE)" } else { "" };
        run(&self.server, format!("DROP DATABASE {}{forced}", self.name));
    }
}

/// Runs a statement on a thread of its own: some tests have a runtime and some have none.
fn run(server: &Server, sql: String) {
    let server = server.clone();
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            match server {
                Server::Postgres(url) => {
                    let target = crate::postgres::connect::Target::parse(&url).expect("a URL");
                    let client = target.connect().await.expect("a connection");
                    client.batch_execute(&sql).await.expect("a statement that runs");
                }
                Server::MySql(url) => {
                    let target = crate::mysql::connect::Target::parse(&url).expect("a URL");
                    let (mut connection, _) = target.connect().await.expect("a connection");
                    connection.query_drop(sql).await.expect("a statement that runs");
                }
            }
        });
    };
    std::thread::spawn(work).join().expect("a statement that runs");
}
