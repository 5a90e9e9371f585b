//! `html`: HTML, sanitised when it is written and again where it is printed.

use super::{Control, FieldType};
use crate::value::Kind;

/// A long text of this format.
#[derive(Debug)]
pub(super) struct Html;

impl FieldType for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn kind(&self) -> Kind {
        Kind::Text
    }

    fn noun(&self) -> &'static str {
        "text"
    }

    fn is_key(&self) -> bool {
        false
    }

    fn control(&self) -> Control {
        Control::TextArea
    }
}
