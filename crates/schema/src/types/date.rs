//! `date`: a day of the calendar.

use super::{Control, FieldType};
use crate::value::Kind;

/// A day, written `2026-03-01`.
#[derive(Debug)]
pub(super) struct Date;

impl FieldType for Date {
    fn name(&self) -> &'static str {
        "date"
    }

    fn kind(&self) -> Kind {
        Kind::Date
    }

    fn noun(&self) -> &'static str {
        "a date"
    }

    fn control(&self) -> Control {
        Control::Date
    }
}
