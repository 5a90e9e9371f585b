//! `excerpt`: the first words of a text without its markup.

use std::sync::Arc;

use minijinja::{Environment, Error, Value};

use super::Filter;
use crate::value::Shared;

pub(super) const FILTER: Filter = Filter {
    names: &["excerpt"],
    about: "The first characters of a text without its markup, 200 unless told, cut between words and ended by an ellipsis.",
    examples: &[
        ("{{ '# One\\n\\n*two* three'|markdown|excerpt(8) }}", "One two…"),
        ("{{ 'a <b> c'|excerpt(3, '') }}", "a"),
        ("{{ none|excerpt }}", ""),
    ],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, _: &Arc<Shared>) {
    env.add_filter(name, |value: &Value, max: Option<usize>, end: Option<&str>| -> Result<String, Error> {
        let (max, end) = (max.unwrap_or(200), end.unwrap_or("…"));
        match crate::value::rich::of(value) {
            Some(rich) => Ok(rich.excerpt(max, end)),
            None => {
                Ok(crate::text::cut::words(&crate::text::cut::collapse(&super::text_of(value)?), max, end))
            }
        }
    });
}
