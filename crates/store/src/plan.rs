//! Reading: prepared queries, put into a plan, asked with inputs.
//!
//! All queries of a page are one [`Plan`]: they run in one snapshot, in order, and a later one may use what
//! an earlier one found ([`Input::Data`]). So a database across a network can
//! send them in as few flights as their dependencies allow, and none can be forgotten in a loop.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};

use purlin_schema::query::Query;
use purlin_schema::{Input, Inputs, Models, RowSet, Shape, Value};

use crate::error::CompileError;
use crate::sql::dialect::Dialect;
use crate::sql::include::Included;
use crate::sql::query::{self, Compiled, Variant};
use crate::sql::{Bind, Statement};

/// Variants of one query that are kept; optional conditions could make more than memory should hold.
const MAX_VARIANTS: usize = 64;

/// A compiled query.
pub struct Prepared {
    /// What its rows have.
    pub shape: Arc<Shape>,
    /// The statement, for `explain` and tests.
    pub sql: String,
    pub(crate) query: Query,
    /// Every input that it may ask for.
    pub(crate) inputs: Vec<Input>,
    /// Whether it took long the last time.
    pub(crate) slow: AtomicBool,
    /// Whether its rows, from the first on, come with one statement whichever conditions apply.
    single: bool,
    models: Arc<Models>,
    dialect: Dialect,
    /// The inputs of optional conditions, in the order of their bits.
    optionals: Vec<Input>,
    base: Arc<Compiled>,
    variants: RwLock<HashMap<Variant, Arc<Compiled>>>,
}

impl Prepared {
    pub(crate) fn compile(
        models: &Arc<Models>,
        dialect: Dialect,
        query: &Query,
    ) -> Result<Prepared, CompileError> {
        let optionals = query::optionals(query);
        if optionals.len() > 64 {
            return Err(CompileError { message: "more than 64 optional conditions".to_owned(), span: 0..0 });
        }
        let shape = query::shape(models, query);
        let base = query::compile(models, dialect, query, &shape, Variant::BASE)?;
        // All conditions at once: whatever is wrong with one of them is told now, and every input is known.
        let full = Variant { given: u64::MAX, ..Variant::BASE };
        let full = match optionals.is_empty() {
            true => None,
            false => Some(query::compile(models, dialect, query, &shape, full)?),
        };
        let mut inputs = optionals.clone();
        collect_inputs(full.as_ref().unwrap_or(&base), &mut inputs);
        Ok(Prepared {
            sql: base.segments[0].sql.to_string(),
            shape,
            query: query.clone(),
            inputs,
            slow: AtomicBool::new(false),
            single: !query.total && base.body.is_whole() && full.is_none_or(|full| full.body.is_whole()),
            models: models.clone(),
            dialect,
            optionals,
            base: Arc::new(base),
            variants: RwLock::default(),
        })
    }

    /// Which optional conditions apply: a bit for each whose input is there and not empty.
    pub(crate) fn given(&self, inputs: &dyn Inputs) -> u64 {
        let given = |input| match inputs.input(input) {
            None | Some(Value::Null | Value::Withheld) => false,
            Some(Value::Text(text)) => !text.is_empty(),
            Some(_) => true,
        };
        let bits = self.optionals.iter().enumerate().map(|(at, input)| u64::from(given(input)) << at);
        bits.fold(0, |all, bit| all | bit)
    }

    /// Every input that it may ask for.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// About how many bytes its statements take, with those of variants that requests may yet ask for.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        1_024 + 4 * self.base.size_bytes()
    }

    /// How a variant is run.
    pub(crate) fn variant(&self, variant: Variant) -> Result<Arc<Compiled>, CompileError> {
        if variant == Variant::BASE {
            return Ok(self.base.clone());
        }
        let known = self.variants.read().unwrap_or_else(PoisonError::into_inner).get(&variant).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let compiled = query::compile(&self.models, self.dialect, &self.query, &self.shape, variant)?;
        let compiled = Arc::new(compiled);
        let mut variants = self.variants.write().unwrap_or_else(PoisonError::into_inner);
        if variants.len() < MAX_VARIANTS {
            variants.insert(variant, compiled.clone());
        }
        Ok(compiled)
    }

    /// Whether its rows, from the first on, come with one statement.
    pub(crate) fn is_single_statement(&self) -> bool {
        self.single
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Prepared").field("sql", &self.sql).finish_non_exhaustive()
    }
}

fn collect_inputs(compiled: &Compiled, inputs: &mut Vec<Input>) {
    compiled.segments.iter().for_each(|statement| of_statement(statement, inputs));
    of_body(&compiled.body, inputs);
}

fn of_body(body: &query::Body, inputs: &mut Vec<Input>) {
    body.counts.iter().for_each(|count| of_statement(count.batched.statement(1).0, inputs));
    for include in &body.includes {
        match include {
            Included::Beside(body) => of_body(body, inputs),
            Included::Batch(batch) => {
                of_statement(batch.batched.statement(1).0, inputs);
                of_body(&batch.body, inputs);
            }
        }
    }
}

fn of_statement(statement: &Statement, inputs: &mut Vec<Input>) {
    for bind in &statement.binds {
        let bind = if let Bind::After(inner) = bind { inner } else { bind };
        if let Bind::Input(input, _) | Bind::Absent(input) = bind
            && !inputs.contains(input)
        {
            inputs.push(input.clone());
        }
    }
}

/// Queries to run in one snapshot.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The queries, in an order in which each only needs earlier ones.
    pub steps: Vec<Step>,
}

/// One query of a plan.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name, by which later ones use what it found.
    pub name: String,
    /// The query.
    pub query: Arc<Prepared>,
    /// Where it finds nothing although it asks for one record, the plan ends here: the page is a 404.
    pub must_exist: bool,
}

/// What a plan is asked with.
#[derive(Clone, Copy)]
pub struct Ask<'ask> {
    /// Where inputs get their values, except those that steps find.
    pub inputs: &'ask (dyn Inputs + Sync),
    /// For each step, how; the default where there are fewer.
    pub steps: &'ask [StepArgs],
}

/// How one step is asked.
#[derive(Clone, Debug, Default)]
pub struct StepArgs {
    /// Which rows of those that match.
    pub window: Window,
    /// A smaller page than the prepared one.
    pub per_page: Option<u32>,
}

/// Which rows of those that match.
#[derive(Clone, Debug, Default)]
pub enum Window {
    /// From the first.
    #[default]
    First,
    /// Skipping so many.
    Offset(u64),
    /// After the row with these values of the sort keys, the id last.
    After(Vec<Value>),
}

/// What a plan found.
#[derive(Clone, Debug)]
pub struct Answer {
    /// For each step that ran, its rows.
    pub sets: Vec<RowSet>,
    /// The step that should have found a record and did not, where there was one.
    pub missing: Option<usize>,
    /// How many statements it took.
    pub statements: u32,
}
