//! Values as SQLite stores them, and how a stored value of a type reads as text.
//!
//! Conversions from and to text call these two functions, [`to_text`] and [`parse`], from SQL.

use purlin_schema::value::Decimal;
use purlin_schema::{Kind, Uuid, Value};
use rusqlite::types::Value as Sql;

use crate::migrate::snapshot::ColumnType;

/// A value as it is stored.
#[must_use]
pub(super) fn stored(value: &Value) -> Sql {
    match value {
        Value::Null | Value::Withheld => Sql::Null,
        Value::Bool(truth) => Sql::Integer(i64::from(*truth)),
        Value::Int(number) | Value::Datetime(number) | Value::Duration(number) => Sql::Integer(*number),
        Value::Float(number) => Sql::Real(*number),
        Value::Decimal(decimal) => Sql::Integer(decimal.units),
        Value::Date(days) => Sql::Integer(i64::from(*days)),
        Value::Uuid(uuid) => Sql::Blob(uuid.as_bytes().to_vec()),
        Value::Text(text) => Sql::Text(text.to_string()),
        Value::Json(json) => Sql::Text(json.to_string()),
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
        (Sql::Blob(bytes), _) => match Uuid::from_slice(bytes) {
            Ok(uuid) => Value::Uuid(uuid),
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
        // As it was written: reading it showed that it is JSON.
        Value::Json(_) => Sql::Text(text.to_owned()),
        Value::Null | Value::Withheld => return None,
        value => stored(&value),
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
    }
}
