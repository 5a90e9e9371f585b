//! `html`: HTML, sanitised when it is written and again where it is printed.

use super::{Control, FieldType, Limits, Problem, limits};
use crate::model::Field;
use crate::value::{Kind, Value};

/// A long text of this format.
#[derive(Debug)]
pub(super) struct Html;

impl FieldType for Html {
    fn name(&self) -> &'static str {
        "html"
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

    fn takes_pattern(&self) -> bool {
        true
    }

    fn is_key(&self) -> bool {
        false
    }

    fn control(&self) -> Control {
        Control::TextArea
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
