//! `decimal`: an exact number with a fixed count of digits after the point; money, above all.

use super::{Control, FieldType, Problem};
use crate::model::Field;
use crate::value::{DecimalError, Kind, Value, parse_decimal};

/// Its `scale` is how many digits follow the point; JSON has it as a string.
#[derive(Debug)]
pub(super) struct Decimal;

impl FieldType for Decimal {
    fn name(&self) -> &'static str {
        "decimal"
    }

    fn kind(&self) -> Kind {
        Kind::Decimal(0)
    }

    fn noun(&self) -> &'static str {
        "a decimal number"
    }

    fn keys(&self) -> &'static [&'static str] {
        &["scale"]
    }

    fn control(&self) -> Control {
        Control::Number
    }

    fn from_text(&self, field: &Field, text: &str) -> Result<Value, Problem> {
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        read(field, text)
    }

    fn from_json(&self, field: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        match json {
            serde_json::Value::Null => Ok(Value::Null),
            serde_json::Value::String(text) => read(field, text),
            // The shortest text that gives this double: what the sender wrote, where it was exact.
            serde_json::Value::Number(number) => read(field, &number.to_string()),
            _ => Err(Problem::wrong_type("a decimal number, as text")),
        }
    }
}

fn read(field: &Field, text: &str) -> Result<Value, Problem> {
    let Kind::Decimal(scale) = field.kind else { return Err(Problem::not("a decimal number")) };
    parse_decimal(text, scale).map(Value::Decimal).map_err(|error| match error {
        DecimalError::Malformed => Problem::not("a decimal number"),
        DecimalError::TooPrecise if scale == 0 => Problem::new("too_precise", "must be a whole number"),
        DecimalError::TooPrecise => {
            Problem::new("too_precise", format!("has more than {scale} digits after the point"))
        }
        DecimalError::TooLarge => Problem::new("out_of_range", "is out of range"),
    })
}
