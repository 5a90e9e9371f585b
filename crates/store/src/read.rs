//! What the rows of compiled queries come to, whatever database hands them out.
//!
//! A database runs statements and shows each row as a [`Source`]; what is gathered here knows which statements to run
//! with which arguments, takes their rows, and makes a [`RowSet`] of them. Nothing here runs anything, so that a file
//! can be read row by row on the thread that asks, and a server across a network in as few flights as can be.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use purlin_schema::query::Limit;
use purlin_schema::record::Related;
use purlin_schema::{Id, Input, Inputs, Kind, Row, RowSet, Value};

use crate::error::Error;
use crate::plan::{Plan, Prepared, StepArgs, Window};
use crate::sql::include::{Batched, CountBatch, IncludeBatch, KeyAt};
use crate::sql::query::{Body, Compiled, Readable, Variant};
use crate::sql::{Args, Statement};

/// Rows that one statement may give where its query has no limit.
pub(crate) const MAX_ROWS: usize = 50_000;
/// Rows that may come along with those of one query, of all relations together: one leads to the next, and each
/// multiplies.
const MAX_RELATED: usize = 2 * MAX_ROWS;

/// How a step is asked where nothing is said.
pub(crate) const DEFAULT_ARGS: &StepArgs = &StepArgs { window: Window::First, per_page: None };

/// A row as a database shows it.
pub(crate) trait Source {
    /// The value in a column of a kind; null where the database has something else there.
    fn value(&self, at: usize, kind: Kind) -> Value;
}

/// The rows of one query, before what comes along with them.
pub(crate) struct Page {
    pub(crate) compiled: Arc<Compiled>,
    limit: Limit,
    wanted: usize,
    fetched: usize,
    offset: u64,
    pub(crate) rows: Vec<Decoded>,
    /// What stands beside the rows, for each include that does.
    pub(crate) beside: Vec<Beside>,
    more: bool,
    last_key: Vec<Value>,
}

impl Page {
    /// Begins a query.
    pub(crate) fn begin(prepared: &Prepared, inputs: &dyn Inputs, args: &StepArgs) -> Result<Page, Error> {
        let offset = if let Window::Offset(offset) = &args.window { *offset } else { 0 };
        let variant =
            Variant { given: prepared.given(inputs), after: nulls_of(&args.window), offset: offset > 0 };
        let compiled = prepared.variant(variant).map_err(|error| Error::Database(error.message))?;
        if variant.after.is_some() && keys_of(args).len() != compiled.keys.len() {
            return Err(Error::Database("the cursor belongs to another order".to_owned()));
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
        let rows = Vec::with_capacity(wanted.min(64));
        let beside = compiled.body.beside().map(|_| Beside::default()).collect();
        let (more, last_key) = (false, Vec::new());
        Ok(Page { compiled, limit, wanted, fetched, offset, rows, beside, more, last_key })
    }

    /// The arguments of a segment's statement.
    pub(crate) fn args<'run>(
        &self,
        segment: usize,
        inputs: &'run (dyn Inputs + Sync),
        args: &'run StepArgs,
    ) -> Args<'run> {
        Args {
            inputs,
            id: None,
            values: keys_of(args),
            limit: i64::try_from(self.fetched - self.rows.len()).unwrap_or(i64::MAX),
            offset: if segment == 0 { i64::try_from(self.offset).unwrap_or(i64::MAX) } else { 0 },
        }
    }

    /// Takes a row; whether it wants a further one.
    pub(crate) fn take(&mut self, row: &impl Source) -> bool {
        if self.rows.len() == self.wanted {
            self.more = true;
            return false;
        }
        self.rows.push(Decoded::of(row, &self.compiled.body));
        for (beside, body) in self.beside.iter_mut().zip(self.compiled.body.beside()) {
            beside.take(row, body);
        }
        if self.rows.len() == self.wanted && matches!(self.limit, Limit::Page(_)) {
            let keys = self.compiled.keys.iter().map(|(at, kind)| row.value(*at, *kind));
            self.last_key = keys.collect();
        }
        true
    }

    /// Whether the segments that follow need not be run.
    pub(crate) fn is_full(&self) -> bool {
        self.more
    }

    /// Ends the rows: refuses too many of a query without a limit.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        if self.more && self.limit == Limit::All {
            return Err(Error::TooManyRows(MAX_ROWS));
        }
        if !self.more {
            self.last_key.clear();
        }
        Ok(())
    }

    /// The set, with the rows as they were finished.
    pub(crate) fn set(self, prepared: &Prepared, rows: Vec<Arc<Row>>, total: Option<u64>) -> RowSet {
        RowSet { shape: prepared.shape.clone(), rows, total, more: self.more, last_key: self.last_key }
    }
}

/// The keys of the row after which a page begins.
fn keys_of(args: &StepArgs) -> &[Value] {
    if let Window::After(keys) = &args.window { keys } else { &[] }
}

fn nulls_of(window: &Window) -> Option<u64> {
    let Window::After(keys) = window else { return None };
    let bits = keys.iter().take(64).enumerate().map(|(at, key)| u64::from(key.is_null()) << at);
    Some(bits.fold(0, |all, bit| all | bit))
}

