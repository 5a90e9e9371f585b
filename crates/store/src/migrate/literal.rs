//! Values that a migration writes into rows that are there, and how a value of one type reads as text.
//!
//! A migration file is read by people, so a day is `2026-01-31` there and a decimal `1.50`; the database
//! keeps both as integers. The same two functions, [`to_text`] and [`parse`], serve the files and the
//! conversions from and to text.

use std::fmt;

use jiff::Timestamp;
use purlin_schema::value::Decimal;
use purlin_schema::{Kind, Value};
use rusqlite::types::Value as Sql;
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

    /// What is stored in a column of this type.
    ///
    /// # Errors
    /// Where it is no value of that type.
    pub fn stored(&self, ty: ColumnType) -> Result<Sql, String> {
        let stored = match (self, ty.0) {
            (Literal::Bool(truth), Kind::Bool) => Some(Sql::Integer(i64::from(*truth))),
            (Literal::Int(number), Kind::Int) => Some(Sql::Integer(*number)),
            #[expect(clippy::cast_precision_loss, reason = "a whole number where a float is wanted")]
            (Literal::Int(number), Kind::Float) => Some(Sql::Real(*number as f64)),
            (Literal::Float(number), Kind::Float) => Some(Sql::Real(*number)),
            (Literal::Text(text), Kind::Datetime) if text == NOW => {
                Some(Sql::Integer(Timestamp::now().as_microsecond()))
            }
            (Literal::Text(text), Kind::Date) if text == TODAY => {
                Some(Sql::Integer(Timestamp::now().as_microsecond().div_euclid(MICROS_A_DAY)))
            }
            (Literal::Text(text), Kind::Text) => Some(Sql::Text(text.clone())),
            (Literal::Text(text), Kind::Decimal(_) | Kind::Date | Kind::Datetime | Kind::Duration)
            | (Literal::Text(text), Kind::Uuid | Kind::Json) => parse(ty, text),
            (Literal::Int(number), Kind::Decimal(_)) => parse(ty, &number.to_string()),
            _ => None,
        };
        stored.ok_or_else(|| format!("{self} is no {ty}"))
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

/// A stored value as a person writes it.
#[must_use]
pub(super) fn to_text(ty: ColumnType, stored: &Sql) -> String {
    let value = match (stored, ty.0) {
        (Sql::Integer(truth), Kind::Bool) => Value::Bool(*truth != 0),
        (Sql::Integer(units), Kind::Decimal(scale)) => Value::Decimal(Decimal { units: *units, scale }),
        (Sql::Integer(days), Kind::Date) => i32::try_from(*days).map_or(Value::Int(*days), Value::Date),
        (Sql::Integer(micros), Kind::Datetime) => Value::Datetime(*micros),
        (Sql::Integer(micros), Kind::Duration) => Value::Duration(*micros),
        (Sql::Integer(number), _) => Value::Int(*number),
        (Sql::Real(number), _) => Value::Float(*number),
        (Sql::Text(text), _) => return text.clone(),
        (Sql::Blob(bytes), _) => match <[u8; 16]>::try_from(bytes.as_slice()) {
            Ok(bytes) => Value::Uuid(u128::from_be_bytes(bytes)),
            Err(_) => return format!("{} bytes", bytes.len()),
        },
        (Sql::Null, _) => return "null".to_owned(),
    };
    value.to_text()
}

/// What is stored for a text, where it reads as the type.
#[must_use]
pub(super) fn parse(ty: ColumnType, text: &str) -> Option<Sql> {
    Some(match ty.0.parse(text)? {
        Value::Bool(truth) => Sql::Integer(i64::from(truth)),
        Value::Int(number) | Value::Datetime(number) | Value::Duration(number) => Sql::Integer(number),
        Value::Float(number) => Sql::Real(number),
        Value::Decimal(decimal) => Sql::Integer(decimal.units),
        Value::Date(days) => Sql::Integer(i64::from(days)),
        Value::Uuid(bits) => Sql::Blob(bits.to_be_bytes().to_vec()),
        // As it was written: reading it showed that it is JSON.
        Value::Text(_) | Value::Json(_) => Sql::Text(text.to_owned()),
        Value::Null | Value::Withheld => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_reads_back_from_its_text() {
        for (kind, stored, text) in [
            (Kind::Bool, Sql::Integer(1), "true"),
            (Kind::Int, Sql::Integer(-7), "-7"),
            (Kind::Float, Sql::Real(0.1), "0.1"),
            (Kind::Decimal(2), Sql::Integer(-150), "-1.50"),
            (Kind::Decimal(3), Sql::Integer(-5), "-0.005"),
            (Kind::Date, Sql::Integer(-1), "1969-12-31"),
            (Kind::Datetime, Sql::Integer(1), "1970-01-01T00:00:00.000001Z"),
            (Kind::Duration, Sql::Integer(90_500_000), "1m30.5s"),
            (Kind::Duration, Sql::Integer(-60_000_000), "-1m"),
            (Kind::Json, Sql::Text("[1]".into()), "[1]"),
            (Kind::Uuid, Sql::Blob(vec![7; 16]), "07070707-0707-0707-0707-070707070707"),
        ] {
            let ty = ColumnType(kind);
            assert_eq!(to_text(ty, &stored), text);
            assert_eq!(parse(ty, text), Some(stored), "{ty} {text}");
        }
    }

    #[test]
    fn what_is_no_value_of_the_type_is_nothing() {
        for (kind, text) in [
            (Kind::Int, "1.5"),
            (Kind::Int, ""),
            (Kind::Int, "9223372036854775808"),
            (Kind::Float, "NaN"),
            (Kind::Decimal(2), "1.505"),
            (Kind::Decimal(2), "."),
            (Kind::Date, "2026-02-30"),
            (Kind::Duration, "5"),
            (Kind::Duration, ""),
            (Kind::Json, "{"),
        ] {
            assert_eq!(parse(ColumnType(kind), text), None, "{kind:?} {text}");
        }
        assert_eq!(parse(ColumnType(Kind::Duration), "1h30m"), Some(Sql::Integer(5_400_000_000)));
        assert!(Literal::Text("x".into()).stored(ColumnType(Kind::Int)).is_err());
    }
}
