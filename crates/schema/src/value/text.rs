//! Values as text: the one canonical way in which each kind is written, and what is read back.
//!
//! The same text stands in JSON, in a form's control, in a URL and in a seed file. Dates and times are
//! RFC 3339 in UTC with six fractional digits; durations are written as CEL writes them (`1h30m`, `0.5s`);
//! decimals have as many digits after the point as their scale.

use std::fmt::Write as _;

use super::{Decimal, Kind, Uuid, Value};

const MICROS_A_SECOND: i64 = 1_000_000;
const SECONDS_A_DAY: i64 = 86_400;
const MICROS_A_DAY: i64 = SECONDS_A_DAY * MICROS_A_SECOND;

/// Powers of ten that fit an `i64`; a decimal's scale is an index of this.
const POWERS: [i64; 19] = {
    let mut powers = [1_i64; 19];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// Why a text is no decimal of the wanted scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// It is not a decimal number at all.
    Malformed,
    /// It has more digits after the point than the scale.
    TooPrecise,
    /// It does not fit 64 bits at this scale.
    TooLarge,
}

impl Kind {
    /// A value of this kind from its canonical text; times may lack an offset and are UTC then.
    /// None where the text is not of this kind.
    #[must_use]
    pub fn parse(self, text: &str) -> Option<Value> {
        Some(match self {
            Kind::Bool => Value::Bool(parse_bool(text)?),
            Kind::Int => Value::Int(parse_int(text)?),
            Kind::Float => Value::Float(parse_float(text)?),
            Kind::Decimal(scale) => Value::Decimal(parse_decimal(text, scale).ok()?),
            Kind::Text => {
                if text.contains('\0') {
                    return None;
                }
                Value::from(text)
            }
            Kind::Date => Value::Date(parse_date(text)?),
            Kind::Datetime => Value::Datetime(parse_datetime_or_local(text)?),
            Kind::Duration => Value::Duration(parse_duration(text)?),
            Kind::Uuid => Value::Uuid(parse_uuid(text)?),
            Kind::Json => Value::json(serde_json::from_str(text).ok()?),
        })
    }
}

impl Value {
    /// The canonical text; null and what is withheld are empty.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Value::Null | Value::Withheld => String::new(),
            Value::Bool(truth) => truth.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Float(number) => format!("{number:?}"),
            Value::Decimal(decimal) => format_decimal(*decimal),
            Value::Text(text) => text.to_string(),
            Value::Date(days) => format_date(*days),
            Value::Datetime(micros) => format_datetime(*micros),
            Value::Duration(micros) => format_duration(*micros),
            Value::Uuid(uuid) => uuid.to_string(),
            Value::Json(json) => json.to_string(),
        }
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" => Some(true),
        "false" | "0" | "off" | "no" => Some(false),
        _ => None,
    }
}

fn parse_int(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.starts_with('+') {
        return None;
    }
    text.parse().ok()
}

fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|number: &f64| plain && number.is_finite())
}

/// `12.50`, with as many digits after the point as the scale.
#[must_use]
pub fn format_decimal(decimal: Decimal) -> String {
    let Decimal { units, scale } = decimal;
    if scale == 0 {
        return units.to_string();
    }
    let width = usize::from(scale) + 1;
    let digits = format!("{:0width$}", units.unsigned_abs());
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    let sign = if units < 0 { "-" } else { "" };
    format!("{sign}{whole}.{fraction}")
}

/// A decimal of this scale from `12.5`, exactly.
///
/// # Errors
/// Where the text is not a decimal, has too many digits after the point, or does not fit.
pub fn parse_decimal(text: &str, scale: u8) -> Result<Decimal, DecimalError> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let pointless = !digits.contains('.') || !fraction.is_empty();
    if whole.is_empty() || !pointless || !all_digits(whole) || !all_digits(fraction) {
        return Err(DecimalError::Malformed);
    }
    let fraction = fraction.trim_end_matches('0');
    let missing = usize::from(scale).checked_sub(fraction.len()).ok_or(DecimalError::TooPrecise)?;
    let mut units: i128 = 0;
    for digit in whole.trim_start_matches('0').bytes().chain(fraction.bytes()) {
        units = units * 10 + i128::from(digit - b'0');
        if units > i128::from(u64::MAX) {
            return Err(DecimalError::TooLarge);
        }
    }
    let factor = POWERS.get(missing).copied().ok_or(DecimalError::TooLarge)?;
    units *= i128::from(factor);
    let units = if negative { -units } else { units };
    Ok(Decimal { units: i64::try_from(units).map_err(|_| DecimalError::TooLarge)?, scale })
}

