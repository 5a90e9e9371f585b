//! `datetime`: an instant.

use super::{Control, FieldType, Limits, Problem, limits};
use crate::model::Field;
use crate::value::{Kind, Value, parse_datetime};

/// An instant in UTC; forms may leave out the offset and mean UTC, JSON may not.
#[derive(Debug)]
pub(super) struct Datetime;

impl FieldType for Datetime {
    fn name(&self) -> &'static str {
        "datetime"
    }

    fn kind(&self) -> Kind {
        Kind::Datetime
    }

    fn keys(&self) -> &'static [&'static str] {
        &[]
    }

    fn limits(&self) -> Limits {
        Limits::Values
    }

    fn control(&self) -> Control {
        Control::DateTime
    }

    fn from_text(&self, _: &Field, text: &str) -> Result<Value, Problem> {
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        Kind::Datetime.parse(text).ok_or_else(|| Problem::not("a date and time"))
    }

    fn from_json(&self, _: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        limits::string_from_json(json, "a date and time", |text| parse_datetime(text).map(Value::Datetime))
    }

    fn check(&self, field: &Field, value: &Value) -> Option<Problem> {
        limits::check_range(field, value)
    }
}
