//! Functions and arithmetic in PostgreSQL's own terms.
//!
//! PostgreSQL ends a statement where a number is out of range or a text is no number, and it may compute a
//! constant part before the condition that guards it. So nothing here relies on a guard alone: integers are
//! computed as `numeric`, which has room, and what is [`within`] bounds is cast back; a text is cut to what
//! matches before it is cast. What is needed more than once is computed once, in a subquery whose `OFFSET 0` keeps it
//! from being written out in each place.

use purlin_schema::Kind;
use purlin_schema::expr::{Arithmetic, DATETIMES, Function};

use super::Postgres;
use crate::sql::dialect::compute::{
    Compute, DAY, DIGITS, GREATEST, INTEGERS, UNITS, dates, instant_pattern, instants, span_pattern, within,
};
use crate::sql::dialect::{decimal_bounds, number};

/// What is less than this is zero as a double.
pub(super) const SMALLEST: &str = "2.4703282292062329e-324";
/// What is this or more is infinite as a double.
pub(super) const INFINITE: &str = "1.797693134862315807937e308";
/// Just before and just after the instants.
const INSTANTS: (&str, &str) =
    ("timestamptz '0001-12-31 23:59:59.999999+00 BC'", "timestamptz '9999-12-30 22:00:01+00'");

impl Compute for Postgres {
    fn test(&self, function: Function, text: &str, part: &str) -> Option<String> {
        Some(match function {
            Function::Contains => format!("(strpos({text}, {part}) > 0)"),
            Function::StartsWith => format!("starts_with({text}, {part})"),
            Function::EndsWith => format!("(right({text}, length({part})) = {part})"),
            _ => return None,
        })
    }

    fn call(&self, function: Function, kind: Kind, a: &str) -> Option<String> {
        call(function, kind, a)
    }

    fn wide(&self, integer: &str) -> String {
        format!("({integer})::numeric")
    }

    fn integer(&self, wide: &str) -> String {
        integer(wide)
    }

    fn decimal(&self, value: &str, scale: u8) -> String {
        let (low, high) = decimal_bounds(scale);
        within(value, (&low, &high))
    }

    fn division(&self) -> &'static str {
        "/"
    }

    fn least(&self) -> &'static str {
        "'-9223372036854775808'::bigint"
    }

    fn floats(&self, operator: Arithmetic, a: &str, b: &str) -> Option<String> {
        floats(operator, a, b)
    }

    fn concat(&self, a: &str, b: &str) -> String {
        format!("({a} || {b})")
    }

    fn micros(&self, instant: &str) -> String {
        format!("round(extract(epoch FROM {instant}) * 1000000)::bigint")
    }

    /// An interval times a number is computed in doubles: hours and what is left of them are exact.
    fn instant(&self, micros: &str) -> String {
        let (low, high) = instants();
        format!(
            "(SELECT timestamptz 'epoch' + v.a / 3600000000 * interval '1 hour' \
             + v.a % 3600000000 * interval '1 microsecond' FROM (SELECT {}::bigint AS a OFFSET 0) AS v)",
            within(micros, (&low, &high))
        )
    }

    fn between_instants(&self, a: &str, b: &str) -> String {
        format!("({} - {})", self.micros(a), self.micros(b))
    }

    fn days(&self, date: &str) -> String {
        format!("({date} - date '1970-01-01')")
    }

    fn date(&self, days: &str) -> String {
        let (low, high) = dates();
        format!("(date '1970-01-01' + {}::integer)", within(days, (&low, &high)))
    }

    fn between_dates(&self, a: &str, b: &str) -> String {
        format!("(({a} - {b})::bigint * {DAY})")
    }
}

/// An integer from a `numeric`.
pub(super) fn integer(value: &str) -> String {
    format!("{}::bigint", within(value, INTEGERS))
}

/// A double from a `numeric`, as it is rounded; null where it would be infinite.
pub(super) fn double(value: &str) -> String {
    let fitting = within("v.a", (&format!("-{INFINITE}"), INFINITE));
    let body = format!("CASE WHEN abs(v.a) < {SMALLEST} THEN 0 ELSE {fitting}::float8 END");
    with(value, "NULL", &body)
}

/// A body in which `v.a` and `v.b` are two values, each computed once.
pub(super) fn with(a: &str, b: &str, body: &str) -> String {
    format!("(SELECT {body} FROM (SELECT {a} AS a, {b} AS b OFFSET 0) AS v)")
}

/// Doubles: whether the result has room is found in `numeric`, for that has more.
fn floats(operator: Arithmetic, a: &str, b: &str) -> Option<String> {
    // A cast from a double to `numeric` rounds to 15 digits, that by way of its text does not.
    let (x, y) = ("v.a::text::numeric", "v.b::text::numeric");
    let body = match operator {
        Arithmetic::Add => format!("CASE WHEN abs({x} + {y}) < {GREATEST} THEN v.a + v.b END"),
        Arithmetic::Subtract => format!("CASE WHEN abs({x} - {y}) < {GREATEST} THEN v.a - v.b END"),
        Arithmetic::Multiply => format!(
            "CASE WHEN abs({x} * {y}) >= {GREATEST} THEN NULL WHEN abs({x} * {y}) < 5e-324 THEN 0 ELSE v.a * v.b END"
        ),
        Arithmetic::Divide => format!(
            "CASE WHEN v.b = 0 OR abs({x}) >= {GREATEST} * abs({y}) THEN NULL \
             WHEN abs({x}) < 5e-324 * abs({y}) THEN 0 ELSE v.a / v.b END"
        ),
        Arithmetic::Remainder => return None,
    };
    Some(with(a, b, &body))
}

