//! Exact decimals: they print with all their digits, and compare and compute with each other and with plain numbers.
//!
//! Jinja asks an object about another object of its own type alone: beside a number it would order a decimal by
//! the kinds of the two, and refuse to add them. So expressions are compiled to ask here first (see
//! [`crate::templates::operators`] and [`crate::filters::operators`]). A float beside a decimal is taken for the
//! shortest text that gives it, which is what somebody wrote: `price * 1.19` has no digits that nobody meant.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{DynObject, Object, ObjectRepr, ValueKind};
use purlin_schema::value::Decimal;

/// The most digits after the point that a result may have; 10 to this power is far below the largest unit.
const MAX_SCALE: u8 = 30;

/// `units` × 10^-`scale`. Results may be larger than what a field holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exact {
    units: i128,
    scale: u8,
}

/// What stands beside a decimal.
#[derive(Clone, Copy)]
pub(crate) enum Number {
    /// A whole number or a decimal, and a float that can be written as one.
    Exact(Exact),
    /// One that is too long to be exact: 1e300, infinity.
    Float(f64),
}

impl From<Decimal> for Exact {
    fn from(decimal: Decimal) -> Exact {
        Exact { units: decimal.units.into(), scale: decimal.scale }
    }
}

impl Number {
    /// The number in a value, where it is one. A truth is none.
    pub(crate) fn of(value: &Value) -> Option<Number> {
        if let Some(exact) = value.downcast_object_ref::<Exact>() {
            return Some(Number::Exact(*exact));
        }
        if value.kind() != ValueKind::Number {
            return None;
        }
        if value.is_integer()
            && let Ok(units) = i128::try_from(value.clone())
        {
            return Some(Number::Exact(Exact { units, scale: 0 }));
        }
        let float = f64::try_from(value.clone()).ok()?;
        Some(Exact::parse(&float.to_string()).map_or(Number::Float(float), Number::Exact))
    }

    pub(crate) fn as_float(self) -> f64 {
        match self {
            Number::Exact(exact) => exact.as_float(),
            Number::Float(float) => float,
        }
    }

    /// None beside what is not a number at all, as Jinja's own floats have it.
    pub(crate) fn compare(self, other: Number) -> Option<Ordering> {
        if let (Number::Exact(a), Number::Exact(b)) = (self, other)
            && let Some((a, b, _)) = a.aligned(b)
        {
            return Some(a.cmp(&b));
        }
        self.as_float().partial_cmp(&other.as_float())
    }
}

impl Exact {
    /// The decimal in a text of digits: "-12.30".
    pub(crate) fn parse(text: &str) -> Option<Exact> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let scale = u8::try_from(part.len()).ok().filter(|scale| *scale <= MAX_SCALE)?;
        let digits = whole.strip_prefix('-').unwrap_or(whole);
        let plain =
            !digits.is_empty() && digits.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit());
        Some(Exact { units: plain.then(|| format!("{whole}{part}"))?.parse().ok()?, scale })
    }

    /// As a template sees it.
    pub(crate) fn value(self) -> Value {
        match i64::try_from(self.units) {
            Ok(units) if self.scale == 0 => Value::from(units),
            _ if self.scale == 0 => Value::from(self.units),
            _ => Value::from_object(self),
        }
    }

    pub(crate) fn as_float(self) -> f64 {
        // The text is read as the nearest double; dividing the two would round twice.
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// Both units at the larger of the two scales.
    fn aligned(self, other: Exact) -> Option<(i128, i128, u8)> {
        let scale = self.scale.max(other.scale);
        let at = |exact: Exact| exact.units.checked_mul(power(scale - exact.scale)?);
        Some((at(self)?, at(other)?, scale))
    }

    pub(crate) fn add(self, other: Exact) -> Option<Exact> {
        let (a, b, scale) = self.aligned(other)?;
        Some(Exact { units: a.checked_add(b)?, scale })
    }

    pub(crate) fn negate(self) -> Option<Exact> {
        Some(Exact { units: self.units.checked_neg()?, scale: self.scale })
    }

    pub(crate) fn abs(self) -> Option<Exact> {
        Some(Exact { units: self.units.checked_abs()?, scale: self.scale })
    }

    /// The result has the digits after the point of both.
    pub(crate) fn multiply(self, other: Exact) -> Option<Exact> {
        let scale = self.scale.checked_add(other.scale).filter(|scale| *scale <= MAX_SCALE)?;
        Some(Exact { units: self.units.checked_mul(other.units)?, scale })
    }

    /// How often the other goes into this one, downwards, and what remains: with the sign of the other, as in Python.
    /// None for zero.
    pub(crate) fn divide_floor(self, other: Exact) -> Option<(Exact, Exact)> {
        let (a, b, scale) = self.aligned(other)?;
        let (mut whole, mut rest) = (a.checked_div(b)?, a.checked_rem(b)?);
        if rest != 0 && (rest < 0) != (b < 0) {
            whole -= 1;
            rest += b;
        }
        Some((Exact { units: whole, scale: 0 }, Exact { units: rest, scale }))
    }

    /// To so many digits after the point. A half goes away from zero; `to` may say down or up instead.
    pub(crate) fn round(self, digits: u8, to: Rounding) -> Option<Exact> {
        if digits >= self.scale {
            let units = self.units.checked_mul(power(digits.min(MAX_SCALE) - self.scale)?)?;
            return Some(Exact { units, scale: digits.min(MAX_SCALE) });
        }
        let step = power(self.scale - digits)?;
        let (down, rest) = (self.units.div_euclid(step), self.units.rem_euclid(step));
        let up = match to {
            Rounding::Down => false,
            Rounding::Up => rest > 0,
            Rounding::Nearest if self.units < 0 => rest > step / 2,
            Rounding::Nearest => rest >= step - step / 2,
        };
        Some(Exact { units: down + i128::from(up), scale: digits })
    }

    /// Without what follows the point.
    pub(crate) fn truncate(self) -> Option<Exact> {
        Some(Exact { units: self.units / power(self.scale)?, scale: 0 })
    }
}

