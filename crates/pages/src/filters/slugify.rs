//! `slugify`: a text as part of an address or as an id.

use std::sync::Arc;

use minijinja::{Environment, Error, Value};

use super::Filter;
use crate::value::Shared;

pub(super) const FILTER: Filter = Filter {
    names: &["slugify"],
    about: "Letters and digits in lower case with hyphens between.",
    examples: &[("{{ 'Über one Roof!'|slugify }}", "ueber-one-roof")],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, _: &Arc<Shared>) {
    env.add_filter(name, |value: &Value| -> Result<String, Error> {
        Ok(purlin_schema::types::slugify(&super::text_of(value)?))
    });
}
