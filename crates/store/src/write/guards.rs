//! Conditions under which a mutation may happen.

use purlin_schema::expr::{Env, Evaluated, Path, eval};
use purlin_schema::{FieldId, Id, Input, Inputs, Model, Value};

use super::{Failure, Write, field_refusal, given};
use crate::mutation::{Condition, Guard, Mutation, Refusal};
use crate::sql::{Args, Statement};

/// What a person is told of a ref that leads nowhere, or to what he may not read.
const NOT_FOUND: &str = "does not exist";

/// The inputs of a guard: those that the mutation carries, and the stored record as `old`.
struct GuardInputs<'run> {
    model: &'run Model,
    mutation: &'run Mutation,
    old: Option<&'run [Value]>,
}

impl Inputs for GuardInputs<'_> {
    fn input(&self, input: &Input) -> Option<Value> {
        match input {
            Input::Old(field) => {
                let computed = &self.model.fields.get(usize::from(field.0))?.computed;
                match computed {
                    Some(expr) => eval(expr, self).value(),
                    None => self.old?.get(usize::from(field.0)).cloned(),
                }
            }
            input => given(self.mutation, input),
        }
    }
}

/// The stored record as the place where a computed field of `old` finds the others.
impl Env for GuardInputs<'_> {
    fn input(&self, input: &Input) -> Evaluated {
        Inputs::input(self, input).map_or(Evaluated::Error, Evaluated::Value)
    }

    fn field(&self, path: &Path) -> Evaluated {
        if path.hops.is_empty() { Env::input(self, &Input::Old(path.field)) } else { Evaluated::Unavailable }
    }
}

impl Write<'_> {
    fn finds(
        &self,
        statement: &Statement,
        mutation: &Mutation,
        id: Id,
        old: Option<&[Value]>,
    ) -> Result<bool, Failure> {
        let inputs = GuardInputs { model: self.model(mutation.model), mutation, old };
        Ok(self.session.any(statement, &Args { id: Some(id), ..Args::inputs(&inputs) })?)
    }

    fn holds(
        &self,
        condition: &Condition,
        mutation: &Mutation,
        id: Id,
        old: Option<&[Value]>,
    ) -> Result<bool, Failure> {
        self.finds(&condition.compiled.holds, mutation, id, old)
    }

    /// What must hold of the record as stored.
    pub(super) fn stored(&self, mutation: &Mutation, id: Id, old: &[Value]) -> Result<(), Failure> {
        for guard in &mutation.guards {
            if let Guard::Visible(condition) = guard
                && !self.holds(condition, mutation, id, Some(old))?
            {
                return Err(Refusal::NotFound.into());
            }
        }
        for guard in &mutation.guards {
            if let Guard::Stored(condition) = guard
                && !self.holds(condition, mutation, id, Some(old))?
            {
                return Err(Refusal::Forbidden.into());
            }
        }
        Ok(())
    }

    /// What must hold of the record as proposed, which stands in the table by now: first whether the asker may
    /// at all, then all that is wrong with it.
    pub(super) fn proposed(&self, mutation: &Mutation, id: Id, old: Option<&[Value]>) -> Result<(), Failure> {
        let mut refusals = Vec::new();
        for guard in &mutation.guards {
            if let Guard::Proposed(condition) = guard
                && !self.holds(condition, mutation, id, old)?
            {
                return Err(Refusal::Forbidden.into());
            }
        }
        for guard in &mutation.guards {
            if let Guard::Check(condition, field, message) = guard
                && self.finds(&condition.compiled.fails, mutation, id, old)?
            {
                refusals.push(Refusal::Field { field: *field, code: "check", message: message.clone() });
            }
        }
        if refusals.is_empty() { Ok(()) } else { Err(Failure::Refused(refusals)) }
    }

    /// Ends with what is wrong with a record before it is written. What others have is told to nobody who may not
    /// write such a record at all: then it is forbidden, whatever else is wrong.
    pub(super) fn refuse(
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
                        .any(&condition.compiled.unwritten, &Args { values: &row, ..Args::inputs(&inputs) })?
                {
                    return Err(Refusal::Forbidden.into());
                }
            }
        }
        Err(Failure::Refused(refusals))
    }

    /// The fields that stay as they are, whatever the mutation sets them to.
    pub(super) fn kept(&self, mutation: &Mutation, id: Id, old: &[Value]) -> Result<Vec<FieldId>, Failure> {
        let mut kept = Vec::new();
        for guard in &mutation.guards {
            if let Guard::Kept(field, condition) = guard
                && !self.holds(condition, mutation, id, Some(old))?
            {
                kept.push(*field);
            }
        }
        Ok(kept)
    }

    /// Whether the asker may write the fields that change: by the record as stored.
    pub(super) fn may_write(
        &self,
        mutation: &Mutation,
        id: Id,
        old: &[Value],
        changed: impl Iterator<Item = FieldId>,
    ) -> Result<(), Failure> {
        let changed: Vec<FieldId> = changed.collect();
        self.fields_writable(mutation, id, Some(old), |field| changed.contains(&field))
    }

    /// Whether the asker may write the fields that he gives a new record.
    pub(super) fn may_write_new(
        &self,
        mutation: &Mutation,
        id: Id,
        given: &[(FieldId, Value)],
        links: &[(FieldId, Vec<Id>)],
    ) -> Result<(), Failure> {
        self.fields_writable(mutation, id, None, |field| {
            given.iter().any(|(known, _)| *known == field) || links.iter().any(|(known, _)| *known == field)
        })
    }

    fn fields_writable(
        &self,
        mutation: &Mutation,
        id: Id,
        old: Option<&[Value]>,
        changes: impl Fn(FieldId) -> bool,
    ) -> Result<(), Failure> {
        let mut refusals = Vec::new();
        for guard in &mutation.guards {
            if let Guard::FieldWrite(field, condition) = guard
                && changes(*field)
                && !self.holds(condition, mutation, id, old)?
            {
                refusals.push(Refusal::FieldForbidden(*field));
            }
        }
        if refusals.is_empty() { Ok(()) } else { Err(Failure::Refused(refusals)) }
    }

    /// Refs that the mutation sets to what is not there, or not for the asker. Every ref must lead somewhere,
    /// guarded or not: the database would refuse it without saying which.
    pub(super) fn dangling(
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
                let mut there = itself || !guards.is_empty() || self.exists(reference.to, target)?;
                for condition in &guards {
                    there = there && (itself || self.holds(condition, mutation, target, None)?);
                }
                if !there {
                    refusals.push(field_refusal(field.id, "not_found", NOT_FOUND));
                    break;
                }
            }
        }
        Ok(refusals)
    }
}
