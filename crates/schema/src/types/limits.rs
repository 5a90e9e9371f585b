//! What types check alike: lengths, ranges and patterns, in the words that a person is told.

use std::cmp::Ordering;

use super::Problem;
use crate::model::Field;
use crate::value::Value;

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
