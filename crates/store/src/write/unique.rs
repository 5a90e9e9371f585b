//! Unique keys: which of them a record would violate, asked before it is written so that all are named.

use purlin_schema::model::{Model, Rule};
use purlin_schema::{FieldId, Id, Value};

use super::session::Session;
use super::{Failure, Write};
use crate::mutation::Refusal;
use crate::sql::Args;

/// What a person is told of a key that another record has.
pub(super) const TAKEN: &str = "is already taken";

impl<S: Session> Write<'_, S> {
    /// The unique keys that another record than this one has already.
    pub(super) async fn taken(
        &self,
        model: &Model,
        values: &[Value],
        id: Option<Id>,
    ) -> Result<Vec<Refusal>, Failure> {
        let mut refusals = Vec::new();
        for (at, unique) in model.uniques.iter().enumerate() {
            if self.is_taken(model, at, values, id).await? {
                let message = unique.message.clone().unwrap_or_else(|| TAKEN.to_owned());
                // Of several fields, the one that somebody may change.
                let open = |field: &FieldId| !matches!(model.field(*field).write, Rule::Nobody);
                let field = unique.fields.iter().copied().find(open).or(unique.fields.first().copied());
                refusals.push(Refusal::Field { field, code: "unique", message });
            }
        }
        Ok(refusals)
    }

    /// Whether another record has this key, of which the model's unique keys have the number. A key with a null
    /// in it is never taken.
    pub(super) async fn is_taken(
        &self,
        model: &Model,
        unique: usize,
        values: &[Value],
        id: Option<Id>,
    ) -> Result<bool, Failure> {
        let key = model.uniques[unique].fields.iter().map(|field| values[usize::from(field.0)].clone());
        let mut key: Vec<Value> = key.collect();
        if key.iter().any(Value::is_null) {
            return Ok(false);
        }
        let statements = &self.catalog.table(model.id).uniques[unique];
        key.extend(id.map(Value::from));
        let statement = if id.is_some() { &statements.other } else { &statements.any };
        self.session.any(statement, &Args::values(&key)).await
    }
}
