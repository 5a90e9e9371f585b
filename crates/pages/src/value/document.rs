//! JSON as templates see it: lists and maps that print as the JSON they are.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use super::json;

/// JSON as a value.
pub(crate) fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(truth) => Value::from(*truth),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::from(number),
            (None, Some(number)) => Value::from(number),
            (None, None) => Value::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => Value::from_object(Array(items.iter().map(from_json).collect())),
        serde_json::Value::Object(members) => from_members(members.iter()),
    }
}

/// Members of a JSON object by their names.
pub(crate) fn from_members<'json>(
    members: impl Iterator<Item = (&'json String, &'json serde_json::Value)>,
) -> Value {
    Value::from_object(Members(members.map(|(name, value)| (name.clone(), from_json(value))).collect()))
}

/// A JSON array.
#[derive(Debug)]
struct Array(Vec<Value>);

/// A JSON object; a field keeps its keys in the order of their code points.
#[derive(Debug)]
struct Members(BTreeMap<String, Value>);

impl Object for Array {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        render(&Value::from_dyn_object(self.clone()), f)
    }
}

impl Object for Members {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_str()?).cloned()
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0.get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.keys().map(|key| Value::from(key.as_str())).collect())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        render(&Value::from_dyn_object(self.clone()), f)
    }
}

fn render(value: &Value, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&json::to_json(value).map_err(|_| fmt::Error)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_prints_as_json() {
        for text in
            [r#"{"a":[1,"x",null,2.5],"b":{"é\"":true}}"#, "[]", "{}", r#"[[-1,18446744073709551615]]"#]
        {
            let value = from_json(&serde_json::from_str(text).expect("JSON"));
            assert_eq!(value.to_string(), text);
            assert_eq!(json::to_json(&value).expect("it is JSON"), text);
        }
        let value = from_json(&serde_json::json!({"b": [1, {"c": 2}], "a": []}));
        let part = value.get_attr("b").and_then(|list| list.get_item_by_index(1)).expect("it is there");
        assert_eq!((part.to_string(), value.len()), (r#"{"c":2}"#.to_owned(), Some(2)));
        assert!(!value.get_attr("a").expect("it is there").is_true(), "an empty list");
        assert_eq!(part, Value::from_pairs([("c", 2)]), "a map written in a template");
    }
}
