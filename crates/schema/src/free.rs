//! Free fields: what records of a model of documents hold besides the fields that its file declares.
//!
//! They stand in one document, the field [`COLUMN`], which no name leads to: in JSON, in expressions and in templates
//! they stand beside the declared fields, as if they were such. So a name can be one thing only, and what could be
//! mistaken for something else is no name of a free field.

use crate::model::{Field, FieldId, Model};
use crate::types::{self, Problem};
use crate::value::Value;

/// The field that holds them.
pub const COLUMN: &str = "_free";

/// How long a name may be, in bytes.
pub const LONGEST: usize = 200;

/// Letters that mean something where a name may stand: in `sort`, in `fields`, in paths and messages.
const MEANT: &[char] = &['.', ',', '[', ']'];

/// The field of a model that holds them.
pub(crate) fn field() -> Field {
    Field {
        label: "Free fields".to_owned(),
        required: true,
        default: Some(crate::model::Source::Literal(Value::json(serde_json::json!({})))),
        declared: false,
        ..Field::plain(COLUMN, types::named("json").unwrap_or(types::TYPES[0]))
    }
}

/// Why a name cannot be that of a free field, in whatever model.
#[must_use]
pub fn fault(name: &str) -> Option<Problem> {
    let wrong = |message: &str| Some(Problem::new("bad_name", message.to_owned()));
    match name {
        "" => wrong("has no name"),
        "counts" => wrong("is a name of Purlin's own"),
        _ if name.starts_with('_') => wrong("begins with an underscore, as names of Purlin's own do"),
        _ if name.starts_with('-') => wrong("begins with a hyphen"),
        _ if name.len() > LONGEST => wrong("has a name that is longer than 200 bytes"),
        _ if name.contains(MEANT) => wrong("has one of . , [ ] in its name"),
        _ if name.chars().any(char::is_control) || name.trim() != name => {
            wrong("has a control character in its name, or a blank at its end")
        }
        _ => None,
    }
}

/// What a cell of a table, where everything is text, says of a free field: a number or a truth where it is written as one
/// is in JSON, and nothing else could be meant; nothing where it is empty.
#[must_use]
pub fn from_cell(text: &str) -> Option<serde_json::Value> {
    if text.is_empty() {
        return None;
    }
    let read = serde_json::from_str::<serde_json::Value>(text).ok();
    let exact =
        read.filter(|json| (json.is_number() || json.is_boolean()) && json.to_string().as_str() == text);
    Some(exact.unwrap_or_else(|| text.into()))
}

/// Free fields of a row, one after the other.
#[derive(Debug, Default)]
pub struct Gathered(serde_json::Map<String, serde_json::Value>);

impl Gathered {
    /// Adds one; false where there is one of that name.
    pub fn put(&mut self, name: &str, value: serde_json::Value) -> bool {
        self.0.insert(name.to_owned(), value).is_none()
    }

    /// The value of the field that holds them; none where there is none of them.
    #[must_use]
    pub fn value(self) -> Option<Value> {
        (!self.0.is_empty()).then(|| Value::json(serde_json::Value::Object(self.0)))
    }
}

impl Model {
    /// The field that holds the free fields, where the model has such and this may be the name of one.
    #[must_use]
    pub fn free_field(&self, name: &str) -> Option<FieldId> {
        let free = self.free?;
        let known = self.field_named(name).is_some()
            || self.relation_named(name).is_some()
            || self.unseen.iter().any(|unseen| unseen == name);
        (!known && fault(name).is_none()).then_some(free)
    }

    /// The free fields of a record, of the value of the field that holds them: what has become the name of something
    /// else since is left out.
    pub fn free_fields<'value>(
        &self,
        held: &'value Value,
    ) -> impl Iterator<Item = (&'value str, &'value serde_json::Value)> {
        let map = match held {
            Value::Json(json) => json.as_object(),
            _ => None,
        };
        let pairs = map.into_iter().flatten().map(|(name, value)| (name.as_str(), value));
        pairs.filter(|(name, _)| self.free_field(name).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_thing_only() {
        for name in ["colour", "größe", "hash-tag", "two words", "constructor", "user", "7", "名"] {
            assert!(fault(name).is_none(), "{name}");
        }
        for name in ["", "_free", "__proto__", "a.b", "a,b", "a[0]", "-a", " a", "a\n", "a\0b", "counts"] {
            assert!(fault(name).is_some(), "{name}");
        }
        let cell = |text| from_cell(text).map(|json| json.to_string());
        for (text, json) in
            [("7", "7"), ("-0.5", "-0.5"), ("true", "true"), ("red", "\"red\""), ("007", "\"007\"")]
        {
            assert_eq!(cell(text).as_deref(), Some(json));
        }
        assert_eq!(cell("12345678901234567890123").as_deref(), Some("\"12345678901234567890123\""));
        assert_eq!(
            (cell("[1]").as_deref(), cell("null").as_deref(), cell("")),
            (Some("\"[1]\""), Some("\"null\""), None)
        );
        assert!(fault(&"é".repeat(100)).is_none() && fault(&"é".repeat(101)).is_some());
    }
}
