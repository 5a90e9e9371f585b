//! Natural keys: which record has these values.
//!
//! A key that is unique is asked for by its index, many keys in one flight; of any other all records' values are read
//! once, for asking row by row would look through the whole table each time. What was found is remembered.

use std::collections::HashMap;
use std::sync::Arc;

use purlin_schema::expr::Path;
use purlin_schema::load::seeds::Natural;
use purlin_schema::query::{Limit, Query, Select, Selected, SortKey};
use purlin_schema::{FieldId, Id, Input, Model, ModelId, Value};
use purlin_store::{Plan, Prepared, Step, StepArgs, Window};

use crate::access::and;
use crate::inputs::Ask;
use crate::records::failed;
use crate::{Actor, Engine, Failure, expressions};

/// Records that are read at once where all keys are.
const KEYS_A_PAGE: u32 = 2_000;
/// Keys that are asked for in one flight.
const KEYS_A_FLIGHT: usize = 32;
/// Keys that are remembered; beyond that all are forgotten.
const MOST_KNOWN: usize = 200_000;

/// Which records have a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// One.
    One(Id),
    /// Several.
    Several,
    /// None.
    Nobody,
}

/// The fields of a key of a model.
type Over = (ModelId, Vec<FieldId>);

/// What is known of natural keys.
#[derive(Default)]
pub(crate) struct Naturals {
    known: HashMap<Over, HashMap<String, Named>>,
    /// Keys of which all values are known.
    whole: HashMap<Over, bool>,
    flights: HashMap<Over, Vec<Arc<Prepared>>>,
}

impl Naturals {
    /// Forgets what is known of a model's records: some were written.
    pub(crate) fn forget(&mut self, model: ModelId) {
        self.known.retain(|(known, _), _| *known != model);
        self.whole.retain(|(known, _), _| *known != model);
    }

    /// Notes that a record has a key.
    pub(crate) fn learn(&mut self, model: ModelId, natural: &Natural, id: Id) {
        let known = self.known.entry(over(model, natural)).or_default();
        known.insert(text_of(natural), Named::One(id));
    }

    /// The record with a key.
    pub(crate) async fn find(
        &mut self,
        engine: &Engine,
        model: &Model,
        natural: &Natural,
    ) -> Result<Named, Failure> {
        if let [(FieldId::ID, value)] = natural.as_slice() {
            return Ok(value.as_id().map_or(Named::Nobody, Named::One));
        }
        self.look_up(engine, model, &[natural]).await?;
        let known = self.known.get(&over(model.id, natural));
        Ok(known.and_then(|known| known.get(&text_of(natural))).copied().unwrap_or(Named::Nobody))
    }

    /// Finds out about keys over the same fields, so that [`Naturals::find`] knows them.
    pub(crate) async fn look_up(
        &mut self,
        engine: &Engine,
        model: &Model,
        naturals: &[&Natural],
    ) -> Result<(), Failure> {
        let Some(first) = naturals.first() else { return Ok(()) };
        let over = over(model.id, first);
        if self.whole.contains_key(&over) {
            return Ok(());
        }
        if !is_unique(model, &over.1) {
            let all = engine.all_keys(model, &over.1).await?;
            self.known.insert(over.clone(), all);
            self.whole.insert(over, true);
            return Ok(());
        }
        let known = self.known.entry(over.clone()).or_default();
        if known.len() > MOST_KNOWN {
            known.clear();
        }
        let mut wanted: Vec<&Natural> = Vec::new();
        for natural in naturals {
            if !known.contains_key(&text_of(natural)) && !wanted.contains(natural) {
                wanted.push(natural);
            }
        }
        for some in wanted.chunks(KEYS_A_FLIGHT) {
            let found = self.flight(engine, model, &over, some).await?;
            let known = self.known.entry(over.clone()).or_default();
            known.extend(some.iter().map(|natural| text_of(natural)).zip(found));
        }
        Ok(())
    }

