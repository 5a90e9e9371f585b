//! A site with a database of its own, on any of the databases that are tested.
//!
//! A server is reached where `PURLIN_TEST_POSTGRES` and `PURLIN_TEST_MYSQL` say, else on this machine. Where none is
//! there the tests fail and say so; `off` leaves one out.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value as Cell};
use purlin_store::migrate::{DevOutcome, MigrationPlan, Migrator, Snapshot, Wanted};
use purlin_store::testing::{mysql_url, postgres_url};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// Rows as texts.
pub(super) type Rows = Vec<Vec<Option<String>>>;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    Sqlite,
    Postgres,
    MySql,
}

/// Every database that is tested here.
pub(super) fn everywhere() -> Vec<On> {
    let mut all = vec![On::Sqlite];
    all.extend(servers());
    all
}

/// The servers among them.
pub(super) fn servers() -> Vec<On> {
    let left_out = |variable: &str| std::env::var_os(variable).is_some_and(|value| value == "off");
    let mut all = Vec::new();
    if !left_out("PURLIN_TEST_POSTGRES") {
        all.push(On::Postgres);
    }
    if !left_out("PURLIN_TEST_MYSQL") {
        all.push(On::MySql);
    }
    all
}

/// The database goes when it is dropped.
pub(super) struct Place {
    pub(super) on: On,
    folder: TempDir,
    pub(super) url: String,
    name: String,
    runtime: Runtime,
    client: Option<Remote>,
}

/// A connection to its server.
enum Remote {
    Postgres(Client),
    MySql(Mutex<Conn>),
}

impl Place {
    pub(super) fn new(on: On) -> Place {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("purlin_migrate_{}_{number}", std::process::id());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (url, how) = match on {
            On::Sqlite => ("sqlite:data/site.db".to_owned(), ""),
            On::Postgres => (within(&server_url(on), &name), "TEMPLATE template0 ENCODING 'UTF8'"),
            On::MySql => (within(&server_url(on), &name), ""),
        };
        let client = (on != On::Sqlite).then(|| {
            connect(&runtime, on, &server_url(on)).run(&runtime, &format!("CREATE DATABASE {name} {how}"));
            connect(&runtime, on, &url)
        });
        Place { on, folder, url, name, runtime, client }
    }

