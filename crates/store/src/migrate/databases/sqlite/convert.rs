//! What is in a column, as another type: expressions for SQLite, and conditions for what cannot be converted.
//! Which conversions there are, and which of them lose something,
//! [`conversion`](crate::migrate::operation::conversion) says.

use purlin_schema::Kind;

use crate::migrate::snapshot::ColumnType;

const MICROS_A_DAY: &str = "86400000000";

/// An expression for what is in a column, as another type.
pub(super) fn convert(column: &str, from: ColumnType, to: ColumnType) -> String {
    let one = |scale: u8| 10_i64.pow(u32::from(scale));
    match (from.0, to.0) {
        (_, Kind::Text) if matches!(from.0, Kind::Json) => column.to_owned(),
        (_, Kind::Text) => format!("purlin_text({column}, '{from}')"),
        (Kind::Text, _) => format!("purlin_parse({column}, '{to}')"),
        (Kind::Int, Kind::Float) => format!("CAST({column} AS REAL)"),
        (Kind::Float, Kind::Int) => format!("CAST({column} AS INTEGER)"),
        (Kind::Int, Kind::Decimal(scale)) => format!("{column} * {}", one(scale)),
        (Kind::Decimal(old), Kind::Decimal(new)) if new > old => format!("{column} * {}", one(new - old)),
        (Kind::Decimal(old), Kind::Decimal(new)) => shrink(column, one(old - new)),
        (Kind::Decimal(old), Kind::Int) => shrink(column, one(old)),
        (Kind::Decimal(old), Kind::Float) => format!("CAST({column} AS REAL) / {}.0", one(old)),
        (Kind::Float, Kind::Decimal(scale)) => {
            format!("CAST(round({column} * {}.0) AS INTEGER)", one(scale))
        }
        (Kind::Date, Kind::Datetime) => format!("{column} * {MICROS_A_DAY}"),
        // Rounded down, also before 1970.
        (Kind::Datetime, Kind::Date) => format!(
            "({column} - (({column} % {MICROS_A_DAY}) + {MICROS_A_DAY}) % {MICROS_A_DAY}) / {MICROS_A_DAY}"
        ),
        _ => column.to_owned(),
    }
}

/// Divides, rounding halves away from zero, without going through a float.
fn shrink(column: &str, by: i64) -> String {
    if by == 1 {
        return column.to_owned();
    }
    let half = by / 2;
    format!("{column} / {by} + ({column} % {by} >= {half}) - ({column} % {by} <= -{half})")
}

/// A condition for what is in a column and cannot become another type; `None` where everything can.
pub(super) fn impossible(column: &str, from: ColumnType, to: ColumnType) -> Option<String> {
    let too_great = |by: i64| {
        let most = i64::MAX / by;
        format!("{column} NOT BETWEEN -{most} AND {most}")
    };
    let one = |scale: u8| 10_i64.pow(u32::from(scale));
    Some(match (from.0, to.0) {
        (_, Kind::Text) => return None,
        (Kind::Text, _) => format!("purlin_parse({column}, '{to}') IS NULL"),
        (Kind::Int, Kind::Bool) => format!("{column} NOT IN (0, 1)"),
        // Beyond 2⁵³ not every integer is a double.
        (Kind::Int, Kind::Float) => format!("CAST(CAST({column} AS REAL) AS INTEGER) != {column}"),
        (Kind::Float, Kind::Int) => {
            format!("NOT (abs({column}) < 9223372036854775808.0 AND {column} = CAST({column} AS INTEGER))")
        }
        (Kind::Int, Kind::Decimal(scale)) => too_great(one(scale)),
        (Kind::Decimal(old), Kind::Decimal(new)) if new > old => too_great(one(new - old)),
        (Kind::Float, Kind::Decimal(scale)) => {
            format!("NOT abs({column} * {}.0) < 9223372036854775808.0", one(scale))
        }
        _ => return None,
    })
}
