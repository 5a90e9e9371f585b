//! Where databases differ in how SQL is written.
//!
//! [`Dialect`] names the database and [`Sql`] is what must be said for each; a [`Dialect`] derefs to the words of
//! its database, so that whoever puts a statement together asks `dialect.quote(…)` and knows no names. A further
//! database is a member here, a file beside this one, and is then told by the compiler what it must say.
//!
//! What a parameter is bound as follows from its [`Bind`]: a text in UTF-8, an integer of 64 bits, a double; a bool, a
//! date, an instant, a UUID or JSON as the database has it. On MySQL a UUID is its 16 bytes and a decimal its digits
//! as text, which is what its protocol has; the statement casts them.
//!
//! | what migrations must declare | why |
//! |---|---|
//! | PostgreSQL: `text COLLATE "C"`; MySQL: `utf8mb4` with [`Flavour::collation`] | text compares by code point, blanks at its end count |
//! | PostgreSQL: in indexes `ASC NULLS FIRST` and `DESC NULLS LAST`, but for columns that are `NOT NULL`: those of required fields, `id`, `created_at`, `updated_at`, `_version` | that is the order that queries ask for, [`Sql::order`] |
//! | PostgreSQL: `"id"` at the end of each index that serves an order | cursors end in the id; other databases keep it there by themselves |
//! | PostgreSQL: foreign keys `DEFERRABLE INITIALLY IMMEDIATE` without an action | records that refer to each other in a circle go in one transaction |

mod compute;
pub(crate) mod json;
mod mysql;
mod postgres;
mod sqlite;

use std::ops::Deref;

use purlin_schema::{Field, FieldId, Kind, Model};

use json::Json;

use super::Bind;
use super::call::Operation;
use super::origin_rows;
pub(crate) use mysql::path_columns;

/// A database's way to write SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// SQLite 3.50 or later, with the functions of `sqlite::functions`.
    Sqlite,
    /// PostgreSQL 13 or later.
    Postgres,
    /// MySQL 8.0.19 or later, or MariaDB 10.7 or later.
    Mysql(Flavour),
}

/// Which of the two that speak MySQL's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    MariaDb,
    Mysql,
}

impl Flavour {
    /// The collation that compares text by code point and does not overlook blanks at its end.
    pub(crate) fn collation(self) -> &'static str {
        match self {
            Flavour::MariaDb => "utf8mb4_nopad_bin",
            Flavour::Mysql => "utf8mb4_0900_bin",
        }
    }
}

/// What a database must be able to say.
pub(crate) trait Sql: Sync {
    /// An identifier, quoted.
    fn quote(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// Writes a parameter by its number, from 1.
    fn parameter(&self, sql: &mut String, number: usize, bind: &Bind);

    /// Whether one parameter may stand at several places.
    fn shares_parameters(&self) -> bool {
        true
    }

    /// Whether the parents of a batch are rows that are joined, rather than a list after `IN`.
    fn joins_parents(&self) -> bool {
        false
    }

    /// Whether many values may be one parameter.
    fn takes_arrays(&self) -> bool {
        false
    }

    /// Whether a `SELECT` around rows finds them again by their ids rather than have their columns from them.
    fn finds_again(&self) -> bool {
        false
    }

    /// True and false: what a condition gives, and what a column of truths holds.
    fn truth(&self, truth: bool) -> &'static str {
        if truth { "1" } else { "0" }
    }

    /// A condition from a value that is a truth.
    fn is(&self, value: &str, truth: bool) -> String {
        format!("({value} = {})", self.truth(truth))
    }

