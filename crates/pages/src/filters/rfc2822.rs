//! `rfc2822`: the moment as RSS wants it.

use std::sync::Arc;

use minijinja::{Environment, Error, Value};

use super::Filter;
use crate::value::Shared;
use crate::value::time::Moment;

pub(super) const FILTER: Filter = Filter {
    names: &["rfc2822"],
    about: "The moment as RFC 2822 writes it, for RSS feeds.",
    examples: &[
        ("{{ '2026-03-01T23:30:00Z'|rfc2822 }}", "Sun, 1 Mar 2026 23:30:00 +0000"),
        ("{{ none|rfc2822 }}", ""),
    ],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, shared: &Arc<Shared>) {
    let zone = shared.zone.clone();
    env.add_filter(name, move |value: &Value| -> Result<String, Error> {
        let Some(moment) = Moment::of(value)? else { return Ok(String::new()) };
        Ok(moment.zoned(&zone)?.strftime("%a, %-d %b %Y %H:%M:%S %z").to_string())
    });
}
