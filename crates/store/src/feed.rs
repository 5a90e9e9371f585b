//! The feed: every change, in the order of transactions, to whoever listens.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use crate::mutation::{Change, Changes};

/// Transactions that a slow listener may be behind before it misses some.
const CAPACITY: usize = 4_096;

/// Where committed changes are told.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    sender: broadcast::Sender<Arc<Changes>>,
    /// Of the last transaction.
    number: Arc<Mutex<u64>>,
}

impl Feed {
    pub(crate) fn new() -> Feed {
        Feed { sender: broadcast::Sender::new(CAPACITY), number: Arc::default() }
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Arc<Changes>> {
        self.sender.subscribe()
    }

    /// Tells of a transaction that changed something, under the next number; that nobody listens is no error.
    pub(crate) fn tell_next(&self, list: Vec<Change>) {
        if list.is_empty() {
            return;
        }
        // Held while it is told, so that numbers rise for whoever listens.
        let mut number = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        *number += 1;
        let _ = self.sender.send(Arc::new(Changes { number: *number, list }));
    }
}
