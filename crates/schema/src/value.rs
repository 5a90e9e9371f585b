//! Values: what a field of one record holds, in memory.
//!
//! A value knows its kind but not its field: how it is written as JSON, parsed from a form or stored in a
//! column is decided by [`Kind`] and by the field's type (see [`crate::types`]). The variants are those
//! that expressions, databases and JSON agree on, so that comparing two values means the same everywhere.

mod json;
mod text;

use std::cmp::Ordering;

pub use uuid::Uuid;

pub use json::{write_json, write_json_string};
pub use text::{
    DecimalError, format_date, format_datetime, format_decimal, format_duration, parse_date, parse_datetime,
    parse_datetime_or_local, parse_decimal, parse_duration, parse_uuid,
};

/// What a column stores and an expression computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A 64-bit signed integer.
    Int,
    /// A double.
    Float,
    /// An exact decimal with this many digits after the point, kept as a scaled 64-bit integer.
    Decimal(u8),
    /// UTF-8 text without NUL; compares by code point.
    Text,
    /// A calendar day, kept as days since 1970-01-01.
    Date,
    /// An instant in UTC, kept as microseconds since 1970-01-01T00:00:00Z.
    Datetime,
    /// A span of time in microseconds.
    Duration,
    /// A UUID.
    Uuid,
    /// Any JSON value.
    Json,
}

/// One value of one field.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// There is a value, but the asker may not read it; never stored, never printed.
    Withheld,
    /// True or false.
    Bool(bool),
    /// A 64-bit signed integer.
    Int(i64),
    /// A double.
    Float(f64),
    /// An exact decimal.
    Decimal(Decimal),
    /// Text.
    Text(Box<str>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Datetime(i64),
    /// Microseconds.
    Duration(i64),
    /// A UUID.
    Uuid(Uuid),
    /// Any JSON.
    Json(Box<serde_json::Value>),
}

/// An exact decimal: `units` × 10^-`scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// The scaled integer.
    pub units: i64,
    /// Digits after the point.
    pub scale: u8,
}

/// A record's key: an integer, or a UUID where the model says `id = "uuid"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Id {
    /// A 64-bit integer, never reused.
    Int(i64),
    /// A UUIDv7.
    Uuid(Uuid),
}

impl From<Id> for Value {
    fn from(id: Id) -> Value {
        match id {
            Id::Int(number) => Value::Int(number),
            Id::Uuid(uuid) => Value::Uuid(uuid),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text.into_boxed_str())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Bool(truth)
    }
}

impl Value {
    /// A document as a field keeps it: the keys of its objects in the order of their code points, whatever order they
    /// came in, and zero without a sign, so that every database gives them alike. JSON's null is null.
    #[must_use]
    pub fn json(mut json: serde_json::Value) -> Value {
        if json.is_null() {
            return Value::Null;
        }
        if !is_kept(&json) {
            json.sort_all_objects();
            unsign_zeros(&mut json);
        }
        Value::Json(Box::new(json))
    }

    /// A document with a patch merged into it, as RFC 7396 says: null takes a key away, an object is merged into the
    /// object that is there, and anything else takes the place of what is.
    #[must_use]
    pub fn merged(self, patch: &serde_json::Value) -> Value {
        let mut document = match self {
            Value::Json(json) => *json,
            _ => serde_json::Value::Null,
        };
        merge(&mut document, patch);
        Value::json(document)
    }

    /// Whether this is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The record key in this value, where it is one.
    #[must_use]
    pub fn as_id(&self) -> Option<Id> {
        match self {
            Value::Int(number) => Some(Id::Int(*number)),
            Value::Uuid(uuid) => Some(Id::Uuid(*uuid)),
            _ => None,
        }
    }

