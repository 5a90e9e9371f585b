//! MySQL's and MariaDB's words. Truth is 1 and 0; a parameter stands at one place.

mod compute;
mod json;

use purlin_schema::Kind;

use super::json::Json;
use super::{Flavour, Sql};
use crate::sql::Bind;
use crate::sql::call::Operation;
pub(crate) use json::path_columns;

pub(super) struct Mysql(pub(super) Flavour);

impl Sql for Mysql {
    fn quote(&self, name: &str) -> String {
        format!("`{}`", name.replace('`', "``"))
    }

    /// A parameter without a column beside it would compare as the connection's collation says.
    fn parameter(&self, sql: &mut String, _: usize, bind: &Bind) {
        match bind {
            Bind::Limit | Bind::Offset | Bind::Loose(_) => return sql.push('?'),
            _ => {}
        }
        match bind.kind() {
            Kind::Bool | Kind::Int | Kind::Duration | Kind::Float | Kind::Json => sql.push('?'),
            Kind::Text => sql.push_str(&format!("? COLLATE {}", self.0.collation())),
            Kind::Decimal(scale) => sql.push_str(&format!("CAST(? AS DECIMAL(19, {scale}))")),
            Kind::Date => sql.push_str("CAST(? AS DATE)"),
            Kind::Datetime => sql.push_str("CAST(? AS DATETIME(6))"),
            Kind::Uuid => sql.push_str("CAST(? AS BINARY(16))"),
        }
    }

    fn shares_parameters(&self) -> bool {
        false
    }

    fn same(&self, left: &str, right: &str) -> String {
        format!("({left} <=> {right})")
    }

    fn distinct(&self, left: &str, right: &str) -> String {
        format!("(NOT {left} <=> {right})")
    }

    fn midnight(&self, date: &str) -> String {
        format!("CAST({date} AS DATETIME(6))")
    }

    fn compute(&self, operation: Operation, args: &[(Kind, &str)]) -> Option<String> {
        super::compute::compute(self, operation, args)
    }

    fn json(&self) -> &dyn Json {
        self
    }

    /// A half for a fraction: where a double lies among integers is what matters.
    fn beside_integers(&self, float: &str) -> String {
        format!(
            "CASE WHEN {float} >= 9.223372036854775808e18 THEN 9223372036854775808 \
             WHEN {float} < -9.223372036854775808e18 THEN -9223372036854775809 \
             ELSE CAST(TRUNCATE({float}, 0) AS SIGNED) + SIGN({float} - TRUNCATE({float}, 0)) * 0.5 END"
        )
    }

    /// Numbers and times are left as they are, so that their indexes serve.
    fn foreign(&self, column: &str, kind: Kind, mixed: bool) -> String {
        match kind {
            Kind::Text => format!("CONVERT({column} USING utf8mb4) COLLATE {}", self.0.collation()),
            Kind::Bool => format!("({column} + 0 <> 0)"),
            Kind::Float => format!("({column} + 0e0)"),
            // A zero in a date stands for something that is not known.
            Kind::Date | Kind::Datetime if mixed => {
                format!("CASE WHEN MONTH({column}) > 0 AND DAYOFMONTH({column}) > 0 THEN {column} END")
            }
            Kind::Json => format!("CASE WHEN JSON_VALID({column}) THEN {column} END"),
            Kind::Int | Kind::Decimal(_) | Kind::Date | Kind::Datetime => column.to_owned(),
            Kind::Duration | Kind::Uuid => "NULL".to_owned(),
        }
    }

    fn to_foreign(&self, value: &str, kind: Kind, _: &dyn Fn() -> String) -> Option<String> {
        (!matches!(kind, Kind::Duration | Kind::Uuid)).then(|| value.to_owned())
    }

    /// As bytes, so that columns of many charsets stand in one text.
    fn digest(&self, columns: &[String], digits: u32) -> String {
        let parts: Vec<String> =
            columns.iter().map(|column| format!("QUOTE(CAST({column} AS BINARY))")).collect();
        let text = format!("CONCAT_WS(',', {})", parts.join(", "));
        format!("CAST(CONV(LEFT(SHA2({text}, 256), {digits}), 16, 10) AS SIGNED)")
    }

    fn begins(&self, text: &str, prefix: &str, after: &str) -> String {
        super::begins_or_nothing_after(text, prefix, after)
    }
}
