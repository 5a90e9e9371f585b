//! A site with a database of its own, on any of the databases that are tested.
//!
//! A server is reached where `PURLIN_TEST_POSTGRES` and `PURLIN_TEST_MYSQL` say, else on this machine. Where none is
//! there the tests fail and say so; `off` leaves one out.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use purlin_store::migrate::{DevOutcome, MigrationPlan, Migrator, Snapshot, Wanted};
use purlin_store::testing::postgres_url;
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
    all
}

/// The database goes when it is dropped.
pub(super) struct Place {
    pub(super) on: On,
    folder: TempDir,
    pub(super) url: String,
    name: String,
    runtime: Runtime,
    client: Option<Client>,
}

impl Place {
    pub(super) fn new(on: On) -> Place {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("purlin_migrate_{}_{number}", std::process::id());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (url, client) = match on {
            On::Sqlite => ("sqlite:data/site.db".to_owned(), None),
            On::Postgres => {
                let server = server_url();
                let admin = connect(&runtime, &server);
                run(&runtime, &admin, &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"));
                let (server, _) = server.rsplit_once('/').expect("a database");
                let url = format!("{server}/{name}");
                let client = connect(&runtime, &url);
                (url, Some(client))
            }
        };
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
            Some(client) => run(&self.runtime, client, sql),
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
        let messages = self.runtime.block_on(client.simple_query(sql));
        let messages = messages.unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
        let row = |message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
            }
            _ => None,
        };
        messages.into_iter().filter_map(row).collect()
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
        if self.client.take().is_some() {
            let admin = connect(&self.runtime, &server_url());
            run(&self.runtime, &admin, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}

fn server_url() -> String {
    postgres_url().expect(
        "no PostgreSQL answers at 127.0.0.1:5432: start one, or leave it out with PURLIN_TEST_POSTGRES=off",
    )
}

fn connect(runtime: &Runtime, url: &str) -> Client {
    let (client, connection) = runtime.block_on(tokio_postgres::connect(url, NoTls)).expect("a connection");
    runtime.spawn(connection);
    client
}

fn run(runtime: &Runtime, client: &Client, sql: &str) {
    runtime.block_on(client.batch_execute(sql)).unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
}
