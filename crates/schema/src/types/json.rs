//! `json`: any JSON value.

use super::{Control, FieldType, Problem};
use crate::model::Field;
use crate::value::{Kind, Value};

/// Any JSON; its null is the field's null.
#[derive(Debug)]
pub(super) struct Json;

impl FieldType for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn kind(&self) -> Kind {
        Kind::Json
    }

    fn keys(&self) -> &'static [&'static str] {
        &[]
    }

    fn is_key(&self) -> bool {
        false
    }

    fn control(&self) -> Control {
        Control::TextArea
    }

    fn from_text(&self, field: &Field, text: &str) -> Result<Value, Problem> {
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        match serde_json::from_str(text) {
            Ok(json) => self.from_json(field, &json),
            Err(_) => Err(Problem::not("JSON")),
        }
    }

    fn from_json(&self, _: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        if json.is_null() {
            return Ok(Value::Null);
        }
        if has_nul(json) {
            return Err(Problem::new("nul", "contains a NUL character"));
        }
        Ok(Value::Json(Box::new(json.clone())))
    }

    fn check(&self, _: &Field, _: &Value) -> Option<Problem> {
        None
    }
}

fn has_nul(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(has_nul),
        serde_json::Value::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}
