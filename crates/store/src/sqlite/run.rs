//! Running compiled queries on a file: one statement after the other, each row taken as it stands.

use std::sync::Arc;

use purlin_schema::{Input, Inputs, Kind, Row, RowSet, Value};

use super::session::Session;
use super::{decode, is_interrupt, plain};
use crate::error::Error;
use crate::plan::{Answer, Plan, Prepared, StepArgs};
use crate::read::{self, Beside, Counting, DEFAULT_ARGS, Decoded, Left, Page, Relating, Source};
use crate::sql::Args;
use crate::sql::include::Included;
use crate::sql::query::Body;

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

impl From<Error> for Stopped {
    fn from(error: Error) -> Stopped {
        Stopped::Failed(error)
    }
}

impl Source for rusqlite::Row<'_> {
    fn value(&self, at: usize, kind: Kind) -> Value {
        decode::value(self, at, kind)
    }
}

/// Runs a plan, in one snapshot where it has more than one statement.
pub(crate) fn plan(
    session: &Session,
    plan: &Plan,
    inputs: &(dyn Inputs + Sync),
    steps: &[StepArgs],
) -> Result<Answer, Stopped> {
    if read::is_one_statement(plan, steps) {
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
    inputs: &(dyn Inputs + Sync),
    steps: &[StepArgs],
) -> Result<Answer, Stopped> {
    let mut sets: Vec<RowSet> = Vec::with_capacity(plan.steps.len());
    let before = session.statements();
    for (at, step) in plan.steps.iter().enumerate() {
        let args = steps.get(at).unwrap_or(DEFAULT_ARGS);
        let found = query(session, &step.query, &Found { inputs, plan, sets: &sets }, args)?;
        let missing = step.must_exist && found.rows.is_empty();
        sets.push(found);
        if missing {
            return Ok(Answer { sets, missing: Some(at), statements: session.statements_since(before) });
        }
    }
    Ok(Answer { sets, missing: None, statements: session.statements_since(before) })
}

/// The inputs of a step: what the plan was asked with, and what earlier steps found.
struct Found<'run> {
    inputs: &'run (dyn Inputs + Sync),
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
    inputs: &(dyn Inputs + Sync),
    args: &StepArgs,
) -> Result<RowSet, Stopped> {
    let mut page = Page::begin(prepared, inputs, args)?;
    let compiled = page.compiled.clone();
    for (segment, statement) in compiled.segments.iter().enumerate() {
        session.each(statement, &page.args(segment, inputs, args), |row| Ok(page.take(row)))?;
        if page.is_full() {
            break;
        }
    }
    page.end()?;
    let rows = std::mem::take(&mut page.rows);
    let beside = std::mem::take(&mut page.beside);
    let rows = finish(session, &compiled.body, (rows, beside), inputs, &Left::all())?;
    let mut total = None;
    if let Some(statement) = &compiled.total {
        session.each(statement, &Args::inputs(inputs), |row| {
            total = Some(read::number(row));
            Ok(false)
        })?;
    }
    Ok(page.set(prepared, rows, total))
}

/// Fetches what comes along and makes the rows.
fn finish(
    session: &Session,
    body: &Body,
    (mut rows, beside): (Vec<Decoded>, Vec<Beside>),
    inputs: &(dyn Inputs + Sync),
    left: &Left,
) -> Result<Vec<Arc<Row>>, Stopped> {
    for counted in &body.counts {
        let mut counting = Counting::of(counted, &rows);
        for (statement, values) in counting.chunks() {
            session.each(statement, &Args { values: &values, ..Args::inputs(inputs) }, |row| {
                counting.take(row);
                Ok(true)
            })?;
        }
        counting.give(&mut rows);
    }
    let mut beside = beside.into_iter();
    for include in &body.includes {
        let include = match include {
            Included::Batch(include) => include,
            Included::Beside(body) => {
                let mut beside = beside.next().unwrap_or_default();
                let found = finish(session, body, (beside.found(), Vec::new()), inputs, left)?;
                beside.give(&mut rows, &found);
                continue;
            }
        };
        let mut relating = Relating::of(include, &rows);
        let limit = relating.limit();
        for (statement, values) in relating.chunks() {
            session.each(statement, &Args { values: &values, limit, ..Args::inputs(inputs) }, |row| {
                Ok(relating.take(row, left))
            })?;
        }
        let found = relating.found()?;
        let found = finish(session, &include.body, (found, Vec::new()), inputs, left)?;
        relating.give(&mut rows, &found);
    }
    Ok(rows.into_iter().map(Decoded::finish).collect())
}
