//! The writer: one thread that commits what is waiting in one transaction.
//!
//! Each request is performed within a savepoint, so that a refusal takes nothing of its neighbours along, and is
//! answered, refusals too, after the `COMMIT`. A deferred foreign key, `RAISE(ROLLBACK)`, a full disk or
//! whatever else ends the whole transaction is noticed after each request; the group is then performed again,
//! each request in a transaction of its own, so that the guilty one fails alone. A commit is data: performing it
//! again is sound because nothing of the first time is left.
//!
//! What writes to a database that is not Purlin's has a connection of its own, made when it is first needed, and is
//! performed alone: its transaction locks both files, of which the other may be locked by others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::open::Files;
use super::plain;
use super::session::{Faults, Session};
use crate::catalog::Catalog;
use crate::error::{Error, Rule};
use crate::feed::Feed;
use crate::mutation::{Action, Change, Mutation, Outcome, Refusal};
use crate::write::session::ready;
use crate::write::{self, Trust};

/// Requests that wait at most; further ones are told that the database is busy.
const QUEUE: usize = 4_096;

/// Requests in one transaction at most.
const GROUP: usize = 256;

/// The way to the writer's thread.
pub(crate) struct Writer {
    requests: mpsc::Sender<Request>,
    /// Transactions that were committed.
    pub(crate) transactions: Arc<AtomicU64>,
}

/// Something for the writer to do.
enum Request {
    /// Mutations.
    Commit(Commit),
    /// For tests: anything, with nothing else under way.
    Call(Box<dyn FnOnce(&Session) + Send>),
}

struct Commit {
    catalog: Arc<Catalog>,
    mutations: Vec<Mutation>,
    answer: oneshot::Sender<Result<Vec<Outcome>, Error>>,
}

type Performed = Result<(Vec<Outcome>, Vec<Change>), Error>;

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(files: &Files, feed: Feed, faults: Arc<Faults>) -> Result<Writer, Error> {
        let session =
            Session::writer(&files.path, faults.clone()).map_err(|error| Error::Open(error.to_string()))?;
        let (requests, waiting) = mpsc::channel(QUEUE);
        let transactions = Arc::new(AtomicU64::new(0));
        let transactions_of = transactions.clone();
        let thread = Thread {
            files: files.clone(),
            session,
            beside: None,
            faults,
            feed,
            transactions: transactions_of,
        };
        std::thread::Builder::new()
            .name("purlin-write".to_owned())
            .spawn(move || thread.serve(waiting))
            .map_err(|error| Error::Open(format!("the writer's thread did not start: {error}")))?;
        Ok(Writer { requests, transactions })
    }

    /// Hands mutations to the thread and waits for their end.
    pub(crate) async fn commit(
        &self,
        catalog: Arc<Catalog>,
        mutations: Vec<Mutation>,
    ) -> Result<Vec<Outcome>, Error> {
        if mutations.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, answered) = oneshot::channel();
        self.hand(Request::Commit(Commit { catalog, mutations, answer }))?;
        answered.await.unwrap_or_else(|_| Err(Error::Database("the writer's thread is gone".to_owned())))
    }

    /// For tests: requests in the queue.
    pub(crate) fn waiting(&self) -> usize {
        self.requests.max_capacity() - self.requests.capacity()
    }

    /// For tests: runs something on the thread, between transactions.
    pub(crate) fn call(&self, work: impl FnOnce(&Session) + Send + 'static) -> Result<(), Error> {
        self.hand(Request::Call(Box::new(work)))
    }

    fn hand(&self, request: Request) -> Result<(), Error> {
        self.requests.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Busy,
            mpsc::error::TrySendError::Closed(_) => Error::Database("the writer's thread is gone".to_owned()),
        })
    }
}

impl Commit {
    /// Whether it writes to a database that is not Purlin's.
    fn is_beside(&self) -> bool {
        self.mutations.iter().any(|mutation| self.catalog.model(mutation.model).origin.is_some())
    }
}

struct Thread {
    files: Files,
    session: Session,
    /// The connection to both databases.
    beside: Option<Session>,
    faults: Arc<Faults>,
    feed: Feed,
    transactions: Arc<AtomicU64>,
}

impl Thread {
    fn serve(mut self, mut waiting: mpsc::Receiver<Request>) {
        let mut group = Vec::new();
        while let Some(first) = waiting.blocking_recv() {
            let mut next = Some(first);
            while let Some(request) = next.take() {
                match request {
                    Request::Commit(commit) if commit.is_beside() => {
                        self.commit_group(std::mem::take(&mut group));
                        let performed = self.commit_beside(&commit);
                        acknowledge(vec![commit], vec![performed]);
                    }
                    Request::Commit(commit) => group.push(commit),
                    Request::Call(work) => {
                        self.commit_group(std::mem::take(&mut group));
                        let _ = catch_unwind(AssertUnwindSafe(|| work(&self.session)));
                    }
                }
                if group.len() < GROUP {
                    next = waiting.try_recv().ok();
                }
            }
            self.commit_group(std::mem::take(&mut group));
        }
    }

    fn commit_group(&mut self, group: Vec<Commit>) {
        if group.is_empty() {
            return;
        }
        if let [commit] = group.as_slice() {
            let performed = self.alone(commit);
            return acknowledge(group, vec![performed]);
        }
        let performed = match self.together(&group) {
            Some(performed) => performed,
            None => {
                // Whatever of the group's transaction is still open would be in the way of the first.
                self.recover();
                group.iter().map(|commit| self.alone(commit)).collect()
            }
        };
        acknowledge(group, performed);
    }

