//! `password`: a secret that is kept as a hash alone.

use super::{Control, FieldType};
use crate::value::{Kind, Value};

/// What comes in is the password; the engine checks it, hashes it, and stores the hash, which never leaves.
#[derive(Debug)]
pub(super) struct Password;

impl FieldType for Password {
    fn name(&self) -> &'static str {
        "password"
    }

    fn kind(&self) -> Kind {
        Kind::Text
    }

    fn noun(&self) -> &'static str {
        "text"
    }

    /// NIST SP 800-63B asks for eight; the upper bound keeps hashing cheap.
    fn default_limits(&self) -> (Option<Value>, Option<Value>) {
        (Some(Value::Int(8)), Some(Value::Int(256)))
    }

    fn is_key(&self) -> bool {
        false
    }

    fn control(&self) -> Control {
        Control::Password
    }
}
