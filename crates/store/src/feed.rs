//! The feed: every change, in the order of transactions, to whoever listens.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::mutation::{Change, Changes};

/// Transactions that a slow listener may be behind before it misses some.
const CAPACITY: usize = 4_096;

/// Where committed changes are told.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    sender: broadcast::Sender<Arc<Changes>>,
}

impl Feed {
    pub(crate) fn new() -> Feed {
        Feed { sender: broadcast::Sender::new(CAPACITY) }
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Arc<Changes>> {
        self.sender.subscribe()
    }

    /// Tells of a transaction; that nobody listens is no error.
    pub(crate) fn tell(&self, number: u64, list: Vec<Change>) {
        let _ = self.sender.send(Arc::new(Changes { number, list }));
    }
}
