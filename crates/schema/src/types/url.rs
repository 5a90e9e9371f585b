//! `url`: an address that a page may link to.

use super::{Control, FieldType, Problem, input, limits};
use crate::model::Field;
use crate::value::{Kind, Value};

/// An absolute URL of http, https or mailto: no script ever passes.
#[derive(Debug)]
pub(super) struct Url;

impl FieldType for Url {
    fn name(&self) -> &'static str {
        "url"
    }

    fn kind(&self) -> Kind {
        Kind::Text
    }

    fn noun(&self) -> &'static str {
        "text"
    }

    fn control(&self) -> Control {
        Control::Url
    }

    fn from_text(&self, field: &Field, text: &str) -> Result<Value, Problem> {
        input::from_text(field.kind, self.noun(), text.trim())
    }

    fn check(&self, field: &Field, value: &Value) -> Option<Problem> {
        let text = value.as_text()?;
        if !is_link(text) {
            return Some(Problem::new(
                "invalid",
                "is not an address that begins with http://, https:// or mailto:",
            ));
        }
        limits::check_text(field, value)
    }
}

/// Browsers drop control characters and turn `\` into `/` before they look at the scheme, so neither may be there.
fn is_link(text: &str) -> bool {
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return false;
    }
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => rest.strip_prefix("//").is_some_and(|rest| {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            !host.is_empty() && !host.starts_with(':') && !host.contains('@')
        }),
        "mailto" => rest.contains('@'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_link;

    #[test]
    fn links() {
        for good in [
            "https://example.com",
            "HTTP://example.com:80/a?b=c#d",
            "mailto:ada@example.com",
            "https://[::1]/",
        ] {
            assert!(is_link(good), "{good}");
        }
        for bad in [
            "",
            "example.com",
            "javascript:alert(1)",
            "java\tscript:alert(1)",
            " https://x",
            "https://",
            "https:x",
            "https:/\\x",
            "data:text/html,x",
            "//x",
            "https://good@evil",
            "mailto:x",
        ] {
            assert!(!is_link(bad), "{bad:?}");
        }
    }
}