    pub(super) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn migrator(&self) -> Migrator {
        Migrator::open(&self.url, self.root()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Brings the database to a picture as `dev` does, with consent to everything.
    pub(super) fn become_this(&self, wanted: &Wanted) -> DevOutcome {
        let result = self.migrator().dev_to(wanted, |_: &MigrationPlan| true);
        result.unwrap_or_else(|error| panic!("{:?}: {error}", self.on))
    }

    pub(super) fn run(&self, sql: &str) {
        match &self.client {
            Some(client) => client.run(&self.runtime, sql),
            None => self.file().execute_batch(sql).unwrap_or_else(|error| panic!("{error}\n{sql}")),
        }
    }

    /// Rows as the database itself makes texts of them.
    pub(super) fn rows(&self, sql: &str) -> Rows {
        let Some(client) = &self.client else {
            let value = |value: &rusqlite::types::Value| match value {
                rusqlite::types::Value::Null => None,
                rusqlite::types::Value::Integer(number) => Some(number.to_string()),
                rusqlite::types::Value::Real(number) => Some(format!("{number:?}")),
                rusqlite::types::Value::Text(text) => Some(text.clone()),
                rusqlite::types::Value::Blob(bytes) => {
                    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
                }
            };
            let rows = super::support::rows(&self.file(), sql);
            return rows.iter().map(|row| row.iter().map(value).collect()).collect();
        };
        client.rows(&self.runtime, sql)
    }

    /// Rows with `null` for nothing, cells joined by `|`, one a line.
    pub(super) fn text(&self, sql: &str) -> String {
        let cell = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "null".to_owned());
        let line = |row: &Vec<Option<String>>| row.iter().map(cell).collect::<Vec<_>>().join("|");
        self.rows(sql).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Makes a row in a table that has an integer id, of texts that the database reads.
    pub(super) fn insert(&self, table: &str, values: &[(&str, Option<&str>)]) {
        let now = if self.on == On::Sqlite { "1" } else { "'2026-01-01 00:00:00'" };
        let names: String = values.iter().map(|(name, _)| format!(", \"{name}\"")).collect();
        let literal = |value: &Option<&str>| match value {
            Some(text) => format!(", '{}'", text.replace('\'', "''")),
            None => ", NULL".to_owned(),
        };
        let values: String = values.iter().map(|(_, value)| literal(value)).collect();
        self.run(&format!(
            "INSERT INTO \"{table}\" (\"created_at\", \"updated_at\", \"_version\"{names}) VALUES ({now}, {now}, 1{values})"
        ));
    }

    /// How the real tables differ from a picture, as the database's own catalogue tells.
    pub(super) fn drift(&self) -> Vec<String> {
        self.migrator().status().unwrap_or_else(|error| panic!("{error}")).drift
    }

    /// Every row of every table of a picture and of the history, so that two states can be compared.
    pub(super) fn contents(&self, snapshot: &Snapshot) -> Vec<(String, Rows)> {
        let links = |(name, table): (&String, &purlin_store::migrate::Table)| {
            let own = table.links.keys().map(|field| format!("{name}__{field}")).collect::<Vec<_>>();
            own.into_iter().chain([name.clone()])
        };
        let tables = snapshot.tables.iter().flat_map(links);
        tables
            .map(|name| (name.clone(), self.rows(&format!("SELECT * FROM \"{name}\" ORDER BY 1, 2"))))
            .collect()
    }

    fn file(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.root().join("data/site.db")).expect("the database")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.client.take().is_none() {
            return;
        }
        let how = if self.on == On::Postgres { "WITH (FORCE)" } else { "" };
        let admin = connect(&self.runtime, self.on, &server_url(self.on));
        admin.run(&self.runtime, &format!("DROP DATABASE {} {how}", self.name));
    }
}

fn server_url(on: On) -> String {
    let (url, what) = match on {
        On::MySql => (
            mysql_url(),
            "no MySQL or MariaDB answers at 127.0.0.1:3306: start one, or leave it out with PURLIN_TEST_MYSQL=off",
        ),
        _ => (
            postgres_url(),
            "no PostgreSQL answers at 127.0.0.1:5432: start one, or leave it out with PURLIN_TEST_POSTGRES=off",
        ),
    };
    url.expect(what)
}

/// The same server with another database.
fn within(url: &str, database: &str) -> String {
    let (server, _) = url.rsplit_once('/').expect("a database");
    format!("{server}/{database}")
}

fn connect(runtime: &Runtime, on: On, url: &str) -> Remote {
    if on == On::MySql {
        let mut connection = runtime.block_on(Conn::from_url(url)).expect("a connection");
        let modes =
            "SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES'";
        runtime.block_on(connection.query_drop(modes)).expect("modes");
        return Remote::MySql(Mutex::new(connection));
    }
    let (client, connection) = runtime.block_on(tokio_postgres::connect(url, NoTls)).expect("a connection");
    runtime.spawn(connection);
    Remote::Postgres(client)
}

impl Remote {
    fn run(&self, runtime: &Runtime, sql: &str) {
        match self {
            Remote::Postgres(client) => {
                runtime
                    .block_on(client.batch_execute(sql))
                    .unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
            }
            Remote::MySql(connection) => {
                let mut connection = connection.lock().expect("nobody panicked");
                for sql in sql.split(';').filter(|sql| !sql.trim().is_empty()) {
                    let done = runtime.block_on(connection.query_drop(sql));
                    done.unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
                }
            }
        }
    }

    fn rows(&self, runtime: &Runtime, sql: &str) -> Rows {
        match self {
            Remote::Postgres(client) => {
                let messages = runtime.block_on(client.simple_query(sql));
                let row = |message| match message {
                    SimpleQueryMessage::Row(row) => {
                        Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
                    }
                    _ => None,
                };
                let messages = messages.unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
                messages.into_iter().filter_map(row).collect()
            }
            Remote::MySql(connection) => {
                let mut connection = connection.lock().expect("nobody panicked");
                let rows: Result<Vec<Row>, _> = runtime.block_on(connection.query(sql));
                let text = |cell| match cell {
                    Cell::Bytes(bytes) => {
                        Some(String::from_utf8(bytes).unwrap_or_else(|bytes| format!("{bytes:?}")))
                    }
                    _ => None,
                };
                let rows = rows.unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
                rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect()).collect()
            }
        }
    }
}
