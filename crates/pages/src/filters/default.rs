//! `default`: something else where there is nothing. Jinja's own knows only names that are not defined; a field that
//! is null or a query value that was not given is none, and is meant as well.

use std::sync::Arc;

use minijinja::value::Rest;
use minijinja::{Environment, Value};

use super::Filter;
use crate::value::Shared;

pub(super) const FILTER: Filter = Filter {
    names: &["default", "d"],
    about: "Gives another value where this one is none or not defined; with true as second argument, also where it is empty.",
    examples: &[
        ("{{ none|default('x') }}", "x"),
        ("{{ missing|default('x') }}", "x"),
        ("{{ ''|default('x') }}", ""),
        ("{{ ''|default('x', true) }}", "x"),
        ("{{ 0|d('x') }}", "0"),
    ],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, _: &Arc<Shared>) {
    env.add_filter(name, |value: &Value, args: Rest<Value>| {
        let empty_too = args.get(1).is_some_and(Value::is_true);
        if value.is_undefined() || value.is_none() || (empty_too && !value.is_true()) {
            args.first().cloned().unwrap_or_else(|| Value::from(""))
        } else {
            value.clone()
        }
    });
}
