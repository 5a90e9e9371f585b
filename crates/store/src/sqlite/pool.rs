//! A few threads for long reads, with a bounded queue.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::oneshot;

use super::open::Files;
use super::plain;
use super::session::Session;
use crate::error::Error;

/// Reads that wait at most.
const QUEUE: usize = 64;

/// A read: it takes the thread's session and gives it back unless it broke.
type Job = Box<dyn FnOnce(Result<Session, Error>) -> Option<Session> + Send>;

/// Threads for long reads; they start with the first of them.
pub(crate) struct Pool {
    files: Files,
    jobs: OnceLock<SyncSender<Job>>,
}

impl Pool {
    pub(crate) fn new(files: Files) -> Pool {
        Pool { files, jobs: OnceLock::new() }
    }

    /// Runs something with a session of the pool's.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(Session) -> (T, Option<Session>) + Send + 'static,
    ) -> Result<T, Error> {
        let (send, receive) = oneshot::channel();
        let job: Job = Box::new(move |session| {
            let (result, session) = match session {
                Ok(session) => {
                    let (result, session) = work(session);
                    (Ok(result), session)
                }
                Err(error) => (Err(error), None),
            };
            // Whoever asked may have gone.
            let _ = send.send(result);
            session
        });
        match self.jobs.get_or_init(|| start(&self.files)).try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(Error::Busy),
            Err(TrySendError::Disconnected(_)) => {
                return Err(Error::Database("no thread is left for long reads".to_owned()));
            }
        }
        receive.await.unwrap_or_else(|_| Err(Error::Database("a read panicked".to_owned())))
    }
}

fn start(files: &Files) -> SyncSender<Job> {
    let (send, receive) = sync_channel(QUEUE);
    let receive = Arc::new(Mutex::new(receive));
    let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
    for number in 0..threads {
        let (receive, files) = (receive.clone(), files.clone());
        let thread = std::thread::Builder::new().name(format!("purlin-read-{number}"));
        if let Err(error) = thread.spawn(move || serve(&receive, &files)) {
            tracing::error!(%error, "a thread for long reads did not start");
        }
    }
    send
}

fn serve(jobs: &Mutex<Receiver<Job>>, files: &Files) {
    let mut kept: Option<Session> = None;
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let session = match kept.take() {
            Some(session) => Ok(session),
            None => Session::reader(files).map_err(|error| plain(&error)),
        };
        kept = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(session))).unwrap_or_default();
    }
}