    /// Performs all in one transaction; nothing where that was lost.
    fn together(&mut self, group: &[Commit]) -> Option<Vec<Result<Vec<Outcome>, Error>>> {
        begin(&self.session).ok()?;
        let mut results = Vec::with_capacity(group.len());
        let mut changes = Vec::new();
        for commit in group {
            let performed = self.in_savepoint(commit);
            if !self.session.in_transaction() {
                return None;
            }
            results.push(match performed.ok()? {
                Ok((outcomes, mut made)) => {
                    changes.append(&mut made);
                    Ok(outcomes)
                }
                Err(error @ Error::Refused { .. }) => Err(error),
                // Not for certain this request's own fault: seen when it is alone.
                Err(_) => {
                    self.recover();
                    return None;
                }
            });
        }
        match self.session.run("COMMIT") {
            Ok(()) => {
                self.settle(changes);
                Some(results)
            }
            Err(error) => {
                tracing::warn!(%error, requests = group.len(), "a group commit failed; each is tried alone");
                self.recover();
                None
            }
        }
    }

    /// Performs a request on the connection to both databases.
    fn commit_beside(&mut self, commit: &Commit) -> Result<Vec<Outcome>, Error> {
        let Some(existing) = &self.files.existing else {
            return Err(Error::Open("no database is named that the model stands in".to_owned()));
        };
        let session = match self.beside.take() {
            Some(session) => session,
            None => {
                Session::writer_beside(&self.files.path, existing, self.faults.clone()).map_err(|error| {
                    let place = existing.display();
                    Error::Unavailable(format!("{place} cannot be opened to be written: {error}"))
                })?
            }
        };
        let performed = alone(&session, commit);
        let performed = performed.map(|(outcomes, changes)| {
            self.settle(changes);
            outcomes
        });
        // One whose transaction cannot be ended is beyond help; the next is another.
        self.beside = (session.abandon().is_ok() && !session.in_transaction()).then_some(session);
        performed
    }

    /// Performs one request in a transaction of its own.
    fn alone(&mut self, commit: &Commit) -> Result<Vec<Outcome>, Error> {
        let performed = alone(&self.session, commit);
        if performed.is_err() {
            self.recover();
        }
        let (outcomes, changes) = performed?;
        self.settle(changes);
        Ok(outcomes)
    }

    fn in_savepoint(&self, commit: &Commit) -> rusqlite::Result<Performed> {
        self.session.run("SAVEPOINT request")?;
        let performed = guarded(&self.session, commit);
        if self.session.in_transaction() {
            if performed.is_err() {
                self.session.run("ROLLBACK TO request")?;
            }
            self.session.run("RELEASE request")?;
        }
        Ok(performed)
    }

    /// Numbers a committed transaction and tells of it.
    fn settle(&mut self, changes: Vec<Change>) {
        self.transactions.fetch_add(1, Ordering::Relaxed);
        self.feed.tell_next(changes);
    }

    /// Comes back to a session without a transaction, by a new connection where the old one is beyond help.
    fn recover(&mut self) {
        if self.session.abandon().is_ok() && !self.session.in_transaction() {
            return;
        }
        match Session::writer(&self.files.path, self.faults.clone()) {
            Ok(session) => self.session = session,
            Err(error) => tracing::error!(%error, "the writer cannot open the database again"),
        }
    }
}

fn begin(session: &Session) -> rusqlite::Result<()> {
    session.run("BEGIN IMMEDIATE")
}

/// Performs a request in a transaction of its own, which may be left open where that fails.
fn alone(session: &Session, commit: &Commit) -> Performed {
    begin(session).map_err(|error| unavailable(&error))?;
    let performed = guarded(session, commit)?;
    if !session.in_transaction() {
        return Err(Error::Database("the transaction ended by itself".to_owned()));
    }
    session.run("COMMIT").map_err(|error| told_at_end(plain(&error), commit))?;
    Ok(performed)
}

/// Performs a request; a panic is its own error.
fn guarded(session: &Session, commit: &Commit) -> Performed {
    let run = || ready(write::perform(session, &commit.catalog, &commit.mutations, Trust::Keys));
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(performed)) => Ok(performed),
        Ok(Err((at, failure))) => Err(failure.into_error(at)),
        Err(_) => Err(Error::Database("a write panicked".to_owned())),
    }
}

/// A ref that is only checked at the end, as others declare them: whose it is nobody says.
fn told_at_end(error: Error, commit: &Commit) -> Error {
    match error {
        Error::Violated(violation) if violation.rule == Rule::Reference && commit.is_beside() => {
            let at = commit.mutations.len().saturating_sub(1);
            let deletes =
                commit.mutations.iter().any(|mutation| matches!(mutation.action, Action::Delete { .. }));
            let lost = || Refusal::Field {
                field: None,
                code: "not_found",
                message: "refers to a record that does not exist".to_owned(),
            };
            Error::Refused { at, refusals: vec![if deletes { Refusal::ReferencedElsewhere } else { lost() }] }
        }
        error => error,
    }
}

fn acknowledge(group: Vec<Commit>, results: Vec<Result<Vec<Outcome>, Error>>) {
    for (commit, result) in group.into_iter().zip(results) {
        // Whoever asked may have gone; what was committed is committed.
        let _ = commit.answer.send(result);
    }
}

/// Why no transaction could be begun.
fn unavailable(error: &rusqlite::Error) -> Error {
    match plain(error) {
        Error::Busy => Error::Unavailable("another process holds the database".to_owned()),
        error => error,
    }
}
