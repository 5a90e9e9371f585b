//! Values in PostgreSQL's binary format.
//!
//! Times count microseconds, dates days, from the first of January 2000. A decimal is `numeric`: a head of four
//! 16-bit numbers (digits, weight of the first, sign, decimals shown) and digits to the base of 10,000.

use std::borrow::Cow;
use std::error::Error;

use purlin_schema::value::Decimal;
use purlin_schema::{Kind, Uuid, Value};
use tokio_postgres::Row;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};

use crate::read::Source;
use crate::sql::{Args, Bind};
use crate::values::bound;

/// Days from 1970 to 2000.
const DAYS: i32 = 10_957;
/// Microseconds from 1970 to 2000.
const MICROS: i64 = 946_684_800_000_000;
const NEGATIVE: u16 = 0x4000;

/// The type of a parameter.
pub(crate) fn type_of(bind: &Bind) -> Type {
    match bind {
        Bind::Array(Kind::Uuid) => Type::UUID_ARRAY,
        Bind::Array(_) => Type::INT8_ARRAY,
        bind => type_of_kind(bind.kind()),
    }
}

fn type_of_kind(kind: Kind) -> Type {
    match kind {
        Kind::Bool => Type::BOOL,
        Kind::Int | Kind::Duration => Type::INT8,
        Kind::Float => Type::FLOAT8,
        Kind::Decimal(_) => Type::NUMERIC,
        Kind::Text => Type::TEXT,
        Kind::Date => Type::DATE,
        Kind::Datetime => Type::TIMESTAMPTZ,
        Kind::Uuid => Type::UUID,
        Kind::Json => Type::JSONB,
    }
}

/// What is bound to a parameter.
#[derive(Debug)]
pub(crate) enum Param<'run> {
    /// A value of the parameter's kind, or null.
    One(Cow<'run, Value>),
    /// Ids.
    Many(&'run [Value]),
}

impl<'run> Param<'run> {
    /// What is bound in a run.
    pub(crate) fn of(bind: &'run Bind, args: &Args<'run>) -> Param<'run> {
        match bind {
            Bind::Array(_) => Param::Many(args.values),
            bind => Param::One(bound(bind, args)),
        }
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Param::One(value) => put(value, out),
            Param::Many(values) => {
                put_array(values, ty, out)?;
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.to_sql(ty, out)
    }
}

/// An array of one dimension, counted from 1: a head of five numbers, then each value behind its length.
fn put_array(values: &[Value], ty: &Type, out: &mut BytesMut) -> Result<(), Box<dyn Error + Sync + Send>> {
    let of = if *ty == Type::UUID_ARRAY { Type::UUID } else { Type::INT8 };
    out.reserve(20 + 20 * values.len());
    for number in [1, 0, of.oid().cast_signed(), i32::try_from(values.len())?, 1] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    for value in values {
        let start = out.len();
        out.extend_from_slice(&(-1_i32).to_be_bytes());
        if let IsNull::No = put(value, out)? {
            let length = i32::try_from(out.len() - start - 4)?;
            out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        }
    }
    Ok(())
}

fn put(value: &Value, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
    match value {
        Value::Null | Value::Withheld => return Ok(IsNull::Yes),
        Value::Bool(truth) => out.extend_from_slice(&[u8::from(*truth)]),
        Value::Int(number) | Value::Duration(number) => out.extend_from_slice(&number.to_be_bytes()),
        Value::Float(number) => out.extend_from_slice(&number.to_be_bytes()),
        Value::Decimal(decimal) => put_decimal(*decimal, out),
        Value::Text(text) => out.extend_from_slice(text.as_bytes()),
        Value::Date(days) => out.extend_from_slice(&days.saturating_sub(DAYS).to_be_bytes()),
        Value::Datetime(micros) => {
            out.extend_from_slice(&micros.saturating_sub(MICROS).to_be_bytes());
        }
        Value::Uuid(uuid) => out.extend_from_slice(uuid.as_bytes()),
        Value::Json(json) => {
            // The format's version.
            out.extend_from_slice(&[1]);
            out.extend_from_slice(json.to_string().as_bytes());
        }
    }
    Ok(IsNull::No)
}

fn put_decimal(decimal: Decimal, out: &mut BytesMut) {
    let scale = u32::from(decimal.scale);
    // Whole digits of four decimals each, from the least.
    let fill = (4 - scale % 4) % 4;
    let mut rest = u128::from(decimal.units.unsigned_abs()) * 10_u128.pow(fill);
    let mut digits = Vec::new();
    while rest > 0 {
        digits.push(u16::try_from(rest % 10_000).unwrap_or_default());
        rest /= 10_000;
    }
    let decimals = i32::try_from((scale + fill) / 4).unwrap_or_default();
    let weight = i32::try_from(digits.len()).unwrap_or_default() - decimals - 1;
    let mut put = |number: u16| out.extend_from_slice(&number.to_be_bytes());
    put(u16::try_from(digits.len()).unwrap_or_default());
    put(i16::try_from(weight).unwrap_or_default().cast_unsigned());
    put(if decimal.units < 0 { NEGATIVE } else { 0 });
    put(u16::from(decimal.scale));
    digits.into_iter().rev().for_each(put);
}

fn decimal(bytes: &[u8], scale: u8) -> Option<Value> {
    let mut numbers = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let (_, weight, sign, _) = (numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()?);
    if sign != 0 && sign != NEGATIVE {
        return None;
    }
    // What the last digit so far is worth, as a power of ten over the units.
    let mut power = i32::from(weight.cast_signed()) * 4 + i32::from(scale);
    let mut units: i128 = 0;
    for digit in numbers {
        let digit = i128::from(digit);
        let worth = match u32::try_from(power) {
            Ok(power) => digit.checked_mul(10_i128.checked_pow(power)?)?,
            Err(_) => digit / 10_i128.checked_pow(power.unsigned_abs())?,
        };
        units = units.checked_add(worth)?;
        power -= 4;
    }
    let units = i64::try_from(if sign == NEGATIVE { -units } else { units }).ok()?;
    Some(Value::Decimal(Decimal { units, scale }))
}

/// The bytes of a column, whatever its type.
struct Bytes<'row>(&'row [u8]);

