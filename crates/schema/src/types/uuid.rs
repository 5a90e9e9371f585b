//! `uuid`: a UUID.

use super::{Control, FieldType};
use crate::value::Kind;

/// A UUID with hyphens.
#[derive(Debug)]
pub(super) struct Uuid;

impl FieldType for Uuid {
    fn name(&self) -> &'static str {
        "uuid"
    }

    fn kind(&self) -> Kind {
        Kind::Uuid
    }

    fn noun(&self) -> &'static str {
        "a UUID"
    }

    fn control(&self) -> Control {
        Control::Text
    }
}
