//! What several types check alike: lengths, ranges and patterns, in the words that a person is told.

use std::cmp::Ordering;

use super::Problem;
use crate::model::Field;
use crate::value::Value;

/// A text from a form: browsers send line ends as CR LF, which count as one character here.
pub(super) fn text_from_form(text: &str) -> Result<Value, Problem> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    if text.contains('\r') { text_value(&text.replace("\r\n", "\n")) } else { text_value(text) }
}

/// A text from JSON.
pub(super) fn text_from_json(json: &serde_json::Value) -> Result<Value, Problem> {
    match json {
        serde_json::Value::Null => Ok(Value::Null),
        serde_json::Value::String(text) => text_value(text),
        _ => Err(Problem::wrong_type("text")),
    }
}

/// A value that JSON writes as a string, by the function that reads it; `what` with its article: "a date".
pub(super) fn string_from_json(
    json: &serde_json::Value,
    what: &str,
    read: impl FnOnce(&str) -> Option<Value>,
) -> Result<Value, Problem> {
    match json {
        serde_json::Value::Null => Ok(Value::Null),
        serde_json::Value::String(text) => read(text).ok_or_else(|| Problem::not(what)),
        _ => Err(Problem::wrong_type(&format!("{what}, as text"))),
    }
}

/// A text, unless there is a NUL in it, which PostgreSQL cannot store.
pub(super) fn text_value(text: &str) -> Result<Value, Problem> {
    if text.contains('\0') {
        return Err(Problem::new("nul", "contains a NUL character"));
    }
    Ok(Value::from(text))
}

/// Lengths in characters, then the pattern.
pub(super) fn check_text(field: &Field, value: &Value) -> Option<Problem> {
    let text = value.as_text()?;
    if text.contains('\0') {
        return Some(Problem::new("nul", "contains a NUL character"));
    }
    // Counting is only needed where bytes do not settle it already.
    if let Some(Value::Int(max)) = field.max {
        let over = i64::try_from(text.len()).unwrap_or(i64::MAX) > max;
        if over && characters(text) > max {
            return Some(Problem::new("too_long", format!("is longer than {}", count(max))));
        }
    }
    if let Some(Value::Int(min)) = field.min
        && characters(text) < min
    {
        return Some(Problem::new("too_short", format!("is shorter than {}", count(min))));
    }
    match &field.pattern {
        Some(pattern) if !pattern.is_match(text) => {
            Some(Problem::new("pattern", "is not of the form that is asked for"))
        }
        _ => None,
    }
}

/// A range of values.
pub(super) fn check_range(field: &Field, value: &Value) -> Option<Problem> {
    let beyond = |limit: &Option<Value>, side: Ordering| {
        limit.as_ref().filter(|limit| value.compare(limit) == Some(side)).map(Value::to_text)
    };
    let time = matches!(value, Value::Date(_) | Value::Datetime(_));
    if let Some(limit) = beyond(&field.min, Ordering::Less) {
        let than = if time { "earlier" } else { "less" };
        return Some(Problem::new("too_small", format!("is {than} than {limit}")));
    }
    let limit = beyond(&field.max, Ordering::Greater)?;
    let than = if time { "later" } else { "greater" };
    Some(Problem::new("too_large", format!("is {than} than {limit}")))
}

fn characters(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX)
}

fn count(characters: i64) -> String {
    if characters == 1 { "1 character".to_owned() } else { format!("{characters} characters") }
}
