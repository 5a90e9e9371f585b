//! Reading across a network: what does not depend on each other is sent together.
//!
//! Each query of a plan is a future, and so is each relation that comes along with its rows; all are polled together, so
//! that on a connection that pipelines they share its flights. A query that needs what an earlier one found waits for
//! that one's rows alone, not for what comes along with these.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::{try_join, try_join_all};
use purlin_schema::{Input, Inputs, Row, RowSet, Value};
use tokio::sync::SetOnce;

use crate::error::Error;
use crate::plan::{Answer, Ask, Plan, Prepared, StepArgs};
use crate::read::{self, Beside, Counting, DEFAULT_ARGS, Decoded, Left, Page, Relating, Source};
use crate::sql::include::Included;
use crate::sql::query::Body;
use crate::sql::{Args, Statement};

/// Runs statements: several at once where the protocol can, else one after the other.
pub(crate) trait Run: Sync {
    type Row: Source;

    /// Calls for each row until it is told to stop.
    fn each(
        &self,
        statement: &Statement,
        args: &Args<'_>,
        row: impl FnMut(&Self::Row) -> bool + Send,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Counts the statements that it lets through.
struct Counted<'run, R> {
    run: &'run R,
    statements: AtomicU32,
}

impl<R: Run> Run for Counted<'_, R> {
    type Row = R::Row;

    fn each(
        &self,
        statement: &Statement,
        args: &Args<'_>,
        row: impl FnMut(&Self::Row) -> bool + Send,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.run.each(statement, args, row)
    }
}

/// Runs all queries of a plan; in which transaction is the caller's business.
pub(crate) async fn plan(run: &impl Run, plan: &Plan, ask: Ask<'_>) -> Result<Answer, Error> {
    let run = &Counted { run, statements: AtomicU32::new(0) };
    let first: Vec<SetOnce<First>> = plan.steps.iter().map(|_| SetOnce::new()).collect();
    let steps = plan.steps.iter().enumerate().map(|(at, step)| {
        let first = &first;
        async move {
            for earlier in needed(plan, at) {
                if first[earlier].wait().await.is_none() && plan.steps[earlier].must_exist {
                    return Ok(None);
                }
            }
            let inputs = Found { inputs: ask.inputs, plan, first: &first[..at] };
            let args = ask.steps.get(at).unwrap_or(DEFAULT_ARGS);
            let found = |row: Option<&Decoded>| {
                let _ = first[at].set(row.map(|row| row.values.clone()));
            };
            query(run, &step.query, &inputs, args, found).await.map(Some)
        }
    });
    let mut sets = Vec::with_capacity(plan.steps.len());
    let found = try_join_all(steps).await?;
    let statements = run.statements.load(Ordering::Relaxed);
    for (at, set) in found.into_iter().enumerate() {
        // A step that was not run comes after the one that found nothing.
        let Some(set) = set else { break };
        let missing = plan.steps[at].must_exist && set.rows.is_empty();
        sets.push(set);
        if missing {
            return Ok(Answer { sets, missing: Some(at), statements });
        }
    }
    Ok(Answer { sets, missing: None, statements })
}

/// The values of a query's first row, where it has one.
type First = Option<Vec<Value>>;

/// The earlier steps whose rows a step asks for.
fn needed(plan: &Plan, at: usize) -> impl Iterator<Item = usize> {
    let names = plan.steps[at].query.inputs.iter().filter_map(|input| match input {
        Input::Data(name, _) => Some(name),
        _ => None,
    });
    names.filter_map(move |name| plan.steps[..at].iter().position(|step| step.name == *name))
}

/// The inputs of a step: what the plan was asked with, and what earlier steps found.
struct Found<'run> {
    inputs: &'run (dyn Inputs + Sync),
    plan: &'run Plan,
    first: &'run [SetOnce<First>],
}

impl Inputs for Found<'_> {
    fn input(&self, input: &Input) -> Option<Value> {
        if let Input::Data(name, field) = input
            && let Some(at) = self.plan.steps.iter().position(|step| step.name == *name)
        {
            let row = self.first.get(at)?.get()?.as_ref()?;
            let value = row.get(self.plan.steps[at].query.shape.position(*field)?)?;
            return (*value != Value::Withheld).then(|| value.clone());
        }
        self.inputs.input(input)
    }
}

