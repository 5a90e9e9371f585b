//! Conditions under which a mutation may happen.

use std::sync::atomic::Ordering;

use purlin_schema::expr::{Env, Evaluated, Path, eval};
use purlin_schema::{FieldId, Id, Input, Inputs, Model, ModelId, Value};

use super::answer::Columns;
use super::session::Session;
use super::{Failure, Trust, Write, field_refusal, given};
use crate::mutation::{Condition, Guard, Mutation, Refusal};
use crate::sql::Args;

/// What a person is told of a ref that leads nowhere, or to what he may not read.
pub(super) const NOT_FOUND: &str = "does not exist";

/// The inputs of a guard: those that the mutation carries, and the stored record as `old`.
pub(super) struct GuardInputs<'run> {
    pub(super) model: &'run Model,
    pub(super) mutation: &'run Mutation,
    pub(super) old: Option<&'run [Value]>,
}

impl Inputs for GuardInputs<'_> {
    fn input(&self, input: &Input) -> Option<Value> {
        match input {
            Input::Old(field) => {
                let path = Path {
                    scope: 0,
                    model: self.model.id,
                    hops: Vec::new(),
                    end: self.model.id,
                    field: *field,
                };
                Columns { model: self.model, values: self.old?, inputs: self }.field(&path).value()
            }
            input => given(self.mutation, input),
        }
    }
}

/// The record that a condition is about.
#[derive(Clone, Copy)]
pub(super) struct About<'run> {
    id: Id,
    /// Its columns, where they are known.
    values: Option<&'run [Value]>,
    /// What `old` stands for.
    old: Option<&'run [Value]>,
}

impl<'run> About<'run> {
    /// A record as it stands in the table.
    pub(super) fn stored(id: Id, old: &'run [Value]) -> About<'run> {
        About { id, values: Some(old), old: Some(old) }
    }

    /// A record as it is to be; it stands in the table already.
    pub(super) fn proposed(id: Id, values: &'run [Value], old: Option<&'run [Value]>) -> About<'run> {
        About { id, values: Some(values), old }
    }

    /// A record of which nothing is known but its id.
    fn other(id: Id) -> About<'run> {
        About { id, values: None, old: None }
    }
}

