//! `free`: what a record of documents has besides its declared fields.

use std::sync::Arc;

use minijinja::{Environment, Error, Value};

use super::Filter;
use crate::value::{Shared, record};

pub(super) const FILTER: Filter = Filter {
    names: &["free"],
    about: "The free fields of a record whose model is `kind = \"documents\"`, by their names; of no record none.",
    examples: &[(
        "{% for name, value in none|free|items %}{{ name }}: {{ value }}{% else %}none{% endfor %}",
        "none",
    )],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, _: &Arc<Shared>) {
    env.add_filter(name, |value: &Value| -> Result<Value, Error> { record::free_fields(value) });
}
