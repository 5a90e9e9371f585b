//! Functions and arithmetic on servers: which operation takes which kinds, and what all of them say alike.
//!
//! A server has no evaluator of ours, so each operation is put into its own SQL; [`Compute`] is what differs. SQLite asks
//! `eval` and needs none of this.

use purlin_schema::Kind;
use purlin_schema::expr::{Arithmetic, DATES, DATETIMES, Function};

use super::number;
use crate::sql::call::Operation;

pub(super) const DAY: &str = "86400000000";
/// Just below and just above the integers.
pub(super) const INTEGERS: (&str, &str) = ("-9223372036854775809", "9223372036854775808");
/// Doubles beyond this may be infinite when computed; a few units in the last place less than the greatest.
pub(super) const GREATEST: &str = "1.797693134862315e308";
/// Digits of a number with a fraction, as a pattern. A text with hundreds of digits is no number here.
pub(super) const DIGITS: &str = "([0-9]{1,250}[.]?[0-9]{0,250}|[.][0-9]{1,250})";

/// A server's words for values of their kinds.
///
/// An integer is computed as a number that has room, for a server ends the statement where a column's type has none.
pub(super) trait Compute {
    /// Whether a text contains, starts or ends with another.
    fn test(&self, function: Function, text: &str, part: &str) -> Option<String>;
    /// What a function of one value gives.
    fn call(&self, function: Function, kind: Kind, a: &str) -> Option<String>;
    /// An integer with room.
    fn wide(&self, integer: &str) -> String;
    /// An integer from one with room; null where it has none.
    fn integer(&self, wide: &str) -> String;
    /// A decimal of a scale; null where it has no room.
    fn decimal(&self, value: &str, scale: u8) -> String;
    /// The operator that divides integers.
    fn division(&self) -> &'static str;
    /// The least integer.
    fn least(&self) -> &'static str;
    /// An operator between doubles.
    fn floats(&self, operator: Arithmetic, a: &str, b: &str) -> Option<String>;
    /// Two texts as one.
    fn concat(&self, a: &str, b: &str) -> String;
    /// Microseconds since 1970 of an instant.
    fn micros(&self, instant: &str) -> String;
    /// An instant from microseconds with room.
    fn instant(&self, micros: &str) -> String;
    /// The span between two instants.
    fn between_instants(&self, a: &str, b: &str) -> String;
    /// Days since 1970 of a date.
    fn days(&self, date: &str) -> String;
    /// A date from days with room.
    fn date(&self, days: &str) -> String;
    /// The span between two dates.
    fn between_dates(&self, a: &str, b: &str) -> String;
}

/// As [`Sql::compute`](super::Sql::compute).
pub(super) fn compute(says: &dyn Compute, operation: Operation, args: &[(Kind, &str)]) -> Option<String> {
    match (operation, args) {
        (Operation::Negate, [(kind, a)]) => negate(says, *kind, a),
        (Operation::Arithmetic(operator), [a, b]) => arithmetic(says, operator, *a, *b),
        (Operation::Function(function), [(kind, a)]) => call(says, function, *kind, a),
        (Operation::Function(function), [(Kind::Text, a), (Kind::Text, b)]) => says.test(function, a, b),
        _ => None,
    }
}

/// The value where it is strictly between two others, else null; as it is for null.
pub(super) fn within(value: &str, (low, high): (&str, &str)) -> String {
    format!("NULLIF(NULLIF(GREATEST(LEAST({value}, {high}), {low}), {high}), {low})")
}

/// Just before and just after the instants, in microseconds.
pub(super) fn instants() -> (String, String) {
    (number(DATETIMES.start() - 1), number(DATETIMES.end() + 1))
}

/// Just before and just after the dates, in days.
pub(super) fn dates() -> (String, String) {
    (number(i64::from(DATES.start() - 1)), number(i64::from(DATES.end() + 1)))
}

/// What a day and a time look like as RFC 3339 writes them, with so many digits of a second: a pattern that lets
/// nothing through that is no day or time.
pub(super) fn instant_pattern(fraction: u8) -> String {
    let leap = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29";
    let day = "(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31";
    let time = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]";
    let zone = "([Zz]|[+-](0[0-9]|1[0-5]):[0-5][0-9])";
    format!("(?!0000)({leap}|[0-9]{{4}}-({day}))[Tt ]{time}([.][0-9]{{1,{fraction}}})?{zone}")
}

