//! Lines of the log on their way out.
//!
//! A request that wrote its line itself would wait for the lock of standard error and for whoever reads it; that was
//! an eighth of a small request's cost. So lines are gathered in memory and a thread writes what has come together
//! every few milliseconds. What is waiting is bounded: where it cannot be written that fast, requests wait after all.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const GATHER: Duration = Duration::from_millis(10);
const MOST_BYTES: usize = 1 << 20;

static WAITING: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static CAME: Condvar = Condvar::new();

/// Begins to write what comes to standard error.
///
/// # Errors
/// Where no thread can be had.
pub(crate) fn start() -> io::Result<()> {
    std::thread::Builder::new().name("purlin-log".to_owned()).spawn(run).map(drop)
}

/// Writes what is waiting: before the process ends.
pub(crate) fn flush() {
    let lines = std::mem::take(&mut *waiting());
    if !lines.is_empty() {
        // A log that nobody reads any more is no reason to fail.
        let _ = io::stderr().lock().write_all(&lines);
    }
}

fn run() {
    loop {
        drop(CAME.wait_while(waiting(), |lines| lines.is_empty()));
        std::thread::park_timeout(GATHER);
        flush();
    }
}

fn waiting() -> MutexGuard<'static, Vec<u8>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes lines in.
pub(crate) struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut lines = waiting();
        let first = lines.is_empty();
        lines.extend_from_slice(bytes);
        let full = lines.len() > MOST_BYTES;
        drop(lines);
        if full {
            flush();
        } else if first {
            CAME.notify_one();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