/// Runs one query; `found` is told its first row before anything comes along.
pub(crate) async fn query(
    run: &impl Run,
    prepared: &Prepared,
    inputs: &(dyn Inputs + Sync),
    args: &StepArgs,
    found: impl Fn(Option<&Decoded>) + Send + Sync,
) -> Result<RowSet, Error> {
    let mut page = Page::begin(prepared, inputs, args)?;
    let compiled = page.compiled.clone();
    let body = &compiled.body;
    let rows = async {
        for (segment, statement) in compiled.segments.iter().enumerate() {
            let args = page.args(segment, inputs, args);
            run.each(statement, &args, |row| page.take(row)).await?;
            if page.is_full() {
                break;
            }
        }
        page.end()?;
        let rows = std::mem::take(&mut page.rows);
        let beside = std::mem::take(&mut page.beside);
        found(rows.first());
        finish(run, body, (rows, beside), inputs, &Left::all()).await
    };
    let total = async {
        let Some(statement) = &compiled.total else { return Ok(None) };
        let mut total = None;
        run.each(statement, &Args::inputs(inputs), |row| {
            total = Some(read::number(row));
            false
        })
        .await?;
        Ok(total)
    };
    let (rows, total) = try_join(rows, total).await?;
    Ok(page.set(prepared, rows, total))
}

type Finished<'run> = Pin<Box<dyn Future<Output = Result<Vec<Arc<Row>>, Error>> + Send + 'run>>;

/// Fetches what comes along, all of it at once, and makes the rows.
fn finish<'run>(
    run: &'run impl Run,
    body: &'run Body,
    (mut rows, beside): (Vec<Decoded>, Vec<Beside>),
    inputs: &'run (dyn Inputs + Sync),
    left: &'run Left,
) -> Finished<'run> {
    Box::pin(async move {
        if rows.is_empty() || (body.counts.is_empty() && body.includes.is_empty()) {
            return Ok(rows.into_iter().map(Decoded::finish).collect());
        }
        let counts = body.counts.iter().map(|counted| count(run, Counting::of(counted, &rows), inputs));
        let mut beside = beside.into_iter();
        let includes = body.includes.iter().map(|include| {
            let along = match include {
                Included::Batch(include) => Along::Batch(Relating::of(include, &rows)),
                Included::Beside(body) => Along::Beside(beside.next().unwrap_or_default(), body),
            };
            relate(run, along, inputs, left)
        });
        let (counts, includes) = try_join(try_join_all(counts), try_join_all(includes)).await?;
        for counting in counts {
            counting.give(&mut rows);
        }
        for (along, found) in includes {
            match along {
                Along::Batch(relating) => relating.give(&mut rows, &found),
                Along::Beside(beside, _) => beside.give(&mut rows, &found),
            }
        }
        Ok(rows.into_iter().map(Decoded::finish).collect())
    })
}

async fn count<'body>(
    run: &impl Run,
    mut counting: Counting<'body>,
    inputs: &(dyn Inputs + Sync),
) -> Result<Counting<'body>, Error> {
    for (statement, values) in counting.chunks() {
        let args = Args { values: &values, ..Args::inputs(inputs) };
        run.each(statement, &args, |row| {
            counting.take(row);
            true
        })
        .await?;
    }
    Ok(counting)
}

/// How the rows of an included relation come along.
enum Along<'body> {
    Batch(Relating<'body>),
    Beside(Beside, &'body Body),
}

async fn relate<'body>(
    run: &impl Run,
    along: Along<'body>,
    inputs: &(dyn Inputs + Sync),
    left: &Left,
) -> Result<(Along<'body>, Vec<Arc<Row>>), Error> {
    let mut relating = match along {
        Along::Batch(relating) => relating,
        Along::Beside(mut beside, body) => {
            let found = finish(run, body, (beside.found(), Vec::new()), inputs, left).await?;
            return Ok((Along::Beside(beside, body), found));
        }
    };
    let limit = relating.limit();
    // One chunk after the other: the order of the rows is that of the parents' lists.
    for (statement, values) in relating.chunks() {
        let args = Args { values: &values, limit, ..Args::inputs(inputs) };
        run.each(statement, &args, |row| relating.take(row, left)).await?;
    }
    let found = relating.found()?;
    let include = relating.include;
    let found = finish(run, &include.body, (found, Vec::new()), inputs, left).await?;
    Ok((Along::Batch(relating), found))
}
