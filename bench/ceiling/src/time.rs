//! Instants as the database keeps them, microseconds since 1970 in UTC, and as people and JSON read them.

use std::time::{SystemTime, UNIX_EPOCH};

use minijinja::Value;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// The present, in microseconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Appends RFC 3339 with microseconds: `2025-02-03T04:05:06.000007Z`. A list has a hundred of them.
pub(crate) fn write_rfc3339(out: &mut Vec<u8>, micros: i64) {
    let seconds = micros.div_euclid(MICROS_PER_SECOND);
    let second_of_day = seconds.rem_euclid(SECONDS_PER_DAY);
    let fraction = micros.rem_euclid(MICROS_PER_SECOND);
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    write_date(&mut text, seconds.div_euclid(SECONDS_PER_DAY));
    write_pair(&mut text, 11, second_of_day / 3600);
    write_pair(&mut text, 14, second_of_day / 60 % 60);
    write_pair(&mut text, 17, second_of_day % 60);
    write_pair(&mut text, 20, fraction / 10_000);
    write_pair(&mut text, 22, fraction / 100 % 100);
    write_pair(&mut text, 24, fraction % 100);
    out.extend_from_slice(&text);
}

/// The day alone, as pages show it: `2025-02-03`.
pub(crate) fn date(micros: i64) -> Value {
    let mut text = *b"0000-00-00";
    write_date(&mut text, micros.div_euclid(MICROS_PER_SECOND * SECONDS_PER_DAY));
    std::str::from_utf8(&text).unwrap_or_default().into()
}

/// Reads RFC 3339 in UTC (`…Z`), with or without a fraction of the second.
pub(crate) fn parse_rfc3339(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z')?;
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, byte)| text.as_bytes().get(at) != Some(&byte)) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let days = days_from_civil(year, month, day);
    if civil_from_days(days) != (year, month, day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = match text.get(19..)? {
        "" => 0,
        rest => {
            let digits = rest.strip_prefix('.').filter(|d| (1..=6).contains(&d.len()))?;
            format!("{digits:0<6}").parse::<i64>().ok()?
        }
    };
    Some((days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND + fraction)
}

fn write_date(out: &mut [u8], days: i64) {
    let (year, month, day) = civil_from_days(days);
    write_pair(out, 0, year / 100);
    write_pair(out, 2, year % 100);
    write_pair(out, 5, month);
    write_pair(out, 8, day);
}

/// Writes two digits.
fn write_pair(out: &mut [u8], at: usize, number: i64) {
    // Divisions of small unsigned numbers are cheap.
    let number = (number as u32) % 100;
    out[at] = b'0' + (number / 10) as u8;
    out[at + 1] = b'0' + (number % 10) as u8;
}

/// Days since 1970 to a date. From Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The way back.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(micros: i64) -> String {
        let mut out = Vec::new();
        write_rfc3339(&mut out, micros);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn instants_are_written_and_read_back() {
        assert_eq!(written(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(written(1_709_210_096_000_007), "2024-02-29T12:34:56.000007Z");
        assert_eq!(parse_rfc3339("2024-02-29T12:34:56.000007Z"), Some(1_709_210_096_000_007));
        assert_eq!(parse_rfc3339("2024-02-29T12:34:56Z"), Some(1_709_210_096_000_000));
        assert_eq!(date(1_709_210_096_000_007).as_str(), Some("2024-02-29"));
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in ["", "2024-02-29", "2023-02-29T12:34:56Z", "2024-02-29T24:00:00Z", "2024-02-29T12:34:56"]
        {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }
}
