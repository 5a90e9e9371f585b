//! `date`: a day of the calendar.

use super::{Control, FieldType, Limits, Problem, limits};
use crate::model::Field;
use crate::value::{Kind, Value};

/// A day, written `2026-03-01`.
#[derive(Debug)]
pub(super) struct Date;

impl FieldType for Date {
    fn name(&self) -> &'static str {
        "date"
    }

    fn kind(&self) -> Kind {
        Kind::Date
    }

    fn keys(&self) -> &'static [&'static str] {
        &[]
    }

    fn limits(&self) -> Limits {
        Limits::Values
    }

    fn control(&self) -> Control {
        Control::Date
    }

    fn from_text(&self, _: &Field, text: &str) -> Result<Value, Problem> {
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        Kind::Date.parse(text).ok_or_else(|| Problem::not("a date"))
    }

    fn from_json(&self, _: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        limits::string_from_json(json, "a date", |text| Kind::Date.parse(text))
    }

    fn check(&self, field: &Field, value: &Value) -> Option<Problem> {
        limits::check_range(field, value)
    }
}
