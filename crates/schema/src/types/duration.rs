//! `duration`: a span of time.

use super::{Control, FieldType};
use crate::value::Kind;

/// A span of time, written `1h30m`.
#[derive(Debug)]
pub(super) struct Duration;

impl FieldType for Duration {
    fn name(&self) -> &'static str {
        "duration"
    }

    fn kind(&self) -> Kind {
        Kind::Duration
    }

    fn noun(&self) -> &'static str {
        "a span of time (`1h30m`)"
    }

    fn control(&self) -> Control {
        Control::Text
    }
}
