//! How far an import got: a small file that is written before and after each batch.
//!
//! A process may die between the commit of a batch and the note that it was committed. So the note that is written
//! before says by what the batch will be known: the id of its first record where the file has ids, else the time that
//! its records are recorded with. A batch is one transaction: where that record is there, all of it is. On a server the
//! transaction may outlive the process for a while, so it is committed under the journal's name, and whoever goes on
//! waits for it before looking. The journal of an import that came to its end stays, and says so: somebody who goes on
//! because he did not see the end must not begin anew.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

/// A journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the journal {} cannot be kept: {reason}", path.display())]
pub struct JournalError {
    path: PathBuf,
    reason: String,
}

/// How far an import of one file into one model got.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// Held as long as this is: two runs at once would write each row twice.
    _lock: std::fs::File,
    /// Rows that need not be looked at again.
    done: u64,
    /// A batch of which it is not known whether it was committed.
    pending: Option<Pending>,
    /// Whether all of the file was written or refused.
    finished: bool,
}

/// A batch on its way into the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    /// Rows that are done once it is committed.
    pub(super) done: u64,
    /// The id of a record of it, as text.
    pub(super) id: Option<String>,
    /// Its time, in microseconds.
    pub(super) now: i64,
}

impl Journal {
    /// The journal of an import, in the site's `data/imports`; `what` says what is imported, and how.
    ///
    /// # Errors
    /// Where there is one that cannot be read, or another run holds it.
    pub fn open(root: &Path, what: &str) -> Result<Journal, JournalError> {
        let hash = Sha256::digest(what.as_bytes());
        let name: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let path = root.join("data/imports").join(format!("{name}.json"));
        let failed = |reason: String| JournalError { path: path.clone(), reason };
        let lock = lock(&path).map_err(failed)?;
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Journal { path, _lock: lock, done: 0, pending: None, finished: false });
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        let read = serde_json::from_slice::<Json>(&text).ok().and_then(|json| {
            let pending = json.get("pending").filter(|pending| !pending.is_null());
            let pending = pending.map(|pending| {
                let id = pending.get("id").and_then(Json::as_str).map(str::to_owned);
                Some(Pending { done: pending.get("done")?.as_u64()?, now: pending.get("now")?.as_i64()?, id })
            });
            let finished = json.get("finished").and_then(Json::as_bool).unwrap_or(false);
            let pending = pending.map_or(Some(None), |pending| pending.map(Some))?;
            Some((json.get("done")?.as_u64()?, pending, finished))
        });
        match read {
            Some((done, pending, finished)) => Ok(Journal { path, _lock: lock, done, pending, finished }),
            None => Err(failed("it is damaged; delete it to begin anew".to_owned())),
        }
    }

    /// By what the import is known to the database: as long as it is this journal's.
    pub(super) fn name(&self) -> &str {
        self.path.file_stem().and_then(std::ffi::OsStr::to_str).unwrap_or("import")
    }

    /// Whether an earlier run of the same import was stopped in the middle.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        !self.finished && (self.done > 0 || self.pending.is_some())
    }

    /// Whether an earlier run of the same import came to its end.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Rows that an earlier run wrote or refused.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Begins anew.
    ///
    /// # Errors
    /// Where the file cannot be removed.
    pub fn discard(&mut self) -> Result<(), JournalError> {
        (self.done, self.pending, self.finished) = (0, None, false);
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(self.failed(&error)),
            _ => Ok(()),
        }
    }

    /// The batch of which it is not known whether it was committed.
    pub(super) fn pending(&self) -> Option<&Pending> {
        self.pending.as_ref()
    }

    /// Notes that a batch is to be committed.
    pub(super) fn before(&mut self, pending: Pending) -> Result<(), JournalError> {
        self.pending = Some(pending);
        self.write()
    }

    /// Notes that so many rows are done.
    pub(super) fn after(&mut self, done: u64) -> Result<(), JournalError> {
        if (self.done, &self.pending) == (done, &None) {
            return Ok(());
        }
        (self.done, self.pending) = (done, None);
        self.write()
    }

    /// Notes that all is done.
    pub(super) fn finish(&mut self, done: u64) -> Result<(), JournalError> {
        (self.done, self.pending, self.finished) = (done, None, true);
        self.write()
    }

    fn write(&self) -> Result<(), JournalError> {
        let pending = self.pending.as_ref();
        let pending =
            pending.map(|pending| json!({ "done": pending.done, "now": pending.now, "id": pending.id }));
        let text = json!({ "done": self.done, "pending": pending, "finished": self.finished }).to_string();
        self.replace(text.as_bytes()).map_err(|error| self.failed(&error))
    }

    /// Writes the file beside its place, and puts it there when it is durable.
    fn replace(&self, text: &[u8]) -> std::io::Result<()> {
        let beside = self.path.with_extension("new");
        let mut file = std::fs::File::create(&beside)?;
        file.write_all(text)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)
    }

    fn failed(&self, error: &std::io::Error) -> JournalError {
        JournalError { path: self.path.clone(), reason: error.to_string() }
    }
}

/// Keeps other runs of the same import away, until it is dropped or its process ends.
fn lock(path: &Path) -> Result<std::fs::File, String> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    let file = std::fs::File::create(path.with_extension("lock")).map_err(|error| error.to_string())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err("another run of this import has it".to_owned()),
        Err(std::fs::TryLockError::Error(error)) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_found_again_and_gone_when_discarded() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut journal = Journal::open(folder.path(), "posts a.csv").expect("a journal");
        assert!(!journal.is_unfinished());
        let pending = Pending { done: 20, id: Some("7".to_owned()), now: 5 };
        journal.after(10).expect("a note");
        journal.before(pending.clone()).expect("a note");
        let held = Journal::open(folder.path(), "posts a.csv").expect_err("it is held").to_string();
        assert!(held.contains("another run"), "{held}");
        drop(journal);
        let mut again = Journal::open(folder.path(), "posts a.csv").expect("a journal");
        assert_eq!((again.done(), again.pending()), (10, Some(&pending)));
        assert!(!Journal::open(folder.path(), "posts b.csv").expect("another").is_unfinished());
        again.finish(30).expect("a note");
        drop(again);
        let mut again = Journal::open(folder.path(), "posts a.csv").expect("a journal");
        assert!(again.is_finished() && !again.is_unfinished());
        again.discard().expect("gone");
        drop(again);
        assert!(!Journal::open(folder.path(), "posts a.csv").expect("a journal").is_unfinished());
    }
}
