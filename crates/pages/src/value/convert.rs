//! A field's value as Jinja sees it.

use std::sync::Arc;

use minijinja::Value;
use purlin_schema::{Row, Value as Held};

use super::exact::Exact;
use super::rich::{Rich, RichKind};
use super::time::{Day, Instant, Span};
use super::{Shared, document};

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
        Held::Decimal(decimal) => Exact::from(*decimal).value(),
        Held::Text(text) => Value::from(&**text),
        Held::Date(days) => Value::from_object(Day(*days)),
        Held::Datetime(micros) => Value::from_object(Instant(*micros)),
        Held::Duration(micros) => Value::from_object(Span(*micros)),
        Held::Uuid(uuid) => Value::from(uuid.to_string()),
        Held::Json(json) => document::from_json(json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
