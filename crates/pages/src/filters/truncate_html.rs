//! `truncate_html`: markup cut short without breaking it.

use std::sync::Arc;

use minijinja::{Environment, Error, Value};

use super::Filter;
use crate::text::{cut, sanitise};
use crate::value::{Shared, rich};

pub(super) const FILTER: Filter = Filter {
    names: &["truncate_html"],
    about: "At most so many characters of the text in markup, 255 unless told, with every element closed.",
    examples: &[
        ("{{ 'one **two three**'|markdown|truncate_html(9) }}", "<p>one <strong>two…</strong></p>"),
        ("{{ '<b onclick=x>one two</b>'|truncate_html(4) }}", "<b>one…</b>"),
    ],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, _: &Arc<Shared>) {
    env.add_filter(name, |value: &Value, max: Option<usize>, end: Option<&str>| -> Result<Value, Error> {
        let html = match rich::of(value) {
            Some(rich) => rich.html().to_string(),
            None => sanitise::sanitise(&super::text_of(value)?),
        };
        Ok(Value::from_safe_string(cut::html(&html, max.unwrap_or(255), end.unwrap_or("…"))))
    });
}
