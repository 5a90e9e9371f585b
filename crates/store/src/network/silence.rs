//! Telling a server that works for long from one that has fallen silent.
//!
//! A change of a large table may take hours, so that no time-out of its own can end the wait for it. What can be known is
//! whether the server still speaks to anybody: while an answer is awaited somebody else asks it, too.

use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;

/// How long an answer may take before somebody else asks.
const LOOK: Duration = Duration::from_secs(5);

/// How often in a row nobody is answered where a server is silent.
const SILENT: u32 = 2;

/// How long it may take to reach a server, with the first questions to it.
pub(crate) const REACHED: Duration = Duration::from_secs(15);

/// Waits for an answer for as long as the server answers others: `answers` asks whether it does, in a time of its own.
/// Nothing where it is silent.
pub(crate) async fn unless_silent<T>(
    work: impl Future<Output = T>,
    answers: impl AsyncFn() -> bool,
) -> Option<T> {
    unless_silent_for(LOOK, work, answers).await
}

async fn unless_silent_for<T>(
    look: Duration,
    work: impl Future<Output = T>,
    answers: impl AsyncFn() -> bool,
) -> Option<T> {
    let mut work = pin!(work);
    let mut unanswered = 0;
    while unanswered < SILENT {
        tokio::select! {
            biased;
            done = &mut work => return Some(done),
            () = sleep(look) => {}
        }
        tokio::select! {
            biased;
            done = &mut work => return Some(done),
            answers = answers() => unanswered = if answers { 0 } else { unanswered + 1 },
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    /// Looks at once, and is done when it was looked so often.
    async fn looked(times: u32, answers: fn(u32) -> bool) -> Option<u32> {
        let (looks, done) = (AtomicU32::new(0), Notify::new());
        let work = async {
            done.notified().await;
            looks.load(Ordering::Relaxed)
        };
        let answers = async || {
            let looked = looks.fetch_add(1, Ordering::Relaxed) + 1;
            if looked == times {
                done.notify_one();
            }
            answers(looked)
        };
        unless_silent_for(Duration::ZERO, work, answers).await
    }

    #[tokio::test]
    async fn what_takes_long_is_waited_for_and_what_is_silent_is_not() {
        assert_eq!(looked(500, |_| true).await, Some(500));
        assert_eq!(looked(500, |_| false).await, None);
        assert_eq!(unless_silent_for(Duration::ZERO, pending::<()>(), async || false).await, None);
        // One question that is lost is not the end, two in a row are.
        assert_eq!(looked(500, |look| look % 2 == 0).await, Some(500));
        assert_eq!(looked(500, |look| look % 3 == 0).await, None);
    }
}
