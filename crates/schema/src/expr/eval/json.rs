//! JSON documents in memory: what stands at a path, and what CEL makes of it.
//!
//! A number, a text and a truth of a document are values like any others, its null is null, and what is left as
//! [`Value::Json`] is an array or an object. So a comparison finds by itself that a text is not a number.

use serde_json::Value as Json;

use super::{Value, equal};
use crate::expr::Step;
use crate::value::Kind;

/// A value of JSON that is neither array nor object, as a value of its own kind; any other value as it is.
#[must_use]
pub fn dynamic(value: Value) -> Value {
    match value {
        Value::Json(json) => of_json(*json),
        value => value,
    }
}

fn of_json(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(truth),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Int(integer),
            // Added to zero, a zero loses its sign, which not every database keeps.
            None => number.as_f64().map_or(Value::Null, |number| Value::Float(number + 0.0)),
        },
        Json::String(text) => Value::from(text),
        json => Value::Json(Box::new(json)),
    }
}

/// A value as a field that holds JSON keeps it.
pub(super) fn document(value: Value) -> Value {
    let json = match value {
        Value::Bool(truth) => Json::from(truth),
        Value::Int(number) => Json::from(number),
        Value::Float(number) => Json::from(number),
        Value::Text(text) => Json::from(text.into_string()),
        other => return other,
    };
    Value::Json(Box::new(json))
}

/// What stands at a path; `None` is an error.
pub(super) fn member(document: &Value, steps: &[Step]) -> Option<Value> {
    let Value::Json(json) = document else { return None };
    at(json, steps).cloned().map(of_json)
}

/// Whether the object at a path but for its last step has that key.
pub(super) fn has(document: &Value, steps: &[Step]) -> Option<bool> {
    let Value::Json(json) = document else { return None };
    let (last, before) = steps.split_last()?;
    match (at(json, before)?, last) {
        (Json::Object(map), Step::Key(key)) => Some(map.contains_key(&**key)),
        _ => None,
    }
}

fn at<'json>(json: &'json Json, steps: &[Step]) -> Option<&'json Json> {
    steps.iter().try_fold(json, |json, step| match (json, step) {
        (Json::Object(map), Step::Key(key)) => map.get(&**key),
        (Json::Array(list), Step::Index(at)) => list.get(usize::try_from(*at).ok()?),
        _ => None,
    })
}

/// JSON as a value of a kind; null stays null.
pub(super) fn as_kind(value: &Value, kind: Kind) -> Option<Value> {
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    match (value, kind) {
        (Value::Null, _) => Some(Value::Null),
        (Value::Bool(_), Kind::Bool) | (Value::Text(_), Kind::Text) | (Value::Int(_), Kind::Int) => {
            Some(value.clone())
        }
        #[expect(clippy::cast_possible_truncation, reason = "it has no fraction, and the range is checked")]
        (Value::Float(number), Kind::Int)
            if number.fract() == 0.0 && *number >= -BOUND && *number < BOUND =>
        {
            Some(Value::Int(*number as i64))
        }
        (Value::Float(_), Kind::Float) => Some(value.clone()),
        #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
        (Value::Int(number), Kind::Float) => Some(Value::Float(*number as f64)),
        _ => None,
    }
}

/// `item in list`: an element of an array, a key of an object; `None` is an error.
pub(super) fn contains(list: &Value, item: &Value) -> Option<bool> {
    match list {
        Value::Json(json) => match &**json {
            Json::Array(list) => {
                Some(list.iter().any(|element| equal(&of_json(element.clone()), item) == Some(true)))
            }
            Json::Object(map) => match item {
                Value::Text(key) => Some(map.contains_key(&**key)),
                _ => Some(false),
            },
            _ => None,
        },
        _ => None,
    }
}

/// What a variable goes through: the elements of an array, the keys of an object.
pub(super) fn elements(list: &Value) -> Option<Vec<Value>> {
    match list {
        Value::Json(json) => match &**json {
            Json::Array(list) => Some(list.iter().cloned().map(of_json).collect()),
            Json::Object(map) => Some(map.keys().map(|key| Value::from(key.as_str())).collect()),
            _ => None,
        },
        _ => None,
    }
}

/// How many elements or keys there are.
pub(super) fn size(json: &Json) -> Option<usize> {
    match json {
        Json::Array(list) => Some(list.len()),
        Json::Object(map) => Some(map.len()),
        _ => None,
    }
}

/// Whether two documents are equal: numbers by size, objects whatever the order of their keys.
pub(super) fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        (Json::Array(_) | Json::Object(_), _) | (_, Json::Array(_) | Json::Object(_)) => false,
        (left, right) => equal(&of_json(left.clone()), &of_json(right.clone())) == Some(true),
    }
}
