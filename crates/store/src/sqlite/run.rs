//! Running compiled queries: rows, what comes along with them, counts and totals.

use std::collections::HashMap;
use std::sync::Arc;

use purlin_schema::query::Limit;
use purlin_schema::record::Related;
use purlin_schema::{Id, Input, Inputs, Row, RowSet, Value};

use super::session::Session;
use super::{decode, is_interrupt, plain};
use crate::error::Error;
use crate::plan::{Answer, Plan, Prepared, StepArgs, Window};
use crate::sql::include::{CountBatch, IncludeBatch, KeyAt, MAX_CHUNK};
use crate::sql::query::{Body, Variant};
use crate::sql::{Args, Statement};

/// Rows that one statement may give where its query has no limit.
pub(crate) const MAX_ROWS: usize = 50_000;
/// Rows that may come along with those of one query, of all relations together: one leads to the next, and each
/// multiplies.
const MAX_RELATED: usize = 2 * MAX_ROWS;

/// Why a run ended without an answer.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// It took longer than it may here.
    Interrupted,
    /// It failed.
    Failed(Error),
}

impl From<rusqlite::Error> for Stopped {
    fn from(error: rusqlite::Error) -> Stopped {
        if is_interrupt(&error) { Stopped::Interrupted } else { Stopped::Failed(plain(&error)) }
    }
}

/// Runs a plan, in one snapshot where it has more than one statement.
pub(crate) fn plan(
    session: &Session,
    plan: &Plan,
    inputs: &dyn Inputs,
    steps: &[StepArgs],
) -> Result<Answer, Stopped> {
    let after = steps.first().is_some_and(|args| matches!(args.window, Window::After(_)));
    if !after && plan.steps.len() == 1 && plan.steps[0].query.is_single_statement() {
        return all_steps(session, plan, inputs, steps);
    }
    session.run("BEGIN")?;
    let answer = all_steps(session, plan, inputs, steps);
    match &answer {
        Ok(_) => session.run("COMMIT")?,
        Err(_) => session.abandon()?,
    }
    answer
}

fn all_steps(
    session: &Session,
    plan: &Plan,
    inputs: &dyn Inputs,
    steps: &[StepArgs],
) -> Result<Answer, Stopped> {
    let mut sets: Vec<RowSet> = Vec::with_capacity(plan.steps.len());
    for (at, step) in plan.steps.iter().enumerate() {
        let args = steps.get(at).unwrap_or(const { &StepArgs { window: Window::First, per_page: None } });
        let found = query(session, &step.query, &Found { inputs, plan, sets: &sets }, args)?;
        let missing = step.must_exist && found.rows.is_empty();
        sets.push(found);
        if missing {
            return Ok(Answer { sets, missing: Some(at) });
        }
    }
    Ok(Answer { sets, missing: None })
}

/// The inputs of a step: what the plan was asked with, and what earlier steps found.
struct Found<'run> {
    inputs: &'run dyn Inputs,
    plan: &'run Plan,
    sets: &'run [RowSet],
}

impl Inputs for Found<'_> {
    fn input(&self, input: &Input) -> Option<Value> {
        if let Input::Data(name, field) = input
            && let Some(at) = self.plan.steps.iter().position(|step| step.name == *name)
        {
            let set = self.sets.get(at)?;
            let value = set.shape.value(set.rows.first()?, *field)?;
            return (*value != Value::Withheld).then(|| value.clone());
        }
        self.inputs.input(input)
    }
}

