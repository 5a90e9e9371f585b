//! Checks: conditions that every record satisfies.
//!
//! Most are evaluated by the store in the transaction, on the record as proposed. One that uses `matches`
//! cannot become SQL; it is evaluated here before the commit, on the stored record with the proposed
//! values over it, and the commit then demands the version that was looked at.

use std::sync::Arc;

use purlin_schema::expr::{self, Evaluated, Path};
use purlin_schema::{Diagnostic, Diagnostics, Input, Model, ModelId, Models, Value};
use purlin_store::Store;
use purlin_store::mutation::Condition;

use crate::inputs::Ask;
use crate::proposal::Proposal;
use crate::records::Found;
use crate::{Engine, FieldMessage};

/// The checks of all models.
pub(crate) struct Checks {
    by_model: Vec<ModelChecks>,
}

#[derive(Default)]
struct ModelChecks {
    /// Those that the store evaluates, with their positions in `Model::checks`.
    in_store: Vec<(Arc<Condition>, usize)>,
    /// The positions of those that are evaluated in memory.
    in_memory: Vec<usize>,
}

impl Checks {
    pub(crate) fn compile(models: &Models, store: &Store, mistakes: &mut Diagnostics) -> Checks {
        let by_model = models.iter().map(|model| compile_model(model, store, mistakes)).collect();
        Checks { by_model }
    }
}

fn compile_model(model: &Model, store: &Store, mistakes: &mut Diagnostics) -> ModelChecks {
    let mut checks = ModelChecks::default();
    for (at, check) in model.checks.iter().enumerate() {
        if check.rule.in_memory_only() {
            checks.in_memory.push(at);
            continue;
        }
        match store.condition(model.id, &check.rule) {
            Ok(condition) => checks.in_store.push((condition, at)),
            Err(error) => {
                let file = format!("models/{}.toml", model.name);
                mistakes.push(Diagnostic::error("cannot-compile", file, 0..0, error.message));
            }
        }
    }
    checks
}

impl Engine {
    pub(crate) fn check_conditions(&self, model: ModelId) -> &[(Arc<Condition>, usize)] {
        &self.inner.checks.by_model[usize::from(model.0)].in_store
    }

    pub(crate) fn has_memory_checks(&self, model: &Model) -> bool {
        !self.inner.checks.by_model[usize::from(model.id.0)].in_memory.is_empty()
    }

    pub(crate) fn check_in_memory(
        &self,
        ask: &Ask<'_>,
        model: &Model,
        proposal: &mut Proposal,
        stored: Option<&Found>,
    ) {
        for at in &self.inner.checks.by_model[usize::from(model.id.0)].in_memory {
            let check = &model.checks[*at];
            let environment = Proposed { ask, proposal, stored };
            if expr::eval(&check.rule, &environment).fails() {
                let field = check.field.map(|field| model.field(field).name.as_str()).unwrap_or_default();
                proposal.messages.push(FieldMessage::new(field, "check", check.message.clone()));
            }
        }
    }
}

/// The stored record with the proposed values over it.
struct Proposed<'ask> {
    ask: &'ask Ask<'ask>,
    proposal: &'ask Proposal,
    stored: Option<&'ask Found>,
}

impl expr::Env for Proposed<'_> {
    fn input(&self, input: &Input) -> Evaluated {
        match (input, self.stored) {
            (Input::Old(field), Some(found)) => known(found.shape.value(&found.row, *field).cloned()),
            _ => self.ask.evaluated(input),
        }
    }

    fn field(&self, path: &Path) -> Evaluated {
        if !path.hops.is_empty() {
            return Evaluated::Unavailable;
        }
        if let Some(value) = self.proposal.value(path.field) {
            return Evaluated::Value(value.clone());
        }
        match self.stored {
            Some(found) => known(found.shape.value(&found.row, path.field).cloned()),
            None => Evaluated::Value(Value::Null),
        }
    }
}

fn known(value: Option<Value>) -> Evaluated {
    value.map_or(Evaluated::Unavailable, Evaluated::Value)
}
