//! Connections: one a thread for reading, opened at the thread's first read.

use std::cell::RefCell;
use std::sync::OnceLock;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::backend::Fault;

static FILE: OnceLock<String> = OnceLock::new();

thread_local! {
    static READER: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

/// Names the database file, once, before anything is opened.
pub(super) fn set_file(file: &str) {
    FILE.get_or_init(|| file.to_owned());
}

/// Of each connection. Memory-mapped reading (`mmap_size`) was measured: random records become 15 % cheaper, but a
/// disk's error then ends the process, which no site would accept.
const CACHE_KILOBYTES: i64 = 8000;

/// Opens a connection with the settings that all share.
pub(super) fn open() -> rusqlite::Result<Connection> {
    let connection = Connection::open(FILE.get().map_or("", String::as_str))?;
    configure(&connection)?;
    Ok(connection)
}

/// Sets what each connection wants. Without the stability guarantee SQLite prepares a cached statement anew when
/// a value is bound that its plan might depend on, which doubles the cost of a page.
pub(super) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KILOBYTES)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Reads on this thread's own connection. Each of these reads takes microseconds: handing one to another thread
/// would cost more than doing it.
pub(super) fn read<T>(work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
    READER.with_borrow_mut(|reader| {
        let connection = match reader {
            Some(connection) => connection,
            None => reader.insert(open()?),
        };
        work(connection)
    })
}

/// Reads several things in one snapshot.
pub(super) fn snapshot<T>(work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
    read(|connection| {
        connection.prepare_cached("BEGIN")?.execute([])?;
        let done = work(connection);
        connection.prepare_cached("COMMIT")?.execute([])?;
        done
    })
}