fn call(function: Function, kind: Kind, a: &str) -> Option<String> {
    Some(match (function, kind) {
        (Function::Size, Kind::Text) => format!("length({a})::bigint"),
        // With the collation "C" only ASCII's letters have another case.
        (Function::LowerAscii, Kind::Text) => format!("lower(({a}) COLLATE \"C\")"),
        (Function::Int, _) => return to_integer(kind, a),
        (Function::Double, _) => return to_double(kind, a),
        (Function::String, _) => format!("({}) COLLATE \"C\"", to_text(kind, a)?),
        (Function::Timestamp, Kind::Date) => {
            within(&format!("({a}::timestamp AT TIME ZONE 'UTC')"), INSTANTS)
        }
        (Function::Timestamp, Kind::Int) => {
            let (low, high) =
                (number(DATETIMES.start() / 1_000_000 - 1), number(DATETIMES.end() / 1_000_000 + 1));
            format!("to_timestamp({})", within(a, (&low, &high)))
        }
        (Function::Timestamp, Kind::Text) => to_instant(a),
        (Function::Duration, Kind::Text) => to_span(a),
        (Function::Year, _) => part("year", kind, a)?,
        (Function::Month, _) => format!("({} - 1)", part("month", kind, a)?),
        (Function::Day, _) => part("day", kind, a)?,
        _ => return None,
    })
}

fn part(of: &str, kind: Kind, a: &str) -> Option<String> {
    Some(match kind {
        Kind::Date => format!("extract({of} FROM {a})::bigint"),
        Kind::Datetime => format!("extract({of} FROM {a} AT TIME ZONE 'UTC')::bigint"),
        _ => return None,
    })
}

fn to_integer(kind: Kind, a: &str) -> Option<String> {
    Some(match kind {
        Kind::Float => {
            let bounds = ("'-9223372036854775808'::float8", "'9223372036854775808'::float8");
            format!("trunc({})::bigint", within(a, bounds))
        }
        Kind::Decimal(_) => format!("trunc({a})::bigint"),
        Kind::Text => integer(&format!("substring({a} FROM '^[+-]?0{{0,200}}[0-9]{{1,19}}$')::numeric")),
        Kind::Datetime => format!("floor(extract(epoch FROM {a}))::bigint"),
        _ => return None,
    })
}

fn to_double(kind: Kind, a: &str) -> Option<String> {
    Some(match kind {
        Kind::Int => format!("({a})::float8"),
        Kind::Decimal(scale) => {
            let units = 10_i64.pow(u32::from(scale));
            format!("((({a}) * {units})::bigint::float8 / {units})")
        }
        Kind::Text => {
            let number =
                format!("substring({a} FROM '^([+-]?{DIGITS}([eE][+-]?0{{0,200}}[0-9]{{1,4}})?)$')::numeric");
            double(&number)
        }
        _ => return None,
    })
}

fn to_text(kind: Kind, a: &str) -> Option<String> {
    Some(match kind {
        Kind::Text | Kind::Int | Kind::Uuid => format!("({a})::text"),
        Kind::Bool => format!("CASE {a} WHEN TRUE THEN 'true' WHEN FALSE THEN 'false' END"),
        // Never with an exponent.
        Kind::Float => {
            let body = "CASE v.a WHEN '-0' THEN v.a ELSE v.a::numeric::text END";
            with(&format!("({a})::text"), "NULL", body)
        }
        Kind::Decimal(scale) => format!("round({a}, {scale})::text"),
        Kind::Date => format!("to_char({a}, 'YYYY-MM-DD')"),
        Kind::Datetime => format!(
            "rtrim(rtrim(to_char({a} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '0'), '.') || 'Z'"
        ),
        Kind::Duration => format!("trim_scale(({a})::numeric * 0.000001)::text || 's'"),
        Kind::Json => return None,
    })
}

/// An instant from a text as RFC 3339 writes it.
fn to_instant(a: &str) -> String {
    let pattern = format!("^({})$", instant_pattern(6));
    // More digits are cut off, where a cast would round.
    let text = format!("regexp_replace({a}, '([.][0-9]{{6}})[0-9]{{1,3}}', '\\1')");
    within(&format!("substring({text} FROM '{pattern}')::timestamptz"), INSTANTS)
}

/// A span from a text as Go writes it.
fn to_span(a: &str) -> String {
    let parts = UNITS.iter().map(|(unit, nanos)| {
        format!("coalesce(trunc(substring(v.a FROM '([0-9.]+){unit}')::numeric * {nanos}), 0)")
    });
    let sum = parts.collect::<Vec<_>>().join(" + ");
    let signed = format!("trunc(({sum}) / 1000) * CASE WHEN v.a LIKE '-%' THEN -1 ELSE 1 END");
    let body = format!(
        "CASE WHEN v.a ~ '^[+-]?0$' THEN 0 WHEN v.a ~ '^[+-]?(?=.){}$' THEN {} END",
        span_pattern(),
        integer(&signed)
    );
    with(a, "NULL", &body)
}