impl<'row> FromSql<'row> for Bytes<'row> {
    fn from_sql(_: &Type, bytes: &'row [u8]) -> Result<Bytes<'row>, Box<dyn Error + Sync + Send>> {
        Ok(Bytes(bytes))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl Source for Row {
    fn value(&self, at: usize, kind: Kind) -> Value {
        match self.try_get::<_, Option<Bytes<'_>>>(at) {
            Ok(Some(Bytes(bytes))) => value(bytes, self.columns()[at].type_(), kind).unwrap_or_default(),
            _ => Value::Null,
        }
    }
}

/// The value that the bytes of a type stand for; nothing where the type is not one of the kind's.
fn value(bytes: &[u8], ty: &Type, kind: Kind) -> Option<Value> {
    let long = || bytes.try_into().ok().map(i64::from_be_bytes);
    let text = || std::str::from_utf8(bytes).ok();
    Some(match kind {
        Kind::Int if is_integer(ty) => Value::Int(integer(bytes)?),
        Kind::Int if *ty == Type::NUMERIC => match decimal(bytes, 0)? {
            Value::Decimal(Decimal { units, .. }) => Value::Int(units),
            _ => return None,
        },
        Kind::Text if !matches!(*ty, Type::JSONB | Type::BYTEA) => Value::from(text()?),
        Kind::Bool if *ty == Type::BOOL => Value::Bool(bytes.first().is_some_and(|byte| *byte != 0)),
        Kind::Float if *ty == Type::FLOAT8 => Value::Float(f64::from_be_bytes(bytes.try_into().ok()?)),
        Kind::Float if *ty == Type::FLOAT4 => {
            Value::Float(f64::from(f32::from_be_bytes(bytes.try_into().ok()?)))
        }
        Kind::Decimal(scale) if *ty == Type::NUMERIC => decimal(bytes, scale)?,
        Kind::Decimal(scale) if is_integer(ty) => {
            let units = integer(bytes)?.checked_mul(10_i64.checked_pow(u32::from(scale))?)?;
            Value::Decimal(Decimal { units, scale })
        }
        Kind::Date if *ty == Type::DATE => {
            let days = i32::from_be_bytes(bytes.try_into().ok()?);
            // The ends of the range are minus and plus infinity.
            (days != i32::MIN && days != i32::MAX)
                .then(|| days.checked_add(DAYS))
                .flatten()
                .map(Value::Date)?
        }
        Kind::Datetime if matches!(*ty, Type::TIMESTAMPTZ | Type::TIMESTAMP) => {
            let micros = long()?;
            let known = micros != i64::MIN && micros != i64::MAX;
            known.then(|| micros.checked_add(MICROS)).flatten().map(Value::Datetime)?
        }
        Kind::Duration if is_integer(ty) => Value::Duration(integer(bytes)?),
        Kind::Uuid if *ty == Type::UUID => Value::Uuid(Uuid::from_slice(bytes).ok()?),
        Kind::Json if *ty == Type::JSONB => {
            Value::json(serde_json::from_slice(bytes.strip_prefix(&[1])?).ok()?)
        }
        Kind::Json if matches!(*ty, Type::JSON | Type::TEXT) => {
            Value::json(serde_json::from_slice(bytes).ok()?)
        }
        _ => return None,
    })
}

fn is_integer(ty: &Type) -> bool {
    matches!(*ty, Type::INT8 | Type::INT4 | Type::INT2)
}

fn integer(bytes: &[u8]) -> Option<i64> {
    Some(match bytes.len() {
        8 => i64::from_be_bytes(bytes.try_into().ok()?),
        4 => i64::from(i32::from_be_bytes(bytes.try_into().ok()?)),
        2 => i64::from(i16::from_be_bytes(bytes.try_into().ok()?)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decimal_comes_back_as_it_went() {
        for scale in [0, 1, 2, 3, 4, 5, 8, 9, 18] {
            for units in [0, 1, -1, 9, 10, 9_999, 10_000, 123_456_789, -100_000_000, i64::MAX, i64::MIN] {
                let there = Decimal { units, scale };
                let mut bytes = BytesMut::new();
                put_decimal(there, &mut bytes);
                assert_eq!(decimal(&bytes, scale), Some(Value::Decimal(there)), "{units} at {scale}");
            }
        }
    }

    #[test]
    fn what_is_no_number_is_nothing() {
        // NaN, as PostgreSQL writes it.
        assert_eq!(decimal(&[0, 0, 0, 0, 0xc0, 0, 0, 0], 2), None);
        assert_eq!(value(&i32::MAX.to_be_bytes(), &Type::DATE, Kind::Date), None);
        assert_eq!(value(b"x", &Type::TEXT, Kind::Int), None);
    }
}
