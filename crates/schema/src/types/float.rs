//! `float`: a number with a fraction, as exact as a double.

use super::{Control, FieldType, Problem};
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

    fn noun(&self) -> &'static str {
        "a number"
    }

    fn control(&self) -> Control {
        Control::Number
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
}
