//! A field's value as Jinja sees it.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{DynObject, Object, ObjectRepr};
use purlin_schema::value::Decimal;
use purlin_schema::{Row, Value as Held};

use super::Shared;
use super::rich::{Rich, RichKind};
use super::time::{Day, Instant, Span};

/// A field of a row. What may not be read is none, as is null.
pub(crate) fn field(shared: &Arc<Shared>, row: &Arc<Row>, at: usize, type_name: &str) -> Value {
    let kind = match (type_name, &row.values[at]) {
        ("markdown", Held::Text(_)) => RichKind::Markdown,
        ("html", Held::Text(_)) => RichKind::Html,
        (_, held) => return plain(held),
    };
    Value::from_object(Rich::of_row(shared.clone(), row.clone(), at, kind))
}

/// A value that needs nothing but itself.
pub(crate) fn plain(held: &Held) -> Value {
    match held {
        Held::Null | Held::Withheld => Value::from(()),
        Held::Bool(truth) => Value::from(*truth),
        Held::Int(number) => Value::from(*number),
        Held::Float(number) => Value::from(*number),
        Held::Decimal(decimal) if decimal.scale == 0 => Value::from(decimal.units),
        Held::Decimal(decimal) => Value::from_object(Exact(*decimal)),
        Held::Text(text) => Value::from(&**text),
        Held::Date(days) => Value::from_object(Day(*days)),
        Held::Datetime(micros) => Value::from_object(Instant(*micros)),
        Held::Duration(micros) => Value::from_object(Span(*micros)),
        Held::Uuid(uuid) => Value::from(uuid.to_string()),
        Held::Json(json) => from_json(json),
    }
}

/// JSON as Jinja's own lists and maps.
pub(crate) fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(truth) => Value::from(*truth),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::from(number),
            (None, Some(number)) => Value::from(number),
            (None, None) => Value::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => items.iter().map(from_json).collect(),
        serde_json::Value::Object(members) => {
            Value::from_pairs(members.iter().map(|(name, value)| (name.clone(), from_json(value))))
        }
    }
}

/// A decimal that prints exactly. Jinja has no exact numbers: to compute or compare, write `|float`.
#[derive(Debug)]
pub(crate) struct Exact(pub(crate) Decimal);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = usize::from(self.0.scale);
        let sign = if self.0.units < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", self.0.units.unsigned_abs(), width = scale + 1);
        let (whole, part) = digits.split_at(digits.len() - scale);
        if part.is_empty() { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{part}") }
    }
}

impl Object for Exact {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.0.units != 0
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<std::cmp::Ordering> {
        Some(self.0.compare(other.downcast_ref::<Exact>()?.0))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(units: i64, scale: u8) -> String {
        Exact(Decimal { units, scale }).to_string()
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(shown(1230, 2), "12.30");
        assert_eq!(shown(-5, 2), "-0.05");
        assert_eq!(shown(7, 0), "7");
        assert_eq!(shown(i64::MIN, 2), "-92233720368547758.08");
        assert_eq!(
            plain(&Held::Decimal(Decimal { units: 9_007_199_254_740_993, scale: 1 })).to_string(),
            "900719925474099.3"
        );
    }

    #[test]
    fn json_becomes_lists_and_maps() {
        let value = from_json(&serde_json::json!({"a": [1, "x", null, 2.5]}));
        assert_eq!(super::super::json::to_json(&value).expect("it is JSON"), r#"{"a":[1,"x",null,2.5]}"#);
    }

    #[test]
    fn what_may_not_be_read_is_none() {
        assert!(plain(&Held::Withheld).is_none());
    }

    #[test]
    fn a_uuid_has_its_usual_form() {
        let uuid = purlin_schema::Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(plain(&Held::Uuid(uuid)).as_str(), Some("01234567-89ab-cdef-0123-456789abcdef"));
    }
}
