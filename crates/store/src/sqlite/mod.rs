//! SQLite: connections, readers, the writer.
//!
//! Nothing outside of this folder knows of `rusqlite`. A [`Session`](session::Session) is a connection that runs
//! [`Statement`](crate::sql::Statement)s; each runtime thread has one for reading ([`reader`]), long reads have a few
//! threads of their own ([`pool`]), and one thread writes ([`writer`]).

pub(crate) mod counters;
pub(crate) mod decode;
pub(crate) mod foreign;
pub(crate) mod functions;
pub(crate) mod open;
pub(crate) mod pool;
pub(crate) mod reader;
pub(crate) mod run;
pub(crate) mod session;
pub(crate) mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use purlin_schema::settings::DatabaseSettings;

use crate::error::{Error, Rule, Violation};
use crate::feed::Feed;
use open::Files;
use reader::Reader;
use session::Faults;
use writer::Writer;

/// A database file.
pub(crate) struct Sqlite {
    pub(crate) path: PathBuf,
    pub(crate) reader: Arc<Reader>,
    pub(crate) writer: Writer,
    pub(crate) faults: Arc<Faults>,
}

impl Sqlite {
    pub(crate) fn open(root: &Path, settings: &DatabaseSettings, feed: Feed) -> Result<Sqlite, Error> {
        let path = open::path_of(root, &settings.url)?;
        drop(open::create(&path)?);
        let faults = Arc::new(Faults::never());
        let existing = settings.existing.as_deref().map(|url| open::path_of(root, url)).transpose()?;
        let files = Files { path: path.clone(), existing };
        let writer = Writer::start(&files, feed, faults.clone())?;
        if files.existing.is_some() {
            open::reader(&files).map_err(|error| {
                Error::Open(format!("the database that `database.existing` names cannot be read: {error}"))
            })?;
        }
        let reader = Reader::new(files, settings.read_timeout);
        Ok(Sqlite { path, reader, writer, faults })
    }
}

/// What the database's own error means to those above.
pub(crate) fn plain(error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode;
    let rusqlite::Error::SqliteFailure(failure, message) = error else {
        return Error::Database(error.to_string());
    };
    let told = message.clone().unwrap_or_else(|| error.to_string());
    match failure.code {
        ErrorCode::DiskFull => Error::Unavailable("the disk is full".to_owned()),
        ErrorCode::ReadOnly => Error::Unavailable("the database file is read-only".to_owned()),
        ErrorCode::SystemIoFailure => {
            Error::Unavailable(format!("the disk reports an error ({})", failure.extended_code))
        }
        ErrorCode::CannotOpen => Error::Unavailable("the database file cannot be opened".to_owned()),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            Error::Unavailable("the database file is damaged".to_owned())
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Busy,
        ErrorCode::ConstraintViolation => violation(failure.extended_code, told).into(),
        _ => Error::Database(told),
    }
}

/// The rule that was broken, of which SQLite says the kind, and in its words the column.
fn violation(code: i32, told: String) -> Violation {
    use rusqlite::ffi;
    let rule = match code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            Rule::Unique
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Rule::Reference,
        ffi::SQLITE_CONSTRAINT_NOTNULL => Rule::Required,
        ffi::SQLITE_CONSTRAINT_DATATYPE => Rule::Unfit,
        ffi::SQLITE_CONSTRAINT_TRIGGER => Rule::Trigger,
        _ => Rule::Check,
    };
    // `UNIQUE constraint failed: track.name, track.album`, and of a column that is STRICT:
    // `cannot store TEXT value in INTEGER column track.bytes`.
    let named = match rule {
        Rule::Unique | Rule::Required => told.split_once(": ").map(|(_, rest)| rest),
        Rule::Unfit => told.rsplit_once(" column ").map(|(_, rest)| rest),
        _ => None,
    };
    let first = named.and_then(|named| named.split(", ").next()).and_then(|name| name.split_once('.'));
    Violation {
        column: first.map(|(_, column)| column.to_owned()),
        table: first.map(|(table, _)| table.to_owned()),
        ..Violation::of(rule, told)
    }
}

/// Whether a statement was stopped by its guard.
pub(crate) fn is_interrupt(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted)
}
