//! SQLite's words. Truth is 1 and 0, times are integers.

use super::Sql;
use crate::sql::Bind;

pub(super) struct Sqlite;

impl Sql for Sqlite {
    fn quote(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    fn parameter(&self, sql: &mut String, number: usize, _: &Bind) {
        sql.push('?');
        sql.push_str(&number.to_string());
    }

    fn shares_parameters(&self) -> bool {
        true
    }

    fn truth(&self, truth: bool) -> &'static str {
        if truth { "1" } else { "0" }
    }

    fn is(&self, value: &str, truth: bool) -> String {
        format!("({value} = {})", self.truth(truth))
    }

    fn unknown(&self) -> &'static str {
        "NULL"
    }

    fn same(&self, left: &str, right: &str) -> String {
        format!("({left} IS {right})")
    }

    fn distinct(&self, left: &str, right: &str) -> String {
        format!("({left} IS NOT {right})")
    }

    fn midnight(&self, date: &str) -> String {
        format!("({date} * 86400000000)")
    }
}
