//! What an answer shows of the record that was written.
//!
//! The writer knows every value that it has just written, so the record is put together from these wherever they are all
//! that the query looks at. It is read again where the query reaches further (a rule through a relation), and where
//! nothing of the record changed.

use std::sync::Arc;

use purlin_schema::expr::{Env, Evaluated, Path, eval};
use purlin_schema::query::{Query, Select};
use purlin_schema::record::Shape;
use purlin_schema::{FieldId, Id, Input, Inputs, Model, Row, Value};

use super::session::Session;
use super::{Failure, Write, given};
use crate::mutation::{Change, Mutation};
use crate::plan::Prepared;
use crate::sql::dialect::kind_of;
use crate::values::stored;

/// A record as it is shown in an answer.
type Shown = (Arc<Shape>, Arc<Row>);

/// The inputs of the query for the answer.
struct Returning<'run> {
    mutation: &'run Mutation,
    id: Id,
}

impl Inputs for Returning<'_> {
    fn input(&self, input: &Input) -> Option<Value> {
        match input {
            Input::Param(name) if name == "id" => Some(self.id.into()),
            input => given(self.mutation, input),
        }
    }
}

/// A record of which every column is known, and nothing that hangs from it.
pub(super) struct Columns<'run> {
    pub(super) model: &'run Model,
    /// By field number.
    pub(super) values: &'run [Value],
    pub(super) inputs: &'run dyn Inputs,
}

impl Env for Columns<'_> {
    fn input(&self, input: &Input) -> Evaluated {
        self.inputs.input(input).map_or(Evaluated::Error, Evaluated::Value)
    }

    fn field(&self, path: &Path) -> Evaluated {
        let at = usize::from(path.field.0);
        match (self.model.fields.get(at), self.values.get(at)) {
            // The id of a record that is still to be made.
            (Some(field), Some(Value::Null)) if field.id == FieldId::ID => Evaluated::Unavailable,
            (Some(field), Some(value)) if path.hops.is_empty() => match &field.computed {
                Some(expr) => eval(expr, self),
                None if field.has_column() => Evaluated::Value(value.clone()),
                None => Evaluated::Unavailable,
            },
            _ => Evaluated::Unavailable,
        }
    }
}

impl<S: Session> Write<'_, S> {
    /// The record of a mutation as all of them left it, where the answer asks for it and may show it.
    pub(super) async fn returned(&self, mutation: &Mutation, id: Id) -> Result<Option<Shown>, Failure> {
        let Some(query) = &mutation.returning else { return Ok(None) };
        let inputs = Returning { mutation, id };
        if let Some(shown) = self.shown(mutation, id, query, &inputs) {
            return Ok(shown);
        }
        let set = self.session.query(query, &inputs).await?;
        Ok(set.rows.into_iter().next().map(|row| (set.shape, row)))
    }

    /// The same from the values that were written last; `None` where these do not tell.
    fn shown(
        &self,
        mutation: &Mutation,
        id: Id,
        prepared: &Prepared,
        inputs: &dyn Inputs,
    ) -> Option<Option<Shown>> {
        let Query { filter, optional, select: Select::Fields(chosen), include, tests, count, .. } =
            &prepared.query
        else {
            return None;
        };
        if !(optional.is_empty() && include.is_empty() && tests.is_empty() && count.is_empty()) {
            return None;
        }
        let model = self.model(mutation.model);
        let values = self.changes.iter().rev().find_map(|change| match change {
            Change::Record { model, id: of, new, .. } if *model == mutation.model && *of == id => Some(new),
            _ => None,
        })?;
        let Some(values) = values else { return Some(None) };
        let record = Columns { model, values, inputs };
        if let Some(filter) = filter
            && !settled(&eval(filter, &record))?
        {
            return Some(None);
        }
        let shape = &prepared.shape;
        let mut row = Vec::with_capacity(shape.fields.len());
        for id in &shape.fields {
            let guard = chosen.iter().find(|chosen| chosen.field == *id)?.guard.as_ref();
            if !guard.map_or(Some(true), |guard| settled(&eval(guard, &record)))? {
                row.push(Value::Withheld);
                continue;
            }
            let path = Path { scope: 0, model: model.id, hops: Vec::new(), end: model.id, field: *id };
            let value = match record.field(&path) {
                Evaluated::Value(value) => value,
                Evaluated::Error => Value::Null,
                Evaluated::Unavailable => return None,
            };
            row.push(stored(value, kind_of(model, *id))?);
        }
        Some(Some((shape.clone(), Arc::new(Row { values: row.into_boxed_slice(), related: Box::default() }))))
    }
}

/// Whether a condition holds, where that can be told.
pub(super) fn settled(found: &Evaluated) -> Option<bool> {
    (*found != Evaluated::Unavailable).then(|| found.holds())
}
