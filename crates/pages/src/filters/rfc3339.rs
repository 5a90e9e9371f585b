//! `rfc3339`: the moment as machines read it.

use std::sync::Arc;

use minijinja::{Environment, Error, Value};

use super::Filter;
use crate::value::Shared;
use crate::value::time::Moment;

pub(super) const FILTER: Filter = Filter {
    names: &["rfc3339"],
    about: "The moment as RFC 3339 writes it, in UTC and to the second; a date stays a date.",
    examples: &[
        ("{{ '2026-03-01T23:30:00.5Z'|rfc3339 }}", "2026-03-01T23:30:00Z"),
        ("{{ none|rfc3339 }}", ""),
    ],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, _: &Arc<Shared>) {
    env.add_filter(name, |value: &Value| -> Result<String, Error> {
        Ok(match Moment::of(value)? {
            None => String::new(),
            Some(Moment::Day(day)) => day.to_string(),
            Some(Moment::Instant(at)) => at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        })
    });
}
