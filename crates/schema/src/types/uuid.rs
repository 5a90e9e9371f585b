//! `uuid`: a UUID.

use super::{Control, FieldType, Limits, Problem, limits};
use crate::model::Field;
use crate::value::{Kind, Value};

/// A UUID with hyphens.
#[derive(Debug)]
pub(super) struct Uuid;

impl FieldType for Uuid {
    fn name(&self) -> &'static str {
        "uuid"
    }

    fn kind(&self) -> Kind {
        Kind::Uuid
    }

    fn keys(&self) -> &'static [&'static str] {
        &[]
    }

    fn limits(&self) -> Limits {
        Limits::None
    }

    fn control(&self) -> Control {
        Control::Text
    }

    fn from_text(&self, _: &Field, text: &str) -> Result<Value, Problem> {
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        Kind::Uuid.parse(text).ok_or_else(|| Problem::not("a UUID"))
    }

    fn from_json(&self, _: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        limits::string_from_json(json, "a UUID", |text| Kind::Uuid.parse(text))
    }

    fn check(&self, field: &Field, value: &Value) -> Option<Problem> {
        limits::check_range(field, value)
    }
}
