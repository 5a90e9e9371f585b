//! Whoever has just written reads what he wrote, also where looks are answered by servers that follow the database.
//!
//! What may have written is answered with where the database stood afterwards, sealed, and the asker sends it with what he
//! asks next. Nothing is remembered here, so that any node may answer him. What cannot be read counts as the latest there
//! could be: then the database itself is asked.

use purlin_store::{Mark, looking};

use crate::Engine;

const PURPOSE: &str = "written";

/// What an asker is given after he wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where the database stood, sealed: letters, digits, `-`, `_` and `.`.
    pub mark: String,
    /// For how long it says anything: after that whatever is read from has it.
    pub seconds: u64,
}

impl Engine {
    /// Whether replicas may answer what only looks.
    #[must_use]
    pub fn has_replicas(&self) -> bool {
        self.store().has_replicas()
    }

    /// Runs what only looks, and may be answered by a replica that has what the asker wrote by the marks that he sent.
    pub async fn looking<T>(&self, marks: impl Iterator<Item = &str>, looks: impl Future<Output = T>) -> T {
        let read = |sealed: &str| {
            let text = self.unseal(PURPOSE, sealed)?;
            Some(Mark(std::str::from_utf8(&text).ok()?.parse().ok()?))
        };
        let seen = marks.map(|mark| read(mark).unwrap_or(Mark::LAST)).max();
        looking(seen.unwrap_or(Mark::FIRST), looks).await
    }

    /// What whoever may have written is given; nothing where all is read from the database itself.
    pub async fn mark_of_write(&self) -> Option<Written> {
        if !self.has_replicas() {
            return None;
        }
        let Mark(mark) = self.store().mark().await;
        let lag = self.site().settings.database.replica_lag.as_secs();
        Some(Written {
            mark: self.seal(PURPOSE, mark.to_string().as_bytes()),
            seconds: lag.saturating_mul(2).max(60),
        })
    }
}