    /// The text in this value, where it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer in this value, where it is one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// What this is like in a column, where that is known from the value alone.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        Some(match self {
            Value::Null | Value::Withheld => return None,
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) => Kind::Int,
            Value::Float(_) => Kind::Float,
            Value::Decimal(decimal) => Kind::Decimal(decimal.scale),
            Value::Text(_) => Kind::Text,
            Value::Date(_) => Kind::Date,
            Value::Datetime(_) => Kind::Datetime,
            Value::Duration(_) => Kind::Duration,
            Value::Uuid(_) => Kind::Uuid,
            Value::Json(_) => Kind::Json,
        })
    }

    /// Compares two values of one kind as every database does: text by code point, numbers by size, times by
    /// instant. None where the kinds differ or either is null.
    #[must_use]
    pub fn compare(&self, other: &Value) -> Option<Ordering> {
        Some(match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Int(a), Value::Int(b))
            | (Value::Datetime(a), Value::Datetime(b))
            | (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
            (Value::Float(a), Value::Float(b)) => return a.partial_cmp(b),
            (Value::Decimal(a), Value::Decimal(b)) => a.compare(*b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::Date(a), Value::Date(b)) => a.cmp(b),
            (Value::Uuid(a), Value::Uuid(b)) => a.cmp(b),
            _ => return None,
        })
    }

    /// The truth in this value, where it is a boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        }
    }
}

fn merge(target: &mut serde_json::Value, patch: &serde_json::Value) {
    let serde_json::Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = serde_json::Value::Object(serde_json::Map::new());
    }
    let Some(object) = target.as_object_mut() else { return };
    for (key, change) in changes {
        if change.is_null() {
            object.shift_remove(key);
        } else {
            merge(object.entry(key.as_str()).or_insert(serde_json::Value::Null), change);
        }
    }
}

/// Whether every object has its keys in order, and no zero has a sign.
fn is_kept(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::Array(items) => items.iter().all(is_kept),
        serde_json::Value::Object(map) => map.keys().is_sorted() && map.values().all(is_kept),
        serde_json::Value::Number(number) => !is_negative_zero(number),
        _ => true,
    }
}

fn unsign_zeros(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::Array(items) => items.iter_mut().for_each(unsign_zeros),
        serde_json::Value::Object(map) => map.values_mut().for_each(unsign_zeros),
        serde_json::Value::Number(number) if is_negative_zero(number) => *json = serde_json::json!(0.0),
        _ => {}
    }
}

fn is_negative_zero(number: &serde_json::Number) -> bool {
    number.is_f64() && number.as_f64().is_some_and(|number| number == 0.0 && number.is_sign_negative())
}

impl Kind {
    /// What a person calls it, with an article: "a number".
    #[must_use]
    pub fn described(self) -> &'static str {
        match self {
            Kind::Bool => "true or false",
            Kind::Int => "a whole number",
            Kind::Float => "a number",
            Kind::Decimal(_) => "a decimal number",
            Kind::Text => "text",
            Kind::Date => "a date",
            Kind::Datetime => "a date and time",
            Kind::Duration => "a span of time",
            Kind::Uuid => "a UUID",
            Kind::Json => "JSON",
        }
    }
}

impl Id {
    /// The kind of a column that holds it.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Id::Int(_) => Kind::Int,
            Id::Uuid(_) => Kind::Uuid,
        }
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Id::Int(number) => write!(f, "{number}"),
            Id::Uuid(uuid) => write!(f, "{uuid}"),
        }
    }
}

impl Decimal {
    /// Compares exactly, whatever the two scales.
    #[must_use]
    pub fn compare(self, other: Decimal) -> Ordering {
        let scale = self.scale.max(other.scale);
        self.at(scale).cmp(&other.at(scale))
    }

    fn at(self, scale: u8) -> i128 {
        i128::from(self.units) * 10_i128.pow(u32::from(scale - self.scale))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::Value;

    /// The examples of RFC 7396, appendix A, but for those that make a document null.
    #[test]
    fn patches_merge_as_the_standard_says() {
        for (document, patch, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"e": null}), json!({"a": 1}), json!({"a": 1, "e": null})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            assert_eq!(Value::json(document).merged(&patch), Value::Json(Box::new(expected)));
        }
        assert_eq!(Value::Null.merged(&json!({"a": 1})), Value::json(json!({"a": 1})));
        assert_eq!(Value::json(json!({"a": 1})).merged(&Json::Null), Value::Null);
    }

    #[test]
    fn keys_are_kept_in_the_order_of_their_code_points() {
        let text = r#"{"b":1,"a":{"é":1,"z":[{"y":1,"x":2}],"Z":0},"":0}"#;
        let Value::Json(json) = Value::json(serde_json::from_str(text).expect("JSON")) else {
            panic!("a document")
        };
        assert_eq!(json.to_string(), r#"{"":0,"a":{"Z":0,"z":[{"x":2,"y":1}],"é":1},"b":1}"#);
    }
}
