//! `email`: an e-mail address.

use super::{Control, FieldType, Problem, input, limits};
use crate::model::Field;
use crate::value::{Kind, Value};

/// An address, kept in small letters: no provider tells `Ada@` from `ada@`, and two accounts should not either.
#[derive(Debug)]
pub(super) struct Email;

impl FieldType for Email {
    fn name(&self) -> &'static str {
        "email"
    }

    fn kind(&self) -> Kind {
        Kind::Text
    }

    fn noun(&self) -> &'static str {
        "text"
    }

    fn control(&self) -> Control {
        Control::Email
    }

    fn from_text(&self, field: &Field, text: &str) -> Result<Value, Problem> {
        input::from_text(field.kind, self.noun(), &text.trim().to_lowercase())
    }

    fn from_json(&self, field: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
        Ok(match input::from_json(field.kind, self.noun(), json)? {
            Value::Text(text) => Value::from(text.to_lowercase()),
            value => value,
        })
    }

    fn check(&self, field: &Field, value: &Value) -> Option<Problem> {
        let text = value.as_text()?;
        if !is_address(text) {
            return Some(Problem::not("an e-mail address"));
        }
        limits::check_text(field, value)
    }
}

/// The rule of HTML's `type=email` (WHATWG HTML, "valid e-mail address"), widened to letters of any script, within
/// the lengths of RFC 5321.
pub(crate) fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_fits = |c: char| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    let label_fits = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    !local.is_empty()
        && local.len() <= 64
        && text.len() <= 254
        && local.chars().all(local_fits)
        && domain.split('.').all(label_fits)
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn addresses() {
        for good in ["ada@example.com", "a.b+c@x-y.example", "ada@localhost", "jörg@münchen.example"] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "ada",
            "@x",
            "ada@",
            "a b@x.y",
            "a@x..y",
            "a@-x.y",
            "a@b@c d",
            "a@x\r\nBcc: b@c",
            "a,b@x.y",
            "<a@x.y>",
        ] {
            assert!(!is_address(bad), "{bad:?}");
        }
    }
}
