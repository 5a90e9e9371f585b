//! `escape`: every value is escaped anyway, so this is for markup that is to be shown as it is written.

use std::sync::Arc;

use minijinja::{Environment, Value};

use super::Filter;
use crate::value::{Shared, rich};

pub(super) const FILTER: Filter = Filter {
    names: &["escape", "e"],
    about: "Shows the HTML of a text with markup; anything else is escaped in any case.",
    examples: &[
        ("{{ '<b>'|escape }}", "&lt;b&gt;"),
        ("{{ '*x*'|markdown|e }}", "&lt;p&gt;&lt;em&gt;x&lt;/em&gt;&lt;/p&gt;\n"),
    ],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, _: &Arc<Shared>) {
    env.add_filter(name, |value: &Value| match rich::of(value) {
        Some(rich) => Value::from(&*rich.html()),
        None => value.clone(),
    });
}
