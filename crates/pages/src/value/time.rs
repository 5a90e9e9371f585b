//! Instants, days and spans of time: they compare among their own, and print as RFC 3339 and ISO 8601 unless filtered.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use minijinja::value::{DynObject, Object, ObjectRepr};
use minijinja::{Error, Value};

use super::refusal;

/// An instant: microseconds since 1970 in UTC.
#[derive(Debug)]
pub(crate) struct Instant(pub(crate) i64);

/// A calendar day: days since 1970-01-01.
#[derive(Debug)]
pub(crate) struct Day(pub(crate) i32);

/// A span of time in microseconds.
#[derive(Debug)]
pub(crate) struct Span(pub(crate) i64);

/// What a filter for times was given.
pub(crate) enum Moment {
    Instant(Timestamp),
    Day(Date),
}

impl Instant {
    pub(crate) fn timestamp(&self) -> Option<Timestamp> {
        Timestamp::from_microsecond(self.0).ok()
    }
}

impl Day {
    pub(crate) fn date(&self) -> Option<Date> {
        jiff::civil::date(1970, 1, 1).checked_add(i64::from(self.0).days()).ok()
    }
}

impl Moment {
    /// The moment in a value; none where there is none.
    pub(crate) fn of(value: &Value) -> Result<Option<Moment>, Error> {
        if value.is_none() {
            return Ok(None);
        }
        if let Some(instant) = value.downcast_object_ref::<Instant>() {
            return Ok(instant.timestamp().map(Moment::Instant));
        }
        if let Some(day) = value.downcast_object_ref::<Day>() {
            return Ok(day.date().map(Moment::Day));
        }
        let Some(text) = value.as_str() else {
            return Err(refusal(format!("needs a date or a datetime, not a {}", value.kind())));
        };
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Some(Moment::Instant(at)));
        }
        if text.is_empty() {
            return Ok(None);
        }
        let date = text.parse::<Date>();
        date.map(|day| Some(Moment::Day(day)))
            .map_err(|_| refusal(format!("`{text}` is neither a date nor a datetime")))
    }

    /// As a wall clock shows it in a time zone; a day is its midnight.
    pub(crate) fn zoned(&self, zone: &TimeZone) -> Result<Zoned, Error> {
        match self {
            Moment::Instant(at) => Ok(at.to_zoned(zone.clone())),
            Moment::Day(day) => day.to_zoned(zone.clone()).map_err(|error| refusal(error.to_string())),
        }
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().map_or(Ok(()), |at| write!(f, "{at}"))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().map_or(Ok(()), |day| write!(f, "{day}"))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&purlin_schema::Value::Duration(self.0).to_text())
    }
}

/// What the three have in common: they are plain, compare with their own kind, and print.
macro_rules! moment_object {
    ($type:ty) => {
        impl Object for $type {
            fn repr(self: &Arc<Self>) -> ObjectRepr {
                ObjectRepr::Plain
            }

            fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
                Some(self.0.cmp(&other.downcast_ref::<$type>()?.0))
            }

            fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

moment_object!(Instant);
moment_object!(Day);
moment_object!(Span);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_in_their_standard_forms() {
        assert_eq!(Instant(1_700_000_000_000_000).to_string(), "2023-11-14T22:13:20Z");
        assert_eq!(Instant(1_700_000_000_250_000).to_string(), "2023-11-14T22:13:20.25Z");
        assert_eq!(Day(19_675).to_string(), "2023-11-14");
        assert_eq!(Span(5_400_000_000).to_string(), "1h30m");
        assert_eq!(Instant(i64::MAX).to_string(), "");
    }

    #[test]
    fn times_compare_with_their_own_kind() {
        assert!(Value::from_object(Instant(1)) < Value::from_object(Instant(2)));
        assert_eq!(Value::from_object(Day(1)), Value::from_object(Day(1)));
    }
}
