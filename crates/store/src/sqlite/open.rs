//! Opening a database file, with every connection set up alike.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::functions;
use crate::error::Error;
use crate::sql::origin_rows::SCHEMA;

/// How long a connection waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 512;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Reading alone.
    Reader,
    /// Writing, and making the file where there is none.
    Writer,
}

impl Role {
    /// KiB of the file's pages that a connection keeps. Readers look at the same ones again and again, each worker's own;
    /// what the writer looks at is mostly the ends of tables.
    fn cache_kib(self) -> i32 {
        match self {
            Role::Reader => 8_000,
            Role::Writer => 4_000,
        }
    }
}

/// What readers see.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    /// The site's database.
    pub(crate) path: PathBuf,
    /// A database that is not Purlin's.
    pub(crate) existing: Option<PathBuf>,
}

/// Opens a connection that reads, and sees beside the site's database the one that is not Purlin's.
pub(crate) fn reader(files: &Files) -> rusqlite::Result<Connection> {
    let connection = open(&files.path, Role::Reader)?;
    if let Some(existing) = &files.existing {
        attach(&connection, &read_only(existing))?;
    }
    Ok(connection)
}

/// Opens a connection that writes to both. It begins by locking both, which the one that writes to the site's alone must
/// not.
pub(crate) fn writer_beside(path: &Path, existing: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, Role::Writer)?;
    attach(&connection, &uri(existing, "rw"))?;
    Ok(connection)
}

fn attach(connection: &Connection, uri: &str) -> rusqlite::Result<()> {
    connection.execute(&format!("ATTACH ?1 AS {SCHEMA}"), [uri])?;
    // A file that is no database is noticed when it is read first.
    connection.query_row(&format!("SELECT count(*) FROM {SCHEMA}.sqlite_schema"), [], |_| Ok(()))
}

/// The URI of a file that is opened for reading alone.
pub(crate) fn read_only(path: &Path) -> String {
    uri(path, "ro")
}

fn uri(path: &Path, mode: &str) -> String {
    let mut uri = "file:".to_owned();
    for character in path.to_string_lossy().chars() {
        match character {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            other => uri.push(other),
        }
    }
    format!("{uri}?mode={mode}")
}

/// The file that a `sqlite:` URL names, relative to the site.
pub(crate) fn path_of(root: &Path, url: &str) -> Result<PathBuf, Error> {
    let refused = |why: &str| Err(Error::Open(format!("database.url = {url:?} {why}")));
    let Some((scheme, rest)) = url.split_once(':') else {
        return refused("has no scheme: write sqlite:data/site.db");
    };
    match scheme {
        "sqlite" | "sqlite3" | "file" => {}
        _ => return refused("has an unknown scheme: write sqlite:data/site.db"),
    }
    // `sqlite:///absolute` and `sqlite://relative` are written by those who come from other tools.
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    if path.is_empty() || path.contains(":memory:") {
        return refused("names no file: write sqlite:data/site.db");
    }
    Ok(root.join(path))
}

/// Opens a connection to the file.
pub(crate) fn open(path: &Path, role: Role) -> rusqlite::Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // What is attached is named by a URI, which says whether it is only read.
    flags |= OpenFlags::SQLITE_OPEN_URI;
    if role == Role::Writer {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
        make_private(path);
    }
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Without this SQLite prepares a cached statement anew whenever other values are bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    if role == Role::Writer {
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    }
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -role.cache_kib())?;
    if role == Role::Reader {
        connection.pragma_update(None, "query_only", true)?;
    }
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    functions::register(&connection)?;
    Ok(connection)
}

/// Makes the folder of the file, and the file where there is none.
pub(crate) fn create(path: &Path) -> Result<Connection, Error> {
    if let Some(folder) = path.parent() {
        crate::private_folder(folder).map_err(|error| {
            Error::Open(format!("the folder {} cannot be made: {error}", folder.display()))
        })?;
    }
    open(path, Role::Writer)
        .map_err(|error| Error::Open(format!("the database {} cannot be opened: {error}", path.display())))
}

/// Makes the file, where there is none, readable by its owner alone: it holds addresses and hashes. SQLite gives its
/// companions the same rights. What goes wrong here is told by opening it.
fn make_private(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(path));
}