/// Runs one query.
pub(crate) fn query(
    session: &Session,
    prepared: &Prepared,
    inputs: &dyn Inputs,
    args: &StepArgs,
) -> Result<RowSet, Stopped> {
    let (after, offset): (&[Value], u64) = match &args.window {
        Window::First => (&[], 0),
        Window::Offset(offset) => (&[], *offset),
        Window::After(keys) => (keys, 0),
    };
    let variant =
        Variant { given: prepared.given(inputs), after: nulls_of(&args.window), offset: offset > 0 };
    let compiled =
        prepared.variant(variant).map_err(|error| Stopped::Failed(Error::Database(error.message)))?;
    if variant.after.is_some() && after.len() != compiled.keys.len() {
        return Err(Stopped::Failed(Error::Database("the cursor belongs to another order".to_owned())));
    }
    let limit = prepared.query.limit;
    let (wanted, fetched) = match limit {
        Limit::All => (MAX_ROWS, MAX_ROWS + 1),
        Limit::One => (1, 1),
        Limit::AtMost(number) => (number as usize, number as usize),
        Limit::Page(number) => {
            let number = args.per_page.unwrap_or(number).min(number) as usize;
            (number, number + 1)
        }
    };
    let mut rows = Vec::with_capacity(wanted.min(64));
    let (mut more, mut last_key) = (false, Vec::new());
    for (segment, statement) in compiled.segments.iter().enumerate() {
        let run = Args {
            inputs,
            id: None,
            values: after,
            limit: i64::try_from(fetched - rows.len()).unwrap_or(i64::MAX),
            offset: if segment == 0 { i64::try_from(offset).unwrap_or(i64::MAX) } else { 0 },
        };
        session.each(statement, &run, |row| {
            if rows.len() == wanted {
                more = true;
                return Ok(false);
            }
            rows.push(Decoded::of(row, &compiled.body)?);
            if rows.len() == wanted && matches!(limit, Limit::Page(_)) {
                let keys = compiled.keys.iter().map(|(at, kind)| decode::value(row, *at, *kind));
                last_key = keys.collect();
            }
            Ok(true)
        })?;
        if more {
            break;
        }
    }
    if more && limit == Limit::All {
        return Err(Stopped::Failed(Error::TooManyRows(MAX_ROWS)));
    }
    if !more {
        last_key.clear();
    }
    let mut left = MAX_RELATED;
    let rows = finish(session, &compiled.body, rows, inputs, &mut left)?;
    let total = compiled.total.as_ref().map(|statement| count(session, statement, inputs)).transpose()?;
    Ok(RowSet { shape: prepared.shape.clone(), rows, total, more, last_key })
}

fn nulls_of(window: &Window) -> Option<u64> {
    let Window::After(keys) = window else { return None };
    let bits = keys.iter().take(64).enumerate().map(|(at, key)| u64::from(key.is_null()) << at);
    Some(bits.fold(0, |all, bit| all | bit))
}

fn count(session: &Session, statement: &Statement, inputs: &dyn Inputs) -> Result<u64, Stopped> {
    let mut total = 0;
    session.each(statement, &Args::inputs(inputs), |row| {
        total = row.get::<_, i64>(0)?;
        Ok(false)
    })?;
    Ok(u64::try_from(total).unwrap_or_default())
}

/// A row before what comes along with it was fetched.
struct Decoded {
    values: Vec<Value>,
    related: Vec<Related>,
    extras: Box<[Value]>,
}

impl Decoded {
    fn of(row: &rusqlite::Row<'_>, body: &Body) -> rusqlite::Result<Decoded> {
        let mut values = Vec::with_capacity(body.columns.len() + body.counts.len());
        for column in &body.columns {
            let readable = match column.readable {
                Some(at) => row.get::<_, bool>(at)?,
                None => true,
            };
            values.push(if readable { decode::value(row, column.at, column.kind) } else { Value::Withheld });
        }
        let extras = body.extras.iter().map(|(at, kind)| decode::value(row, *at, *kind)).collect();
        Ok(Decoded { values, related: Vec::with_capacity(body.includes.len()), extras })
    }

    fn key(&self, key: KeyAt) -> &Value {
        match key {
            KeyAt::Value(at) => &self.values[at],
            KeyAt::Extra(at) => &self.extras[at],
        }
    }
}

/// Fetches what comes along and makes the rows.
fn finish(
    session: &Session,
    body: &Body,
    mut rows: Vec<Decoded>,
    inputs: &dyn Inputs,
    left: &mut usize,
) -> Result<Vec<Arc<Row>>, Stopped> {
    for counted in &body.counts {
        add_counts(session, counted, &mut rows, inputs)?;
    }
    for include in &body.includes {
        add_related(session, include, &mut rows, inputs, left)?;
    }
    let made = rows.into_iter().map(|row| {
        Arc::new(Row { values: row.values.into_boxed_slice(), related: row.related.into_boxed_slice() })
    });
    Ok(made.collect())
}

