//! What a server must be able to say.

use std::fmt;

use purlin_schema::expr::Step;
use purlin_schema::{Kind, Value};
use serde::{Deserialize, Serialize};

use super::schema::{ColumnShape, IndexShape, Reference, Schema, TableShape};
use crate::migrate::error::MigrateError;
use crate::migrate::snapshot::{ColumnType, IdKind};

/// Whom a statement keeps waiting while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Lock {
    /// Nobody.
    Nobody,
    /// Whoever writes the same rows.
    Rows,
    /// Whoever writes to the table.
    Writers,
    /// Whoever reads or writes the table; for a moment, whatever is in it.
    Everybody,
    /// Whoever writes to the table, while it is copied.
    Copy,
    /// Whoever reads or writes the table, while it is written anew.
    Rewrite,
}

impl Lock {
    /// Whether it is held for longer the more is in the table.
    pub(crate) fn is_long(self) -> bool {
        matches!(self, Lock::Copy | Lock::Rewrite)
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lock::Nobody => "nobody waits",
            Lock::Rows => "whoever writes the same rows waits",
            Lock::Writers => "whoever writes to it waits",
            Lock::Everybody => "whoever uses it waits, for a moment",
            Lock::Copy => "whoever writes to it waits while it is copied",
            Lock::Rewrite => "whoever uses it waits while it is written anew",
        })
    }
}

/// Something that holds after a step, by which it is known to be done already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fact {
    Table(String),
    NoTable(String),
    Column(String, String),
    NoColumn(String, String),
    Index(String, String),
    NoIndex(String, String),
    Reference(String, String),
    NoReference(String, String),
}

/// A statement, with whom it keeps waiting.
pub(crate) type Said = (String, Lock);

/// The tongue of a server: each as SQL.
pub(crate) trait Words: Send + Sync {
    /// A name that is no longer than it admits.
    fn name(&self, name: &str) -> String;
    /// How many bytes a table's or column's name may have.
    fn name_limit(&self) -> usize;
    /// The type of a column; where it takes part in a key of limited length, how many characters it may have.
    fn column_type(&self, ty: ColumnType, keyed: Option<usize>) -> String;
    /// The type of `id`.
    fn id_type(&self, id: IdKind) -> String;
    /// Names and types of `created_at`, `updated_at` and `_version`.
    fn system_columns(&self) -> &'static [(&'static str, &'static str)];
    /// An index over columns: name, whether it descends.
    fn index(&self, unique: bool, parts: &[(&str, bool)]) -> IndexShape;
    /// An index that serves questions for a path into JSON, and orders by it.
    fn path_index(&self, field: &str, steps: &[Step]) -> IndexShape;
    /// The columns that such an index takes, by name, where it is not one of expressions.
    fn path_columns(&self, field: &str, steps: &[Step]) -> Vec<(String, ColumnShape)> {
        let _ = (field, steps);
        Vec::new()
    }
    /// Whether a foreign key takes an index on its column.
    fn references_need_index(&self) -> bool;
    /// Whether an index that begins with this serves a foreign key; else the server makes one of its own.
    fn serves_reference(&self, first_part: &str) -> bool {
        let _ = first_part;
        true
    }
    /// Whether changes of tables are part of transactions.
    fn is_transactional(&self) -> bool;
    /// How many bytes the values of a key may have, where texts in it must have a length.
    fn key_bytes(&self) -> Option<usize>;

    /// Why no row of such a table could be kept, and what to do.
    fn row_fault(&self, table: &str, shape: &TableShape) -> Option<String> {
        let _ = (table, shape);
        None
    }

    fn create_table(&self, name: &str, shape: &TableShape) -> Said;
    fn drop_table(&self, name: &str) -> Said {
        (format!("DROP TABLE {}", self.quote(name)), Lock::Everybody)
    }
    fn rename_table(&self, from: &str, to: &str) -> Said;
    /// Rows that are there get the literal.
    fn add_column(&self, table: &str, name: &str, shape: &ColumnShape, default: Option<&str>) -> Vec<Said>;
    fn drop_column(&self, table: &str, name: &str) -> Said {
        (format!("ALTER TABLE {} DROP COLUMN {}", self.quote(table), self.quote(name)), Lock::Everybody)
    }

