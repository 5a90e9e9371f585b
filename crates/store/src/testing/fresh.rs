//! A database of a test's own, on the server that `PURLIN_TEST_DATABASE` names.
//!
//! The same tests run on every database: without the variable on files, with `postgres` or `mysql` on a server, where each
//! gets an empty database that goes when the test is over. These are the only databases whose commits do not wait for the
//! disk.

use std::io::Write;
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
        let named = std::env::var_os("PURLIN_TEST_DATABASE")?;
        match named.to_str()? {
            "postgres" => Some(Fresh::postgres().expect("a PostgreSQL that answers")),
            "mysql" => Some(Fresh::mysql().expect("a MySQL or MariaDB that answers")),
            _ => None,
        }
    }

    /// A database on each server that answers, whatever the variable names; says on the terminal which does not.
    #[must_use]
    pub fn on_servers() -> Vec<Fresh> {
        let servers = [("PostgreSQL", Fresh::postgres()), ("MySQL or MariaDB", Fresh::mysql())];
        for (name, _) in servers.iter().filter(|(_, fresh)| fresh.is_none()) {
            let _ = writeln!(std::io::stderr(), "left out: no {name} answers here");
        }
        servers.into_iter().filter_map(|(_, fresh)| fresh).collect()
    }

    /// A database on the PostgreSQL that answers.
    #[must_use]
    pub fn postgres() -> Option<Fresh> {
        postgres_url().map(|url| Fresh::on(Server::Postgres(url)))
    }

    /// A database on the MySQL or MariaDB that answers.
    #[must_use]
    pub fn mysql() -> Option<Fresh> {
        mysql_url().map(|url| Fresh::on(Server::MySql(url)))
    }

    /// Whether it is PostgreSQL's.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self.server, Server::Postgres(_))
    }

    /// Runs statements in this database.
    ///
    /// # Panics
    /// Where one fails.
    pub fn run_within(&self, sql: &str) {
        let within = match &self.server {
            Server::Postgres(_) => Server::Postgres(self.url.clone()),
            Server::MySql(_) => Server::MySql(self.url.clone()),
        };
        run(&within, sql.to_owned());
    }

    /// What a statement gives, as texts.
    ///
    /// # Panics
    /// Where it fails.
    #[must_use]
    pub fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let link = crate::migrate::look(&self.url).expect("a connection");
        link.rows(sql).unwrap_or_else(|failure| panic!("{sql}: {}", failure.message))
    }

    fn on(server: Server) -> Fresh {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("purlin_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let url = match &server {
            Server::Postgres(url) => {
                let (host, _) = url.rsplit_once('/').expect("a database in the URL");
                run(&server, format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"));
                format!("{host}/{name}?options=-c%20synchronous_commit%3Doff")
            }
            Server::MySql(url) => {
                let (host, _) = url.rsplit_once('/').expect("a database in the URL");
                run(&server, format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"));
                format!("{host}/{name}")
            }
        };
        Fresh { url, server, name }
    }

    /// Runs a statement on the server, outside of this database.
    ///
    /// # Panics
    /// Where it fails.
    pub fn run(&self, sql: &str) {
        run(&self.server, sql.to_owned());
    }

    /// Ends every connection that others have to this database, as an operator does.
    ///
    /// # Panics
    /// Where the server does not answer.
    pub fn end_connections(&self) {
        match &self.server {
            Server::Postgres(_) => self.run(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
                self.name
            )),
            // One statement ends one connection, and which there are is found out before; some have gone by then.
            Server::MySql(_) => {
                let ids = format!("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '{}'", self.name);
                for id in crate::migrate::look(&self.url).expect("a connection").rows(&ids).expect("rows") {
                    let kill = format!("KILL {}", id[0].as_deref().unwrap_or("0"));
                    let _ = try_run(&self.server, kill);
                }
            }
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if self.is_postgres() {
            return run(&self.server, format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
        // What `purlin inspect` has made beside it goes, too.
        run(&self.server, format!("DROP DATABASE IF EXISTS {}_purlin", self.name));
        run(&self.server, format!("DROP DATABASE {}", self.name));
    }
}

fn run(server: &Server, sql: String) {
    try_run(server, sql).unwrap_or_else(|error| panic!("{error}"));
}

/// Runs a statement on a thread of its own: some tests have a runtime and some have none.
fn try_run(server: &Server, sql: String) -> Result<(), String> {
    let server = server.clone();
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            match server {
                Server::Postgres(url) => {
                    let target = crate::postgres::connect::Target::parse(&url).expect("a URL");
                    let client = target.connect().await.expect("a connection");
                    client.batch_execute(&sql).await.map_err(|error| format!("{sql}: {error:?}"))
                }
                Server::MySql(url) => {
                    let target = crate::mysql::connect::Target::parse(&url).expect("a URL");
                    let (mut connection, _) = target.connect().await.expect("a connection");
                    connection.query_drop(&sql).await.map_err(|error| format!("{sql}: {error}"))
                }
            }
        })
    };
    std::thread::spawn(work).join().expect("a statement that runs")
}
