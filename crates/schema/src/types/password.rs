//! `password`: a secret that is kept as a hash alone.

use super::{Control, FieldType, Limits, Problem, limits};
use crate::model::Field;
use crate::value::{Kind, Value};

/// What comes in is the password; the engine checks it, hashes it, and stores the hash, which never leaves.
#[derive(Debug)]
pub(super) struct Password;

impl FieldType for Password {
    fn name(&self) -> &'static str {
        "password"
    }

    fn kind(&self) -> Kind {
        Kind::Text
    }

    fn keys(&self) -> &'static [&'static str] {
        &[]
    }

    fn limits(&self) -> Limits {
        Limits::Length
    }

    /// NIST SP 800-63B asks for eight; the upper bound keeps hashing cheap.
    fn default_limits(&self) -> (Option<Value>, Option<Value>) {
        (Some(Value::Int(8)), Some(Value::Int(256)))
    }

    fn takes_pattern(&self) -> bool {
        true
    }

    fn is_key(&self) -> bool {
        false
    }

    fn control(&self) -> Control {
        Control::Password
    }

    fn from_text(&self, _: &Field, text: &str) -> Result<Value, Problem> {
        limits::text_from_form(text)
    }

    fn from_json(&self, _: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        limits::text_from_json(json)
    }

    fn check(&self, field: &Field, value: &Value) -> Option<Problem> {
        limits::check_text(field, value)
    }
}