    /// Null among truths.
    fn unknown(&self) -> &'static str {
        "NULL"
    }

    /// Whether two values are equal or both null; never unknown.
    fn same(&self, left: &str, right: &str) -> String;

    /// The opposite of [`same`](Sql::same).
    fn distinct(&self, left: &str, right: &str) -> String;

    /// [`same`](Sql::same) in a form for which indexes are used; it may be unknown where it is not true.
    fn same_by_index(&self, left: &str, right: &str) -> String {
        self.same(left, right)
    }

    /// A key of an order, nulls first ascending and last descending. `admits_null` is whether its column does.
    fn order(&self, key: &str, descending: bool, admits_null: bool) -> String {
        let _ = admits_null;
        format!("{key}{}", if descending { " DESC" } else { "" })
    }

    /// A date as the instant at which it begins in UTC.
    fn midnight(&self, date: &str) -> String;

    /// What an operation gives for arguments of their kinds: null for an error, and where an argument is null. It
    /// must never end the statement, whatever its arguments are. `None` where there is no such operation.
    fn compute(&self, operation: Operation, args: &[(Kind, &str)]) -> Option<String>;

    /// Whether [`compute`](Sql::compute) takes JSON, which it then asks for its type by itself.
    fn computes_json(&self) -> bool {
        false
    }

    /// JSON.
    fn json(&self) -> &dyn Json;

    /// Whether a text begins with another, of which `after` is [`Bind::After`]: a range, for which an index is used.
    fn begins(&self, text: &str, prefix: &str, after: &str) -> String {
        format!("({text} >= {prefix} AND {text} < {after})")
    }

    /// A double where it is compared with integers, exactly: neither is rounded to the other.
    fn beside_integers(&self, float: &str) -> String {
        float.to_owned()
    }

    /// An integer where it is compared with doubles.
    fn beside_floats(&self, integer: &str) -> String {
        integer.to_owned()
    }

    /// What is null or an error, where the types around it are of a kind.
    fn typed(&self, null: &str, kind: Kind) -> String {
        let _ = kind;
        null.to_owned()
    }

    /// A column of a table that others made, as a field of a kind. What is none of it is null; `mixed` is whether there
    /// may be such values where the database itself does not see to it.
    fn foreign(&self, column: &str, kind: Kind, mixed: bool) -> String;

    /// A value of a kind as it is written to such a column; `sample` is a text that another row has there. `None` where
    /// columns hold no such values.
    fn to_foreign(&self, value: &str, kind: Kind, sample: &dyn Fn() -> String) -> Option<String>;

    /// A number of so many hexadecimal digits, at most 15, that is made of what stands in some columns of one row.
    fn digest(&self, columns: &[String], digits: u32) -> String;

    /// A number below, at or above 0 for how two decimals of their scales compare, where plain comparison would not do.
    fn decimal_order(&self, a: (&str, u8), b: (&str, u8)) -> Option<String> {
        let _ = (a, b);
        None
    }
}

/// [`Sql::begins`] where the bound is null if there is none.
fn begins_or_nothing_after(text: &str, prefix: &str, after: &str) -> String {
    format!("({text} >= {prefix} AND ({text} < {after} OR {after} IS NULL))")
}

/// Just below and just above the decimals of a scale, as literals.
fn decimal_bounds(scale: u8) -> (String, String) {
    let at = |units: i128| {
        let digits = usize::from(scale);
        let text = format!("{:0>width$}", units.unsigned_abs(), width = digits + 1);
        let (whole, fraction) = text.split_at(text.len() - digits);
        format!("{}{whole}.{fraction}", if units < 0 { "-" } else { "" })
    };
    (at(i128::from(i64::MIN) - 1), at(i128::from(i64::MAX) + 1))
}

/// A literal.
fn number(value: i64) -> String {
    value.to_string()
}

impl Deref for Dialect {
    type Target = dyn Sql;

    fn deref(&self) -> &(dyn Sql + 'static) {
        self.sql()
    }
}

impl Dialect {
    /// The words of the database.
    pub(crate) fn sql(self) -> &'static dyn Sql {
        match self {
            Dialect::Sqlite => &sqlite::Sqlite,
            Dialect::Postgres => &postgres::Postgres,
            Dialect::Mysql(Flavour::MariaDb) => &mysql::Mysql(Flavour::MariaDb),
            Dialect::Mysql(Flavour::Mysql) => &mysql::Mysql(Flavour::Mysql),
        }
    }

    /// The table of a model.
    pub(crate) fn table(self, model: &Model) -> String {
        match &model.origin {
            Some(origin) => origin_rows::rows(self, model, origin),
            None => self.quote(&model.name),
        }
    }

    /// The table of a list of refs.
    pub(crate) fn link_table(self, model: &Model, field: &Field) -> String {
        let links = model.origin.as_ref().and_then(|origin| origin_rows::links(self, origin, field.id));
        links.unwrap_or_else(|| self.quote(&format!("{}__{}", model.name, field.name)))
    }

    /// A column of a row with an alias.
    pub(crate) fn column(self, alias: &str, name: &str) -> String {
        format!("{alias}.{}", self.quote(name))
    }
}

/// The kind of a model's ids.
pub(crate) fn id_kind(model: &Model) -> Kind {
    if model.uuid_ids { Kind::Uuid } else { Kind::Int }
}

/// The kind that a field's column has.
pub(crate) fn kind_of(model: &Model, field: FieldId) -> Kind {
    if field == FieldId::ID { id_kind(model) } else { model.field(field).kind }
}
