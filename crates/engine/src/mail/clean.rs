//! Clearing out what is over: expired sessions and tokens, mails that were sent or given up long ago, and what the audit
//! log has kept for as long as it is to.

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

/// What is cleared out of a model.
pub(super) struct Cleared {
    model: ModelId,
    /// What of it has a time before `Param("before")`.
    plan: Arc<Prepared>,
    /// For how long it is kept after that time.
    kept_micros: i64,
}

/// What is over of each model: by its `expires_at`, and of the audit log by its age.
pub(super) fn plans(models: &Models, store: &Store) -> Result<Vec<Cleared>, CompileError> {
    let audit = models.audit().kept.map(|kept| i64::try_from(kept.as_micros()).unwrap_or(i64::MAX / 2));
    let all =
        [("_sessions", Some(0)), ("_tokens", Some(0)), ("_mails", Some(KEPT_MICROS)), ("_audit", audit)];
    let mut plans = Vec::new();
    for (name, kept) in all {
        let (Some(model), Some(kept_micros)) = (models.named(name), kept) else { continue };
        let field = match name {
            "_audit" => FieldId::CREATED_AT,
            _ => crate::accounts::field(model, "expires_at")?,
        };
        plans.push(Cleared { model: model.id, plan: store.prepare(&over(model, field))?, kept_micros });
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
        for Cleared { model, plan, kept_micros } in &self.inner.mail_room.cleared {
            let before = now - kept_micros;
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
