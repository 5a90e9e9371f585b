//! Import: rows of a file, by the owner, through the same steps as any other write.
//!
//! - `source`: files, read piece by piece on a thread of their own;
//! - `columns`: names of a file become fields, cells become values;
//! - `links`: refs by natural keys, made where there is no such record and `--link` says so;
//! - `batch`: rows are written many at a time, each batch in one transaction. The row that is refused is told of
//!   with its line, those before and after it are written;
//! - `journal`: how far a file got, so that a run that was stopped goes on where it was.
//!
//! With a key, a row whose key a record has already changes that record.

mod batch;
mod columns;
mod journal;
mod links;
mod source;

pub use journal::{Journal, JournalError};
pub use source::{Format, Place, Source};

use purlin_schema::{Field, FieldId, Model, ModelId};

use crate::{Engine, Failure, FieldMessage};
use batch::Importer;
use source::Found;

/// How rows are imported.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Names of the fields by which a record is found that a row changes; without, every row is a new record.
    pub key: Vec<String>,
    /// Refs and lists of refs that are told by a field of the other model; a record that is not there is made.
    pub links: Vec<(String, String)>,
    /// Names in the file that are not those of the fields.
    pub rename: Vec<(String, String)>,
    /// Names in the file that are left out.
    pub skip: Vec<String>,
    /// The field for the text of a Markdown file; the only markdown field where absent.
    pub body: Option<String>,
    /// All rows in one transaction, or none.
    pub atomic: bool,
    /// Nothing is written.
    pub dry_run: bool,
    /// Passwords are hashes already, as another system kept them.
    pub password_hashes: bool,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows that were looked at, those of an earlier run of the same file not among them.
    pub rows: u64,
    /// Records that were made.
    pub created: u64,
    /// Records that a row changed, or would have.
    pub updated: u64,
    /// Rows that were refused.
    pub refused: u64,
    /// Records that were made because a row refers to them, by model.
    pub linked: Vec<(String, u64)>,
    /// Whether the refused rows kept all others out: of a transaction.
    pub nothing_written: bool,
}

/// A row that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Where it is.
    pub place: Place,
    /// What is wrong with it.
    pub messages: Vec<FieldMessage>,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.place, Failure::Invalid(self.messages.clone()).told())
    }
}

/// Who is told how it goes on.
pub trait Watcher {
    /// A row was refused.
    fn refused(&mut self, refused: &Refused);
    /// Rows were written, or would have been; so much of the file was read.
    fn written(&mut self, summary: &Summary, source: &Source);
}

/// Why an import ended before its file.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// What it was asked for cannot be.
    #[error("{0}")]
    Options(String),
    /// The file cannot be read any further; what was written stays.
    #[error("{0}: {1}")]
    Broken(Place, String),
    /// Where the journal cannot be kept.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The database failed; what was written stays.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Options {
    pub(crate) fn field<'model>(
        &self,
        model: &'model Model,
        name: &str,
    ) -> Result<&'model Field, ImportError> {
        model.field_named(name).filter(|field| field.id != FieldId::VERSION).ok_or_else(|| {
            let fields = model.fields.iter().filter(|field| !field.name.starts_with('_'));
            let names: Vec<&str> = fields.map(|field| field.name.as_str()).collect();
            ImportError::Options(format!("{} has no field `{name}`; it has {}", model.name, names.join(", ")))
        })
    }
}

impl Engine {
    /// Writes the rows of a source into a model. The journal, where there is one, says how many rows were written by an
    /// earlier run, and is told of each batch.
    ///
    /// # Errors
    /// Where the options do not fit the model, the source breaks off, or the database fails. Rows that are refused are
    /// no error: the watcher is told of each.
    pub async fn import(
        &self,
        model: ModelId,
        mut source: Source,
        options: &Options,
        journal: Option<Journal>,
        watcher: &mut dyn Watcher,
    ) -> Result<Summary, ImportError> {
        let mut importer = Importer::new(self, model, options, journal, watcher)?;
        importer.settle_journal().await?;
        let mut checked = false;
        while let Some(chunk) = source.chunks.recv().await {
            for found in chunk {
                match found {
                    Found::Row(row) => {
                        if !std::mem::replace(&mut checked, true) && source.format == Format::Csv {
                            importer.check_names(&row)?;
                        }
                        importer.row(row, &source).await?;
                    }
                    Found::Refused(place, message) => importer.refused_text(place, message),
                    Found::Broken(place, message) => {
                        importer.finish(&source, true).await?;
                        return Err(ImportError::Broken(place, message));
                    }
                }
            }
        }
        importer.finish(&source, false).await
    }
}