/// The number in the first column of a row.
pub(crate) fn number(row: &impl Source) -> u64 {
    row.value(0, Kind::Int).as_int().and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
}

/// Whether a plan is one statement, which needs no transaction to be one snapshot.
pub(crate) fn is_one_statement(plan: &Plan, steps: &[StepArgs]) -> bool {
    let after = steps.first().is_some_and(|args| matches!(args.window, Window::After(_)));
    !after && plan.steps.len() == 1 && plan.steps[0].query.is_single_statement()
}

/// A row before what comes along with it was fetched.
pub(crate) struct Decoded {
    pub(crate) values: Vec<Value>,
    related: Vec<Related>,
    extras: Box<[Value]>,
}

impl Decoded {
    fn of(row: &impl Source, body: &Body) -> Decoded {
        Decoded::after(None, row, body)
    }

    /// The row whose first value, its id, is decoded already, if it is.
    fn after(id: Option<Value>, row: &impl Source, body: &Body) -> Decoded {
        let follow = body.tests.len() + body.counted.len() + body.counts.len();
        let mut values = Vec::with_capacity(body.columns.len() + follow);
        values.extend(id);
        for column in &body.columns[values.len()..] {
            let readable = match column.readable {
                Readable::Always => true,
                Readable::Never => false,
                Readable::Where(at) => row.value(at, Kind::Bool) == Value::Bool(true),
            };
            values.push(if readable { row.value(column.at, column.kind) } else { Value::Withheld });
        }
        values.extend(body.tests.iter().map(|at| row.value(*at, Kind::Bool)));
        values.extend(body.counted.iter().map(|at| row.value(*at, Kind::Int)));
        let extras = body.extras.iter().map(|(at, kind)| row.value(*at, *kind)).collect();
        Decoded { values, related: Vec::with_capacity(body.includes.len()), extras }
    }

    fn key(&self, key: KeyAt) -> &Value {
        match key {
            KeyAt::Value(at) => &self.values[at],
            KeyAt::Extra(at) => &self.extras[at],
        }
    }

    /// The row, with all that came along.
    pub(crate) fn finish(self) -> Arc<Row> {
        Arc::new(Row { values: self.values.into_boxed_slice(), related: self.related.into_boxed_slice() })
    }
}

/// The records that stand beside the rows of a query: each once, and which of them each row has.
#[derive(Default)]
pub(crate) struct Beside {
    found: Vec<Decoded>,
    of_rows: Vec<Option<usize>>,
}

impl Beside {
    fn take(&mut self, row: &impl Source, body: &Body) {
        let id = row.value(body.columns[0].at, body.columns[0].kind);
        let at = if id.is_null() {
            None
        } else {
            // They are few, and neighbours often have the same.
            let known = self.found.iter().rposition(|found| found.values[0] == id);
            Some(known.unwrap_or_else(|| {
                self.found.push(Decoded::after(Some(id), row, body));
                self.found.len() - 1
            }))
        };
        self.of_rows.push(at);
    }

    /// The records, for what comes along with them in turn.
    pub(crate) fn found(&mut self) -> Vec<Decoded> {
        std::mem::take(&mut self.found)
    }

    /// Gives each row its record.
    pub(crate) fn give(self, rows: &mut [Decoded], found: &[Arc<Row>]) {
        for (row, at) in rows.iter_mut().zip(self.of_rows) {
            row.related.push(Related::One(at.map(|at| found[at].clone())));
        }
    }
}

/// Rows that may yet come along.
pub(crate) struct Left(AtomicUsize);

impl Left {
    /// For one query.
    pub(crate) fn all() -> Left {
        Left(AtomicUsize::new(MAX_RELATED))
    }

    fn take(&self) -> bool {
        let left = self.0.load(Ordering::Relaxed);
        if left > 0 {
            self.0.store(left - 1, Ordering::Relaxed);
        }
        left > 0
    }
}

/// The counts of a relation, a number a row.
pub(crate) struct Counting<'body> {
    counted: &'body CountBatch,
    parents: Vec<Id>,
    numbers: Vec<i64>,
}

impl<'body> Counting<'body> {
    pub(crate) fn of(counted: &'body CountBatch, rows: &[Decoded]) -> Counting<'body> {
        let parents = distinct(rows.iter().map(|row| &row.values[0]));
        Counting { counted, numbers: vec![0; parents.len()], parents }
    }

    /// The statements to run, with the values of each.
    pub(crate) fn chunks(&self) -> Vec<(&'body Statement, Vec<Value>)> {
        chunks(&self.parents, &self.counted.batched)
    }

    /// Takes a row.
    pub(crate) fn take(&mut self, row: &impl Source) {
        let owner = row.value(0, self.counted.owner).as_id();
        if let Some(at) = owner.and_then(|owner| self.parents.binary_search(&owner).ok()) {
            self.numbers[at] = row.value(1, Kind::Int).as_int().unwrap_or_default();
        }
    }

    /// Gives each row its number.
    pub(crate) fn give(self, rows: &mut [Decoded]) {
        for row in rows {
            let at = row.values[0].as_id().and_then(|id| self.parents.binary_search(&id).ok());
            row.values.push(Value::Int(at.map_or(0, |at| self.numbers[at])));
        }
    }
}

/// The rows of an included relation.
pub(crate) struct Relating<'body> {
    pub(crate) include: &'body IncludeBatch,
    parents: Vec<Id>,
    found: Vec<Decoded>,
    /// Which of the found rows each parent has. A parent's ref leads to one at most.
    lists: Vec<Vec<usize>>,
    refs: Vec<Option<usize>>,
    place: HashMap<Id, usize>,
    fits: bool,
}

