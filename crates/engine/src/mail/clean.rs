//! Clearing out what is over: expired sessions and tokens, and mails that were sent or given up long ago.

use std::sync::Arc;

use purlin_schema::expr::{Comparison, ExprKind};
use purlin_schema::query::Limit;
use purlin_schema::{FieldId, Input, Model, ModelId, Models, Value};
use purlin_store::mutation::{Action, Refusal};
use purlin_store::{CompileError, Error, Mutation, Prepared, Store};

use crate::expressions::{compared_to_now, whole_records};
use crate::{Engine, Failure};

/// So many are deleted in one transaction, so that others need not wait long.
const AT_ONCE: u32 = 200;
/// Mails are kept for so long after they are of no more use: for whoever asks why one did not come.
const KEPT_MICROS: i64 = 7 * 86_400_000_000;

/// What is over of each model: whose `expires_at` is before `Param("before")`.
pub(super) fn plans(models: &Models, store: &Store) -> Result<Vec<(ModelId, Arc<Prepared>)>, CompileError> {
    let mut plans = Vec::new();
    for name in ["_sessions", "_tokens", "_mails"] {
        let Some(model) = models.named(name) else { continue };
        let field = crate::accounts::field(model, "expires_at")?;
        plans.push((model.id, store.prepare(&over(model, field))?));
    }
    Ok(plans)
}

fn over(model: &Model, field: FieldId) -> purlin_schema::query::Query {
    let mut before = compared_to_now(model, field, Comparison::Less);
    if let ExprKind::Compare(_, _, right) = &mut before.kind {
        right.kind = ExprKind::Input(Input::Param("before".to_owned()));
    }
    whole_records(model, before, Limit::AtMost(AT_ONCE))
}

impl Engine {
    /// Deletes what is over; gives how much it was.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn clear_out(&self) -> Result<usize, Failure> {
        let now = self.now();
        let mut cleared = 0;
        for (model, plan) in &self.inner.mail_room.cleared {
            let before = if *model == self.inner.mail_room.model { now - KEPT_MICROS } else { now };
            let params = [("before".to_owned(), Value::Datetime(before))];
            loop {
                let set = self.rows(plan, &params).await?;
                let ids = set.rows.iter().filter_map(|row| set.shape.value(row, FieldId::ID)?.as_id());
                let deletes: Vec<_> = ids
                    .map(|id| Mutation::new(*model, Action::Delete { id, if_version: None }, now))
                    .collect();
                let count = deletes.len();
                if count == 0 {
                    break;
                }
                match self.store().commit(deletes).await {
                    Ok(_) => cleared += count,
                    // Another process clears out as well.
                    Err(Error::Refused { refusals, .. }) if refusals.contains(&Refusal::NotFound) => break,
                    Err(error) => return Err(crate::records::failed(error)),
                }
            }
        }
        if cleared > 0 {
            tracing::debug!(cleared, "cleared out what is over");
        }
        Ok(cleared)
    }
}
