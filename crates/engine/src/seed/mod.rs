//! Seeding: many records at once, by the owner, through the same steps as any other write.
//!
//! - [`load`]: the rows of `seeds/`, with their natural keys resolved, in an order in which each finds what it
//!   refers to.
//! - [`grow`]: plausible rows without end, for a look at a site as it will be in a year.
//!
//! Both validate, derive and check like a form does; what differs is that a transaction holds many rows
//! ([`batch`]), so that ten thousand take seconds and a seed file is there whole or not at all.

pub mod batch;
pub mod grow;
pub mod load;
mod order;
mod words;

pub use grow::Growth;
pub use load::{SeedError, Seeded};

use std::sync::Arc;

use purlin_schema::query::{Limit, Query, Select, SortKey};
use purlin_schema::{FieldId, Id, Model, ModelId, Value};
use purlin_store::{Plan, Prepared, Step, StepArgs, Window};

use crate::records::failed;
use crate::{Actor, Engine, Failure};

/// Ids that are read at once.
const IDS_A_PAGE: u32 = 2_000;

impl Engine {
    /// Whether a model has no record at all.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn has_none(&self, model: ModelId) -> Result<bool, Failure> {
        let prepared = self.prepare(&ids_query(model, Limit::AtMost(1)))?;
        Ok(self.page_of_ids(&prepared, Window::First).await?.0.is_empty())
    }

    /// Whether none of the site's models has a record: a database that was just made. What others keep says nothing of it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn is_empty(&self) -> Result<bool, Failure> {
        let own = |model: &&Arc<Model>| !model.internal && model.origin.is_none();
        for model in self.site().models.iter().filter(own) {
            if !self.has_none(model.id).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The ids of all records of a model, in their order.
    pub(crate) async fn all_ids(&self, model: ModelId) -> Result<Vec<Id>, Failure> {
        let prepared = self.prepare(&ids_query(model, Limit::Page(IDS_A_PAGE)))?;
        let mut ids = Vec::new();
        let mut window = Window::First;
        loop {
            let (page, more) = self.page_of_ids(&prepared, window).await?;
            ids.extend(page);
            match (more, ids.last()) {
                (true, Some(last)) => window = Window::After(vec![Value::from(*last)]),
                _ => return Ok(ids),
            }
        }
    }

    async fn page_of_ids(
        &self,
        prepared: &Arc<Prepared>,
        window: Window,
    ) -> Result<(Vec<Id>, bool), Failure> {
        let ask = self.ask(&Actor::Owner);
        let step = Step { name: "ids".to_owned(), query: prepared.clone(), must_exist: false };
        let plan = Plan { steps: vec![step] };
        let asked = purlin_store::Ask { inputs: &ask, steps: &[StepArgs { window, per_page: None }] };
        let answer = self.store().read(&plan, asked).await.map_err(failed)?;
        let Some(set) = answer.sets.first() else { return Ok((Vec::new(), false)) };
        let ids = set.rows.iter().filter_map(|row| set.shape.value(row, FieldId::ID)?.as_id()).collect();
        Ok((ids, set.more))
    }
}

fn ids_query(model: ModelId, limit: Limit) -> Query {
    let path =
        purlin_schema::expr::Path { scope: 0, model, hops: Vec::new(), end: model, field: FieldId::ID };
    Query {
        select: Select::Fields(Vec::new()),
        sort: vec![SortKey::by(path, false)],
        limit,
        ..Query::of(model)
    }
}