fn add_counts(
    session: &Session,
    counted: &CountBatch,
    rows: &mut [Decoded],
    inputs: &dyn Inputs,
) -> Result<(), Stopped> {
    let parents = distinct(rows.iter().map(|row| &row.values[0]));
    let mut numbers = vec![0; parents.len()];
    for chunk in parents.chunks(MAX_CHUNK) {
        let (statement, size) = counted.batched.statement(chunk.len());
        let run = Args { values: &padded(chunk, size), ..Args::inputs(inputs) };
        session.each(statement, &run, |row| {
            let owner = decode::value(row, 0, counted.owner).as_id();
            if let Some(at) = owner.and_then(|owner| parents.binary_search(&owner).ok()) {
                numbers[at] = row.get(1)?;
            }
            Ok(true)
        })?;
    }
    for row in rows {
        let at = row.values[0].as_id().and_then(|id| parents.binary_search(&id).ok());
        row.values.push(Value::Int(at.map_or(0, |at| numbers[at])));
    }
    Ok(())
}

fn add_related(
    session: &Session,
    include: &IncludeBatch,
    rows: &mut [Decoded],
    inputs: &dyn Inputs,
    left: &mut usize,
) -> Result<(), Stopped> {
    let parents = distinct(rows.iter().map(|row| row.key(include.key)));
    let mut found: Vec<Decoded> = Vec::new();
    // Which of the found rows each parent has. A parent's ref leads to one at most.
    let mut lists: Vec<Vec<usize>> = vec![Vec::new(); if include.many { parents.len() } else { 0 }];
    let mut refs: Vec<Option<usize>> = vec![None; if include.many { 0 } else { parents.len() }];
    let mut place: HashMap<Id, usize> = HashMap::new();
    for chunk in parents.chunks(MAX_CHUNK) {
        let (statement, size) = include.batched.statement(chunk.len());
        let all = i64::try_from(MAX_RELATED + 1).unwrap_or(i64::MAX);
        let limit = include.limit.map_or(all, i64::from);
        let run = Args { values: &padded(chunk, size), limit, ..Args::inputs(inputs) };
        let mut fits = true;
        session.each(statement, &run, |row| {
            let Some(less) = left.checked_sub(1) else {
                fits = false;
                return Ok(false);
            };
            *left = less;
            let owner = decode::value(row, 0, include.owner).as_id();
            let Some(parent) = owner.and_then(|owner| parents.binary_search(&owner).ok()) else {
                return Ok(true);
            };
            // A record that many lists share is decoded once and shared.
            let column = &include.body.columns[0];
            let id = if include.shared { decode::value(row, column.at, column.kind).as_id() } else { None };
            let at = match id.and_then(|id| place.get(&id)) {
                Some(at) => *at,
                None => {
                    found.push(Decoded::of(row, &include.body)?);
                    place.extend(id.map(|id| (id, found.len() - 1)));
                    found.len() - 1
                }
            };
            if include.many {
                lists[parent].push(at);
            } else {
                refs[parent] = Some(at);
            }
            Ok(true)
        })?;
        if !fits {
            return Err(Stopped::Failed(Error::TooManyRows(MAX_RELATED)));
        }
    }
    let found = finish(session, &include.body, found, inputs, left)?;
    for row in rows {
        let parent = row.key(include.key).as_id().and_then(|id| parents.binary_search(&id).ok());
        row.related.push(if include.many {
            let list = parent.map_or(&[][..], |parent| &lists[parent]);
            Related::Many(list.iter().map(|at| found[*at].clone()).collect())
        } else {
            Related::One(parent.and_then(|parent| refs[parent]).map(|at| found[at].clone()))
        });
    }
    Ok(())
}

/// The keys that are ids, each once, in order.
fn distinct<'row>(keys: impl Iterator<Item = &'row Value>) -> Vec<Id> {
    let mut ids: Vec<Id> = keys.filter_map(Value::as_id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The ids as values, the last one repeated up to a size.
fn padded(ids: &[Id], size: usize) -> Vec<Value> {
    let mut padded = Vec::with_capacity(size);
    padded.extend(ids.iter().copied().map(Value::from));
    let last = padded.last().cloned().unwrap_or_default();
    padded.resize(size, last);
    padded
}
