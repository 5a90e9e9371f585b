//! Values on their way to a database: what a column of a kind can hold, and what is bound to a parameter.

use std::borrow::Cow;

use purlin_schema::value::Decimal;
use purlin_schema::{Kind, Value};

use crate::sql::{Args, Bind};

/// What is bound to a parameter: a value of its kind, or null.
pub(crate) fn bound<'run>(bind: &'run Bind, args: &Args<'run>) -> Cow<'run, Value> {
    let value = match bind {
        Bind::Value(value, _) => Cow::Borrowed(value),
        Bind::Nth(number, _) => args.values.get(*number).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
        Bind::Input(input, _) => Cow::Owned(args.inputs.input(input).unwrap_or_default()),
        Bind::Absent(input) => {
            let absent = matches!(args.inputs.input(input), None | Some(Value::Withheld));
            Cow::Owned(Value::Bool(absent))
        }
        Bind::After(prefix) => {
            let after = bound(prefix, args).as_text().and_then(text_after);
            Cow::Owned(after.map_or(Value::Null, Value::from))
        }
        Bind::Loose(inner) => return bound(inner, args),
        // Only where one parameter takes all: there it is not asked for one value.
        Bind::Array(_) => Cow::Owned(Value::Null),
        Bind::Id(_) => Cow::Owned(args.id.map_or(Value::Null, Value::from)),
        Bind::Limit => Cow::Owned(Value::Int(args.limit)),
        Bind::Offset => Cow::Owned(Value::Int(args.offset)),
    };
    of_kind(value, bind.kind())
}

fn of_kind(value: Cow<'_, Value>, kind: Kind) -> Cow<'_, Value> {
    match (&*value, kind) {
        (Value::Int(number), Kind::Float) => Cow::Owned(Value::Float(*number as f64)),
        (Value::Float(_), Kind::Float) => value,
        (Value::Decimal(decimal), Kind::Decimal(scale)) if decimal.scale != scale => {
            let units = rescaled(*decimal, scale);
            Cow::Owned(units.map_or(Value::Null, |units| Value::Decimal(Decimal { units, scale })))
        }
        (Value::Decimal(_), Kind::Decimal(_)) => value,
        (other, kind) if fits(other, kind) => value,
        _ => Cow::Owned(Value::Null),
    }
}

/// The value as a column of a kind gives it back; nothing where it cannot hold it.
pub(crate) fn stored(value: Value, kind: Kind) -> Option<Value> {
    match (&value, kind) {
        (Value::Decimal(decimal), Kind::Decimal(scale)) => {
            rescaled(*decimal, scale).map(|units| Value::Decimal(Decimal { units, scale }))
        }
        // No column tells the two zeros apart.
        (Value::Float(number), Kind::Float) => (!number.is_nan()).then_some(Value::Float(number + 0.0)),
        (Value::Json(_), Kind::Json) => match value {
            Value::Json(json) => Some(Value::json(*json)),
            _ => None,
        },
        _ => fits(&value, kind).then_some(value),
    }
}

/// Whether a column of a kind can hold a value just as it is.
fn fits(value: &Value, kind: Kind) -> bool {
    match (value, kind) {
        (Value::Null, _)
        | (Value::Bool(_), Kind::Bool)
        | (Value::Int(_), Kind::Int)
        | (Value::Date(_), Kind::Date)
        | (Value::Datetime(_), Kind::Datetime)
        | (Value::Duration(_), Kind::Duration)
        | (Value::Uuid(_), Kind::Uuid)
        | (Value::Json(_), Kind::Json) => true,
        (Value::Text(text), Kind::Text) => !text.contains('\0'),
        _ => false,
    }
}

/// The units of a decimal at another scale, where it is exact there.
pub(crate) fn rescaled(decimal: Decimal, scale: u8) -> Option<i64> {
    if decimal.scale <= scale {
        let factor = 10_i64.checked_pow(u32::from(scale - decimal.scale))?;
        return decimal.units.checked_mul(factor);
    }
    let divisor = 10_i64.checked_pow(u32::from(decimal.scale - scale))?;
    (decimal.units % divisor == 0).then(|| decimal.units / divisor)
}

/// The least text that is greater than every text which begins with this one, if there is one.
pub(crate) fn text_after(prefix: &str) -> Option<String> {
    let mut after = prefix.to_owned();
    while let Some(last) = after.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            after.push(next);
            return Some(after);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::text_after;

    #[test]
    fn the_text_after_a_prefix_is_the_least_greater_one() {
        assert_eq!(text_after("ab").as_deref(), Some("ac"));
        assert_eq!(text_after("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(text_after("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(text_after(""), None);
        assert_eq!(text_after("\u{10ffff}"), None);
    }
}
