//! `isodate`: the day, as machines write it.

use std::sync::Arc;

use minijinja::{Environment, Error, Value};

use super::Filter;
use crate::value::Shared;
use crate::value::time::Moment;

pub(super) const FILTER: Filter = Filter {
    names: &["isodate"],
    about: "The day of a date or datetime in the site's time zone, as in 2026-03-01.",
    examples: &[("{{ '2026-03-01T23:30:00Z'|isodate }}", "2026-03-01"), ("{{ none|isodate }}", "")],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, shared: &Arc<Shared>) {
    let zone = shared.zone.clone();
    env.add_filter(name, move |value: &Value| -> Result<String, Error> {
        match Moment::of(value)? {
            None => Ok(String::new()),
            Some(Moment::Day(day)) => Ok(day.to_string()),
            Some(moment) => Ok(moment.zoned(&zone)?.date().to_string()),
        }
    });
}
