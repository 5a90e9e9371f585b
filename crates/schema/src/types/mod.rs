//! Field types: one small file a type, one trait, one table.
//!
//! A type says what its column holds, which keys a field of it takes in TOML, how a value comes in from a
//! form or from JSON, what is wrong with a value, and by which control a person enters it. Whoever adds one
//! adds a file and a line in [`TYPES`]; the tests below tell what is missing.

mod bool;
mod choice;
mod date;
mod datetime;
mod decimal;
mod duration;
mod email;
mod float;
mod html;
mod input;
mod int;
mod json;
mod limits;
mod markdown;
mod password;
mod reference;
mod slug;
mod text;
mod url;
mod uuid;

pub(crate) use email::is_address;
pub use json::{
    MAX_BYTES as MAX_DOCUMENT_BYTES, MAX_DEPTH as MAX_DOCUMENT_DEPTH, MAX_VALUES as MAX_DOCUMENT_VALUES,
};
pub use slug::{LONGEST_SLUG, slugify};

use crate::model::Field;
use crate::value::{Kind, Value};

/// A field type. What its kind of value settles is the default, so that a type's file holds what is its own.
#[expect(clippy::wrong_self_convention, reason = "the type is asked, and what comes out is a value")]
pub trait FieldType: std::fmt::Debug + Send + Sync {
    /// Its name in TOML.
    fn name(&self) -> &'static str;
    /// What a column of it holds; a decimal's scale and a ref's target are resolved by the loader.
    fn kind(&self) -> Kind;
    /// What a person calls a value of it, with its article: "a date".
    fn noun(&self) -> &'static str;
    /// By which control a person enters it.
    fn control(&self) -> Control;
    /// Keys it takes in TOML besides those that every field takes.
    fn keys(&self) -> &'static [&'static str] {
        &[]
    }
    /// What `min` and `max` of such a field mean; where they are lengths, it takes a `pattern` too.
    fn limits(&self) -> Limits {
        match self.kind() {
            Kind::Text => Limits::Length,
            Kind::Int | Kind::Float | Kind::Decimal(_) | Kind::Date | Kind::Datetime | Kind::Duration => {
                Limits::Values
            }
            Kind::Bool | Kind::Uuid | Kind::Json => Limits::None,
        }
    }
    /// The limits of a field that names none.
    fn default_limits(&self) -> (Option<Value>, Option<Value>) {
        (None, None)
    }
    /// Whether records can be sorted by it, found by it through an index, and told apart by it.
    fn is_key(&self) -> bool {
        true
    }
    /// A value from a form or a query string; an empty text is null. A list (`refs`) is read element by element.
    ///
    /// # Errors
    /// What is wrong, as a person is told.
    fn from_text(&self, field: &Field, text: &str) -> Result<Value, Problem> {
        input::from_text(field.kind, self.noun(), text)
    }
    /// A value from JSON, strictly: no string becomes a number. A list (`refs`) is read element by element.
    ///
    /// # Errors
    /// What is wrong, as a person is told.
    fn from_json(&self, field: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        input::from_json(field.kind, self.noun(), json)
    }
    /// What is wrong with a value that is not null, beyond its kind: limits, pattern, format.
    fn check(&self, field: &Field, value: &Value) -> Option<Problem> {
        match self.limits() {
            Limits::None => None,
            Limits::Length => limits::check_text(field, value),
            Limits::Values => limits::check_range(field, value),
        }
    }
    /// All that is wrong with such a value, where several things can be at once.
    fn problems(&self, field: &Field, value: &Value) -> Vec<Problem> {
        self.check(field, value).into_iter().collect()
    }
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A stable name: `too_long`.
    pub code: &'static str,
    /// What a person is told: "is longer than 200 characters".
    pub message: String,
    /// Where in a document it is: `.size.width`; empty where it is about the whole value.
    pub at: String,
}

