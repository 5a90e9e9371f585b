//! `ref` and `refs`: another record, or a list of them.
//!
//! Both read one id, of the kind that the other model's ids have; a list is read element by element. That the
//! record exists and may be seen is for the engine to find out.

use super::{Control, FieldType, Problem};
use crate::model::Field;
use crate::value::{Kind, Value};

/// One other record.
#[derive(Debug)]
pub(super) struct Ref;

/// Other records, many to many.
#[derive(Debug)]
pub(super) struct Refs;

impl FieldType for Ref {
    fn name(&self) -> &'static str {
        "ref"
    }

    fn kind(&self) -> Kind {
        Kind::Int
    }

    fn keys(&self) -> &'static [&'static str] {
        &["to", "inverse", "on_delete"]
    }

    fn control(&self) -> Control {
        Control::Select
    }

    fn from_text(&self, field: &Field, text: &str) -> Result<Value, Problem> {
        id_from_text(field, text)
    }

    fn from_json(&self, field: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        id_from_json(field, json)
    }

    fn check(&self, _: &Field, _: &Value) -> Option<Problem> {
        None
    }
}

impl FieldType for Refs {
    fn name(&self) -> &'static str {
        "refs"
    }

    fn kind(&self) -> Kind {
        Kind::Int
    }

    fn keys(&self) -> &'static [&'static str] {
        &["to", "inverse"]
    }

    fn is_key(&self) -> bool {
        false
    }

    fn control(&self) -> Control {
        Control::SelectMany
    }

    fn from_text(&self, field: &Field, text: &str) -> Result<Value, Problem> {
        id_from_text(field, text)
    }

    fn from_json(&self, field: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        id_from_json(field, json)
    }

    fn check(&self, _: &Field, _: &Value) -> Option<Problem> {
        None
    }
}

fn id_from_text(field: &Field, text: &str) -> Result<Value, Problem> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    field.kind.parse(text).ok_or_else(not_an_id)
}

fn id_from_json(field: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
    match (field.kind, json) {
        (_, serde_json::Value::Null) => Ok(Value::Null),
        (Kind::Uuid, serde_json::Value::String(text)) => Kind::Uuid.parse(text).ok_or_else(not_an_id),
        (Kind::Int, serde_json::Value::Number(number)) => {
            number.as_i64().map(Value::Int).ok_or_else(not_an_id)
        }
        _ => Err(Problem::wrong_type("an id")),
    }
}

fn not_an_id() -> Problem {
    Problem::not("an id")
}
