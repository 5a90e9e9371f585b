//! A client of a server on a thread of its own, with a runtime of its own: the migrator is called from
//! synchronous code, sometimes inside a runtime, where waiting for a future would panic.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::migrate::error::MigrateError;

type Job<C> = Box<dyn FnOnce(Arc<C>) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// The client. Dropping it ends the connection.
pub(crate) struct Remote<C> {
    jobs: Option<UnboundedSender<Job<C>>>,
    thread: Option<JoinHandle<()>>,
}

impl<C: 'static> Remote<C> {
    /// Connects.
    ///
    /// # Errors
    /// Where that fails.
    pub(crate) fn start<F>(connect: impl FnOnce() -> F + Send + 'static) -> Result<Remote<C>, MigrateError>
    where
        F: Future<Output = Result<C, MigrateError>>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| MigrateError::Open(error.to_string()))?;
        let (jobs, mut waiting) = unbounded_channel::<Job<C>>();
        let (told, connected) = mpsc::sync_channel(1);
        let work = move || {
            runtime.block_on(async {
                let client = match connect().await {
                    Ok(client) => Arc::new(client),
                    Err(error) => return drop(told.send(Err(error))),
                };
                drop(told.send(Ok(())));
                while let Some(job) = waiting.recv().await {
                    job(client.clone()).await;
                }
            });
        };
        let thread = std::thread::Builder::new().name("purlin-migrate".to_owned()).spawn(work);
        let thread = thread.map_err(|error| MigrateError::Open(error.to_string()))?;
        connected.recv().unwrap_or_else(|_| Err(gone()))?;
        Ok(Remote { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Does something with the client and waits for what comes of it.
    ///
    /// # Errors
    /// Where the thread is gone.
    pub(crate) fn call<T, F>(&self, job: impl FnOnce(Arc<C>) -> F + Send + 'static) -> Result<T, MigrateError>
    where
        T: Send + 'static,
        F: Future<Output = T> + 'static,
    {
        let (send, receive) = mpsc::sync_channel(1);
        let job: Job<C> = Box::new(move |client| {
            let result = job(client);
            Box::pin(async move { drop(send.send(result.await)) })
        });
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if sent { receive.recv().map_err(|_| gone()) } else { Err(gone()) }
    }
}

fn gone() -> MigrateError {
    MigrateError::Open("the connection to the database ended".to_owned())
}

impl<C> Drop for Remote<C> {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It ends by itself, and a panic in it was told already.
            drop(thread.join());
        }
    }
}
