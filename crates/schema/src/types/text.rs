//! `text`: a line or so of plain text.

use super::{Control, FieldType, Problem, input};
use crate::model::Field;
use crate::value::{Kind, Value};

/// Plain text; forms lose the white space around it.
#[derive(Debug)]
pub(super) struct Text;

impl FieldType for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn kind(&self) -> Kind {
        Kind::Text
    }

    fn noun(&self) -> &'static str {
        "text"
    }

    fn control(&self) -> Control {
        Control::Text
    }

    fn from_text(&self, field: &Field, text: &str) -> Result<Value, Problem> {
        input::from_text(field.kind, self.noun(), text.trim())
    }
}
