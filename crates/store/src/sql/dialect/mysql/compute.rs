//! Functions and arithmetic in the terms of MySQL and MariaDB.
//!
//! Both end a statement where an integer or a double is out of range, and MariaDB knows no subquery that would compute
//! what is needed twice once. So integers are computed as `DECIMAL`, which has room, and what is [`within`] bounds
//! is cast back; doubles are compared with what they may be before they are computed. Patterns do without
//! backslashes, whose meaning in a literal is a setting, and without `$`, which a line's end before the end satisfies.

use purlin_schema::Kind;
use purlin_schema::expr::{Arithmetic, Function};

use super::Mysql;
use crate::sql::dialect::compute::{
    Compute, DAY, DIGITS, GREATEST, INTEGERS, UNITS, dates, instant_pattern, instants, span_pattern, within,
};
use crate::sql::dialect::{Flavour, decimal_bounds};

const EPOCH: &str = "TIMESTAMP'1970-01-01 00:00:00'";
/// The days from the year 0, which `TO_DAYS` counts from, to 1970.
const EPOCH_DAYS: i64 = 719_528;
/// The end of a text in a pattern.
pub(super) const END: &str = "(?![^0]|0)";

impl Compute for Mysql {
    fn test(&self, function: Function, text: &str, part: &str) -> Option<String> {
        Some(match function {
            Function::Contains => format!("(LOCATE({part}, {text}) > 0)"),
            Function::StartsWith => format!("(LEFT({text}, CHAR_LENGTH({part})) = {part})"),
            Function::EndsWith => format!("(RIGHT({text}, CHAR_LENGTH({part})) = {part})"),
            _ => return None,
        })
    }

    fn call(&self, function: Function, kind: Kind, a: &str) -> Option<String> {
        call(self.0, function, kind, a)
    }

    fn wide(&self, integer: &str) -> String {
        wide(integer)
    }

    fn integer(&self, wide: &str) -> String {
        integer(wide)
    }

    fn decimal(&self, value: &str, scale: u8) -> String {
        let (low, high) = decimal_bounds(scale);
        format!("CAST({} AS DECIMAL(19,{scale}))", within(value, (&low, &high)))
    }

    fn division(&self) -> &'static str {
        "DIV"
    }

    fn least(&self) -> &'static str {
        "-9223372036854775808"
    }

    fn floats(&self, operator: Arithmetic, a: &str, b: &str) -> Option<String> {
        floats(operator, a, b)
    }

    fn concat(&self, a: &str, b: &str) -> String {
        format!("CONCAT({a}, {b})")
    }

    fn micros(&self, instant: &str) -> String {
        micros(instant)
    }

    fn instant(&self, micros: &str) -> String {
        instant(micros)
    }

    fn between_instants(&self, a: &str, b: &str) -> String {
        format!("TIMESTAMPDIFF(MICROSECOND, {b}, {a})")
    }

    fn days(&self, date: &str) -> String {
        format!("(TO_DAYS({date}) - {EPOCH_DAYS})")
    }

    fn date(&self, days: &str) -> String {
        let (low, high) = dates();
        format!("FROM_DAYS(CAST({} AS SIGNED) + {EPOCH_DAYS})", within(days, (&low, &high)))
    }

    fn between_dates(&self, a: &str, b: &str) -> String {
        format!("((TO_DAYS({a}) - TO_DAYS({b})) * {DAY})")
    }
}

/// An integer with room.
fn wide(integer: &str) -> String {
    format!("CAST({integer} AS DECIMAL(20,0))")
}

/// An integer from a `DECIMAL`.
pub(super) fn integer(value: &str) -> String {
    format!("CAST({} AS SIGNED)", within(value, INTEGERS))
}

fn micros(instant: &str) -> String {
    format!("TIMESTAMPDIFF(MICROSECOND, {EPOCH}, {instant})")
}

/// An instant from microseconds as `DECIMAL`.
fn instant(micros: &str) -> String {
    let (low, high) = instants();
    format!("TIMESTAMPADD(MICROSECOND, CAST({} AS SIGNED), {EPOCH})", within(micros, (&low, &high)))
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

/// What of a text matches; null where nothing does, which MariaDB tells by an empty text. MySQL takes a match for an integer
/// where a decimal is made of it, and a text for what it says.
pub(super) fn matched(text: &str, pattern: &str) -> String {
    format!("NULLIF(CONCAT(REGEXP_SUBSTR({text}, '{pattern}')), '')")
}

fn to_integer(kind: Kind, a: &str) -> Option<String> {
    Some(match kind {
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
        Kind::Int => format!("({a} + 0e0)"),
        Kind::Decimal(scale) => {
            let units = 10_i64.pow(u32::from(scale));
            format!("((CAST({a} * {units} AS SIGNED) + 0e0) / {units}e0)")
        }
        // What is too great comes out as the greatest.
        Kind::Text => {
            let number = matched(a, &format!("^[+-]?{DIGITS}([eE][+-]?0{{0,200}}[0-9]{{1,4}})?{END}"));
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

/// An instant from a text as RFC 3339 writes it.
fn to_instant(a: &str) -> String {
    let text = matched(a, &format!("^{}{END}", instant_pattern(9)));
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

/// A span from a text as Go writes it.
fn to_span(a: &str) -> String {
    let parts = UNITS.iter().map(|(unit, nanos)| {
        let part = matched(a, &format!("[0-9.]+(?={unit})"));
        format!("COALESCE(TRUNCATE(CAST({part} AS DECIMAL(36,18)) * {nanos}, 0), 0)")
    });
    let sum = parts.collect::<Vec<_>>().join(" + ");
    let signed = integer(&format!("TRUNCATE(({sum}) / 1000, 0) * IF({a} LIKE '-%', -1, 1)"));
    let all = matched(a, &format!("^[+-]?(?=[0-9.]){}{END}", span_pattern()));
    format!("CASE WHEN {a} IN ('0', '+0', '-0') THEN 0 WHEN {all} IS NOT NULL THEN {signed} END")
}