/// `2026-03-01`.
#[must_use]
pub fn format_date(days: i32) -> String {
    let mut text = String::with_capacity(10);
    write_date(i64::from(days), &mut text);
    text
}

/// Days since 1970-01-01 from `2026-03-01`, for the years 1 to 9999.
#[must_use]
pub fn parse_date(text: &str) -> Option<i32> {
    let bytes = text.trim().as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (number(&bytes[..4])?, number(&bytes[5..7])?, number(&bytes[8..])?);
    if year < 1 || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    i32::try_from(days_from_civil(year, month, day)).ok()
}

/// `2026-03-01T12:00:00.000000Z`.
#[must_use]
pub fn format_datetime(micros: i64) -> String {
    let mut text = String::with_capacity(27);
    write_datetime(micros, &mut text);
    text
}

/// Microseconds since 1970 from RFC 3339: a date, a time, perhaps a fraction, and an offset or `Z`. Digits
/// beyond the microsecond are cut off.
#[must_use]
pub fn parse_datetime(text: &str) -> Option<i64> {
    let (micros, rest) = parse_local(text.trim(), true)?;
    let offset_seconds = match rest.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), hour @ .., colon, m1, m2] if hour.len() == 2 && *colon == b':' => {
            let (hours, minutes) = (number(hour)?, number(&[*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3600 + minutes * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    let utc = micros - offset_seconds * MICROS_A_SECOND;
    in_calendar(utc).then_some(utc)
}

/// As [`parse_datetime`]; and what HTML's `datetime-local` sends (`2026-03-01T12:00`), taken as UTC.
#[must_use]
pub fn parse_datetime_or_local(text: &str) -> Option<i64> {
    parse_datetime(text).or_else(|| match parse_local(text.trim(), false)? {
        (micros, "") => Some(micros),
        _ => None,
    })
}

/// `1h30m`, `0.5s`, `-2m`, `0s`: hours, minutes and seconds, as CEL's `duration("…")` takes them.
#[must_use]
pub fn format_duration(micros: i64) -> String {
    if micros == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    if micros < 0 {
        text.push('-');
    }
    let all = micros.unsigned_abs();
    let (seconds, fraction) = (all / 1_000_000, all % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        let _ = write!(text, "{hours}h");
    }
    if minutes > 0 {
        let _ = write!(text, "{minutes}m");
    }
    if fraction > 0 {
        let digits = format!("{fraction:06}");
        let _ = write!(text, "{seconds}.{}s", digits.trim_end_matches('0'));
    } else if seconds > 0 {
        let _ = write!(text, "{seconds}s");
    }
    text
}

/// Microseconds from `1h30m`, `90s`, `1.5h`, `250ms`, `-2m`; `d` is 24 hours. Exact, or none.
#[must_use]
pub fn parse_duration(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (amount, after) = rest.split_at(end);
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        rest = after;
        let nanos: i128 = match unit {
            "d" => 86_400_000_000_000,
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" | "µs" => 1_000,
            "ns" => 1,
            _ => return None,
        };
        // Nine digits after the point: what does not end there is no whole number of nanoseconds.
        let amount = parse_decimal(amount, 9).ok()?;
        let scaled = i128::from(amount.units) * nanos;
        if scaled % 1_000_000_000_000 != 0 {
            return None;
        }
        total += scaled / 1_000_000_000_000;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// A UUID from its hyphenated text, in either case of letters.
#[must_use]
pub fn parse_uuid(text: &str) -> Option<Uuid> {
    let text = text.trim();
    (text.len() == 36).then(|| Uuid::try_parse(text).ok())?
}

pub(super) fn write_date(days: i64, out: &mut String) {
    let (year, month, day) = civil_from_days(days);
    push_year(year, out);
    out.push('-');
    push_two(month, out);
    out.push('-');
    push_two(day, out);
}

pub(super) fn write_datetime(micros: i64, out: &mut String) {
    if let Some(digits) = datetime_digits(micros) {
        out.push_str(std::str::from_utf8(&digits).unwrap_or_default());
        return;
    }
    let (days, within) = (micros.div_euclid(MICROS_A_DAY), micros.rem_euclid(MICROS_A_DAY));
    write_date(days, out);
    out.push_str(std::str::from_utf8(&time_digits(within)).unwrap_or_default());
}

/// `1970-01-01T00:00:00.000000Z`, in the years of four digits.
pub(super) fn datetime_digits(micros: i64) -> Option<[u8; 27]> {
    let (days, within) = (micros.div_euclid(MICROS_A_DAY), micros.rem_euclid(MICROS_A_DAY));
    let (year, month, day) = civil_from_days(days);
    if !(0..=9999).contains(&year) {
        return None;
    }
    let year = year as u32;
    let mut digits = *b"0000-00-00T00:00:00.000000Z";
    put_two(&mut digits, 0, year / 100);
    put_two(&mut digits, 2, year % 100);
    put_two(&mut digits, 5, month as u32);
    put_two(&mut digits, 8, day as u32);
    digits[10..].copy_from_slice(&time_digits(within));
    Some(digits)
}

/// `T00:00:00.000000Z`, of the microseconds within a day.
fn time_digits(within: i64) -> [u8; 17] {
    // Both fit 32 bits, in which a division by a constant costs a third.
    let (seconds, fraction) = ((within / MICROS_A_SECOND) as u32, (within % MICROS_A_SECOND) as u32);
    let mut digits = *b"T00:00:00.000000Z";
    put_two(&mut digits, 1, seconds / 3600);
    put_two(&mut digits, 4, seconds / 60 % 60);
    put_two(&mut digits, 7, seconds % 60);
    put_two(&mut digits, 10, fraction / 10_000);
    put_two(&mut digits, 12, fraction / 100 % 100);
    put_two(&mut digits, 14, fraction % 100);
    digits
}

#[inline(always)]
fn put_two<const N: usize>(digits: &mut [u8; N], at: usize, number: u32) {
    digits[at] = b'0' + (number / 10) as u8;
    digits[at + 1] = b'0' + (number % 10) as u8;
}

/// A date and time without offset, and what follows it.
fn parse_local(text: &str, need_seconds: bool) -> Option<(i64, &str)> {
    let days = parse_date(text.get(..10)?)?;
    let bytes = text.as_bytes();
    if !matches!(bytes.get(10), Some(b'T' | b't' | b' ')) || bytes.get(13) != Some(&b':') {
        return None;
    }
    let (hour, minute) = (number(bytes.get(11..13)?)?, number(bytes.get(14..16)?)?);
    let mut at = 16;
    let (mut second, mut fraction) = (0, 0);
    if bytes.get(at) == Some(&b':') {
        second = number(bytes.get(17..19)?)?;
        at = 19;
        if bytes.get(at) == Some(&b'.') {
            let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            let kept = digits.min(6);
            fraction = number(&bytes[at + 1..at + 1 + kept])? * POWERS[6 - kept];
            at += 1 + digits;
        }
    } else if need_seconds {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(days) * SECONDS_A_DAY + hour * 3600 + minute * 60 + second;
    Some((seconds * MICROS_A_SECOND + fraction, text.get(at..)?))
}

/// Whether an instant lies in the years 1 to 9999, which is all that RFC 3339 can write.
fn in_calendar(micros: i64) -> bool {
    let (first, after) = (days_from_civil(1, 1, 1), days_from_civil(10_000, 1, 1));
    (first * MICROS_A_DAY..after * MICROS_A_DAY).contains(&micros)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .try_fold(0_i64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
}

fn push_two(number: i64, out: &mut String) {
    for digit in [number / 10, number % 10] {
        out.push(char::from(b'0' + u8::try_from(digit).unwrap_or(0)));
    }
}

fn push_year(year: i64, out: &mut String) {
    if (0..=9999).contains(&year) {
        push_two(year / 100, out);
        push_two(year % 100, out);
    } else {
        let _ = write!(out, "{year:+}");
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Howard Hinnant, "chrono-compatible low-level date algorithms": `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The same source's `civil_from_days`.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let years = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (years + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_texts() {
        assert_eq!(format_datetime(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(format_datetime(-1), "1969-12-31T23:59:59.999999Z");
        assert_eq!(parse_datetime("2026-03-01T12:00:00+02:00"), parse_datetime("2026-03-01T10:00:00Z"));
        assert_eq!(parse_datetime("2026-03-01T12:00"), None);
        assert_eq!(parse_datetime_or_local("2026-03-01T12:00"), parse_datetime("2026-03-01T12:00:00Z"));
        assert_eq!(parse_datetime("2026-02-29T12:00:00Z"), None);
        assert_eq!(parse_datetime("2026-03-01T12:00:60Z"), None);
        assert_eq!(parse_date("2024-02-29").map(format_date).as_deref(), Some("2024-02-29"));
        assert_eq!(parse_date("0000-01-01"), None);
        assert_eq!(format_duration(5_400_000_000), "1h30m");
        assert_eq!(format_duration(-500_000), "-0.5s");
        assert_eq!(parse_duration("1.5h"), Some(5_400_000_000));
        assert_eq!(parse_duration("2d"), Some(172_800_000_000));
        for wrong in ["", "-", "1", "h", "1x", "1.2.3s", "1ns", "9999999999999h"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
        assert_eq!(format_decimal(Decimal { units: -5, scale: 2 }), "-0.05");
        assert_eq!(parse_decimal("12.5", 2), Ok(Decimal { units: 1250, scale: 2 }));
        assert_eq!(parse_decimal("12.505", 2), Err(DecimalError::TooPrecise));
        assert_eq!(parse_decimal("99999999999999999999", 0), Err(DecimalError::TooLarge));
        for wrong in ["", "-", ".5", "5.", "1e3", "+1", "1_0", "--1"] {
            assert_eq!(parse_decimal(wrong, 2), Err(DecimalError::Malformed), "{wrong}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let year_1 = days_from_civil(1, 1, 1);
        let year_10000 = days_from_civil(10_000, 1, 1);
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::Float),
            (any::<i64>(), 0_u8..=18).prop_map(|(units, scale)| Value::Decimal(Decimal { units, scale })),
            "[^\\x00]*".prop_map(Value::from),
            (year_1..year_10000).prop_map(|days| Value::Date(i32::try_from(days).unwrap_or(0))),
            (year_1 * MICROS_A_DAY..year_10000 * MICROS_A_DAY).prop_map(Value::Datetime),
            any::<i64>().prop_map(Value::Duration),
            any::<u128>().prop_map(|bits| Value::Uuid(Uuid::from_u128(bits))),
        ]
    }

    proptest! {
        #[test]
        fn every_value_is_read_back_from_its_text(value in value()) {
            let kind = value.kind().expect("these have one");
            prop_assert_eq!(kind.parse(&value.to_text()), Some(value));
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,30}", digits in "[-0-9.:TZ+hms ]{0,40}") {
            for text in [text, digits] {
                for kind in [Kind::Bool, Kind::Int, Kind::Float, Kind::Decimal(4), Kind::Decimal(200), Kind::Date,
                    Kind::Datetime, Kind::Duration, Kind::Uuid, Kind::Json] {
                    let _ = kind.parse(&text);
                }
            }
        }

        #[test]
        fn formatting_never_panics(micros in any::<i64>(), days in any::<i32>()) {
            let _ = (format_datetime(micros), format_date(days), format_duration(micros));
        }
    }
}
