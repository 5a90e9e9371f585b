//! Unique keys: which of them a record would violate, asked before it is written so that all are named.

use purlin_schema::model::{Model, Unique};
use purlin_schema::{FieldId, Id, Kind, Value};

use super::{Failure, Write, kind_of};
use crate::mutation::Refusal;
use crate::sql::Args;

/// What a person is told of a key that another record has.
const TAKEN: &str = "is already taken";

impl Write<'_> {
    /// The unique keys that another record than this one has already.
    pub(super) fn taken(
        &self,
        model: &Model,
        values: &[Value],
        id: Option<Id>,
    ) -> Result<Vec<Refusal>, Failure> {
        let mut refusals = Vec::new();
        for unique in &model.uniques {
            if self.is_taken(model, unique, values, id)? {
                let message = unique.message.clone().unwrap_or_else(|| TAKEN.to_owned());
                let field = unique.fields.first().copied();
                refusals.push(Refusal::Field { field, code: "unique", message });
            }
        }
        Ok(refusals)
    }

    /// Whether another record has this key. A key with a null in it is never taken.
    pub(super) fn is_taken(
        &self,
        model: &Model,
        unique: &Unique,
        values: &[Value],
        id: Option<Id>,
    ) -> Result<bool, Failure> {
        let key = unique.fields.iter().map(|field| values[usize::from(field.0)].clone());
        let mut key: Vec<Value> = key.collect();
        if key.iter().any(Value::is_null) {
            return Ok(false);
        }
        let dialect = self.catalog.dialect;
        let conditions = unique
            .fields
            .iter()
            .enumerate()
            .map(|(at, field)| format!("{} = {{{at}}}", dialect.quote(&model.field(*field).name)));
        let mut conditions: Vec<String> = conditions.collect();
        let mut kinds: Vec<Kind> = unique.fields.iter().map(|field| kind_of(model, *field)).collect();
        if let Some(id) = id {
            conditions.push(format!("\"id\" <> {{{}}}", key.len()));
            kinds.push(kind_of(model, FieldId::ID));
            key.push(id.into());
        }
        let text = format!("SELECT 1 FROM {} WHERE {}", dialect.table(model), conditions.join(" AND "));
        Ok(self.session.any(&self.catalog.statement(&text, &kinds), &Args::values(&key))?)
    }
}