impl<S: Session> Write<'_, S> {
    /// Whether a condition is true of a record.
    async fn holds(
        &self,
        condition: &Condition,
        mutation: &Mutation,
        about: About<'_>,
    ) -> Result<bool, Failure> {
        self.comes_to(true, condition, mutation, about).await
    }

    /// Whether a condition comes to this truth: told from the record's columns where they suffice, else by the database,
    /// which means the same by it.
    async fn comes_to(
        &self,
        truth: bool,
        condition: &Condition,
        mutation: &Mutation,
        about: About<'_>,
    ) -> Result<bool, Failure> {
        let model = self.model(mutation.model);
        let inputs = GuardInputs { model, mutation, old: about.old };
        if let Some(values) = about.values {
            match eval(&condition.rule, &Columns { model, values, inputs: &inputs }) {
                Evaluated::Unavailable => {}
                found => return Ok(found == Evaluated::Value(Value::Bool(truth))),
            }
        }
        let compiled = &condition.compiled;
        let statement = if truth { &compiled.holds } else { &compiled.fails };
        self.session.any(statement, &Args { id: Some(about.id), ..Args::inputs(&inputs) }).await
    }

    /// What must hold of the record as stored.
    pub(super) async fn stored(&self, mutation: &Mutation, about: About<'_>) -> Result<(), Failure> {
        for guard in &mutation.guards {
            if let Guard::Visible(condition) = guard
                && !self.holds(condition, mutation, about).await?
            {
                return Err(Refusal::NotFound.into());
            }
        }
        for guard in &mutation.guards {
            if let Guard::Stored(condition) = guard
                && !self.holds(condition, mutation, about).await?
            {
                return Err(Refusal::Forbidden.into());
            }
        }
        Ok(())
    }

    /// What must hold of the record as proposed, which stands in the table by now: first whether the asker may
    /// at all, then all that is wrong with it.
    pub(super) async fn proposed(&self, mutation: &Mutation, about: About<'_>) -> Result<(), Failure> {
        let mut refusals = Vec::new();
        for guard in &mutation.guards {
            if let Guard::Proposed(condition) = guard
                && !self.holds(condition, mutation, about).await?
            {
                return Err(Refusal::Forbidden.into());
            }
        }
        for guard in &mutation.guards {
            if let Guard::Check(condition, field, message) = guard
                && self.comes_to(false, condition, mutation, about).await?
            {
                refusals.push(Refusal::Field { field: *field, code: "check", message: message.clone() });
            }
        }
        if refusals.is_empty() { Ok(()) } else { Err(Failure::Refused(refusals)) }
    }

    /// Ends with what is wrong with a record before it is written. What others have is told to nobody who may not
    /// write such a record at all: then it is forbidden, whatever else is wrong.
    pub(super) async fn refuse(
        &self,
        mutation: &Mutation,
        refusals: Vec<Refusal>,
        values: &[Value],
        old: Option<&[Value]>,
    ) -> Result<(), Failure> {
        if refusals.is_empty() {
            return Ok(());
        }
        let tells =
            |refusal: &Refusal| matches!(refusal, Refusal::Field { code: "unique" | "not_found", .. });
        if refusals.iter().any(tells) {
            let columns = &self.catalog.table(mutation.model).columns;
            let row: Vec<Value> =
                columns.iter().map(|(field, _)| values[usize::from(field.0)].clone()).collect();
            let inputs = GuardInputs { model: self.model(mutation.model), mutation, old };
            for guard in &mutation.guards {
                if let Guard::Proposed(condition) = guard
                    && !self
                        .session
                        .any(&condition.compiled.unwritten, &Args { values: &row, ..Args::inputs(&inputs) })
                        .await?
                {
                    return Err(Refusal::Forbidden.into());
                }
            }
        }
        Err(Failure::Refused(refusals))
    }

    /// The fields that stay as they are, whatever the mutation sets them to.
    pub(super) async fn kept(&self, mutation: &Mutation, about: About<'_>) -> Result<Vec<FieldId>, Failure> {
        let mut kept = Vec::new();
        for guard in &mutation.guards {
            if let Guard::Kept(field, condition) = guard
                && !self.holds(condition, mutation, about).await?
            {
                kept.push(*field);
            }
        }
        Ok(kept)
    }

    /// Whether the asker may write the fields that change: by the record as stored, or a new one as proposed.
    pub(super) async fn may_write(
        &self,
        mutation: &Mutation,
        about: About<'_>,
        changes: impl Fn(FieldId) -> bool,
    ) -> Result<(), Failure> {
        let mut refusals = Vec::new();
        for guard in &mutation.guards {
            if let Guard::FieldWrite(field, condition) = guard
                && changes(*field)
                && !self.holds(condition, mutation, about).await?
            {
                refusals.push(Refusal::FieldForbidden(*field));
            }
        }
        if refusals.is_empty() { Ok(()) } else { Err(Failure::Refused(refusals)) }
    }

    /// Refs that the mutation sets to what is not there, or not for the asker. Every ref must lead somewhere,
    /// guarded or not; the database refuses one that does not, but without saying which.
    pub(super) async fn dangling(
        &self,
        mutation: &Mutation,
        values: &[Value],
        old: Option<&[Value]>,
        added: &[(FieldId, Vec<Id>)],
    ) -> Result<Vec<Refusal>, Failure> {
        let model = self.model(mutation.model).clone();
        let mut refusals = Vec::new();
        let own_id = values.first().and_then(Value::as_id);
        for field in &model.fields {
            let Some(reference) = &field.reference else { continue };
            let at = usize::from(field.id.0);
            let targets: Vec<Id> = if reference.many {
                added
                    .iter()
                    .filter(|(known, _)| *known == field.id)
                    .flat_map(|(_, ids)| ids.clone())
                    .collect()
            } else if old.is_some_and(|old| old[at] == values[at]) {
                continue;
            } else {
                values[at].as_id().into_iter().collect()
            };
            let guards: Vec<_> = mutation
                .guards
                .iter()
                .filter_map(|guard| match guard {
                    Guard::Referred(known, condition) if *known == field.id => condition.as_ref(),
                    _ => None,
                })
                .collect();
            for target in targets {
                let itself = reference.to == model.id && Some(target) == own_id;
                // A condition that holds has found the record.
                let mut there = itself
                    || !guards.is_empty()
                    || self.is_held(&model, reference.to)
                    || self.exists(reference.to, target).await?;
                for condition in &guards {
                    there =
                        there && (itself || self.holds(condition, mutation, About::other(target)).await?);
                }
                if !there {
                    refusals.push(field_refusal(field.id, "not_found", NOT_FOUND));
                    break;
                }
            }
        }
        Ok(refusals)
    }

    /// Whether the database itself may be left to refuse a ref between two models: there is a foreign key.
    pub(super) fn is_held(&self, model: &Model, to: ModelId) -> bool {
        let held = self.trust == Trust::Refs && model.origin.is_none() && self.model(to).origin.is_none();
        if held {
            self.trusted.store(true, Ordering::Relaxed);
        }
        held
    }
}