/// The control by which a person enters a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as HTML's controls are")]
pub enum Control {
    Text,
    TextArea,
    Number,
    Checkbox,
    Date,
    DateTime,
    Email,
    Url,
    Select,
    SelectMany,
    Password,
}

/// What a field's `min` and `max` mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// It takes none.
    None,
    /// Lengths in characters.
    Length,
    /// Values of the field's own kind.
    Values,
}

/// Every field type.
pub static TYPES: &[&dyn FieldType] = &[
    &text::Text,
    &markdown::Markdown,
    &html::Html,
    &slug::Slug,
    &int::Int,
    &float::Float,
    &decimal::Decimal,
    &bool::Bool,
    &date::Date,
    &datetime::Datetime,
    &duration::Duration,
    &email::Email,
    &url::Url,
    &choice::Choice,
    &json::JsonType,
    &password::Password,
    &uuid::Uuid,
    &reference::REF,
    &reference::REFS,
];

/// A field type by its name in TOML.
#[must_use]
pub fn named(name: &str) -> Option<&'static dyn FieldType> {
    TYPES.iter().copied().find(|ty| ty.name() == name)
}

impl Problem {
    /// A problem of this code, with what a person is told.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Problem {
        Problem { code, message: message.into(), at: String::new() }
    }

    /// The value is of another JSON type than the field: "must be text".
    #[must_use]
    pub fn wrong_type(wanted: &str) -> Problem {
        Problem::new("wrong_type", format!("must be {wanted}"))
    }

    /// The text cannot be read as what the field holds: "is not a date".
    #[must_use]
    pub fn not(what: &str) -> Problem {
        Problem::new("invalid", format!("is not {what}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::model::Field;

    /// A sample of every type: a text that is one, and one that is not (where any text is one: none).
    fn samples(name: &str) -> (&'static str, Option<&'static str>) {
        match name {
            "text" | "markdown" | "html" => ("A line of text", None),
            "password" => ("correct horse", None),
            "slug" => ("a-line", None),
            "int" => ("42", Some("4.2")),
            "float" => ("4.5", Some("inf")),
            "decimal" => ("4.50", Some("4.505")),
            "bool" => ("on", Some("maybe")),
            "date" => ("2026-03-01", Some("2026-02-30")),
            "datetime" => ("2026-03-01T10:00", Some("2026-03-01")),
            "duration" => ("1h30m", Some("soon")),
            "email" => ("ada@example.com", None),
            "url" => ("https://example.com/a?b#c", None),
            "choice" => ("draft", None),
            "json" => ("{\"a\":[1,2.5,null]}", Some("{a}")),
            "uuid" => ("01890a5d-ac96-774b-bcce-b302099a8057", Some("01890a5d")),
            "ref" | "refs" => ("7", Some("seven")),
            other => panic!("a sample of `{other}` is missing here"),
        }
    }

    fn field(ty: &'static dyn FieldType) -> Field {
        let mut field = Field::plain("f", ty);
        if field.kind == Kind::Decimal(0) {
            field.kind = Kind::Decimal(2);
        }
        field.choices = vec!["draft".to_owned(), "published".to_owned()];
        (field.min, field.max) = ty.default_limits();
        field
    }

    #[test]
    fn names_are_unique_and_found() {
        for ty in TYPES {
            let found = named(ty.name()).expect("a type of the table is found");
            assert_eq!(format!("{found:?}"), format!("{ty:?}"));
            assert_eq!(TYPES.iter().filter(|other| other.name() == ty.name()).count(), 1);
        }
    }

    #[test]
    fn every_type_reads_its_sample_from_text_and_from_json() {
        for ty in TYPES {
            let field = field(*ty);
            let (good, bad) = samples(ty.name());
            let value = ty.from_text(&field, good).unwrap_or_else(|problem| panic!("{ty:?}: {problem:?}"));
            assert_eq!(value.kind(), Some(field.kind), "{ty:?}");
            assert_eq!(ty.check(&field, &value), None, "{ty:?}");
            let mut json = Vec::new();
            crate::value::write_json(&value, field.big, &mut json);
            let json: serde_json::Value = serde_json::from_slice(&json).expect("it is JSON");
            assert_eq!(ty.from_json(&field, &json), Ok(value.clone()), "{ty:?} from {json}");
            assert_eq!(ty.from_text(&field, &value.to_text()), Ok(value), "{ty:?}");
            if let Some(bad) = bad {
                assert!(ty.from_text(&field, bad).is_err(), "{ty:?} took {bad}");
            }
        }
    }

    #[test]
    fn empty_text_and_json_null_are_null() {
        for ty in TYPES {
            let field = field(*ty);
            assert_eq!(ty.from_text(&field, ""), Ok(Value::Null), "{ty:?}");
            assert_eq!(ty.from_json(&field, &json!(null)), Ok(Value::Null), "{ty:?}");
        }
    }

    #[test]
    fn no_type_takes_json_of_another() {
        let texts = [Kind::Text, Kind::Date, Kind::Datetime, Kind::Duration, Kind::Uuid, Kind::Decimal(2)];
        for ty in TYPES {
            let field = field(*ty);
            if field.kind == Kind::Json {
                continue;
            }
            for wrong in [json!([]), json!({}), json!("surely not"), json!(1.25e300), json!(3), json!(true)] {
                let fits = match field.kind {
                    Kind::Bool => wrong.is_boolean(),
                    Kind::Int => wrong.is_i64(),
                    Kind::Float => wrong.is_number(),
                    Kind::Decimal(_) => wrong.is_i64(),
                    kind => wrong.is_string() && texts.contains(&kind),
                };
                if !fits {
                    assert!(ty.from_json(&field, &wrong).is_err(), "{ty:?} took {wrong}");
                }
            }
        }
    }

    #[test]
    fn nul_is_refused_everywhere() {
        for ty in TYPES {
            let field = field(*ty);
            let (good, _) = samples(ty.name());
            let text = format!("{good}\0");
            let direct = ty.from_text(&field, &text).map(|value| ty.check(&field, &value));
            assert!(!matches!(direct, Ok(None)), "{ty:?} took NUL in text");
            let json = ty.from_json(&field, &json!(text)).map(|value| ty.check(&field, &value));
            assert!(!matches!(json, Ok(None)), "{ty:?} took NUL in JSON");
        }
        let field = field(&json::JsonType);
        assert!(json::JsonType.from_json(&field, &json!({"a": ["\0"]})).is_err());
    }

    #[test]
    fn limits_are_told_in_words() {
        let mut field = field(&text::Text);
        (field.min, field.max) = (Some(Value::Int(2)), Some(Value::Int(3)));
        let told = |text: &str| text::Text.check(&field, &Value::from(text)).map(|problem| problem.message);
        assert_eq!(told("a").as_deref(), Some("is shorter than 2 characters"));
        assert_eq!(told("äöü"), None);
        assert_eq!(told("abcd").as_deref(), Some("is longer than 3 characters"));
        let mut field = self::field(&int::Int);
        field.max = Some(Value::Int(10));
        let problem = int::Int.check(&field, &Value::Int(11)).expect("it is too large");
        assert_eq!((problem.code, problem.message.as_str()), ("too_large", "is greater than 10"));
    }

    proptest! {
        #[test]
        fn every_value_that_is_taken_is_taken_again(text in "\\PC{0,24}|[-0-9.:TZ+hms ]{0,30}", which in 0..TYPES.len()) {
            let ty = TYPES[which];
            let field = field(ty);
            if let Ok(value) = ty.from_text(&field, &text) {
                if ty.check(&field, &value).is_none() {
                    prop_assert_eq!(ty.from_text(&field, &value.to_text()), Ok(value.clone()));
                }
                let mut json = Vec::new();
                crate::value::write_json(&value, field.big, &mut json);
                let json: serde_json::Value = serde_json::from_slice(&json).expect("it is JSON");
                prop_assert_eq!(ty.from_json(&field, &json), Ok(value));
            }
        }
    }
}