/// The units of a span as Go writes it, each once and the greatest first: patterns with their nanoseconds.
pub(super) const UNITS: [(&str, &str); 6] = [
    ("h", "3600000000000"),
    ("m(?!s)", "60000000000"),
    ("s", "1000000000"),
    ("ms", "1000000"),
    ("[uµμ]s", "1000"),
    ("ns", "1"),
];

/// A pattern of all of a span but its sign.
pub(super) fn span_pattern() -> String {
    let digits = "([0-9]{1,18}[.]?[0-9]{0,18}|[.][0-9]{1,18})";
    UNITS.iter().map(|(unit, _)| format!("({digits}{unit})?")).collect()
}

fn negate(says: &dyn Compute, kind: Kind, a: &str) -> Option<String> {
    Some(match kind {
        Kind::Int => says.integer(&format!("-{}", says.wide(a))),
        Kind::Float => format!("(-({a}))"),
        Kind::Decimal(scale) => says.decimal(&format!("-({a})"), scale),
        _ => return None,
    })
}

fn arithmetic(
    says: &dyn Compute,
    operator: Arithmetic,
    (kind_a, a): (Kind, &str),
    (kind_b, b): (Kind, &str),
) -> Option<String> {
    use Arithmetic::{Add, Divide, Multiply, Remainder, Subtract};
    let sign = match operator {
        Add => "+",
        Subtract => "-",
        Multiply => "*",
        Divide => says.division(),
        Remainder => "%",
    };
    let moved = |instant: &str, span: &str| {
        says.instant(&format!("{} {sign} {}", says.wide(&says.micros(instant)), says.wide(span)))
    };
    let days_moved = |date: &str, span: &str| {
        let sum = format!("{} {sign} {span} {} {DAY}", says.wide(&says.days(date)), says.division());
        format!("CASE {span} % {DAY} WHEN 0 THEN {} END", says.date(&sum))
    };
    Some(match (operator, kind_a, kind_b) {
        (Divide | Remainder, Kind::Int, Kind::Int) => format!(
            "((CASE {b} WHEN -1 THEN NULLIF({a}, {}) ELSE {a} END) {sign} NULLIF({b}, 0))",
            says.least()
        ),
        (_, Kind::Int, Kind::Int) | (Add | Subtract, Kind::Duration, Kind::Duration) => {
            says.integer(&format!("{} {sign} {}", says.wide(a), says.wide(b)))
        }
        (_, Kind::Float, Kind::Float) => return says.floats(operator, a, b),
        (Add | Subtract, Kind::Decimal(one), Kind::Decimal(other)) => {
            let scale = one.max(other);
            // An error too where one of them has no room at the other's scale.
            let fitting = |value: &str, own: u8| match own == scale {
                true => value.to_owned(),
                false => says.decimal(value, scale),
            };
            says.decimal(&format!("{} {sign} {}", fitting(a, one), fitting(b, other)), scale)
        }
        (Multiply, Kind::Decimal(scale), Kind::Int) => {
            says.decimal(&format!("({a}) * {}", says.wide(b)), scale)
        }
        (Multiply, Kind::Int, Kind::Decimal(scale)) => {
            says.decimal(&format!("{} * ({b})", says.wide(a)), scale)
        }
        (Add, Kind::Text, Kind::Text) => says.concat(a, b),
        (Add | Subtract, Kind::Datetime, Kind::Duration) => moved(a, b),
        (Add, Kind::Duration, Kind::Datetime) => moved(b, a),
        (Subtract, Kind::Datetime, Kind::Datetime) => says.between_instants(a, b),
        (Add | Subtract, Kind::Date, Kind::Duration) => days_moved(a, b),
        (Add, Kind::Duration, Kind::Date) => days_moved(b, a),
        (Subtract, Kind::Date, Kind::Date) => says.between_dates(a, b),
        _ => return None,
    })
}

fn call(says: &dyn Compute, function: Function, kind: Kind, a: &str) -> Option<String> {
    match (function, kind) {
        (Function::Int, Kind::Int)
        | (Function::Double, Kind::Float)
        | (Function::Bool, Kind::Bool)
        | (Function::Timestamp, Kind::Datetime)
        | (Function::Duration, Kind::Duration) => Some(a.to_owned()),
        (Function::Bool, Kind::Text) => Some(format!(
            "CASE WHEN {a} IN ('1', 't', 'true', 'TRUE', 'True') THEN TRUE \
             WHEN {a} IN ('0', 'f', 'false', 'FALSE', 'False') THEN FALSE END"
        )),
        _ => says.call(function, kind, a),
    }
}
