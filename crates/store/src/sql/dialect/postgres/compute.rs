//! Functions and arithmetic in PostgreSQL's own terms.
//!
//! PostgreSQL ends a statement where a number is out of range or a text is no number, and it may compute a
//! constant part before the condition that guards it. So nothing here relies on a guard alone: integers are
//! computed as `numeric`, which has room, and what is [`within`] bounds is cast back; a text is cut to what
//! matches before it is cast. What is needed more than once is computed once, in a subquery whose `OFFSET 0` keeps it
//! from being written out in each place.

use purlin_schema::Kind;
use purlin_schema::expr::{Arithmetic, DATES, DATETIMES, Function};

use crate::sql::call::Operation;
use crate::sql::dialect::{decimal_bounds, number};

const DAY: &str = "86400000000";
/// Just below and just above the integers.
const INTEGERS: (&str, &str) = ("-9223372036854775809", "9223372036854775808");
/// Just before and just after the instants.
const INSTANTS: (&str, &str) =
    ("timestamptz '0001-12-31 23:59:59.999999+00 BC'", "timestamptz '9999-12-30 22:00:01+00'");
/// Doubles beyond this may be infinite when computed; a few units in the last place less than the greatest.
const GREATEST: &str = "1.797693134862315e308";

pub(super) fn compute(operation: Operation, args: &[(Kind, &str)]) -> Option<String> {
    match (operation, args) {
        (Operation::Negate, [(kind, a)]) => negate(*kind, a),
        (Operation::Arithmetic(operator), [a, b]) => arithmetic(operator, *a, *b),
        (Operation::Function(function), [(kind, a)]) => call(function, *kind, a),
        (Operation::Function(function), [(Kind::Text, a), (Kind::Text, b)]) => Some(match function {
            Function::Contains => format!("(strpos({a}, {b}) > 0)"),
            Function::StartsWith => format!("starts_with({a}, {b})"),
            Function::EndsWith => format!("(right({a}, length({b})) = {b})"),
            _ => return None,
        }),
        _ => None,
    }
}

/// The value where it is strictly between two others, else null; as it is for null.
fn within(value: &str, (low, high): (&str, &str)) -> String {
    format!("nullif(nullif(greatest(least({value}, {high}), {low}), {high}), {low})")
}

/// An integer from a `numeric`.
pub(super) fn integer(value: &str) -> String {
    format!("{}::bigint", within(value, INTEGERS))
}

/// A double from a `numeric`, as it is rounded; null where it would be infinite.
pub(super) fn double(value: &str) -> String {
    let bound = "1.797693134862315807937e308";
    let fitting = within("v.a", (&format!("-{bound}"), bound));
    let body = format!("CASE WHEN abs(v.a) < 2.4703282292062329e-324 THEN 0 ELSE {fitting}::float8 END");
    with(value, "NULL", &body)
}

fn decimal(value: &str, scale: u8) -> String {
    let (low, high) = decimal_bounds(scale);
    within(value, (&low, &high))
}

/// A body in which `v.a` and `v.b` are two values, each computed once.
pub(super) fn with(a: &str, b: &str, body: &str) -> String {
    format!("(SELECT {body} FROM (SELECT {a} AS a, {b} AS b OFFSET 0) AS v)")
}

fn micros(instant: &str) -> String {
    format!("round(extract(epoch FROM {instant}) * 1000000)::bigint")
}

/// An instant from microseconds as `numeric`. An interval times a number is computed in doubles: hours and what is left
/// of them are exact.
fn instant(micros: &str) -> String {
    let (low, high) = (number(DATETIMES.start() - 1), number(DATETIMES.end() + 1));
    format!(
        "(SELECT timestamptz 'epoch' + v.a / 3600000000 * interval '1 hour' \
         + v.a % 3600000000 * interval '1 microsecond' FROM (SELECT {}::bigint AS a OFFSET 0) AS v)",
        within(micros, (&low, &high))
    )
}

/// A date from days since 1970 as `numeric`.
fn date(days: &str) -> String {
    let (low, high) = (number(i64::from(DATES.start() - 1)), number(i64::from(DATES.end() + 1)));
    format!("(date '1970-01-01' + {}::integer)", within(days, (&low, &high)))
}

fn negate(kind: Kind, a: &str) -> Option<String> {
    Some(match kind {
        Kind::Int => integer(&format!("-({a})::numeric")),
        Kind::Float => format!("(-({a}))"),
        Kind::Decimal(scale) => decimal(&format!("-({a})"), scale),
        _ => return None,
    })
}

