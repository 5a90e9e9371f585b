//! Functions and arithmetic in the terms of MySQL and MariaDB.
//!
//! Both end a statement where an integer or a double is out of range, and MariaDB knows no subquery that would compute
//! what is needed twice once. So integers are computed as `DECIMAL`, which has room, and what is [`within`] bounds
//! is cast back; doubles are compared with what they may be before they are computed. Patterns do without
//! backslashes, whose meaning in a literal is a setting, and without `$`, which a line's end before the end satisfies.

use purlin_schema::Kind;
use purlin_schema::expr::{Arithmetic, DATES, DATETIMES, Function};

use crate::sql::call::Operation;
use crate::sql::dialect::{Flavour, decimal_bounds, number};

const DAY: &str = "86400000000";
/// Just below and just above the integers.
const INTEGERS: (&str, &str) = ("-9223372036854775809", "9223372036854775808");
/// Doubles beyond this may be infinite when computed; a few units in the last place less than the greatest.
const GREATEST: &str = "1.797693134862315e308";
const EPOCH: &str = "TIMESTAMP'1970-01-01 00:00:00'";
/// The days from the year 0, which `TO_DAYS` counts from, to 1970.
const EPOCH_DAYS: i64 = 719_528;
/// The end of a text in a pattern.
pub(super) const END: &str = "(?![^0]|0)";

pub(super) fn compute(flavour: Flavour, operation: Operation, args: &[(Kind, &str)]) -> Option<String> {
    match (operation, args) {
        (Operation::Negate, [(kind, a)]) => negate(*kind, a),
        (Operation::Arithmetic(operator), [a, b]) => arithmetic(operator, *a, *b),
        (Operation::Function(function), [(kind, a)]) => call(flavour, function, *kind, a),
        (Operation::Function(function), [(Kind::Text, a), (Kind::Text, b)]) => Some(match function {
            Function::Contains => format!("(LOCATE({b}, {a}) > 0)"),
            Function::StartsWith => format!("(LEFT({a}, CHAR_LENGTH({b})) = {b})"),
            Function::EndsWith => format!("(RIGHT({a}, CHAR_LENGTH({b})) = {b})"),
            _ => return None,
        }),
        _ => None,
    }
}

/// The value where it is strictly between two others, else null; as it is for null.
fn within(value: &str, (low, high): (&str, &str)) -> String {
    format!("NULLIF(NULLIF(GREATEST(LEAST({value}, {high}), {low}), {high}), {low})")
}

/// An integer with room.
fn wide(integer: &str) -> String {
    format!("CAST({integer} AS DECIMAL(20,0))")
}

/// An integer from a `DECIMAL`.
pub(super) fn integer(value: &str) -> String {
    format!("CAST({} AS SIGNED)", within(value, INTEGERS))
}

fn decimal(value: &str, scale: u8) -> String {
    let (low, high) = decimal_bounds(scale);
    format!("CAST({} AS DECIMAL(19,{scale}))", within(value, (&low, &high)))
}

fn micros(instant: &str) -> String {
    format!("TIMESTAMPDIFF(MICROSECOND, {EPOCH}, {instant})")
}

/// An instant from microseconds as `DECIMAL`.
fn instant(micros: &str) -> String {
    let (low, high) = (number(DATETIMES.start() - 1), number(DATETIMES.end() + 1));
    format!("TIMESTAMPADD(MICROSECOND, CAST({} AS SIGNED), {EPOCH})", within(micros, (&low, &high)))
}

/// A date from days since 1970 as `DECIMAL`.
fn date(days: &str) -> String {
    let (low, high) = (number(i64::from(DATES.start() - 1)), number(i64::from(DATES.end() + 1)));
    format!("FROM_DAYS(CAST({} AS SIGNED) + {EPOCH_DAYS})", within(days, (&low, &high)))
}

