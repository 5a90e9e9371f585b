//! Values that a migration writes into rows that are there.
//!
//! A migration file is read by people, so a day is `2026-01-31` there and a decimal `1.50`, whatever a
//! database makes of them.

use std::fmt;

use jiff::Timestamp;
use purlin_schema::{Kind, Value};
use serde::{Deserialize, Serialize};

use super::snapshot::ColumnType;

/// A value in a migration file. Text serves every type that TOML has no notation for; text that begins with
/// `= ` is an expression, of which a migration knows `= now` and `= today`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "named as TOML's types are")]
pub enum Literal {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

const NOW: &str = "= now";
const TODAY: &str = "= today";
const MICROS_A_DAY: i64 = 86_400_000_000;

impl Literal {
    /// A value of a model's file; nothing for null.
    #[must_use]
    pub fn of(value: &Value) -> Option<Literal> {
        match value {
            Value::Null | Value::Withheld => None,
            Value::Bool(truth) => Some(Literal::Bool(*truth)),
            Value::Int(number) => Some(Literal::Int(*number)),
            Value::Float(number) => Some(Literal::Float(*number)),
            other => Some(Literal::Text(other.to_text())),
        }
    }

    /// The time of the migration.
    #[must_use]
    pub fn now() -> Literal {
        Literal::Text(NOW.to_owned())
    }

    /// The day of the migration, in UTC.
    #[must_use]
    pub fn today() -> Literal {
        Literal::Text(TODAY.to_owned())
    }

    /// The value that it is in a column of this type.
    ///
    /// # Errors
    /// Where it is no value of that type.
    pub fn value(&self, ty: ColumnType) -> Result<Value, String> {
        let value = match (self, ty.0) {
            (Literal::Bool(truth), Kind::Bool) => Some(Value::Bool(*truth)),
            (Literal::Int(number), Kind::Int) => Some(Value::Int(*number)),
            #[expect(clippy::cast_precision_loss, reason = "a whole number where a float is wanted")]
            (Literal::Int(number), Kind::Float) => Some(Value::Float(*number as f64)),
            (Literal::Float(number), Kind::Float) => Some(Value::Float(*number)),
            (Literal::Text(text), Kind::Datetime) if text == NOW => {
                Some(Value::Datetime(Timestamp::now().as_microsecond()))
            }
            (Literal::Text(text), Kind::Date) if text == TODAY => {
                let days = Timestamp::now().as_microsecond().div_euclid(MICROS_A_DAY);
                i32::try_from(days).ok().map(Value::Date)
            }
            (Literal::Text(text), Kind::Text) => Some(Value::from(text.as_str())),
            (Literal::Text(text), Kind::Decimal(_) | Kind::Date | Kind::Datetime | Kind::Duration)
            | (Literal::Text(text), Kind::Uuid | Kind::Json) => ty.0.parse(text),
            (Literal::Int(number), Kind::Decimal(_)) => ty.0.parse(&number.to_string()),
            _ => None,
        };
        value.ok_or_else(|| format!("{self} is no {ty}"))
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Bool(truth) => write!(f, "{truth}"),
            Literal::Int(number) => write!(f, "{number}"),
            Literal::Float(number) => write!(f, "{number:?}"),
            Literal::Text(text) => write!(f, "{text:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_value_of_the_type_is_refused() {
        assert!(Literal::Text("x".into()).value(ColumnType(Kind::Int)).is_err());
        assert_eq!(Literal::Int(2).value(ColumnType(Kind::Float)), Ok(Value::Float(2.0)));
    }
}
