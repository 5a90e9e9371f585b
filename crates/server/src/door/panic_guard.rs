//! A panic ends its own request and no other.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

/// Runs a request; where it panics, gives what the panic said. It is pinned by the caller, so that no copy of it lies in
/// each future on the way.
///
/// # Errors
/// The panic's message.
pub async fn guarded<F: Future>(mut work: Pin<&mut F>) -> Result<F::Output, String> {
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        // The future is never polled again: whatever the panic left half done is dropped with it.
        Err(panic) => Poll::Ready(Err(message(&*panic))),
    })
    .await
}

fn message(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "a panic without words".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error() {
        assert_eq!(guarded(pin!(async { 7 })).await, Ok(7));
        let number = 3;
        let fails = async move { assert_ne!(number, 3, "no {number}") };
        assert!(guarded(pin!(fails)).await.unwrap_err().contains("no 3"));
    }
}
