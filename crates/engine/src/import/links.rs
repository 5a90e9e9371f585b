//! Refs by natural keys, looked up, and made where `--link` says so.

use std::collections::HashMap;

use purlin_schema::load::seeds::{Natural, SeedValue};
use purlin_schema::{Field, FieldId, Id, Model, ModelId, Value};
use purlin_store::Mutation;

use super::columns::Values;
use crate::natural::{self, Named, Naturals};
use crate::records::{Fields, Given};
use crate::seed::batch::Hashes;
use crate::{Engine, Failure, FieldMessage};

/// Stands for a record that is made by the same commit, until that has an id.
const UNMADE: i64 = i64::MIN;

/// A record that a row refers to and that has to be made, by its model and its place among those of the model.
pub(super) type Unmade = (ModelId, usize);

/// A row with its refs resolved.
pub(super) struct Resolved {
    pub(super) values: Vec<(FieldId, Given)>,
    pub(super) unmade: Vec<(FieldId, Unmade)>,
}

/// What rows refer to.
pub(super) struct Links {
    naturals: Naturals,
    /// Fields whose records are made where there are none.
    made_by: Vec<FieldId>,
    /// Records to be made, by model.
    fresh: HashMap<ModelId, Vec<Fresh>>,
    fresh_by_key: HashMap<(ModelId, String), usize>,
}

struct Fresh {
    natural: Natural,
    /// What makes it, or why nothing can.
    mutation: Result<Mutation, String>,
    /// Its id, once it was made.
    id: Option<Id>,
}

impl Links {
    pub(super) fn new(made_by: Vec<FieldId>) -> Links {
        Links { naturals: Naturals::default(), made_by, fresh: HashMap::new(), fresh_by_key: HashMap::new() }
    }