/// Where what is cut off goes.
#[derive(Clone, Copy)]
pub(crate) enum Rounding {
    Nearest,
    Down,
    Up,
}

fn power(exponent: u8) -> Option<i128> {
    10_i128.checked_pow(exponent.into())
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = usize::from(self.scale);
        let sign = if self.units < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", self.units.unsigned_abs(), width = scale + 1);
        let (whole, part) = digits.split_at(digits.len() - scale);
        if part.is_empty() { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{part}") }
    }
}

impl Object for Exact {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.units != 0
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Number::Exact(**self).compare(Number::Exact(*other.downcast_ref::<Exact>()?))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        Exact::parse(text).expect("a decimal")
    }

    fn shown(result: Option<Exact>) -> String {
        result.map_or("none".to_owned(), |exact| exact.to_string())
    }

    #[test]
    fn decimals_print_all_their_digits() {
        for text in ["12.30", "-0.05", "7", "0.00", "-92233720368547758.08"] {
            assert_eq!(exact(text).to_string(), text);
        }
        assert_eq!(Exact::from(Decimal { units: i64::MIN, scale: 2 }).to_string(), "-92233720368547758.08");
        for wrong in ["", ".", ".5", "-", "1e3", "+1", "1.2.3", "--1", "1.-2", "NaN"] {
            assert!(Exact::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn numbers_of_every_kind_compare_exactly() {
        let compare = |a: Value, b: Value| Number::of(&a).zip(Number::of(&b)).and_then(|(a, b)| a.compare(b));
        let price = |text: &str| Value::from_object(exact(text));
        use Ordering::{Equal, Greater, Less};
        for (a, b, expected) in [
            (price("2.50"), Value::from(3), Less),
            (price("2.50"), Value::from(2.5), Equal),
            (price("12.30"), Value::from(12.3), Equal),
            (price("3.0"), Value::from(3), Equal),
            (Value::from(1e300), price("2.50"), Greater),
            (Value::from(f64::NEG_INFINITY), price("2.50"), Less),
            // Two doubles could not tell these apart.
            (price("90071992547409.93"), price("90071992547409.92"), Greater),
            (price("90071992547409.93"), Value::from(i64::MAX), Less),
            (price("0.01"), Value::from(u64::MAX), Less),
        ] {
            assert_eq!(compare(a.clone(), b.clone()), Some(expected), "{a} {b}");
            assert_eq!(compare(b.clone(), a.clone()), Some(expected.reverse()), "{b} {a}");
        }
        assert_eq!(compare(price("1.0"), Value::from(f64::NAN)), None);
        assert!(Number::of(&Value::from("3")).is_none() && Number::of(&Value::from(true)).is_none());
    }

    #[test]
    fn arithmetic_is_exact_or_not_at_all() {
        let (a, b) = (exact("12.30"), exact("0.2"));
        assert_eq!(shown(a.add(b)), "12.50");
        assert_eq!(shown(a.multiply(exact("1.19"))), "14.6370");
        assert_eq!(shown(a.negate()), "-12.30");
        let floor = |a: &str, b: &str| {
            let result = exact(a).divide_floor(exact(b));
            (shown(result.map(|both| both.0)), shown(result.map(|both| both.1)))
        };
        assert_eq!(floor("12.30", "5"), ("2".into(), "2.30".into()));
        assert_eq!(floor("-12.30", "5"), ("-3".into(), "2.70".into()));
        assert_eq!(floor("12.30", "-5"), ("-3".into(), "-2.70".into()));
        assert_eq!(floor("1", "0.00"), ("none".into(), "none".into()));
        let large = exact(&"9".repeat(38));
        assert_eq!(shown(large.add(large)), "none");
        assert_eq!(shown(large.multiply(b)), "none");
    }

    #[test]
    fn a_half_is_rounded_away_from_zero() {
        for (text, digits, to, expected) in [
            ("2.345", 2, Rounding::Nearest, "2.35"),
            ("-2.345", 2, Rounding::Nearest, "-2.35"),
            ("2.344", 2, Rounding::Nearest, "2.34"),
            ("-2.346", 2, Rounding::Nearest, "-2.35"),
            ("-2.344", 2, Rounding::Nearest, "-2.34"),
            ("2.5", 0, Rounding::Nearest, "3"),
            ("-2.5", 0, Rounding::Nearest, "-3"),
            ("2.341", 2, Rounding::Up, "2.35"),
            ("-2.349", 2, Rounding::Up, "-2.34"),
            ("-2.341", 2, Rounding::Down, "-2.35"),
            ("2.3", 2, Rounding::Nearest, "2.30"),
        ] {
            assert_eq!(shown(exact(text).round(digits, to)), expected, "{text} to {digits}");
        }
        assert_eq!(shown(exact("-2.99").truncate()), "-2");
    }
}
