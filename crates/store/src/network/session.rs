//! A connection as a transaction's: what every driver does alike.

use purlin_schema::{Id, Inputs, RowSet};

use super::read::{self, Run};
use crate::error::Error;
use crate::plan::Prepared;
use crate::read::{DEFAULT_ARGS, Source};
use crate::sql::{Args, Statement};
use crate::write::Failure;
use crate::write::session::{NewRow, Session};

/// What each driver does in its own way when it writes; it means what it means for a [`Session`].
pub(crate) trait Insert: Run {
    /// How refs are checked at the end alone, and how at each statement.
    const DEFER_REFS: [&str; 2];

    /// How a place is marked in a transaction, and how what came after it is undone, where a statement that fails ends the
    /// transaction.
    const SAVEPOINT: Option<[&str; 2]>;

    async fn insert(&self, row: &NewRow<'_>) -> Result<Option<Id>, Error>;

    /// Runs a text of our own.
    async fn run(&self, text: &str) -> Result<(), Error>;
}

impl<C: Insert> Session for C {
    async fn each(
        &self,
        statement: &Statement,
        args: &Args<'_>,
        mut row: impl FnMut(&dyn Source) -> bool + Send,
    ) -> Result<(), Failure> {
        Ok(Run::each(self, statement, args, |found: &C::Row| row(found)).await?)
    }

    async fn insert(&self, row: &NewRow<'_>) -> Result<Option<Id>, Failure> {
        Ok(Insert::insert(self, row).await?)
    }

    async fn query(&self, query: &Prepared, inputs: &(dyn Inputs + Sync)) -> Result<RowSet, Failure> {
        Ok(read::query(self, query, inputs, DEFAULT_ARGS, |_| ()).await?)
    }

    async fn mark(&self) -> Result<(), Failure> {
        match C::SAVEPOINT {
            Some([set, _]) => Ok(self.run(set).await?),
            None => Ok(()),
        }
    }

    async fn back(&self) -> Result<(), Failure> {
        match C::SAVEPOINT {
            Some([_, undo]) => Ok(self.run(undo).await?),
            None => Ok(()),
        }
    }

    async fn check_refs(&self) -> Result<(), Failure> {
        // Without savepoints there are no refs that are checked later either.
        if C::SAVEPOINT.is_some() { Ok(self.run(C::DEFER_REFS[1]).await?) } else { Ok(()) }
    }

    async fn defer_refs(&self, defer: bool) -> Result<(), Failure> {
        let [later, at_once] = C::DEFER_REFS;
        Ok(self.run(if defer { later } else { at_once }).await?)
    }
}
