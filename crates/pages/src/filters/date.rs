//! `date`: a date or datetime as people write it.

use std::sync::Arc;

use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, Value};

use super::Filter;
use crate::value::Shared;
use crate::value::refusal;
use crate::value::time::Moment;

/// Bytes that most dates fit into.
const USUAL_LENGTH: usize = 32;

pub(super) const FILTER: Filter = Filter {
    names: &["date"],
    about: "Formats a date or datetime by strftime, in the site's time zone or that of tz=.",
    examples: &[
        ("{{ '2026-03-01T23:30:00Z'|date('%-d %B %Y') }}", "1 March 2026"),
        ("{{ '2026-03-01T23:30:00Z'|date('%Y-%m-%d %H:%M', tz='Europe/Berlin') }}", "2026-03-02 00:30"),
        ("{{ '2026-03-01'|date('%a') }}", "Sun"),
        ("{{ none|date('%Y') }}", ""),
    ],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, shared: &Arc<Shared>) {
    let zone = shared.zone.clone();
    env.add_filter(
        name,
        // Most say nothing besides the format, and to look up a name among nothing costs as much as the date.
        move |value: &Value, format: Option<&str>, options: Option<Kwargs>| -> Result<String, Error> {
            let Some(moment) = Moment::of(value)? else { return Ok(String::new()) };
            let named = options.as_ref().map(zone_in).transpose()?.flatten();
            write(&moment, named.as_ref().unwrap_or(&zone), format.unwrap_or("%-d %B %Y"))
        },
    );
}

fn zone_in(options: &Kwargs) -> Result<Option<TimeZone>, Error> {
    let named: Option<&str> = options.get("tz")?;
    options.assert_all_used()?;
    let zone = |name: &str| {
        TimeZone::get(name).map_err(|_| refusal(format!("`{name}` is no time zone; one is `Europe/Berlin`")))
    };
    named.map(zone).transpose()
}

fn write(moment: &Moment, zone: &TimeZone, format: &str) -> Result<String, Error> {
    let time = match moment {
        // A day is the same day in every time zone.
        Moment::Day(day) => BrokenDownTime::from(*day),
        Moment::Instant(_) => BrokenDownTime::from(&moment.zoned(zone)?),
    };
    let mut written = String::with_capacity(USUAL_LENGTH);
    match time.format(format, &mut written) {
        Ok(()) => Ok(written),
        Err(error) => Err(refusal(format!("the format `{format}` does not fit: {error}"))),
    }
}

/// What is wrong with a format, where something is for every datetime.
pub(crate) fn check_format(format: &str) -> Option<String> {
    let sample = jiff::Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    jiff::fmt::strtime::format(format, &sample).err().map(|error| error.to_string())
}
