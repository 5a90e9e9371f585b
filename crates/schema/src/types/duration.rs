//! `duration`: a span of time.

use super::{Control, FieldType, Limits, Problem, limits};
use crate::model::Field;
use crate::value::{Kind, Value};

/// A span of time, written `1h30m`.
#[derive(Debug)]
pub(super) struct Duration;

impl FieldType for Duration {
    fn name(&self) -> &'static str {
        "duration"
    }

    fn kind(&self) -> Kind {
        Kind::Duration
    }

    fn keys(&self) -> &'static [&'static str] {
        &[]
    }

    fn limits(&self) -> Limits {
        Limits::Values
    }

    fn control(&self) -> Control {
        Control::Text
    }

    fn from_text(&self, _: &Field, text: &str) -> Result<Value, Problem> {
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        Kind::Duration.parse(text).ok_or_else(|| Problem::not("a span of time (`1h30m`)"))
    }

    fn from_json(&self, _: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        limits::string_from_json(json, "a span of time (`1h30m`)", |text| Kind::Duration.parse(text))
    }

    fn check(&self, field: &Field, value: &Value) -> Option<Problem> {
        limits::check_range(field, value)
    }
}
