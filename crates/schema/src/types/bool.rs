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

    fn noun(&self) -> &'static str {
        "true or false"
    }

    fn control(&self) -> Control {
        Control::Checkbox
    }

    fn from_json(&self, _: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        match json {
            serde_json::Value::Null => Ok(Value::Null),
            serde_json::Value::Bool(truth) => Ok(Value::Bool(*truth)),
            _ => Err(Problem::wrong_type("true or false")),
        }
    }
}
