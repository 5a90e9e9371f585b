//! `float`: a number with a fraction, as exact as a double.

use super::{Control, FieldType, Limits, Problem, limits};
use crate::model::Field;
use crate::value::{Kind, Value};

/// A finite double.
#[derive(Debug)]
pub(super) struct Float;

impl FieldType for Float {
    fn name(&self) -> &'static str {
        "float"
    }

    fn kind(&self) -> Kind {
        Kind::Float
    }

    fn keys(&self) -> &'static [&'static str] {
        &[]
    }

    fn limits(&self) -> Limits {
        Limits::Values
    }

    fn control(&self) -> Control {
        Control::Number
    }

    fn from_text(&self, _: &Field, text: &str) -> Result<Value, Problem> {
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        Kind::Float.parse(text).ok_or_else(|| Problem::not("a number"))
    }

    fn from_json(&self, _: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        match json {
            serde_json::Value::Null => Ok(Value::Null),
            serde_json::Value::Number(number) => match number.as_f64() {
                Some(number) if number.is_finite() => Ok(Value::Float(number)),
                _ => Err(Problem::new("out_of_range", "is out of range")),
            },
            _ => Err(Problem::wrong_type("a number")),
        }
    }

    fn check(&self, field: &Field, value: &Value) -> Option<Problem> {
        limits::check_range(field, value)
    }
}