fn negate(kind: Kind, a: &str) -> Option<String> {
    Some(match kind {
        Kind::Int => integer(&format!("-{}", wide(a))),
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
        Divide => "DIV",
        Remainder => "%",
    };
    Some(match (operator, kind_a, kind_b) {
        (Divide | Remainder, Kind::Int, Kind::Int) => format!(
            "(CASE {b} WHEN -1 THEN NULLIF({a}, -9223372036854775808) ELSE {a} END {sign} NULLIF({b}, 0))"
        ),
        (_, Kind::Int, Kind::Int) | (Add | Subtract, Kind::Duration, Kind::Duration) => {
            integer(&format!("{} {sign} {}", wide(a), wide(b)))
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
        (Multiply, Kind::Decimal(scale), Kind::Int) => decimal(&format!("{a} * {}", wide(b)), scale),
        (Multiply, Kind::Int, Kind::Decimal(scale)) => decimal(&format!("{} * {b}", wide(a)), scale),
        (Add, Kind::Text, Kind::Text) => format!("CONCAT({a}, {b})"),
        (Add | Subtract, Kind::Datetime, Kind::Duration) => {
            instant(&format!("{} {sign} {}", wide(&micros(a)), wide(b)))
        }
        (Add, Kind::Duration, Kind::Datetime) => instant(&format!("{} + {}", wide(&micros(b)), wide(a))),
        (Subtract, Kind::Datetime, Kind::Datetime) => format!("TIMESTAMPDIFF(MICROSECOND, {b}, {a})"),
        (Add | Subtract, Kind::Date, Kind::Duration) => days_later(a, sign, b),
        (Add, Kind::Duration, Kind::Date) => days_later(b, sign, a),
        (Subtract, Kind::Date, Kind::Date) => format!("((TO_DAYS({a}) - TO_DAYS({b})) * {DAY})"),
        _ => return None,
    })
}

/// A date and a span of whole days.
fn days_later(day: &str, sign: &str, span: &str) -> String {
    let sum = date(&format!("TO_DAYS({day}) - {EPOCH_DAYS} {sign} {span} DIV {DAY}"));
    format!("CASE {span} % {DAY} WHEN 0 THEN {sum} END")
}

fn floats(operator: Arithmetic, a: &str, b: &str) -> Option<String> {
    let sum = |sign: &str| {
        let quarter = format!("ABS({a} / 4e0 {sign} {b} / 4e0)");
        format!("CASE WHEN {quarter} < 4.494232837155787e307 THEN {a} {sign} {b} END")
    };
    Some(match operator {
        Arithmetic::Add => sum("+"),
        Arithmetic::Subtract => sum("-"),
        Arithmetic::Multiply => {
            format!("CASE WHEN ABS({b}) <= 1 OR ABS({a}) < {GREATEST} / ABS({b}) THEN {a} * {b} END")
        }
        Arithmetic::Divide => {
            format!("CASE WHEN ABS({b}) >= 1 OR ABS({a}) < {GREATEST} * ABS({b}) THEN {a} / {b} END")
        }
        Arithmetic::Remainder => return None,
    })
}

fn call(flavour: Flavour, function: Function, kind: Kind, a: &str) -> Option<String> {
    Some(match (function, kind) {
        (Function::Size, Kind::Text) => format!("CHAR_LENGTH({a})"),
        // `LOWER` knows more letters than ASCII's.
        (Function::LowerAscii, Kind::Text) => ('A'..='Z').fold(a.to_owned(), |text, letter| {
            format!("REPLACE({text}, '{letter}', '{}')", letter.to_ascii_lowercase())
        }),
        (Function::Int, _) => return to_integer(kind, a),
        (Function::Double, _) => return to_double(kind, a),
        (Function::String, Kind::Text) => a.to_owned(),
        (Function::String, _) => {
            format!("CONVERT({} USING utf8mb4) COLLATE {}", to_text(kind, a)?, flavour.collation())
        }
        (Function::Bool, Kind::Bool)
        | (Function::Timestamp, Kind::Datetime)
        | (Function::Duration, Kind::Duration) => a.to_owned(),
        (Function::Bool, Kind::Text) => format!(
            "CASE WHEN {a} IN ('1', 't', 'true', 'TRUE', 'True') THEN 1 \
             WHEN {a} IN ('0', 'f', 'false', 'FALSE', 'False') THEN 0 END"
        ),
        (Function::Timestamp, Kind::Date) => instant(&micros(&format!("CAST({a} AS DATETIME(6))"))),
        (Function::Timestamp, Kind::Int) => instant(&format!("{} * 1000000", wide(a))),
        (Function::Timestamp, Kind::Text) => to_instant(a),
        (Function::Duration, Kind::Text) => to_span(a),
        (Function::Year, Kind::Date | Kind::Datetime) => format!("YEAR({a})"),
        (Function::Month, Kind::Date | Kind::Datetime) => format!("(MONTH({a}) - 1)"),
        (Function::Day, Kind::Date | Kind::Datetime) => format!("DAY({a})"),
        _ => return None,
    })
}

/// What of a text matches; null where nothing does, which MariaDB tells by an empty text.
pub(super) fn matched(text: &str, pattern: &str) -> String {
    format!("NULLIF(REGEXP_SUBSTR({text}, '{pattern}'), '')")
}

fn to_integer(kind: Kind, a: &str) -> Option<String> {
    Some(match kind {
        Kind::Int => a.to_owned(),
        Kind::Float => {
            let whole = within(a, ("-9.223372036854775808e18", "9.223372036854775808e18"));
            format!("CAST(TRUNCATE({whole}, 0) AS SIGNED)")
        }
        Kind::Decimal(_) => format!("CAST(TRUNCATE({a}, 0) AS SIGNED)"),
        Kind::Text => {
            let digits = matched(a, &format!("^[+-]?0{{0,200}}[0-9]{{1,19}}{END}"));
            integer(&format!("CAST({digits} AS DECIMAL(65,0))"))
        }
        Kind::Datetime => {
            format!("(TIMESTAMPDIFF(SECOND, TIMESTAMP'0001-01-01 00:00:00', {a}) - 62135596800)")
        }
        _ => return None,
    })
}

fn to_double(kind: Kind, a: &str) -> Option<String> {
    Some(match kind {
        Kind::Float => a.to_owned(),
        Kind::Int => format!("({a} + 0e0)"),
        Kind::Decimal(scale) => {
            let units = 10_i64.pow(u32::from(scale));
            format!("((CAST({a} * {units} AS SIGNED) + 0e0) / {units}e0)")
        }
        // What is too great comes out as the greatest.
        Kind::Text => {
            let digits = "([0-9]{1,250}[.]?[0-9]{0,250}|[.][0-9]{1,250})";
            let number = matched(a, &format!("^[+-]?{digits}([eE][+-]?0{{0,200}}[0-9]{{1,4}})?{END}"));
            let greatest = "1.7976931348623157e308";
            within(&format!("({number} + 0e0)"), (&format!("-{greatest}"), greatest))
        }
        _ => return None,
    })
}

fn to_text(kind: Kind, a: &str) -> Option<String> {
    let trimmed = |text: &str| format!("TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM {text}))");
    Some(match kind {
        Kind::Text | Kind::Json => return None,
        Kind::Int => format!("CAST({a} AS CHAR)"),
        Kind::Bool => format!("CASE {a} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"),
        Kind::Float => float_text(&format!("CAST({a} AS CHAR)")),
        Kind::Decimal(scale) => format!("CAST(CAST({a} AS DECIMAL(19,{scale})) AS CHAR)"),
        Kind::Date => format!("DATE_FORMAT({a}, '%Y-%m-%d')"),
        Kind::Datetime => {
            let all = format!("DATE_FORMAT({a}, '%Y-%m-%dT%H:%i:%s.%f')");
            format!("CONCAT({}, 'Z')", trimmed(&all))
        }
        Kind::Duration => {
            format!("CONCAT({}, 's')", trimmed(&format!("CAST({} * 0.000001 AS CHAR)", wide(a))))
        }
        // Blanks of no length are replaced by hyphens.
        Kind::Uuid => format!(
            "INSERT(INSERT(INSERT(INSERT(LOWER(HEX({a})), 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-')"
        ),
    })
}

/// A double's digits without an exponent, from its text, which has one where that is shorter.
fn float_text(text: &str) -> String {
    let sign = format!("IF({text} LIKE '-%', '-', '')");
    let mantissa = format!("REPLACE(SUBSTRING_INDEX({text}, 'e', 1), '-', '')");
    let digits = format!("REPLACE({mantissa}, '.', '')");
    let exponent = format!("CAST(SUBSTRING_INDEX({text}, 'e', -1) AS SIGNED)");
    format!(
        "CASE WHEN LOCATE('e', {text}) = 0 THEN {text} \
         WHEN {exponent} < 0 THEN CONCAT({sign}, '0.', REPEAT('0', -{exponent} - 1), {digits}) \
         ELSE CONCAT({sign}, RPAD({digits}, {exponent} + 1, '0')) END"
    )
}

/// An instant from a text as RFC 3339 writes it. The pattern lets nothing through that is no day or time.
fn to_instant(a: &str) -> String {
    let leap = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29";
    let day = "(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31";
    let time = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?";
    let zone = "([Zz]|[+-](0[0-9]|1[0-5]):[0-5][0-9])";
    let text = matched(a, &format!("^(?!0000)({leap}|[0-9]{{4}}-({day}))[Tt ]{time}{zone}{END}"));
    let fraction = format!("COALESCE(LEFT(REGEXP_SUBSTR({text}, '[.][0-9]+'), 7), '')");
    let local =
        format!("CAST(CONCAT(LEFT({text}, 10), ' ', SUBSTR({text}, 12, 8), {fraction}) AS DATETIME(6))");
    let minutes = format!("(SUBSTR({text}, -5, 2) * 60 + RIGHT({text}, 2))");
    let east = format!(
        "CASE SUBSTR({text}, -6, 1) WHEN '+' THEN CAST({minutes} AS SIGNED) WHEN '-' THEN CAST(-{minutes} AS SIGNED) ELSE 0 END"
    );
    let zoned = format!("CASE WHEN RIGHT({text}, 1) IN ('Z', 'z') THEN 0 ELSE {east} END");
    instant(&format!("{} - {zoned} * 60000000", wide(&micros(&local))))
}

/// A span from a text as Go writes it, each unit once and the greatest first.
fn to_span(a: &str) -> String {
    const UNITS: [(&str, &str); 6] = [
        ("h", "3600000000000"),
        ("m(?!s)", "60000000000"),
        ("s", "1000000000"),
        ("ms", "1000000"),
        ("[uµμ]s", "1000"),
        ("ns", "1"),
    ];
    let digits = "([0-9]{1,18}[.]?[0-9]{0,18}|[.][0-9]{1,18})";
    let all: String = UNITS.iter().map(|(unit, _)| format!("({digits}{unit})?")).collect();
    let parts = UNITS.iter().map(|(unit, nanos)| {
        let part = matched(a, &format!("[0-9.]+(?={unit})"));
        format!("COALESCE(TRUNCATE(CAST({part} AS DECIMAL(36,18)) * {nanos}, 0), 0)")
    });
    let sum = parts.collect::<Vec<_>>().join(" + ");
    let signed = integer(&format!("TRUNCATE(({sum}) / 1000, 0) * IF({a} LIKE '-%', -1, 1)"));
    format!(
        "CASE WHEN {a} IN ('0', '+0', '-0') THEN 0 WHEN {} IS NOT NULL THEN {signed} END",
        matched(a, &format!("^[+-]?(?=[0-9.]){all}{END}"))
    )
}