    fn rename_column(&self, table: &str, from: &str, to: &str) -> Said {
        let (table, from, to) = (self.quote(table), self.quote(from), self.quote(to));
        (format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to}"), Lock::Everybody)
    }
    /// Makes a column admit or refuse null, or of another type that holds the same values.
    fn alter_column(&self, table: &str, name: &str, shape: &ColumnShape, before: &ColumnShape) -> Vec<Said>;
    fn create_index(&self, table: &str, name: &str, shape: &IndexShape) -> Said;
    fn drop_index(&self, table: &str, name: &str) -> Said;
    fn rename_index(&self, table: &str, from: &str, to: &str) -> Said;
    fn add_reference(&self, table: &str, name: &str, reference: &Reference) -> Said;
    fn drop_reference(&self, table: &str, name: &str) -> Said;
    /// Gives a foreign key another name.
    fn rename_reference(&self, table: &str, from: &str, to: &str, reference: &Reference) -> Said;
    /// Converts a column in one statement, where that is exactly what [`convert`](super::convert) does.
    fn convert_column(&self, table: &str, name: &str, from: ColumnType, to: ColumnType) -> Option<Said>;

    /// The statements that make an index while others write; `None` where [`create_index`](Words::create_index) does.
    fn create_index_beside(&self, table: &str, name: &str, shape: &IndexShape) -> Option<Said>;
    /// The two halves of a foreign key: for new rows at once, and looking at those that are there.
    fn add_reference_beside(&self, table: &str, name: &str, reference: &Reference) -> Option<(Said, Said)>;
    /// The two halves of refusing null; the second may be several statements of one transaction.
    fn require_beside(&self, table: &str, column: &str) -> Option<(Said, Vec<Said>)>;

    /// A value of the owner's own files; no request comes this way.
    fn literal(&self, value: &Value) -> String;
    /// An expression's value as [`Kind::parse`] reads it, spans of time as microseconds.
    fn text(&self, expr: &str, kind: Kind) -> String;
    /// A value as it is handed over for a column, where it is a text that the database reads.
    fn parameter(&self, value: &Value) -> Option<String>;
    /// The statement that gives a row of an id a value, both as texts.
    fn put_value(&self, table: &str, column: &str, id: IdKind, ty: ColumnType) -> String;
    /// Texts joined with a separator, over a group.
    fn joined(&self, expr: &str, separator: &str, order: &str) -> String;

    /// A query for whether something holds: one row where it does.
    fn holds(&self, fact: &Fact) -> String;
    /// A query for tables with the bytes that they take and about how many rows.
    fn sizes(&self) -> &'static str;
    /// A query for a table that is neither ours nor of an extension.
    fn foreign_table(&self) -> &'static str;
    /// A query for whether `_migrations` is there.
    fn has_history(&self) -> &'static str;
    /// The statements that make `_migrations` and `_migrations_steps` where there are none.
    fn create_history(&self) -> &'static [&'static str];
    /// What tables there really are.
    fn read(&self, rows: &mut Reading<'_>) -> Result<Schema, MigrateError>;

    /// A column as it stands in `CREATE TABLE` and behind `ADD COLUMN`.
    fn definition(&self, name: &str, shape: &ColumnShape) -> String {
        let required = if shape.required { " NOT NULL" } else { "" };
        format!("{} {}{required}", self.quote(name), shape.ty)
    }

    /// What stands between the brackets of `CREATE TABLE`: the columns of the key first.
    fn definitions(&self, shape: &TableShape) -> String {
        let key: Vec<_> = shape.key.iter().map(|column| self.quote(column)).collect();
        let first = shape.key.iter().filter_map(|name| Some((name, shape.columns.get(name)?)));
        let rest = shape.columns.iter().filter(|(name, _)| !shape.key.contains(name));
        let column = |(name, column): (&String, &ColumnShape)| self.definition(name, column);
        let mut lines: Vec<String> = first.chain(rest).map(column).collect();
        lines.push(format!("PRIMARY KEY ({})", key.join(", ")));
        lines.join(",\n  ")
    }

    /// An identifier, quoted.
    fn quote(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// Reads the rows of a statement as texts.
pub(crate) type Reading<'link> = dyn FnMut(&str) -> Result<Vec<Vec<Option<String>>>, MigrateError> + 'link;
