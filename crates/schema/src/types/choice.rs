//! `choice`: one of a few words.

use super::{Control, FieldType, Limits, Problem};
use crate::model::Field;
use crate::value::{Kind, Value};

/// One of the words that `of` lists.
#[derive(Debug)]
pub(super) struct Choice;

impl FieldType for Choice {
    fn name(&self) -> &'static str {
        "choice"
    }

    fn kind(&self) -> Kind {
        Kind::Text
    }

    fn noun(&self) -> &'static str {
        "text"
    }

    fn keys(&self) -> &'static [&'static str] {
        &["of"]
    }

    fn limits(&self) -> Limits {
        Limits::None
    }

    fn control(&self) -> Control {
        Control::Select
    }

    fn check(&self, field: &Field, value: &Value) -> Option<Problem> {
        let text = value.as_text()?;
        if field.choices.iter().any(|choice| choice == text) {
            return None;
        }
        Some(Problem::new("choice", format!("is not one of {}", field.choices.join(", "))))
    }
}
