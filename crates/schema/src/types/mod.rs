//! Field types: one small file a type, one trait, one table.
//!
//! A type says what its column holds, which keys a field of it takes in TOML, how a value comes in from a
//! form or from JSON, what is wrong with a value, and by which control a person enters it. Whoever adds one
//! adds a file and a line in [`TYPES`]; the tests below tell what is missing.

use crate::model::Field;
use crate::value::{Kind, Value};

/// A field type.
pub trait FieldType: std::fmt::Debug + Send + Sync {
    /// Its name in TOML.
    fn name(&self) -> &'static str;
    /// What a column of it holds; a decimal's scale and a ref's target are resolved by the loader.
    fn kind(&self) -> Kind;
    /// Keys it takes in TOML besides those that every field takes.
    fn keys(&self) -> &'static [&'static str];
    /// By which control a person enters it.
    fn control(&self) -> Control;
    /// A value from a form or a query string; an empty text is null, except where the type is text that is required.
    ///
    /// # Errors
    /// What is wrong, as a person is told.
    fn from_text(&self, field: &Field, text: &str) -> Result<Value, Problem>;
    /// A value from JSON.
    ///
    /// # Errors
    /// What is wrong, as a person is told.
    fn from_json(&self, field: &Field, json: &serde_json::Value) -> Result<Value, Problem>;
    /// What is wrong with a value that is not null, beyond its kind: limits, pattern, format.
    fn check(&self, field: &Field, value: &Value) -> Option<Problem>;
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A stable name: `too_long`.
    pub code: &'static str,
    /// What a person is told: "is longer than 200 characters".
    pub message: String,
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

/// Every field type.
pub static TYPES: &[&dyn FieldType] = &[];

/// A field type by its name in TOML.
#[must_use]
pub fn named(name: &str) -> Option<&'static dyn FieldType> {
    TYPES.iter().copied().find(|ty| ty.name() == name)
}
