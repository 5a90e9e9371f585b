//! Values: what a field of one record holds, in memory.
//!
//! A value knows its kind but not its field: how it is written as JSON, parsed from a form or stored in a
//! column is decided by [`Kind`] and by the field's type (see [`crate::types`]). The variants are those
//! that expressions, databases and JSON agree on, so that comparing two values means the same everywhere.

use std::cmp::Ordering;

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
    Uuid(u128),
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
    Uuid(u128),
}

impl From<Id> for Value {
    fn from(id: Id) -> Value {
        match id {
            Id::Int(number) => Value::Int(number),
            Id::Uuid(bits) => Value::Uuid(bits),
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
            Value::Uuid(bits) => Some(Id::Uuid(*bits)),
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

    /// The truth in this value, where it is a boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(truth) => Some(*truth),
            _ => None,
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
