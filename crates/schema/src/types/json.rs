//! `json`: any JSON value, or one of a declared shape.

use serde_json::Value as Json;

use super::{Control, FieldType, Problem};
use crate::model::Field;
use crate::value::{Kind, Value};

/// Any JSON; its null is the field's null.
#[derive(Debug)]
pub(super) struct JsonType;

/// How deeply a document may nest: MariaDB takes 32 levels, a value that is no container among them.
pub const MAX_DEPTH: usize = 31;
/// How many values, keys among them, a document may hold.
pub const MAX_VALUES: usize = 10_000;
/// How many bytes a key may have. MySQL takes some 65,000, and nobody means more than this.
const MAX_KEY_BYTES: usize = 1024;
/// How many bytes a document may have, as it is written.
pub const MAX_BYTES: usize = 1 << 20;

impl FieldType for JsonType {
    fn name(&self) -> &'static str {
        "json"
    }

    fn kind(&self) -> Kind {
        Kind::Json
    }

    fn noun(&self) -> &'static str {
        "JSON"
    }

    fn keys(&self) -> &'static [&'static str] {
        &["schema"]
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

    fn from_json(&self, _: &Field, json: &Json) -> Result<Value, Problem> {
        let mut left = MAX_VALUES;
        match fault(json, MAX_DEPTH, &mut left) {
            Some(problem) => Err(problem),
            None => Ok(Value::json(json.clone())),
        }
    }

    fn check(&self, field: &Field, value: &Value) -> Option<Problem> {
        self.problems(field, value).into_iter().next()
    }

    fn problems(&self, field: &Field, value: &Value) -> Vec<Problem> {
        let Value::Json(json) = value else { return Vec::new() };
        let mut left = MAX_VALUES;
        if let Some(problem) = fault(json, MAX_DEPTH, &mut left) {
            return vec![problem];
        }
        if json.to_string().len() > MAX_BYTES {
            return vec![Problem::new("too_long", format!("is longer than {MAX_BYTES} bytes"))];
        }
        field.schema.as_ref().map(|schema| schema.problems(json)).unwrap_or_default()
    }
}

/// What no document may be or hold.
fn fault(json: &Json, depth: usize, left: &mut usize) -> Option<Problem> {
    if *left == 0 {
        return Some(Problem::new("too_long", format!("has more than {MAX_VALUES} values")));
    }
    *left -= 1;
    let nul = |text: &str| text.contains('\0').then(|| Problem::new("nul", "contains a NUL character"));
    let deeper = |left: &mut usize, inner: &Json| match depth {
        0 => Some(Problem::new("too_deep", format!("nests deeper than {MAX_DEPTH} levels"))),
        _ => fault(inner, depth - 1, left),
    };
    match json {
        Json::String(text) => nul(text),
        Json::Array(items) => items.iter().find_map(|item| deeper(left, item)),
        Json::Object(map) => map.iter().find_map(|(key, value)| {
            let long = || {
                let message = format!("has a key that is longer than {MAX_KEY_BYTES} bytes");
                (key.len() > MAX_KEY_BYTES).then(|| Problem::new("too_long", message))
            };
            nul(key).or_else(long).or_else(|| deeper(left, value))
        }),
        _ => None,
    }
}
