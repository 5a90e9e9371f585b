//! `can("update", post)` in a template: the access rule, evaluated on what the page has loaded.

use purlin_pages::view::{Oracle, Record};
use purlin_schema::expr::{self, Evaluated, Path};
use purlin_schema::model::RelationBy;
use purlin_schema::record::Related;
use purlin_schema::{FieldId, Input, ModelId, Models, Row, Shape, Value};

use crate::access::{Verdict, Who};
use crate::inputs::Ask;
use crate::{Actor, Engine};

/// Answers from the site's rules for one asker.
pub(crate) struct RuleOracle {
    pub(crate) engine: Engine,
    pub(crate) actor: Actor,
    pub(crate) now: i64,
}

impl Oracle for RuleOracle {
    fn can(&self, action: &str, model: ModelId, record: Option<&Record>) -> Result<bool, String> {
        let permissions = self.engine.access().of(model, Who::of(&self.actor));
        let verdict = match action {
            "create" => &permissions.create,
            _ => permissions
                .on_record(action)
                .ok_or_else(|| format!("{action:?} is none of read, create, update and delete"))?,
        };
        let rule = match verdict {
            Verdict::Always => return Ok(true),
            Verdict::Never => return Ok(false),
            Verdict::When(rule) => rule,
        };
        if let Some(holds) = record.and_then(|record| record.shape.tested(&record.row, action)) {
            return Ok(holds);
        }
        let ask = Ask { now: self.now, ..self.engine.ask(&self.actor) };
        let loaded = Loaded { ask: &ask, models: &self.engine.site().models, record };
        match expr::eval(rule, &loaded) {
            // What a new record will hold is not known yet: he may try.
            Evaluated::Unavailable if record.is_none() && action == "create" => Ok(true),
            Evaluated::Unavailable if rule.goes_beyond() => Err(format!(
                "the rule for {action} goes on from `user` to other records, which no page has; ask for what it says \
                 by the filter of a query: filter = \"id == data.post.id && …\""
            )),
            Evaluated::Unavailable if !rule.needs().walks.is_empty() => Err(format!(
                "the rule for {action} goes through a list of records, which a page has in part at most; ask for \
                 what it says by the filter of a query: filter = \"id == data.post.id && …\""
            )),
            Evaluated::Unavailable => Err(format!(
                "the rule for {action} looks at what the page did not load; add it to `fields` or `include`"
            )),
            other => Ok(other.holds()),
        }
    }

    fn has_role(&self, role: &str) -> bool {
        self.actor.user().is_some_and(|user| user.granted.has_role(role))
    }

    fn has_permission(&self, permission: &str) -> bool {
        self.actor.user().is_some_and(|user| user.granted.has_permission(permission))
    }
}

/// A record as a page loaded it.
struct Loaded<'page> {
    ask: &'page Ask<'page>,
    models: &'page Models,
    record: Option<&'page Record>,
}

impl expr::Env for Loaded<'_> {
    fn input(&self, input: &Input) -> Evaluated {
        match (input, self.record) {
            // What is about to be updated is, before that, what is stored.
            (Input::Old(field), Some(record)) => value_of(&record.shape, &record.row, *field),
            _ => self.ask.evaluated(input),
        }
    }

    fn field(&self, path: &Path) -> Evaluated {
        let Some(record) = self.record else { return Evaluated::Unavailable };
        let mut shape: &Shape = &record.shape;
        let mut row: &Row = &record.row;
        for hop in &path.hops {
            let model = self.models.get(shape.model);
            let by = RelationBy::Ref(*hop);
            let relation = model.relations.iter().find(|relation| relation.by == by);
            match relation.and_then(|relation| shape.related(row, relation.id)) {
                Some((Related::One(Some(next)), next_shape)) => (row, shape) = (next, next_shape),
                Some((Related::One(None), _)) => return Evaluated::Error,
                _ => return Evaluated::Unavailable,
            }
        }
        value_of(shape, row, path.field)
    }
}

fn value_of(shape: &Shape, row: &Row, field: FieldId) -> Evaluated {
    match shape.value(row, field) {
        None => Evaluated::Unavailable,
        Some(Value::Withheld) => Evaluated::Error,
        Some(value) => Evaluated::Value(value.clone()),
    }
}
