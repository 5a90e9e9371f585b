//! A client of a server on a thread of its own, with a runtime of its own: the migrator is called from
//! synchronous code, sometimes inside a runtime, where waiting for a future would panic.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::link::{Failure, FailureKind, gone};
use crate::migrate::error::MigrateError;
use crate::network::silence::{REACHED, unless_silent};

/// What is said of a server that takes a connection and then says nothing.
const UNANSWERED: &str =
    "the database server takes connections and does not answer: look whether it is in order, and try again";

type Job<C> = Box<dyn FnOnce(Arc<C>) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// The client. Dropping it ends the connection.
pub(crate) struct Remote<C> {
    jobs: Option<UnboundedSender<Job<C>>>,
    thread: Option<JoinHandle<()>>,
    /// Whether the server has fallen silent: nobody waits for it again.
    silent: AtomicBool,
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
                let client = match timeout(REACHED, connect()).await {
                    Ok(Ok(client)) => Arc::new(client),
                    Ok(Err(error)) => return drop(told.send(Err(error))),
                    Err(_) => return drop(told.send(Err(MigrateError::Open(UNANSWERED.to_owned())))),
                };
                drop(told.send(Ok(())));
                while let Some(job) = waiting.recv().await {
                    job(client.clone()).await;
                }
            });
        };
        let thread = std::thread::Builder::new().name("purlin-migrate".to_owned()).spawn(work);
        let thread = thread.map_err(|error| MigrateError::Open(error.to_string()))?;
        connected.recv().unwrap_or_else(|_| Err(ended()))?;
        Ok(Remote { jobs: Some(jobs), thread: Some(thread), silent: AtomicBool::new(false) })
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
        if sent { receive.recv().map_err(|_| ended()) } else { Err(ended()) }
    }

    /// Asks the server something and waits for its answer, however long it works on it, as long as it `answers` others.
    ///
    /// # Errors
    /// What the server says, or that it is silent or gone.
    pub(crate) fn ask<T, F, A>(
        &self,
        during: &str,
        job: impl FnOnce(Arc<C>) -> F + Send + 'static,
        answers: A,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + 'static,
        A: AsyncFn() -> bool + Send + 'static,
    {
        let silent = || Failure {
            kind: FailureKind::Silent,
            during: during.to_owned(),
            message: "nobody is answered".to_owned(),
        };
        if self.silent.load(Ordering::Relaxed) {
            return Err(silent());
        }
        let asked = self.call(move |client| async move { unless_silent(job(client), answers).await });
        match asked {
            Ok(Some(answer)) => answer,
            Ok(None) => {
                self.silent.store(true, Ordering::Relaxed);
                Err(silent())
            }
            Err(error) => Err(gone(&error)),
        }
    }
}

fn ended() -> MigrateError {
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
