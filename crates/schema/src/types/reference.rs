//! `ref` and `refs`: another record, or a list of them.
//!
//! Both read one id, of the kind that the other model's ids have; a list is read element by element. That the
//! record exists and may be seen is for the engine to find out.

use super::{Control, FieldType, Limits, Problem};
use crate::model::Field;
use crate::value::{Kind, Value};

/// Another record, or several, many to many.
#[derive(Debug)]
pub(super) struct Reference {
    is_many: bool,
}

/// One other record.
pub(super) const REF: Reference = Reference { is_many: false };
/// Other records.
pub(super) const REFS: Reference = Reference { is_many: true };

impl FieldType for Reference {
    fn name(&self) -> &'static str {
        if self.is_many { "refs" } else { "ref" }
    }

    fn kind(&self) -> Kind {
        Kind::Int
    }

    fn noun(&self) -> &'static str {
        "an id"
    }

    fn control(&self) -> Control {
        if self.is_many { Control::SelectMany } else { Control::Select }
    }

    fn keys(&self) -> &'static [&'static str] {
        if self.is_many { &["to", "inverse"] } else { &["to", "inverse", "on_delete"] }
    }

    fn limits(&self) -> Limits {
        Limits::None
    }

    fn is_key(&self) -> bool {
        !self.is_many
    }

    fn from_json(&self, field: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        match (field.kind, json) {
            (_, serde_json::Value::Null) => Ok(Value::Null),
            (Kind::Uuid, serde_json::Value::String(text)) => self.from_text(field, text),
            (Kind::Int, serde_json::Value::Number(number)) => {
                number.as_i64().map(Value::Int).ok_or_else(|| Problem::not(self.noun()))
            }
            _ => Err(Problem::wrong_type(self.noun())),
        }
    }
}
