//! `datetime`: an instant.

use super::{Control, FieldType, Problem, input};
use crate::model::Field;
use crate::value::{Kind, Value, parse_datetime};

/// An instant in UTC. A text may leave out the offset and means UTC (forms have put in that of the site), JSON may not.
#[derive(Debug)]
pub(super) struct Datetime;

impl FieldType for Datetime {
    fn name(&self) -> &'static str {
        "datetime"
    }

    fn kind(&self) -> Kind {
        Kind::Datetime
    }

    fn noun(&self) -> &'static str {
        "a date and time"
    }

    fn control(&self) -> Control {
        Control::DateTime
    }

    fn from_json(&self, field: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        match json.as_str() {
            Some(text) if parse_datetime(text).is_none() => Err(Problem::not(self.noun())),
            _ => input::from_json(field.kind, self.noun(), json),
        }
    }
}