fn arithmetic(operator: Arithmetic, (kind_a, a): (Kind, &str), (kind_b, b): (Kind, &str)) -> Option<String> {
    use Arithmetic::{Add, Divide, Multiply, Remainder, Subtract};
    let sign = match operator {
        Add => "+",
        Subtract => "-",
        Multiply => "*",
        Divide => "/",
        Remainder => "%",
    };
    Some(match (operator, kind_a, kind_b) {
        (Divide | Remainder, Kind::Int, Kind::Int) => format!(
            "((CASE {b} WHEN -1 THEN nullif({a}, '-9223372036854775808'::bigint) ELSE {a} END) {sign} nullif({b}, 0))"
        ),
        (_, Kind::Int, Kind::Int) | (Add | Subtract, Kind::Duration, Kind::Duration) => {
            integer(&format!("({a})::numeric {sign} {b}"))
        }
        (_, Kind::Float, Kind::Float) => return floats(operator, a, b),
        (Add | Subtract, Kind::Decimal(one), Kind::Decimal(other)) => {
            let scale = one.max(other);
            // An error too where one of them has no room at the other's scale.
            let fitting = |value: &str, own: u8| match own == scale {
                true => value.to_owned(),
                false => decimal(value, scale),
            };
            decimal(&format!("{} {sign} {}", fitting(a, one), fitting(b, other)), scale)
        }
        (Multiply, Kind::Decimal(scale), Kind::Int) | (Multiply, Kind::Int, Kind::Decimal(scale)) => {
            decimal(&format!("({a}) * ({b})"), scale)
        }
        (Add, Kind::Text, Kind::Text) => format!("({a} || {b})"),
        (Add | Subtract, Kind::Datetime, Kind::Duration) => {
            instant(&format!("{}::numeric {sign} {b}", micros(a)))
        }
        (Add, Kind::Duration, Kind::Datetime) => instant(&format!("{}::numeric + {a}", micros(b))),
        (Subtract, Kind::Datetime, Kind::Datetime) => format!("({} - {})", micros(a), micros(b)),
        (Add | Subtract, Kind::Date, Kind::Duration) => days_later(a, sign, b),
        (Add, Kind::Duration, Kind::Date) => days_later(b, sign, a),
        (Subtract, Kind::Date, Kind::Date) => format!("(({a} - {b})::bigint * {DAY})"),
        _ => return None,
    })
}

/// A date and a span of whole days.
fn days_later(day: &str, sign: &str, span: &str) -> String {
    let sum = date(&format!("({day} - date '1970-01-01')::numeric {sign} {span} / {DAY}"));
    format!("CASE {span} % {DAY} WHEN 0 THEN {sum} END")
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
        (Function::Bool, Kind::Bool)
        | (Function::Timestamp, Kind::Datetime)
        | (Function::Duration, Kind::Duration) => a.to_owned(),
        (Function::Bool, Kind::Text) => format!(
            "CASE WHEN {a} IN ('1', 't', 'true', 'TRUE', 'True') THEN TRUE \
             WHEN {a} IN ('0', 'f', 'false', 'FALSE', 'False') THEN FALSE END"
        ),
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
        Kind::Int => a.to_owned(),
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
        Kind::Float => a.to_owned(),
        Kind::Int => format!("({a})::float8"),
        Kind::Decimal(scale) => {
            let units = 10_i64.pow(u32::from(scale));
            format!("((({a}) * {units})::bigint::float8 / {units})")
        }
        // A text with hundreds of digits is no number here.
        Kind::Text => {
            let digits = "([0-9]{1,250}[.]?[0-9]{0,250}|[.][0-9]{1,250})";
            let number =
                format!("substring({a} FROM '^([+-]?{digits}([eE][+-]?0{{0,200}}[0-9]{{1,4}})?)$')::numeric");
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

/// An instant from a text as RFC 3339 writes it. The pattern lets nothing through that is no day or time.
fn to_instant(a: &str) -> String {
    let leap = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29";
    let day = "(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31";
    let time = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?";
    let zone = "([Zz]|[+-](0[0-9]|1[0-5]):[0-5][0-9])";
    let pattern = format!("^((?!0000)({leap}|[0-9]{{4}}-((0[1-9]|1[0-2])-{day}))[Tt ]{time}{zone})$");
    // More digits are cut off, where a cast would round.
    let text = format!("regexp_replace({a}, '([.][0-9]{{6}})[0-9]{{1,3}}', '\\1')");
    within(&format!("substring({text} FROM '{pattern}')::timestamptz"), INSTANTS)
}

/// A span from a text as Go writes it, each unit once and the greatest first.
fn to_span(a: &str) -> String {
    const UNITS: [(&str, &str, &str); 6] = [
        ("h", "h", "3600000000000"),
        ("m", "m(?!s)", "60000000000"),
        ("s", "s", "1000000000"),
        ("ms", "ms", "1000000"),
        ("[uµμ]s", "[uµμ]s", "1000"),
        ("ns", "ns", "1"),
    ];
    let digits = "([0-9]{1,18}[.]?[0-9]{0,18}|[.][0-9]{1,18})";
    let all: String = UNITS.iter().map(|(unit, _, _)| format!("({digits}{unit})?")).collect();
    let parts = UNITS.iter().map(|(_, unit, nanos)| {
        format!("coalesce(trunc(substring(v.a FROM '([0-9.]+){unit}')::numeric * {nanos}), 0)")
    });
    let sum = parts.collect::<Vec<_>>().join(" + ");
    let signed = format!("trunc(({sum}) / 1000) * CASE WHEN v.a LIKE '-%' THEN -1 ELSE 1 END");
    let body = format!(
        "CASE WHEN v.a ~ '^[+-]?0$' THEN 0 WHEN v.a ~ '^[+-]?(?=.){all}$' THEN {} END",
        integer(&signed)
    );
    with(a, "NULL", &body)
}
