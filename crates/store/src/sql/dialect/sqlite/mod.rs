//! SQLite's words. Truth is 1 and 0, times are integers.

mod json;

use purlin_schema::Kind;
use purlin_schema::expr::{Arithmetic, Function};

use super::Sql;
use super::json::Json;
use crate::sql::Bind;
use crate::sql::call::Operation;

pub(super) struct Sqlite;

impl Sql for Sqlite {
    fn parameter(&self, sql: &mut String, number: usize, _: &Bind) {
        sql.push('?');
        sql.push_str(&number.to_string());
    }

    fn joins_parents(&self) -> bool {
        true
    }

    fn finds_again(&self) -> bool {
        true
    }

    fn same(&self, left: &str, right: &str) -> String {
        format!("({left} IS {right})")
    }

    fn distinct(&self, left: &str, right: &str) -> String {
        format!("({left} IS NOT {right})")
    }

    /// Any value may stand in any column.
    fn foreign(&self, column: &str, kind: Kind, mixed: bool) -> String {
        match kind {
            Kind::Text if mixed => format!("CAST({column} AS TEXT)"),
            // Whatever the column's collation.
            Kind::Text => format!("{column} COLLATE BINARY"),
            Kind::Int => column.to_owned(),
            Kind::Bool => format!("CASE WHEN {column} IN (0, 1) THEN {column} END"),
            Kind::Float => {
                format!("CASE WHEN typeof({column}) IN ('integer', 'real') THEN CAST({column} AS REAL) END")
            }
            Kind::Decimal(scale) => {
                let factor = 10_i64.pow(u32::from(scale));
                format!("CAST(round(CAST({column} AS REAL) * {factor}) AS INTEGER)")
            }
            Kind::Date => format!("CAST(julianday(date({column})) - 2440587.5 AS INTEGER)"),
            Kind::Datetime => format!("purlin_micros({column}, unixepoch({column}, 'subsec'))"),
            Kind::Json => format!("CASE WHEN json_valid({column}) THEN CAST({column} AS TEXT) END"),
            Kind::Duration | Kind::Uuid => "NULL".to_owned(),
        }
    }

    /// Times are written as those that are there.
    fn to_foreign(&self, value: &str, kind: Kind, sample: &dyn Fn() -> String) -> Option<String> {
        Some(match kind {
            Kind::Bool | Kind::Int | Kind::Float | Kind::Text | Kind::Json | Kind::Decimal(0) => {
                value.to_owned()
            }
            Kind::Decimal(scale) => format!("({value} / {}.0)", 10_i64.pow(u32::from(scale))),
            Kind::Date => format!("date({value} * 86400, 'unixepoch')"),
            Kind::Datetime => format!("purlin_time({value}, {})", sample()),
            Kind::Duration | Kind::Uuid => return None,
        })
    }

    /// In groups: a function takes so many arguments and no more.
    fn digest(&self, columns: &[String], digits: u32) -> String {
        let mut groups = columns.chunks(100);
        let first = format!("purlin_digest({digits}, {})", groups.next().unwrap_or_default().join(", "));
        groups.fold(first, |before, group| format!("purlin_digest({digits}, {before}, {})", group.join(", ")))
    }

    fn midnight(&self, date: &str) -> String {
        format!("({date} * 86400000000)")
    }

    fn compute(&self, operation: Operation, args: &[(Kind, &str)]) -> Option<String> {
        Some(match (operation, args) {
            (Operation::Arithmetic(Arithmetic::Add), [(Kind::Text, a), (Kind::Text, b)]) => {
                format!("({a} || {b})")
            }
            (Operation::Function(Function::Contains), [(_, a), (_, b)]) => format!("(instr({a}, {b}) > 0)"),
            (Operation::Function(Function::StartsWith), [(_, a), (_, b)]) => {
                format!("(substr({a}, 1, length({b})) = {b})")
            }
            (Operation::Function(Function::EndsWith), [(_, a), (_, b)]) => {
                format!("(substr({a}, -length({b}), length({b})) = {b})")
            }
            (Operation::Function(Function::Size), [(_, a)]) => format!("length({a})"),
            (Operation::Function(Function::LowerAscii), [(_, a)]) => format!("lower({a})"),
            _ => {
                let code = operation.code(args)?;
                let args: String = args.iter().map(|(_, arg)| format!(", {arg}")).collect();
                format!("purlin_call({code}{args})")
            }
        })
    }

    fn computes_json(&self) -> bool {
        true
    }

    fn json(&self) -> &dyn Json {
        self
    }

    fn decimal_order(&self, (a, scale_a): (&str, u8), (b, scale_b): (&str, u8)) -> Option<String> {
        Some(format!("purlin_decimals({a}, {scale_a}, {b}, {scale_b})"))
    }
}
