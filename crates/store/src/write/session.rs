//! What a request is performed on.
//!
//! The same code writes to a file, whose answers are there at once, and to a server, whose answers are waited for: a
//! [`Session`] is a transaction of either. Where it never waits, [`ready`] drives it without a runtime.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use purlin_schema::{Id, Inputs, RowSet, Value};

use super::Failure;
use crate::plan::Prepared;
use crate::read::Source;
use crate::sql::{Args, Statement};

/// A transaction in which mutations are performed.
pub(crate) trait Session {
    /// Calls for each row until it is told to stop.
    async fn each(
        &self,
        statement: &Statement,
        args: &Args<'_>,
        row: impl FnMut(&dyn Source) -> bool + Send,
    ) -> Result<(), Failure>;

    /// Writes a row; its id. Nothing where a key is taken and the statement steps back from that.
    async fn insert(&self, row: &NewRow<'_>) -> Result<Option<Id>, Failure>;

    /// Reads as any reader does.
    async fn query(&self, query: &Prepared, inputs: &(dyn Inputs + Sync)) -> Result<RowSet, Failure>;

    /// Puts the database's own checks of refs off, until they are to be made again.
    async fn defer_refs(&self, defer: bool) -> Result<(), Failure>;

    /// Marks a place to come [`back`](Self::back) to after a statement that the database refused.
    async fn mark(&self) -> Result<(), Failure>;

    /// Comes back to the place that was marked last, where what a database refuses would end the transaction.
    async fn back(&self) -> Result<(), Failure>;

    /// Has refs checked that would be checked at the end of the transaction, where what is wrong then has no place.
    async fn check_refs(&self) -> Result<(), Failure>;

    /// Runs a statement that gives no rows.
    async fn execute(&self, statement: &Statement, args: &Args<'_>) -> Result<(), Failure> {
        self.each(statement, args, |_| true).await
    }

    /// Whether there is a row at all.
    async fn any(&self, statement: &Statement, args: &Args<'_>) -> Result<bool, Failure> {
        let mut any = false;
        self.each(statement, args, |_| {
            any = true;
            false
        })
        .await?;
        Ok(any)
    }
}

/// A row to be written.
pub(crate) struct NewRow<'run> {
    pub(crate) statement: &'run Statement,
    /// Makes the database give greater ids than one that was given by hand.
    pub(crate) advance: Option<&'run Statement>,
    pub(crate) values: &'run [Value],
    /// Where it is given; else the database makes one.
    pub(crate) id: Option<Id>,
    /// Whether a key that is taken is no error.
    pub(crate) step_back: bool,
}

impl NewRow<'_> {
    pub(crate) fn args(&self) -> Args<'_> {
        Args::values(self.values)
    }
}

/// What a future that never waits comes to.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a file never lets anybody wait"),
    }
}
