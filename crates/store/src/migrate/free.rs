//! Free fields on their way: what stands under a name in a document becomes a column, or a column becomes that.
//!
//! What nobody declared may be anything, so a value is taken where it is one of the column's type, or is written as
//! one is; a record where it is neither stands in the way. Null is taken for no value.

use purlin_schema::{Kind, Value, free};
use serde_json::Value as Json;

use super::snapshot::{ColumnType, Table};

/// Whether a table has a place for free fields.
pub(super) fn has_place(table: &Table) -> bool {
    table.fields.get(free::COLUMN).is_some_and(|column| column.ty.0 == Kind::Json)
}

/// What stands under a name, if that is a value.
pub(super) fn found<'document>(document: &'document Value, key: &str) -> Option<&'document Json> {
    let Value::Json(json) = document else { return None };
    json.get(key).filter(|value| !value.is_null())
}

/// What stands under a name as a value of a column; `None` where it is none.
pub(super) fn taken(json: &Json, ty: ColumnType) -> Option<Value> {
    Some(match (json, ty.0) {
        (json, Kind::Json) => Value::json(json.clone()),
        (Json::String(text), Kind::Text) => Value::from(text.as_str()),
        (Json::String(text), Kind::Datetime) => match Kind::Datetime.parse(text) {
            Some(time) => time,
            // A day is its midnight, as where a column of days becomes one of times.
            None => Kind::Datetime.parse(&format!("{}T00:00:00Z", Kind::Date.parse(text)?.to_text()))?,
        },
        (Json::String(text), kind) => kind.parse(text)?,
        (Json::Bool(truth), Kind::Bool) => Value::Bool(*truth),
        (Json::Bool(_) | Json::Number(_), Kind::Text) => Value::from(json.to_string().as_str()),
        (Json::Number(number), Kind::Int) => Value::Int(number.as_i64().or_else(|| whole(number.as_f64()?))?),
        (Json::Number(number), Kind::Float) => {
            Value::Float(number.as_f64().filter(|number| number.is_finite())?)
        }
        (Json::Number(number), kind @ Kind::Decimal(_)) => kind.parse(&number.to_string())?,
        _ => return None,
    })
}

/// A column's value as JSON, as an answer of the API has it.
pub(super) fn given(value: &Value) -> Json {
    let mut text = Vec::new();
    purlin_schema::value::write_json(value, false, &mut text);
    serde_json::from_slice(&text).unwrap_or_default()
}

/// A document without what stands under a name.
pub(super) fn without(document: &Value, key: &str) -> Value {
    let mut map = object(document);
    map.shift_remove(key);
    Value::json(Json::Object(map))
}

/// A document with a column's value under a name.
pub(super) fn with(document: &Value, key: &str, value: &Value) -> Value {
    let mut map = object(document);
    map.insert(key.to_owned(), given(value));
    Value::json(Json::Object(map))
}

fn object(document: &Value) -> serde_json::Map<String, Json> {
    match document {
        Value::Json(json) => json.as_object().cloned().unwrap_or_default(),
        _ => serde_json::Map::new(),
    }
}

/// Beyond 2⁵³ nobody knows which integer a double was.
#[expect(clippy::cast_possible_truncation, reason = "its range was looked at")]
fn whole(number: f64) -> Option<i64> {
    (number.trunc().to_bits() == number.to_bits() && number.abs() <= 9_007_199_254_740_992.0)
        .then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_like_a_value_of_the_type_is_taken() {
        let to = |json: &str, kind| {
            taken(&serde_json::from_str(json).expect("JSON"), ColumnType(kind)).map(|value| value.to_text())
        };
        for (json, kind, text) in [
            ("7", Kind::Int, Some("7")),
            ("7.0", Kind::Int, Some("7")),
            ("7.5", Kind::Int, None),
            ("\"7\"", Kind::Int, Some("7")),
            ("\"\"", Kind::Int, None),
            ("9223372036854775807", Kind::Int, Some("9223372036854775807")),
            ("1e19", Kind::Int, None),
            ("true", Kind::Int, None),
            ("7", Kind::Text, Some("7")),
            ("true", Kind::Text, Some("true")),
            ("[1]", Kind::Text, None),
            ("{}", Kind::Text, None),
            ("1.50", Kind::Decimal(2), Some("1.50")),
            ("1.505", Kind::Decimal(2), None),
            ("\"1.5\"", Kind::Decimal(2), Some("1.50")),
            ("\"true\"", Kind::Bool, Some("true")),
            ("1", Kind::Bool, None),
            ("\"2026-02-03\"", Kind::Date, Some("2026-02-03")),
            ("\"2026-02-03\"", Kind::Datetime, Some("2026-02-03T00:00:00.000000Z")),
            ("\"2026-02-30\"", Kind::Datetime, None),
            ("\"2026-02-03T04:05:06+01:00\"", Kind::Datetime, Some("2026-02-03T03:05:06.000000Z")),
            ("[1,{\"a\":null}]", Kind::Json, Some("[1,{\"a\":null}]")),
            ("\"x\"", Kind::Uuid, None),
        ] {
            assert_eq!(to(json, kind).as_deref(), text, "{json} {kind:?}");
        }
    }

    #[test]
    fn what_is_given_is_taken_again() {
        for (kind, text) in [
            (Kind::Int, "9007199254740993"),
            (Kind::Decimal(2), "-0.10"),
            (Kind::Duration, "1h30m"),
            (Kind::Datetime, "2026-02-03T04:05:06.000001Z"),
            (Kind::Uuid, "07070707-0707-0707-0707-070707070707"),
            (Kind::Float, "0.1"),
            (Kind::Text, "é\n"),
        ] {
            let value = kind.parse(text).expect("a value");
            let document = with(&Value::json(serde_json::json!({"z": 1})), "a", &value);
            assert_eq!(taken(found(&document, "a").expect("it is there"), ColumnType(kind)), Some(value));
            assert_eq!(without(&document, "a").to_text(), r#"{"z":1}"#);
        }
    }
}
