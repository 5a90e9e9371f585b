//! `float`: a number to compute with, also of an exact decimal.

use std::sync::Arc;

use minijinja::{Environment, Error, Value};

use super::Filter;
use crate::value::{Shared, refusal};

pub(super) const FILTER: Filter = Filter {
    names: &["float"],
    about: "A number to compute and compare with, of a text or an exact decimal.",
    examples: &[("{{ '2.5'|float * 2 }}", "5.0"), ("{{ 3|float }}", "3.0")],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, _: &Arc<Shared>) {
    env.add_filter(name, |value: &Value| -> Result<f64, Error> {
        match f64::try_from(value.clone()) {
            Ok(number) => Ok(number),
            Err(_) => {
                let text = super::text_of(value)?;
                text.trim().parse().map_err(|_| refusal(format!("`{text}` is no number")))
            }
        }
    });
}
