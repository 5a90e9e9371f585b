//! `int`: a whole number.

use super::{Control, FieldType, Problem, limits};
use crate::model::Field;
use crate::value::{Kind, Value};

/// Within ±2⁵³, which JavaScript keeps, unless `big`: 64 bits then, and strings in JSON.
#[derive(Debug)]
pub(super) struct Int;

/// The greatest integer up to which a double has them all.
const SAFE: i64 = 1 << 53;

impl FieldType for Int {
    fn name(&self) -> &'static str {
        "int"
    }

    fn kind(&self) -> Kind {
        Kind::Int
    }

    fn noun(&self) -> &'static str {
        "a whole number"
    }

    fn keys(&self) -> &'static [&'static str] {
        &["big"]
    }

    fn control(&self) -> Control {
        Control::Number
    }

    fn from_text(&self, field: &Field, text: &str) -> Result<Value, Problem> {
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        match Kind::Int.parse(text) {
            Some(value) => within(field, value),
            None if is_number(text) => Err(out_of_range()),
            None => Err(Problem::not("a whole number")),
        }
    }

    fn from_json(&self, field: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        match json {
            serde_json::Value::Null => Ok(Value::Null),
            serde_json::Value::String(text) if field.big => {
                Kind::Int.parse(text).ok_or_else(|| Problem::not("a whole number"))
            }
            // Beyond 2⁵³ a number may have lost its last digits before it came here.
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(number) if (-SAFE..=SAFE).contains(&number) => Ok(Value::Int(number)),
                Some(_) if field.big => Err(Problem::wrong_type("a string of digits, as it is so great")),
                Some(_) => Err(out_of_range()),
                None if number.is_u64() => Err(out_of_range()),
                None => Err(Problem::wrong_type("a whole number")),
            },
            _ if field.big => Err(Problem::wrong_type("a whole number, as text")),
            _ => Err(Problem::wrong_type("a whole number")),
        }
    }

    fn check(&self, field: &Field, value: &Value) -> Option<Problem> {
        within(field, value.clone()).err().or_else(|| limits::check_range(field, value))
    }
}

fn within(field: &Field, value: Value) -> Result<Value, Problem> {
    match value {
        Value::Int(number) if !field.big && !(-SAFE..=SAFE).contains(&number) => Err(out_of_range()),
        value => Ok(value),
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.trim().trim_start_matches('-');
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn out_of_range() -> Problem {
    Problem::new("out_of_range", "is out of range")
}
