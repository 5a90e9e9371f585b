//! Values as JSON. A record is refused: it would write every field it has.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::{exact, list, record, refusal, rich, time};

/// How deep lists and maps may lie in each other: as deep as JSON is read.
const MAX_DEPTH: usize = 128;

/// A value as JSON.
///
/// # Errors
/// Where it is or holds a record.
pub(crate) fn to_json(value: &Value) -> Result<String, Error> {
    Ok(tree(value, 0)?.to_string())
}

fn tree(value: &Value, depth: usize) -> Result<serde_json::Value, Error> {
    if depth > MAX_DEPTH {
        return Err(refusal("lists and maps lie too deep in each other for JSON"));
    }
    if let Some(record) = value.downcast_object_ref::<record::RecordValue>() {
        return Err(record.refuse_whole());
    }
    if list::is_of_records(value) {
        return Err(refusal(
            "a list of records is not written as JSON: it would show every field; write a map for each with the fields you mean",
        ));
    }
    if let Some(rich) = rich::of(value) {
        return Ok(rich.source().into());
    }
    let is_time = value.downcast_object_ref::<time::Instant>().is_some()
        || value.downcast_object_ref::<time::Day>().is_some()
        || value.downcast_object_ref::<time::Span>().is_some()
        || value.downcast_object_ref::<exact::Exact>().is_some();
    if is_time {
        return Ok(value.to_string().into());
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(serde_json::Value::Null),
        ValueKind::Bool => Ok(value.is_true().into()),
        ValueKind::Number => Ok(number(value)),
        ValueKind::String => Ok(value.as_str().unwrap_or_default().into()),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for item in value.try_iter()?.checked() {
                items.push(tree(&item?, depth + 1)?);
            }
            Ok(items.into())
        }
        ValueKind::Map => {
            let mut members = serde_json::Map::new();
            for key in value.try_iter()?.checked() {
                let key = key?;
                members.insert(key.to_string(), tree(&value.get_item(&key)?, depth + 1)?);
            }
            Ok(members.into())
        }
        kind => Err(refusal(format!("a {kind} has no form in JSON"))),
    }
}

fn number(value: &Value) -> serde_json::Value {
    if let Ok(number) = i64::try_from(value.clone())
        && value.is_integer()
    {
        return number.into();
    }
    if value.is_integer()
        && let Ok(number) = u64::try_from(value.clone())
    {
        return number.into();
    }
    f64::try_from(value.clone()).map_or(serde_json::Value::Null, Into::into)
}
