//! What each function computes.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use regex::Regex;

use super::super::check::PATTERN_BYTES;
use super::{DATES, Decimal, Function, Value, datetime};
use crate::value::Kind;

/// What a function gives; `None` is an error, as with null for any of its arguments.
///
/// [`Function::Holds`] is no function of values and gives an error here.
#[must_use]
pub fn call(function: Function, args: &[Value]) -> Option<Value> {
    match (function, args) {
        (Function::Contains, [Value::Text(text), Value::Text(part)]) => Some(text.contains(&**part).into()),
        (Function::StartsWith, [Value::Text(text), Value::Text(part)]) => {
            Some(text.starts_with(&**part).into())
        }
        (Function::EndsWith, [Value::Text(text), Value::Text(part)]) => Some(text.ends_with(&**part).into()),
        (Function::Matches, [Value::Text(text), Value::Text(pattern)]) => {
            Some(compiled(pattern)?.is_match(text).into())
        }
        (Function::Size, [Value::Text(text)]) => i64::try_from(text.chars().count()).ok().map(Value::Int),
        (Function::Size, [Value::Json(json)]) => {
            super::json::size(json).and_then(|many| i64::try_from(many).ok()).map(Value::Int)
        }
        (Function::LowerAscii, [Value::Text(text)]) => Some(text.to_ascii_lowercase().into()),
        (Function::Int, [value]) => int(value).map(Value::Int),
        (Function::Double, [value]) => double(value).filter(|number| number.is_finite()).map(Value::Float),
        (Function::String, [value]) => text(value).map(Value::from),
        (Function::Bool, [Value::Bool(truth)]) => Some(Value::Bool(*truth)),
        (Function::Bool, [Value::Text(text)]) => match &**text {
            "1" | "t" | "true" | "TRUE" | "True" => Some(Value::Bool(true)),
            "0" | "f" | "false" | "FALSE" | "False" => Some(Value::Bool(false)),
            _ => None,
        },
        (Function::Timestamp, [value]) => timestamp(value),
        (Function::Duration, [Value::Duration(span)]) => Some(Value::Duration(*span)),
        (Function::Duration, [Value::Text(text)]) => duration(text).map(Value::Duration),
        (Function::Year, [value]) => day(value).map(|day| Value::Int(day.year().into())),
        (Function::Month, [value]) => day(value).map(|day| Value::Int(i64::from(day.month()) - 1)),
        (Function::Day, [value]) => day(value).map(|day| Value::Int(day.day().into())),
        _ => None,
    }
}

/// Days since 1970-01-01 of a date as `2026-01-31`.
#[must_use]
pub fn date(text: &str) -> Option<i32> {
    let date: Date = text.parse().ok().filter(|_| text.len() == 10)?;
    let days = date.since(Date::constant(1970, 1, 1)).ok()?.get_days();
    DATES.contains(&days).then_some(days)
}

/// Patterns were checked when the site was loaded; compiling one takes longer than using it.
fn compiled(pattern: &str) -> Option<Arc<Regex>> {
    const KEPT: usize = 256;
    static PATTERNS: LazyLock<Mutex<HashMap<String, Arc<Regex>>>> = LazyLock::new(Mutex::default);
    let mut patterns = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = patterns.get(pattern) {
        return Some(known.clone());
    }
    let regex = Arc::new(regex::RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).build().ok()?);
    if patterns.len() >= KEPT {
        patterns.clear();
    }
    patterns.insert(pattern.to_owned(), regex.clone());
    Some(regex)
}

fn int(value: &Value) -> Option<i64> {
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    match value {
        Value::Int(number) => Some(*number),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the fraction is what is cut, and the range is checked"
        )]
        Value::Float(number) => (*number > -BOUND && *number < BOUND).then_some(*number as i64),
        Value::Decimal(Decimal { units, scale }) => Some(units / 10_i64.checked_pow((*scale).into())?),
        Value::Text(text) => text.parse().ok(),
        Value::Datetime(micros) => Some(micros.div_euclid(1_000_000)),
        _ => None,
    }
}

fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
        Value::Int(number) => Some(*number as f64),
        #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
        Value::Decimal(Decimal { units, scale }) => {
            Some(*units as f64 / 10_i64.checked_pow((*scale).into())? as f64)
        }
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Text(text) => text.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Decimal(Decimal { units, scale }) => {
            let scale = usize::from(*scale);
            let digits = format!("{:0>width$}", units.unsigned_abs(), width = scale + 1);
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            let sign = if *units < 0 { "-" } else { "" };
            let point = if scale == 0 { "" } else { "." };
            format!("{sign}{whole}{point}{fraction}")
        }
        Value::Date(_) => day(value)?.to_string(),
        // `from_microsecond` refuses the last second's fractions, which `from_nanosecond` takes.
        Value::Datetime(micros) => Timestamp::from_nanosecond(i128::from(*micros) * 1000).ok()?.to_string(),
        Value::Duration(micros) => {
            let sign = if *micros < 0 { "-" } else { "" };
            let (seconds, rest) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
            let fraction = format!(".{rest:06}");
            let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
            format!("{sign}{seconds}{fraction}s")
        }
        Value::Uuid(uuid) => uuid.to_string(),
        Value::Null | Value::Withheld | Value::Json(_) => return None,
    })
}

fn timestamp(value: &Value) -> Option<Value> {
    match value {
        Value::Datetime(micros) => Some(Value::Datetime(*micros)),
        Value::Date(days) => datetime(i64::from(*days).checked_mul(86_400_000_000)?),
        Value::Int(seconds) => datetime(seconds.checked_mul(1_000_000)?),
        // Of JSON, where an integer may be written with a fraction.
        Value::Float(_) => timestamp(&super::json::as_kind(value, Kind::Int)?),
        Value::Text(text) => {
            let instant: Timestamp = text.parse().ok()?;
            datetime(instant.as_nanosecond().div_euclid(1000).try_into().ok()?)
        }
        _ => None,
    }
}

/// A span as Go writes one, which is what CEL says: `36h`, `1h30m`, `-1.5s`, `250ms`.
fn duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i128); 8] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() || rest.len() > 64 {
        return None;
    }
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, after) = rest.split_at(digits);
        let (_, unit) = UNITS
            .iter()
            .filter(|(name, _)| after.starts_with(name))
            .max_by_key(|(name, _)| name.len())
            .copied()?;
        let name =
            UNITS.iter().filter(|(name, _)| after.starts_with(name)).map(|(name, _)| name.len()).max()?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        nanos = nanos.checked_add(whole.checked_mul(unit)?)?;
        if !fraction.is_empty() {
            let fraction = &fraction[..fraction.len().min(18)];
            let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
            nanos = nanos.checked_add(fraction.parse::<i128>().ok()?.checked_mul(unit)? / scale)?;
        }
        rest = &after[name..];
    }
    i64::try_from(sign * nanos / 1000).ok()
}

/// The day that a date is, or that a datetime is on in UTC.
fn day(value: &Value) -> Option<Date> {
    let days = match value {
        Value::Date(days) => i64::from(*days),
        Value::Datetime(micros) => micros.div_euclid(86_400_000_000),
        _ => return None,
    };
    Date::constant(1970, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}
