//! `truncate`: a text cut short between words.

use std::sync::Arc;

use minijinja::{Environment, Error, Value};

use super::Filter;
use crate::value::{Shared, refusal, rich};

pub(super) const FILTER: Filter = Filter {
    names: &["truncate"],
    about: "At most so many characters of a text, 255 unless told, cut between words and ended by an ellipsis.",
    examples: &[
        ("{{ 'one two three'|truncate(8) }}", "one two…"),
        ("{{ 'one two'|truncate(3, ' more') }}", "one more"),
    ],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, _: &Arc<Shared>) {
    env.add_filter(name, |value: &Value, max: Option<usize>, end: Option<&str>| -> Result<String, Error> {
        if rich::of(value).is_some() || value.is_safe() {
            return Err(refusal(
                "this has markup that a cut would break; write |excerpt for its text or |truncate_html",
            ));
        }
        Ok(crate::text::cut::words(&super::text_of(value)?, max.unwrap_or(255), end.unwrap_or("…")))
    });
}
