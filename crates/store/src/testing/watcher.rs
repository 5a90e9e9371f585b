//! Who is told what a store did, in words that are the same on every database.

use std::sync::{Arc, Mutex, PoisonError};

use purlin_schema::query::Query;
use purlin_schema::{ModelId, Models};

use crate::mutation::Action;
use crate::{Answer, Error, Mutation, Outcome, Plan};

/// Notes every read and every commit: `read posts (author, tags): 3 statements`. Cheap to clone.
#[derive(Clone, Default)]
pub struct Watcher(Arc<Mutex<Vec<String>>>);

impl Watcher {
    /// What was noted since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn read(&self, models: &Models, plan: &Plan, answer: &Result<Answer, Error>) {
        let queries: Vec<String> =
            plan.steps.iter().map(|step| asked(models, step.query.query.model, &step.query.query)).collect();
        let came = match answer {
            // How many of the others had been sent by then is the database's own.
            Ok(Answer { missing: Some(at), .. }) => format!("nothing found in {}", queries[*at]),
            Ok(Answer { statements: 1, .. }) => "1 statement".to_owned(),
            Ok(Answer { statements, .. }) => format!("{statements} statements"),
            Err(error) => format!("failed: {error}"),
        };
        self.note(format!("read {}: {came}", queries.join(", ")));
    }

    pub(crate) fn committed(&self, written: &str, result: &Result<Vec<Outcome>, Error>) {
        let came = match result {
            Ok(_) => "",
            Err(Error::Refused { .. }) => ": refused",
            Err(_) => ": failed",
        };
        self.note(format!("commit {written}{came}"));
    }

    fn note(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// The model of a query with what comes along: `posts (author (team), tags, number of comments)`.
fn asked(models: &Models, model: ModelId, query: &Query) -> String {
    let model = models.get(model);
    let mut along: Vec<String> = Vec::new();
    for include in &query.include {
        let relation = &model.relations[usize::from(include.relation.0)];
        let inner = asked(models, include.query.model, &include.query);
        let inner = inner.split_once(" (").map(|(_, rest)| format!(" ({rest}")).unwrap_or_default();
        along.push(format!("{}{inner}", relation.name));
    }
    along.extend(query.count.iter().map(|count| format!("number of {}", count.name)));
    along.extend(query.tests.iter().map(|test| format!("whether {}", test.name)));
    along.extend(query.total.then(|| "total".to_owned()));
    match along.as_slice() {
        [] => model.name.clone(),
        along => format!("{} ({})", model.name, along.join(", ")),
    }
}

/// What mutations do: `create posts, delete tags`.
pub(crate) fn written(models: &Models, mutations: &[Mutation]) -> String {
    let one = |mutation: &Mutation| {
        let verb = match mutation.action {
            Action::Create { .. } => "create",
            Action::Copy { .. } => "copy",
            Action::Update { .. } => "update",
            Action::Delete { .. } => "delete",
        };
        format!("{verb} {}", models.get(mutation.model).name)
    };
    mutations.iter().map(one).collect::<Vec<_>>().join(", ")
}
