//! `bool`: yes or no.

use super::{Control, FieldType, Problem};
use crate::model::Field;
use crate::value::{Kind, Value};

/// True or false. A form sends nothing for a box that is not ticked: whoever reads the form knows which boxes it has.
#[derive(Debug)]
pub(super) struct Bool;

impl FieldType for Bool {
    fn name(&self) -> &'static str {
        "bool"
    }

    fn kind(&self) -> Kind {
        Kind::Bool
    }

    fn keys(&self) -> &'static [&'static str] {
        &[]
    }

    fn control(&self) -> Control {
        Control::Checkbox
    }

    fn from_text(&self, _: &Field, text: &str) -> Result<Value, Problem> {
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        Kind::Bool.parse(text).ok_or_else(|| Problem::not("true or false"))
    }

    fn from_json(&self, _: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        match json {
            serde_json::Value::Null => Ok(Value::Null),
            serde_json::Value::Bool(truth) => Ok(Value::Bool(*truth)),
            _ => Err(Problem::wrong_type("true or false")),
        }
    }

    fn check(&self, _: &Field, _: &Value) -> Option<Problem> {
        None
    }
}