impl<'body> Relating<'body> {
    pub(crate) fn of(include: &'body IncludeBatch, rows: &[Decoded]) -> Relating<'body> {
        let parents = distinct(rows.iter().map(|row| row.key(include.key)));
        Relating {
            include,
            found: Vec::new(),
            lists: vec![Vec::new(); if include.many { parents.len() } else { 0 }],
            refs: vec![None; if include.many { 0 } else { parents.len() }],
            place: HashMap::new(),
            fits: true,
            parents,
        }
    }

    /// The statements to run, with the values of each.
    pub(crate) fn chunks(&self) -> Vec<(&'body Statement, Vec<Value>)> {
        chunks(&self.parents, &self.include.batched)
    }

    /// How many rows one of the statements may give.
    pub(crate) fn limit(&self) -> i64 {
        let all = i64::try_from(MAX_RELATED + 1).unwrap_or(i64::MAX);
        self.include.limit.map_or(all, i64::from)
    }

    /// Takes a row; whether a further one fits.
    pub(crate) fn take(&mut self, row: &impl Source, left: &Left) -> bool {
        if !left.take() {
            self.fits = false;
            return false;
        }
        let include = self.include;
        let owner = row.value(0, include.owner).as_id();
        let Some(parent) = owner.and_then(|owner| self.parents.binary_search(&owner).ok()) else {
            return true;
        };
        // A record that many lists share is decoded once and shared.
        let column = &include.body.columns[0];
        let id = if include.shared { row.value(column.at, column.kind).as_id() } else { None };
        let at = match id.and_then(|id| self.place.get(&id)) {
            Some(at) => *at,
            None => {
                self.found.push(Decoded::of(row, &include.body));
                self.place.extend(id.map(|id| (id, self.found.len() - 1)));
                self.found.len() - 1
            }
        };
        if include.many {
            self.lists[parent].push(at);
        } else {
            self.refs[parent] = Some(at);
        }
        true
    }

    /// The rows that were found, once all are, for what comes along with them in turn.
    pub(crate) fn found(&mut self) -> Result<Vec<Decoded>, Error> {
        if self.fits { Ok(std::mem::take(&mut self.found)) } else { Err(Error::TooManyRows(MAX_RELATED)) }
    }

    /// Gives each row what it is related to.
    pub(crate) fn give(self, rows: &mut [Decoded], found: &[Arc<Row>]) {
        for row in rows {
            let key = row.key(self.include.key).as_id();
            let parent = key.and_then(|id| self.parents.binary_search(&id).ok());
            row.related.push(if self.include.many {
                let list = parent.map_or(&[][..], |parent| &self.lists[parent]);
                Related::Many(list.iter().map(|at| found[*at].clone()).collect())
            } else {
                Related::One(parent.and_then(|parent| self.refs[parent]).map(|at| found[at].clone()))
            });
        }
    }
}

/// The inputs that a plan asks for, as they were.
pub(crate) struct Captured(Vec<(Input, Option<Value>)>);

impl Captured {
    pub(crate) fn of(plan: &Plan, inputs: &dyn Inputs) -> Captured {
        let mut captured: Vec<(Input, Option<Value>)> = Vec::new();
        for input in plan.steps.iter().flat_map(|step| step.query.inputs.iter()) {
            if !captured.iter().any(|(known, _)| known == input) {
                captured.push((input.clone(), inputs.input(input)));
            }
        }
        Captured(captured)
    }
}

impl Inputs for Captured {
    fn input(&self, input: &Input) -> Option<Value> {
        self.0.iter().find(|(known, _)| known == input)?.1.clone()
    }
}

/// The keys that are ids, each once, in order.
fn distinct<'row>(keys: impl Iterator<Item = &'row Value>) -> Vec<Id> {
    let mut ids: Vec<Id> = keys.filter_map(Value::as_id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The statements for all parents, with the values of each.
fn chunks<'body>(parents: &[Id], batched: &'body Batched) -> Vec<(&'body Statement, Vec<Value>)> {
    let chunk = |chunk: &[Id]| {
        let (statement, size) = batched.statement(chunk.len());
        (statement, padded(chunk, size))
    };
    parents.chunks(batched.most()).map(chunk).collect()
}

/// The ids as values, with nulls up to a size.
fn padded(ids: &[Id], size: usize) -> Vec<Value> {
    let mut padded = Vec::with_capacity(size);
    padded.extend(ids.iter().copied().map(Value::from));
    padded.resize(size, Value::Null);
    padded
}