    /// Asks for some keys at once.
    async fn flight(
        &mut self,
        engine: &Engine,
        model: &Model,
        over: &Over,
        naturals: &[&Natural],
    ) -> Result<Vec<Named>, Failure> {
        let prepared = self.flights.entry(over.clone()).or_default();
        while prepared.len() < naturals.len() {
            prepared.push(engine.prepare(&query_of(model, &over.1, prepared.len()))?);
        }
        let steps = prepared.iter().take(naturals.len());
        let steps = steps.map(|query| Step { name: String::new(), query: query.clone(), must_exist: false });
        let mut inputs = Vec::with_capacity(naturals.len());
        for (at, natural) in naturals.iter().enumerate() {
            for (part, field) in over.1.iter().enumerate() {
                let value = natural.iter().find(|(known, _)| known == field).map(|(_, value)| value.clone());
                inputs.push((input(at, part), value.unwrap_or_default()));
            }
        }
        let ask = Ask { params: &inputs, ..engine.ask(&Actor::Owner) };
        let plan = Plan { steps: steps.collect() };
        let asked = purlin_store::Ask { inputs: &ask, steps: &[] };
        let answer = engine.store().read(&plan, asked).await.map_err(failed)?;
        let named = |set: &purlin_schema::RowSet| match set.rows.as_slice() {
            [] => Named::Nobody,
            [row] => row.values[0].as_id().map_or(Named::Nobody, Named::One),
            _ => Named::Several,
        };
        Ok(answer.sets.iter().map(named).collect())
    }
}

impl Engine {
    /// The records of a model by the values of these fields.
    async fn all_keys(&self, model: &Model, fields: &[FieldId]) -> Result<HashMap<String, Named>, Failure> {
        let select = fields.iter().map(|field| Selected { field: *field, guard: None });
        let path = Path { scope: 0, model: model.id, hops: Vec::new(), end: model.id, field: FieldId::ID };
        let query = Query {
            select: Select::Fields(select.collect()),
            sort: vec![SortKey::by(path, false)],
            limit: Limit::Page(KEYS_A_PAGE),
            ..Query::of(model.id)
        };
        let step = Step { name: "keys".to_owned(), query: self.prepare(&query)?, must_exist: false };
        let plan = Plan { steps: vec![step] };
        let ask = self.ask(&Actor::Owner);
        let mut keys = HashMap::new();
        let mut window = Window::First;
        loop {
            let steps = [StepArgs { window, per_page: None }];
            let asked = purlin_store::Ask { inputs: &ask, steps: &steps };
            let answer = self.store().read(&plan, asked).await.map_err(failed)?;
            let Some(set) = answer.sets.first() else { return Ok(keys) };
            for row in &set.rows {
                let Some(id) = set.shape.value(row, FieldId::ID).and_then(Value::as_id) else { continue };
                let values = fields.iter().filter_map(|field| set.shape.value(row, *field));
                let key = text_of_values(values);
                keys.entry(key).and_modify(|known| *known = Named::Several).or_insert(Named::One(id));
            }
            if !set.more {
                return Ok(keys);
            }
            window = Window::After(set.last_key.clone());
        }
    }
}

/// Whether at most one record has given values of these fields.
pub(crate) fn is_unique(model: &Model, fields: &[FieldId]) -> bool {
    let same =
        |known: &[FieldId]| known.len() == fields.len() && known.iter().all(|field| fields.contains(field));
    same(&[FieldId::ID]) || model.uniques.iter().any(|unique| same(&unique.fields))
}

/// A key as a person is told of it: `name "Ada" and town "Riga"`.
pub(crate) fn told(model: &Model, natural: &Natural) -> String {
    let part =
        |(field, value): &(FieldId, Value)| format!("{} {:?}", model.field(*field).name, value.to_text());
    natural.iter().map(part).collect::<Vec<_>>().join(" and ")
}

/// Asks for the ids, two at most, of the records with the `at`-th key of a flight.
fn query_of(model: &Model, fields: &[FieldId], at: usize) -> Query {
    let equal = fields.iter().enumerate();
    let equal =
        equal.map(|(part, id)| expressions::field_is(model, model.field(*id), Input::Param(input(at, part))));
    Query {
        filter: equal.fold(None, |all, one| and(all, Some(one))),
        select: Select::Fields(Vec::new()),
        limit: Limit::AtMost(2),
        ..Query::of(model.id)
    }
}

fn input(at: usize, part: usize) -> String {
    format!("k{at}_{part}")
}

/// The fields of a key, in the order of the model, so that two ways to write one key are one.
fn over(model: ModelId, natural: &Natural) -> Over {
    let mut fields: Vec<FieldId> = natural.iter().map(|(field, _)| *field).collect();
    fields.sort_unstable_by_key(|field| field.0);
    (model, fields)
}

/// A key as a key of a map; floats have none of their own.
fn text_of(natural: &Natural) -> String {
    let mut parts: Vec<&(FieldId, Value)> = natural.iter().collect();
    parts.sort_unstable_by_key(|(field, _)| field.0);
    text_of_values(parts.into_iter().map(|(_, value)| value))
}

fn text_of_values<'value>(values: impl Iterator<Item = &'value Value>) -> String {
    values.map(|value| format!("{value:?};")).collect()
}
