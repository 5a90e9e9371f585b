//! For tests: faults on purpose, and a look behind the scenes. No part of the public interface.

mod bouncer;
mod cluster;
mod filled;
mod fresh;
mod maria;
mod proxy;
mod watcher;

pub use bouncer::Bouncer;
pub use cluster::Cluster;
pub use filled::Known;
pub use fresh::Fresh;
pub use maria::Maria;
pub use proxy::{BY_ITSELF, Proxy, Seen, Way};
pub use watcher::Watcher;
pub(crate) use watcher::written;

use std::sync::atomic::Ordering;

use crate::sql::query::Variant;
use crate::{Database, Error, Prepared, Store};

/// Takes a store apart.
pub struct Testing<'store>(pub(crate) &'store Store);

impl Testing<'_> {
    /// What is tested of an embedded database alone.
    fn sqlite(&self) -> &crate::Sqlite {
        match &self.0.database {
            Database::Sqlite(sqlite) => sqlite,
            Database::Postgres(_) | Database::MySql(_) => panic!("this is for SQLite"),
        }
    }

    /// Lets the n-th statement that the writer runs from now on fail; the next one is the zeroth.
    pub fn fail_after(&self, statements: i64) {
        let sqlite = self.sqlite();
        sqlite.faults.countdown.store(statements, Ordering::Relaxed);
    }

    /// Whether the failure that was asked for has happened.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        let sqlite = self.sqlite();
        sqlite.faults.countdown.load(Ordering::Relaxed) < 0
    }

    /// Transactions that the writer committed so far.
    #[must_use]
    pub fn transactions(&self) -> u64 {
        let sqlite = self.sqlite();
        sqlite.writer.transactions.load(Ordering::Relaxed)
    }

    /// Requests that stand in the writer's queue.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let sqlite = self.sqlite();
        sqlite.writer.waiting()
    }

    /// Runs SQL on the writer's connection, between transactions.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn run(&self, sql: &str) -> Result<(), Error> {
        let (send, done) = tokio::sync::oneshot::channel();
        let sql = sql.to_owned();
        let sqlite = self.sqlite();
        sqlite.writer.call(move |session| {
            let _ = send.send(session.connection.execute_batch(&sql).map_err(|error| error.to_string()));
        })?;
        match done.await {
            Ok(result) => result.map_err(Error::Database),
            Err(_) => Err(Error::Database("the writer panicked".to_owned())),
        }
    }

    /// Asks the replicas how far they have come, now.
    pub async fn ask_replicas(&self) {
        match &self.0.database {
            Database::Sqlite(_) => {}
            Database::Postgres(postgres) => postgres.ask_replicas().await,
            Database::MySql(mysql) => mysql.ask_replicas().await,
        }
    }

    /// How many replicas may be read from by whoever has seen so much.
    #[must_use]
    pub fn replicas_with(&self, seen: crate::Mark) -> usize {
        match &self.0.database {
            Database::Sqlite(_) => 0,
            Database::Postgres(postgres) => postgres.replicas.count(seen),
            Database::MySql(mysql) => mysql.replicas.count(seen),
        }
    }

    /// How many reads replicas have answered.
    #[must_use]
    pub fn served_by_replicas(&self) -> u64 {
        match &self.0.database {
            Database::Sqlite(_) => 0,
            Database::Postgres(postgres) => postgres.replicas.served(),
            Database::MySql(mysql) => mysql.replicas.served(),
        }
    }

    /// Keeps the writer from working until the guard is dropped.
    ///
    /// # Errors
    /// Where the writer is gone.
    pub fn hold_writer(&self) -> Result<std::sync::mpsc::Sender<()>, Error> {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let sqlite = self.sqlite();
        sqlite.writer.call(move |session| {
            let begun = session.connection.execute_batch("BEGIN IMMEDIATE");
            // Ends with an error when the guard is dropped.
            let _ = held.recv();
            if begun.is_ok() {
                let _ = session.connection.execute_batch("ROLLBACK");
            }
        })?;
        Ok(release)
    }

    /// How the database would go about a query's first statement.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn explain(&self, query: &Prepared) -> Result<String, Error> {
        self.explain_sql(&query.sql)
    }

    /// How the database would go about a statement.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn explain_sql(&self, sql: &str) -> Result<String, Error> {
        let sqlite = self.sqlite();
        let told = |error: rusqlite::Error| Error::Database(error.to_string());
        let connection =
            crate::sqlite::open::open(&sqlite.path, crate::sqlite::open::Role::Reader).map_err(told)?;
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).map_err(told)?;
        let mut rows = statement.raw_query();
        let mut lines = Vec::new();
        while let Some(row) = rows.next().map_err(told)? {
            lines.push(row.get::<_, String>(3).map_err(told)?);
        }
        Ok(lines.join("\n"))
    }

    /// The statements of a query's next page, after a row whose first key is null or not.
    #[must_use]
    pub fn segments(&self, query: &Prepared, nulls: u64) -> Vec<String> {
        let variant = Variant { after: Some(nulls), ..Variant::BASE };
        query.variant(variant).map_or_else(
            |_| Vec::new(),
            |compiled| compiled.segments.iter().map(|statement| statement.sql.to_string()).collect(),
        )
    }
}

/// What a statement gives in a file that nobody else need have made, as texts.
///
/// # Panics
/// Where it fails.
#[must_use]
pub fn rows_of_file(path: &std::path::Path, sql: &str) -> Vec<Vec<Option<String>>> {
    let connection = rusqlite::Connection::open(path).expect("a file");
    let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let columns = statement.column_count();
    let text = |row: &rusqlite::Row<'_>, at: usize| {
        use rusqlite::types::ValueRef;
        Some(match row.get_ref_unwrap(at) {
            ValueRef::Null => return None,
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
            ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            ValueRef::Blob(bytes) => format!("{bytes:?}"),
        })
    };
    let rows = statement.query_map([], |row| Ok((0..columns).map(|at| text(row, at)).collect()));
    rows.expect("rows").collect::<Result<_, _>>().expect("rows")
}

/// The PostgreSQL that tests may make databases in: `PURLIN_TEST_POSTGRES`, else that of this machine where one answers;
/// `off` for none.
#[must_use]
pub fn postgres_url() -> Option<String> {
    server("PURLIN_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres", "127.0.0.1:5432")
}

/// The same of MySQL or MariaDB: `PURLIN_TEST_MYSQL`.
#[must_use]
pub fn mysql_url() -> Option<String> {
    server("PURLIN_TEST_MYSQL", "mysql://root@127.0.0.1:3306/mysql", "127.0.0.1:3306")
}

fn server(variable: &str, url: &str, address: &str) -> Option<String> {
    match std::env::var_os(variable) {
        Some(off) if off == "off" => None,
        Some(url) => url.into_string().ok(),
        None => std::net::TcpStream::connect(address).is_ok().then(|| url.to_owned()),
    }
}

/// Runs statements in a file, which is made where there is none.
///
/// # Panics
/// Where one fails.
pub fn run_in_file(path: &std::path::Path, sql: &str) {
    let connection = rusqlite::Connection::open(path).expect("a file");
    connection.busy_timeout(std::time::Duration::from_secs(5)).expect("a time-out");
    connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}
