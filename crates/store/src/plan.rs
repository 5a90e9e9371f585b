//! Reading: prepared queries, put into a plan, asked with inputs.
//!
//! All queries of a page are one [`Plan`]: they run in one snapshot, in order, and a later one may use what
//! an earlier one found ([`Input::Data`](purlin_schema::Input::Data)). So a database across a network can
//! send them in as few flights as their dependencies allow, and none can be forgotten in a loop.

use std::sync::Arc;

use purlin_schema::{Inputs, RowSet, Shape, Value};

/// A compiled query.
#[derive(Debug)]
pub struct Prepared {
    /// What its rows have.
    pub shape: Arc<Shape>,
    /// The statement, for `explain` and tests.
    pub sql: String,
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
}
