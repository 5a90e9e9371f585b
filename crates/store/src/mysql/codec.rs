//! Values in MySQL's binary protocol: a decimal is its digits, a UUID its bytes, a time its parts in UTC.

use mysql_async::{Row, Value as Stored};
use purlin_schema::value::Decimal;
use purlin_schema::{Kind, Uuid, Value};

use crate::read::Source;

const DAY: i64 = 86_400_000_000;

/// What is bound for a value of the parameter's kind.
pub(crate) fn stored(value: &Value) -> Stored {
    match value {
        Value::Null | Value::Withheld => Stored::NULL,
        Value::Bool(truth) => Stored::Int(i64::from(*truth)),
        Value::Int(number) | Value::Duration(number) => Stored::Int(*number),
        Value::Float(number) => Stored::Double(*number),
        Value::Decimal(decimal) => Stored::Bytes(digits(*decimal).into_bytes()),
        Value::Text(text) => Stored::Bytes(text.as_bytes().to_vec()),
        Value::Date(days) => time(i64::from(*days).saturating_mul(DAY)),
        Value::Datetime(micros) => time(*micros),
        Value::Uuid(uuid) => Stored::Bytes(uuid.as_bytes().to_vec()),
        Value::Json(json) => Stored::Bytes(json.to_string().into_bytes()),
    }
}

fn digits(decimal: Decimal) -> String {
    let sign = if decimal.units < 0 { "-" } else { "" };
    let scale = usize::from(decimal.scale);
    let units = format!("{:0>width$}", decimal.units.unsigned_abs(), width = scale + 1);
    let (whole, rest) = units.split_at(units.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
}

fn decimal(bytes: &[u8], scale: u8) -> Option<Decimal> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let mut units = whole.to_owned();
    let rest = rest.get(..usize::from(scale)).unwrap_or(rest);
    units.push_str(rest);
    units.extend(std::iter::repeat_n('0', usize::from(scale) - rest.len()));
    Some(Decimal { units: units.parse().ok()?, scale })
}

/// An instant as its parts; null beyond the years that MySQL knows.
fn time(micros: i64) -> Stored {
    let at = jiff::Timestamp::from_microsecond(micros).ok();
    let parts = at.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).datetime());
    let small = |number: i8| u8::try_from(number).unwrap_or_default();
    match parts.and_then(|parts| Some((u16::try_from(parts.year()).ok()?, parts))) {
        Some((year, parts)) => Stored::Date(
            year,
            small(parts.month()),
            small(parts.day()),
            small(parts.hour()),
            small(parts.minute()),
            small(parts.second()),
            u32::try_from(micros.rem_euclid(1_000_000)).unwrap_or_default(),
        ),
        None => Stored::NULL,
    }
}

fn micros(stored: &Stored) -> Option<i64> {
    let Stored::Date(year, month, day, hour, minute, second, micros) = stored else { return None };
    let small = |number: u8| i8::try_from(number).ok();
    let date = jiff::civil::Date::new(i16::try_from(*year).ok()?, small(*month)?, small(*day)?).ok()?;
    let time = date.at(small(*hour)?, small(*minute)?, small(*second)?, 0);
    let seconds = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    seconds.checked_mul(1_000_000)?.checked_add(i64::from(*micros))
}

impl Source for Row {
    fn value(&self, at: usize, kind: Kind) -> Value {
        self.as_ref(at).and_then(|stored| value(stored, kind)).unwrap_or_default()
    }
}

fn value(stored: &Stored, kind: Kind) -> Option<Value> {
    let integer = || match stored {
        Stored::Int(number) => Some(*number),
        Stored::UInt(number) => i64::try_from(*number).ok(),
        // Sums are decimals.
        Stored::Bytes(bytes) => decimal(bytes, 0).map(|decimal| decimal.units),
        _ => None,
    };
    let bytes = || if let Stored::Bytes(bytes) = stored { Some(bytes.as_slice()) } else { None };
    Some(match kind {
        Kind::Bool => Value::Bool(integer()? != 0),
        Kind::Int => Value::Int(integer()?),
        Kind::Duration => Value::Duration(integer()?),
        Kind::Float => match stored {
            Stored::Double(number) => Value::Float(*number),
            Stored::Float(number) => Value::Float(f64::from(*number)),
            _ => Value::Float(integer()? as f64),
        },
        Kind::Decimal(scale) => match stored {
            Stored::Bytes(bytes) => Value::Decimal(decimal(bytes, scale)?),
            _ => {
                let units = integer()?.checked_mul(10_i64.checked_pow(u32::from(scale))?)?;
                Value::Decimal(Decimal { units, scale })
            }
        },
        Kind::Text => Value::from(String::from_utf8_lossy(bytes()?).into_owned()),
        Kind::Date => Value::Date(i32::try_from(micros(stored)?.div_euclid(DAY)).ok()?),
        Kind::Datetime => Value::Datetime(micros(stored)?),
        Kind::Uuid => Value::Uuid(Uuid::from_slice(bytes()?).ok()?),
        Kind::Json => Value::json(serde_json::from_slice(bytes()?).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decimal_comes_back_as_it_went() {
        for scale in [0, 1, 2, 18] {
            for units in [0, 1, -1, 99, -1_000, i64::MAX, i64::MIN] {
                let there = Decimal { units, scale };
                assert_eq!(decimal(digits(there).as_bytes(), scale), Some(there), "{units} at {scale}");
            }
        }
        assert_eq!(digits(Decimal { units: -5, scale: 2 }), "-0.05");
    }

    #[test]
    fn every_time_comes_back_as_it_went() {
        for there in [0, -1, 1_800_000_000_123_456, -62_135_596_800_000_000] {
            assert_eq!(micros(&time(there)), Some(there));
        }
        let day = Value::Date(-719_162);
        assert_eq!(value(&stored(&day), Kind::Date), Some(day));
    }
}
