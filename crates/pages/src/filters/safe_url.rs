//! `safe_url`: an address that somebody entered, fit to be followed.

use std::sync::Arc;

use minijinja::{Environment, Error, Value};

use super::Filter;
use crate::text::escape;
use crate::value::Shared;

/// What stands in the place of an address that would run something.
pub(crate) const NOWHERE: &str = "#";

pub(super) const FILTER: Filter = Filter {
    names: &["safe_url"],
    about: "An address for href or src; `#` where it is not http, https, mailto, tel or an address of this site.",
    examples: &[
        ("{{ 'https://a.example/?b'|safe_url }}", "https://a.example/?b"),
        ("{{ 'java\\tscript:alert(1)'|safe_url }}", "#"),
        ("{{ 'data:text/html,x'|safe_url }}", "#"),
        ("{{ none|safe_url }}", "#"),
    ],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, _: &Arc<Shared>) {
    env.add_filter(name, |value: &Value| -> Result<String, Error> {
        let url = super::text_of(value)?;
        Ok(if url.is_empty() || !escape::is_harmless_url(&url) { NOWHERE.to_owned() } else { url })
    });
}
