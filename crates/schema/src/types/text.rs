//! `text`: a line or so of plain text.

use super::{Control, FieldType, Limits, Problem, limits};
use crate::model::Field;
use crate::value::{Kind, Value};

/// Plain text; forms lose the white space around it.
#[derive(Debug)]
pub(super) struct Text;

impl FieldType for Text {
    fn name(&self) -> &'static str {
        "text"
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

    fn control(&self) -> Control {
        Control::Text
    }

    fn from_text(&self, _: &Field, text: &str) -> Result<Value, Problem> {
        limits::text_from_form(text.trim())
    }

    fn from_json(&self, _: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        limits::text_from_json(json)
    }

    fn check(&self, field: &Field, value: &Value) -> Option<Problem> {
        limits::check_text(field, value)
    }
}
