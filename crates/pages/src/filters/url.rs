//! `url`: a text as one part of an address.

use std::sync::Arc;

use minijinja::{Environment, Error, Value};

use super::Filter;
use crate::text::escape::percent;
use crate::value::Shared;

pub(super) const FILTER: Filter = Filter {
    names: &["url"],
    about: "A text as one part of an address: a segment of a path or a value of a query, percent-encoded.",
    examples: &[("{{ 'a/b & c'|url }}", "a%2Fb%20%26%20c")],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, _: &Arc<Shared>) {
    env.add_filter(name, |value: &Value| -> Result<String, Error> {
        match value.as_str() {
            Some(text) => Ok(percent(text)),
            None => Ok(percent(&super::text_of(value)?)),
        }
    });
}
