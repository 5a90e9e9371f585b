//! The functions for tables that others made, in a file: times among texts, and numbers that stand for a row.

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value as Stored, ValueRef};
use sha2::{Digest, Sha256};

const SECOND: i64 = 1_000_000;

/// Gives a connection its functions.
pub(super) fn register(connection: &Connection, flags: FunctionFlags) -> rusqlite::Result<()> {
    connection.create_scalar_function("purlin_micros", 2, flags, |context| {
        Ok(micros(context.get_raw(0), context.get(1)?))
    })?;
    connection.create_scalar_function("purlin_time", 2, flags, |context| {
        let sample: Option<String> = match context.get_raw(1) {
            ValueRef::Text(_) => Some(context.get(1)?),
            _ => None,
        };
        let micros: Option<i64> = context.get(0)?;
        Ok(micros
            .and_then(|micros| time(micros, sample.as_deref().unwrap_or_default()))
            .map_or(Stored::Null, Stored::Text))
    })?;
    connection.create_scalar_function("purlin_digest", -1, flags, digest)
}

/// The instant of a column in microseconds: the column as it is, and the seconds that SQLite makes of it, which knows a
/// thousandth of one.
fn micros(column: ValueRef<'_>, seconds: Option<f64>) -> Option<i64> {
    let seconds = seconds?;
    let text = if let ValueRef::Text(text) = column { std::str::from_utf8(text).ok() } else { None };
    let Some(fraction) = text.map(fraction) else {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float that is no instant becomes the last one"
        )]
        return Some((seconds * 1e3).round() as i64 * 1_000);
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "of at most 10^12 seconds"
    )]
    let whole = (seconds - fraction as f64 / 1e6).round() as i64;
    whole.checked_mul(SECOND)?.checked_add(fraction)
}

/// The microseconds that are written behind the seconds.
fn fraction(text: &str) -> i64 {
    let digits = text.split_once('.').map_or("", |(_, rest)| rest);
    let digits = digits.bytes().take_while(u8::is_ascii_digit).take(6);
    let (value, count) =
        digits.fold((0, 0), |(value, count), digit| (value * 10 + i64::from(digit - b'0'), count + 1));
    value * 10_i64.pow(6 - count)
}

/// An instant in UTC as text, written as the sample is: a `T` between day and hour, a zone, digits behind the seconds.
fn time(micros: i64, sample: &str) -> Option<String> {
    let at = jiff::Timestamp::from_microsecond(micros).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
    let between = if sample.as_bytes().get(10) == Some(&b'T') { 'T' } else { ' ' };
    let zone = match sample.get(19..).and_then(|rest| rest.find(['Z', 'z', '+', '-'])) {
        Some(at) if sample[19 + at..].starts_with(['Z', 'z']) => "Z",
        Some(_) => "+00:00",
        None => "",
    };
    let shown = sample.split_once('.').map_or("", |(_, rest)| rest);
    let shown = shown.bytes().take_while(u8::is_ascii_digit).count().min(6);
    let digits = format!("{:06}", micros.rem_euclid(SECOND));
    let needed = digits.trim_end_matches('0').len();
    let fraction = match needed.max(shown) {
        0 => String::new(),
        // Thousandths are what others write, too, and millionths.
        _ if needed <= 3 && shown <= 3 => format!(".{}", &digits[..3]),
        _ => format!(".{digits}"),
    };
    Some(format!("{}{between}{}{fraction}{zone}", at.date(), at.strftime("%H:%M:%S")))
}

/// A number of so many hexadecimal digits, made of values.
fn digest(context: &Context<'_>) -> rusqlite::Result<i64> {
    let digits: u32 = context.get(0)?;
    let mut hash = Sha256::new();
    for at in 1..context.len() {
        let (tag, number);
        let bytes: &[u8] = match context.get_raw(at) {
            ValueRef::Null => {
                tag = b'n';
                &[]
            }
            ValueRef::Integer(integer) => {
                tag = b'i';
                number = integer.to_be_bytes();
                &number
            }
            ValueRef::Real(real) => {
                tag = b'r';
                number = real.to_be_bytes();
                &number
            }
            ValueRef::Text(text) => {
                tag = b't';
                text
            }
            ValueRef::Blob(blob) => {
                tag = b'b';
                blob
            }
        };
        hash.update([tag]);
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    }
    let hash = hash.finalize();
    let first = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    Ok(i64::try_from(first >> (64 - 4 * digits.min(15))).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_keeps_its_microseconds_and_is_written_as_its_neighbours_are() {
        let of = |text: &str, seconds: f64| micros(ValueRef::Text(text.as_bytes()), Some(seconds));
        assert_eq!(of("2020-02-29 23:59:59.123456", 1_583_020_799.123), Some(1_583_020_799_123_456));
        // SQLite rounds to the thousandth: up to the next second.
        assert_eq!(of("2020-02-29T23:59:59.9996Z", 1_583_020_800.0), Some(1_583_020_799_999_600));
        assert_eq!(of("1969-12-31 23:59:59.5", -0.5), Some(-500_000));
        assert_eq!(of("2020-02-29", 1_582_934_400.0), Some(1_582_934_400_000_000));
        assert_eq!(micros(ValueRef::Real(2_459_000.5), Some(1.25)), Some(1_250_000));
        assert_eq!(micros(ValueRef::Null, None), None);

        let at = 1_583_020_799_120_000;
        for (sample, written) in [
            ("", "2020-02-29 23:59:59.120"),
            ("2019-01-01T00:00:00Z", "2020-02-29T23:59:59.120Z"),
            ("2019-01-01 00:00:00.123456", "2020-02-29 23:59:59.120000"),
            ("2019-01-01T00:00:00.1+02:00", "2020-02-29T23:59:59.120+00:00"),
            ("2019-01-01", "2020-02-29 23:59:59.120"),
        ] {
            assert_eq!(time(at, sample).as_deref(), Some(written), "{sample}");
        }
        assert_eq!(time(at / SECOND * SECOND, "").as_deref(), Some("2020-02-29 23:59:59"));
        assert_eq!(time(-1, "").as_deref(), Some("1969-12-31 23:59:59.999999"));
    }
}
