//! PostgreSQL's words. Types are strict, so that each parameter says its own.

mod compute;
mod json;

use purlin_schema::Kind;

use super::Sql;
use super::json::Json;
use crate::sql::Bind;
use crate::sql::call::Operation;

pub(super) struct Postgres;

/// What a value of a kind is cast to: the type of its column, as text compares.
pub(super) fn cast(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "boolean",
        Kind::Int | Kind::Duration => "bigint",
        Kind::Float => "double precision",
        Kind::Decimal(_) => "numeric",
        Kind::Text => "text COLLATE \"C\"",
        Kind::Date => "date",
        Kind::Datetime => "timestamptz",
        Kind::Uuid => "uuid",
        Kind::Json => "jsonb",
    }
}

impl Sql for Postgres {
    fn parameter(&self, sql: &mut String, number: usize, bind: &Bind) {
        match bind {
            Bind::Loose(_) => sql.push_str(&format!("${number}::text")),
            Bind::Array(kind) => sql.push_str(&format!("${number}::{}[]", cast(*kind))),
            _ => sql.push_str(&format!("${number}::{}", cast(bind.kind()))),
        }
    }

    fn takes_arrays(&self) -> bool {
        true
    }

    fn truth(&self, truth: bool) -> &'static str {
        if truth { "TRUE" } else { "FALSE" }
    }

    fn is(&self, value: &str, truth: bool) -> String {
        if truth { value.to_owned() } else { format!("(NOT {value})") }
    }

    fn unknown(&self) -> &'static str {
        "NULL::boolean"
    }

    fn same(&self, left: &str, right: &str) -> String {
        format!("({left} IS NOT DISTINCT FROM {right})")
    }

    fn distinct(&self, left: &str, right: &str) -> String {
        format!("({left} IS DISTINCT FROM {right})")
    }

    /// No index is used for `IS NOT DISTINCT FROM`.
    fn same_by_index(&self, left: &str, right: &str) -> String {
        match (left, right) {
            (value, "NULL") | ("NULL", value) => format!("({value} IS NULL)"),
            _ => format!("({left} = {right} OR ({left} IS NULL AND {right} IS NULL))"),
        }
    }

    fn order(&self, key: &str, descending: bool, admits_null: bool) -> String {
        let words = match (descending, admits_null) {
            (false, false) => "",
            (true, false) => " DESC",
            (false, true) => " ASC NULLS FIRST",
            (true, true) => " DESC NULLS LAST",
        };
        format!("{key}{words}")
    }

    fn midnight(&self, date: &str) -> String {
        format!("({date}::timestamp AT TIME ZONE 'UTC')")
    }

    fn compute(&self, operation: Operation, args: &[(Kind, &str)]) -> Option<String> {
        super::compute::compute(self, operation, args)
    }

    fn json(&self) -> &dyn Json {
        self
    }

    /// Two halves for a fraction: where a double lies among integers is what matters.
    fn beside_integers(&self, float: &str) -> String {
        format!(
            "CASE WHEN {float} >= 9223372036854775808 THEN 9223372036854775808 \
             WHEN {float} < -9223372036854775808 THEN -9223372036854775809 \
             ELSE trunc({float})::bigint + sign({float} - trunc({float}))::numeric * 0.5 END"
        )
    }

    fn beside_floats(&self, integer: &str) -> String {
        format!("({integer})::numeric")
    }

    fn typed(&self, null: &str, kind: Kind) -> String {
        format!("({null})::{}", cast(kind))
    }

    /// Integers, truths and times are left as they are, so that their indexes serve; what has other types takes theirs.
    fn foreign(&self, column: &str, kind: Kind, _: bool) -> String {
        match kind {
            Kind::Bool | Kind::Int | Kind::Date | Kind::Datetime | Kind::Uuid => column.to_owned(),
            Kind::Text => format!("{column}::text COLLATE \"C\""),
            Kind::Float => format!("{column}::double precision"),
            Kind::Decimal(_) => format!("nullif({column}::numeric, 'NaN')"),
            Kind::Duration => format!("(extract(epoch FROM {column}) * 1000000)::bigint"),
            Kind::Json => format!("to_jsonb({column})"),
        }
    }

    fn to_foreign(&self, value: &str, kind: Kind, _: &dyn Fn() -> String) -> Option<String> {
        Some(match kind {
            Kind::Duration => format!("({value} * interval '1 microsecond')"),
            _ => value.to_owned(),
        })
    }

    /// Hash partitions are laid out by this function, so that it stays as it is from version to version.
    fn digest(&self, columns: &[String], digits: u32) -> String {
        let most = (1_i64 << (4 * digits)) - 1;
        format!("(hashtextextended(ROW({})::text COLLATE \"C\", 0) & {most})", columns.join(", "))
    }

    fn begins(&self, text: &str, prefix: &str, after: &str) -> String {
        super::begins_or_nothing_after(text, prefix, after)
    }
}
