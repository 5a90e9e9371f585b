//! What is in a column, as another type, value by value: what SQLite does by `sqlite/convert.rs`, for servers
//! whose own conversions mean something else.

use purlin_schema::value::Decimal;
use purlin_schema::{Kind, Value};

use crate::migrate::snapshot::ColumnType;

const MICROS_A_DAY: i64 = 86_400_000_000;

/// The value as another type; `None` where it has no like there.
pub(crate) fn convert(value: &Value, to: ColumnType) -> Option<Value> {
    let one = |scale: u8| 10_i64.pow(u32::from(scale));
    Some(match (value, to.0) {
        (Value::Null, _) => Value::Null,
        (Value::Text(text), Kind::Text) => Value::Text(text.clone()),
        (value, Kind::Text) => Value::from(value.to_text()),
        (Value::Text(text), kind) => kind.parse(text)?,
        (Value::Int(number), Kind::Bool) => match number {
            0 => Value::Bool(false),
            1 => Value::Bool(true),
            _ => return None,
        },
        (Value::Bool(truth), Kind::Int) => Value::Int(i64::from(*truth)),
        (Value::Int(number), Kind::Float) => Value::Float(exact_float(*number)?),
        (Value::Float(number), Kind::Int) => Value::Int(whole(*number)?),
        (Value::Int(number), Kind::Decimal(scale)) => decimal(times(*number, one(scale))?, scale),
        (Value::Decimal(old), Kind::Decimal(scale)) if scale > old.scale => {
            decimal(times(old.units, one(scale - old.scale))?, scale)
        }
        (Value::Decimal(old), Kind::Decimal(scale)) => {
            decimal(shrink(old.units, one(old.scale - scale)), scale)
        }
        (Value::Decimal(old), Kind::Int) => Value::Int(shrink(old.units, one(old.scale))),
        (Value::Decimal(old), Kind::Float) => Value::Float(float(*old)),
        (Value::Float(number), Kind::Decimal(scale)) => decimal(rounded(*number, one(scale))?, scale),
        (Value::Date(days), Kind::Datetime) => Value::Datetime(i64::from(*days) * MICROS_A_DAY),
        (Value::Datetime(micros), Kind::Date) => {
            Value::Date(i32::try_from(micros.div_euclid(MICROS_A_DAY)).ok()?)
        }
        (value, _) => value.clone(),
    })
}

fn decimal(units: i64, scale: u8) -> Value {
    Value::Decimal(Decimal { units, scale })
}

/// Beyond 2⁵³ not every integer is a double.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "the way back shows what was lost"
)]
fn exact_float(number: i64) -> Option<f64> {
    let float = number as f64;
    (float as i64 == number).then_some(float)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "it was looked at that nothing is cut off"
)]
fn whole(number: f64) -> Option<i64> {
    (number.abs() < 9_223_372_036_854_775_808.0 && number.trunc() == number).then_some(number as i64)
}

#[expect(clippy::cast_precision_loss, reason = "a float is what is wanted")]
fn float(decimal: Decimal) -> f64 {
    decimal.units as f64 / 10_i64.pow(u32::from(decimal.scale)) as f64
}

/// Halves go away from zero.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "its range was looked at")]
fn rounded(number: f64, one: i64) -> Option<i64> {
    let scaled = number * one as f64;
    (scaled.abs() < 9_223_372_036_854_775_808.0).then(|| scaled.round() as i64)
}

/// The least integer has no opposite, and is refused as elsewhere.
fn times(number: i64, by: i64) -> Option<i64> {
    let most = i64::MAX / by;
    (-most..=most).contains(&number).then(|| number * by)
}

/// Divides, rounding halves away from zero, without going through a float.
fn shrink(units: i64, by: i64) -> i64 {
    if by == 1 {
        return units;
    }
    let (half, rest) = (by / 2, units % by);
    units / by + i64::from(rest >= half) - i64::from(rest <= -half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_zero_and_what_does_not_fit_is_nothing() {
        let to = |value: Value, kind| convert(&value, ColumnType(kind));
        assert_eq!(to(decimal(-150, 2), Kind::Int), Some(Value::Int(-2)));
        assert_eq!(to(decimal(1255, 3), Kind::Decimal(2)), Some(decimal(126, 2)));
        assert_eq!(to(Value::Float(1.256), Kind::Decimal(2)), Some(decimal(126, 2)));
        assert_eq!(to(Value::Int(9_007_199_254_740_993), Kind::Float), None);
        assert_eq!(to(Value::Int(i64::MAX), Kind::Decimal(2)), None);
        assert_eq!(to(Value::Float(1.5), Kind::Int), None);
        assert_eq!(to(Value::Datetime(-1), Kind::Date), Some(Value::Date(-1)));
        assert_eq!(to(Value::from("1h30m"), Kind::Duration), Some(Value::Duration(5_400_000_000)));
        assert_eq!(to(Value::from("many"), Kind::Int), None);
        assert_eq!(to(Value::Null, Kind::Int), Some(Value::Null));
    }
}
