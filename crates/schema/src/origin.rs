//! Tables that are not Purlin's: where the records of a model that is not managed stand.
//!
//! Such a model (`[model] managed = false`) is a window on a table or view of a database that others made and keep:
//! it is read like any other model, written where its owner says so, and no migration touches it. What its columns are
//! called, and by what its records are told apart, is said here; everything else knows models and fields.

use std::collections::HashMap;

use crate::model::FieldId;

/// The table or view behind a model that is not managed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// `database.existing`: the schema or database on the server that it stands in; empty for a file.
    pub schema: String,
    /// `table`: its name in its database.
    pub table: String,
    /// What the ids of its records are.
    pub key: OriginKey,
    /// The columns of its fields; of `created_at` and `updated_at` where `[model]` names them.
    pub columns: HashMap<FieldId, OriginColumn>,
    /// The tables behind its lists of refs.
    pub links: HashMap<FieldId, OriginLinks>,
}

/// What the ids of records are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OriginKey {
    /// The integers of a column.
    Column(String),
    /// The number that the database itself gives to each row of a table.
    #[default]
    Row,
    /// Numbers made of what stands in these columns, of which no two rows have the same.
    Columns(Vec<String>),
    /// The place of a row among all: it stays as long as nothing is added or removed before it. A view has nothing better.
    Place,
}

impl Origin {
    /// Why its records can only be read, if that is so: what is to be written must be found again as the same record.
    #[must_use]
    pub fn only_read(&self) -> Option<&'static str> {
        (self.key == OriginKey::Place)
            .then_some("it is a view or has no key, so that no record of it can be found again for sure")
    }

    /// Whether a field's column is of the key: given once, when the record is made.
    #[must_use]
    pub fn is_key(&self, field: FieldId) -> bool {
        let Some(column) = self.columns.get(&field) else { return false };
        let is = |key: &String| column.name.eq_ignore_ascii_case(key);
        match &self.key {
            OriginKey::Column(key) => is(key),
            OriginKey::Columns(keys) => keys.iter().any(is),
            OriginKey::Row | OriginKey::Place => false,
        }
    }
}

/// A field's column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginColumn {
    /// Its name.
    pub name: String,
    /// Whether it holds what is none of its type: numbers beside texts, which then read as texts; dates of MySQL that
    /// are zero, which read as null.
    pub mixed: bool,
    /// Whether it takes no null, so that the empty text is written instead.
    pub blank: bool,
    /// The database's type that a text is cast to when it is written; PostgreSQL's alone asks for it.
    pub cast: Option<String>,
    /// For a ref whose column holds something other than the record's id: the table that it is looked up in, the
    /// column there, and what the ids of that table are.
    pub through: Option<(String, String, OriginKey)>,
}

/// The table behind a list of refs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginLinks {
    /// Its name.
    pub table: String,
    /// The column with the id of the record that has the list.
    pub source: String,
    /// The column with the id of the record in it.
    pub target: String,
}
