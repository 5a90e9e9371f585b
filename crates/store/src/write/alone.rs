//! A record made by one statement that is a transaction by itself.
//!
//! Most creates need nothing but their row: what their rules ask is told by its values, its refs are held by foreign keys,
//! its keys are free. Then the database commits with the statement, and a network is crossed once instead of three times.
//! Where anything else is met nothing is written, and the mutation is performed as all others are.

use std::sync::Arc;

use purlin_schema::expr::{Evaluated, eval};
use purlin_schema::{FieldId, Id, Value};

use super::answer::Columns;
use super::guards::GuardInputs;
use super::session::Session;
use super::{Failure, Trust, Values, Write, required, version_of};
use crate::catalog::Catalog;
use crate::error::Error;
use crate::mutation::{Action, Change, Guard, Mutation, Outcome};

/// What came of it.
pub(crate) enum Alone {
    /// The record is made.
    Made(Box<(Outcome, Change)>),
    /// It takes more than that; nothing was tried.
    TakesMore,
    /// A key is taken, or the database refuses the row; nothing was written.
    Taken,
}

/// Makes the record of a mutation.
pub(crate) async fn create<S: Session>(
    session: &S,
    catalog: &Catalog,
    mutation: &Mutation,
) -> Result<Alone, Failure> {
    let Action::Create { id, values, links } = &mutation.action else { return Ok(Alone::TakesMore) };
    let write = Write::new(session, catalog, Trust::Refs);
    let model = write.model(mutation.model).clone();
    // To give a key of integers by hand is a second statement, and so is what the log says of it.
    let plain =
        model.origin.is_none() && links.is_empty() && mutation.refers.is_empty() && !write.may_log(&model);
    if !plain || matches!(id, Some(Id::Int(_))) {
        return Ok(Alone::TakesMore);
    }
    let Ok((mut row, id)) = write.drafted(mutation, &model, *id, values) else {
        return Ok(Alone::TakesMore);
    };
    if !required(&model, &row).is_empty() || !write.is_told(mutation, &row, values) {
        return Ok(Alone::TakesMore);
    }
    let Some(id) = write.insert(catalog.table(model.id), &row, id, true).await? else {
        return Ok(Alone::Taken);
    };
    row[usize::from(FieldId::ID.0)] = id.into();
    let (version, row) = (version_of(&row), Arc::<[Value]>::from(row));
    let change = |row: &Values| Change::Record { model: model.id, id, old: None, new: Some(row.clone()) };
    let write = Write { changes: vec![change(&row)], ..write };
    // It is written: whatever fails from here on is no refusal any more.
    let shown = Box::pin(write.returned(mutation, id)).await.map_err(|_| Error::Unknown)?;
    Ok(Alone::Made(Box::new((Outcome { id, version, row: shown }, change(&row)))))
}

impl<S: Session> Write<'_, S> {
    /// Whether all that a new row must satisfy is told by its values, and satisfied; the database may have its id still to
    /// make.
    fn is_told(&self, mutation: &Mutation, row: &[Value], given: &[(FieldId, Value)]) -> bool {
        let model = self.model(mutation.model);
        let inputs = GuardInputs { model, mutation, old: None };
        let record = Columns { model, values: row, inputs: &inputs };
        let refs = model.fields.iter().filter_map(|field| Some((field, field.reference.as_ref()?)));
        let held = |field: FieldId, to| row[usize::from(field.0)].is_null() || self.is_held(model, to);
        refs.clone().all(|(field, reference)| reference.many || held(field.id, reference.to))
            && mutation.guards.iter().all(|guard| match guard {
                Guard::Referred(field, rule) => rule.is_none() || row[usize::from(field.0)].is_null(),
                Guard::Proposed(condition) => eval(&condition.rule, &record).holds(),
                Guard::Check(condition, ..) => {
                    let found = eval(&condition.rule, &record);
                    found != Evaluated::Unavailable && !found.fails()
                }
                Guard::FieldWrite(field, condition) => {
                    !given.iter().any(|(known, _)| known == field) || eval(&condition.rule, &record).holds()
                }
                // Of a record that is stored already.
                Guard::Visible(_) | Guard::Stored(_) | Guard::Kept(..) => true,
            })
    }
}
