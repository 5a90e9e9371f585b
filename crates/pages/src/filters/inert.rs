//! What the check of escaping puts around expressions in places where markup must not be: nobody writes these.
//!
//! Jinja lets markup pass that was made safe for the text of an element. In an attribute or a `<title>` a quote in it
//! would end the attribute, so markup is flattened there, and a text with markup is refused with what to write.

use minijinja::{Environment, Error, Value};

use crate::text::escape;
use crate::value::{refusal, rich};

/// Around an expression in a quoted attribute, a `<title>` or a `<textarea>`.
pub(crate) const IN_ATTRIBUTE: &str = "_in_attribute";

/// Around an expression that begins an address.
pub(crate) const IN_URL: &str = "_in_url";

/// Around an expression that must be an address of the site itself, from its root.
pub(crate) const IN_LOCAL: &str = "_in_local";

pub(super) fn install(env: &mut Environment<'static>) {
    env.add_filter(IN_ATTRIBUTE, flatten);
    env.add_filter(IN_LOCAL, |value: &Value| -> Result<Value, Error> {
        let flat = flatten(value)?;
        let local = flat.as_str().is_none_or(|url| {
            // A browser drops these wherever they stand.
            let url = url.replace(['\t', '\n', '\r'], "");
            let local = url.starts_with(['/', '?', '#']) && !url[1..].starts_with(['/', '\\']);
            url.is_empty() || local
        });
        // A field of somebody's may be called as ours are.
        Ok(if local { flat } else { Value::from(super::safe_url::NOWHERE) })
    });
    env.add_filter(IN_URL, |value: &Value| -> Result<Value, Error> {
        let flat = flatten(value)?;
        match flat.as_str() {
            Some(url) if !escape::is_harmless_url(&escape::unescape(url)) => {
                Ok(Value::from(super::safe_url::NOWHERE))
            }
            _ => Ok(flat),
        }
    });
}

fn flatten(value: &Value) -> Result<Value, Error> {
    if value.is_safe() {
        return Ok(Value::from_safe_string(escape::flatten_markup(value.as_str().unwrap_or_default())));
    }
    if rich::of(value).is_some() {
        return Err(refusal(
            "this is a text with markup, which cannot stand here; write |excerpt for its words",
        ));
    }
    Ok(value.clone())
}
