//! How values come in from forms and from JSON, by the kind of value that they are.

use serde_json::Value as Json;

use super::Problem;
use crate::value::{Kind, Value};

/// A value from a form; `noun` with its article: "a date".
pub(super) fn from_text(kind: Kind, noun: &str, text: &str) -> Result<Value, Problem> {
    match kind {
        // White space is a text's own; browsers send line ends as CR LF, which count as one character here.
        Kind::Text if text.is_empty() => Ok(Value::Null),
        Kind::Text if text.contains('\r') => text_value(&text.replace("\r\n", "\n")),
        Kind::Text => text_value(text),
        _ if text.trim().is_empty() => Ok(Value::Null),
        kind => kind.parse(text).ok_or_else(|| Problem::not(noun)),
    }
}

/// A value from JSON, which writes it as a string.
pub(super) fn from_json(kind: Kind, noun: &str, json: &Json) -> Result<Value, Problem> {
    match (kind, json) {
        (_, Json::Null) => Ok(Value::Null),
        (Kind::Text, Json::String(text)) => text_value(text),
        (Kind::Text, _) => Err(Problem::wrong_type(noun)),
        (kind, Json::String(text)) => kind.parse(text).ok_or_else(|| Problem::not(noun)),
        _ => Err(Problem::wrong_type(&format!("{noun}, as text"))),
    }
}

/// A text, unless there is a NUL in it, which PostgreSQL cannot store.
fn text_value(text: &str) -> Result<Value, Problem> {
    if text.contains('\0') {
        return Err(Problem::new("nul", "contains a NUL character"));
    }
    Ok(Value::from(text))
}