    /// Finds out about all keys of some rows at once.
    pub(super) async fn look_up<'rows>(
        &mut self,
        engine: &Engine,
        model: &Model,
        rows: impl Iterator<Item = &'rows Values>,
    ) -> Result<(), Failure> {
        let mut by_field: HashMap<FieldId, Vec<&Natural>> = HashMap::new();
        for (field, value) in rows.flatten() {
            match value {
                SeedValue::Link(natural) => by_field.entry(*field).or_default().push(natural),
                SeedValue::Links(naturals) => by_field.entry(*field).or_default().extend(naturals),
                SeedValue::Value(_) => {}
            }
        }
        for (field, naturals) in by_field {
            let Some(reference) = &model.field(field).reference else { continue };
            let to = engine.model_of(reference.to);
            // Keys over the same fields go in one flight.
            let mut by_fields: HashMap<Vec<FieldId>, Vec<&Natural>> = HashMap::new();
            for natural in
                naturals.into_iter().filter(|natural| !matches!(natural.as_slice(), [(FieldId::ID, _)]))
            {
                by_fields.entry(natural.iter().map(|(field, _)| *field).collect()).or_default().push(natural);
            }
            for naturals in by_fields.values() {
                self.naturals.look_up(engine, &to, naturals).await?;
            }
        }
        Ok(())
    }

    /// Resolves the refs of a row.
    pub(super) async fn resolve(
        &mut self,
        engine: &Engine,
        model: &Model,
        values: &Values,
        hashes: &mut Hashes,
    ) -> Result<Result<Resolved, Vec<FieldMessage>>, Failure> {
        let mut resolved = Resolved { values: Vec::with_capacity(values.len()), unmade: Vec::new() };
        let mut messages = Vec::new();
        for (id, value) in values {
            let field = model.field(*id);
            let (naturals, is_many) = match value {
                SeedValue::Value(value) => {
                    resolved.values.push((*id, Given::Value(value.clone())));
                    continue;
                }
                SeedValue::Link(natural) => (std::slice::from_ref(natural), false),
                SeedValue::Links(naturals) => (naturals.as_slice(), true),
            };
            let mut ids = Vec::with_capacity(naturals.len());
            for natural in naturals {
                match self.one(engine, field, natural, hashes).await? {
                    Ok(Target::Known(id)) => ids.push(id),
                    Ok(Target::Unmade(unmade)) => {
                        let known = resolved.unmade.contains(&(*id, unmade));
                        if !known {
                            resolved.unmade.push((*id, unmade));
                        }
                        ids.push(Id::Int(UNMADE));
                    }
                    Err(message) => messages.push(FieldMessage::new(&field.name, "not_found", message)),
                }
            }
            let given = if is_many {
                Given::Ids(ids)
            } else {
                Given::Value(ids.first().map_or(Value::Null, |id| (*id).into()))
            };
            resolved.values.push((*id, given));
        }
        Ok(if messages.is_empty() { Ok(resolved) } else { Err(messages) })
    }

    async fn one(
        &mut self,
        engine: &Engine,
        field: &Field,
        natural: &Natural,
        hashes: &mut Hashes,
    ) -> Result<Result<Target, String>, Failure> {
        let Some(reference) = &field.reference else { return Ok(Err("refers to nothing".to_owned())) };
        let to = engine.model_of(reference.to);
        let told = || natural::told(&to, natural);
        match self.naturals.find(engine, &to, natural).await? {
            Named::One(id) => return Ok(Ok(Target::Known(id))),
            Named::Several => {
                return Ok(Err(format!("names several records of {}: those with {}", to.name, told())));
            }
            Named::Nobody if !self.made_by.contains(&field.id) || natural.len() > 1 => {
                return Ok(Err(format!("names no record of {}: there is none with {}", to.name, told())));
            }
            Named::Nobody => {}
        }
        let key = (to.id, format!("{natural:?}"));
        let list = self.fresh.entry(to.id).or_default();
        let at = match self.fresh_by_key.get(&key) {
            Some(at) => *at,
            None => {
                let values: Vec<(FieldId, Given)> =
                    natural.iter().map(|(field, value)| (*field, Given::Value(value.clone()))).collect();
                let mutation = match engine.draft_of(&to, Fields::Values(&values)) {
                    Ok(draft) => engine.mutation(&to, draft, hashes).await,
                    Err(failure) => Err(failure),
                };
                let mutation = mutation.map_err(|failure| failure.told());
                list.push(Fresh { natural: natural.clone(), mutation, id: None });
                self.fresh_by_key.insert(key, list.len() - 1);
                list.len() - 1
            }
        };
        match &list[at] {
            Fresh { id: Some(id), .. } => Ok(Ok(Target::Known(*id))),
            Fresh { mutation: Ok(_), .. } => Ok(Ok(Target::Unmade((to.id, at)))),
            Fresh { mutation: Err(message), .. } => Ok(Err(format!(
                "names {}, for which no record of {} can be made: {message}",
                told(),
                to.name
            ))),
        }
    }

    /// What makes a record, or the id that it has by now.
    pub(super) fn fresh(&self, unmade: Unmade) -> Result<Id, &Mutation> {
        let fresh = &self.fresh[&unmade.0][unmade.1];
        match (&fresh.id, &fresh.mutation) {
            (Some(id), _) => Ok(*id),
            (None, Ok(mutation)) => Err(mutation),
            (None, Err(_)) => Ok(Id::Int(UNMADE)),
        }
    }

    /// Notes that a record was made.
    pub(super) fn made(&mut self, unmade: Unmade, id: Id) {
        if let Some(fresh) = self.fresh.get_mut(&unmade.0).and_then(|list| list.get_mut(unmade.1)) {
            fresh.id = Some(id);
            self.naturals.learn(unmade.0, &fresh.natural, id);
        }
    }

    /// Somebody else made a record first: it is looked for again.
    pub(super) fn forget(&mut self, model: ModelId) {
        self.naturals.forget(model);
        self.fresh_by_key.retain(|(known, _), _| *known != model);
    }
}

/// Takes out of a mutation what stands for a record that is not made yet: the store puts its id in.
pub(super) fn without_unmade(mutation: &mut Mutation) {
    use purlin_store::mutation::{Action, Links};
    let unmade = Id::Int(UNMADE);
    match &mut mutation.action {
        Action::Create { links, .. } => links.iter_mut().for_each(|(_, ids)| ids.retain(|id| *id != unmade)),
        Action::Update { links, .. } => links.iter_mut().for_each(|(_, links)| match links {
            Links::Replace(ids) | Links::Add(ids) | Links::Remove(ids) | Links::Among { chosen: ids, .. } => {
                ids.retain(|id| *id != unmade);
            }
        }),
        Action::Copy { .. } | Action::Delete { .. } => {}
    }
}

enum Target {
    Known(Id),
    Unmade(Unmade),
}
