//! `markdown`: Markdown, kept as it was written and printed as sanitised HTML.

use super::{Control, FieldType};
use crate::value::Kind;

/// A long text of this format.
#[derive(Debug)]
pub(super) struct Markdown;

impl FieldType for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
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
