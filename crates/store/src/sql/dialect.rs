//! Where databases differ in what they call things.
//!
//! One member so far. A further database adds a member and is then told by the compiler what it must say.

use purlin_schema::{Field, FieldId, Kind, Model};

/// A database's way to write SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// SQLite 3.50 or later, with the functions of `sqlite::functions`.
    Sqlite,
}

impl Dialect {
    /// An identifier, quoted.
    pub(crate) fn quote(self, name: &str) -> String {
        match self {
            Dialect::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// Writes a parameter by its number, from 1.
    pub(crate) fn parameter(self, sql: &mut String, number: usize) {
        match self {
            Dialect::Sqlite => {
                sql.push('?');
                sql.push_str(&number.to_string());
            }
        }
    }

    /// Whether one parameter may stand at several places.
    pub(crate) fn shares_parameters(self) -> bool {
        match self {
            Dialect::Sqlite => true,
        }
    }

    /// Whether two values are equal or both null, so that an index is used.
    pub(crate) fn same(self, left: &str, right: &str) -> String {
        match self {
            Dialect::Sqlite => format!("({left} IS {right})"),
        }
    }

    /// The opposite of [`same`](Dialect::same).
    pub(crate) fn distinct(self, left: &str, right: &str) -> String {
        match self {
            Dialect::Sqlite => format!("({left} IS NOT {right})"),
        }
    }

    /// A key of an order, nulls first ascending and last descending.
    pub(crate) fn order(self, key: &str, descending: bool) -> String {
        match self {
            Dialect::Sqlite => format!("{key}{}", if descending { " DESC" } else { "" }),
        }
    }

    /// The table of a model.
    pub(crate) fn table(self, model: &Model) -> String {
        self.quote(&model.name)
    }

    /// The table of a list of refs.
    pub(crate) fn link_table(self, model: &Model, field: &Field) -> String {
        self.quote(&format!("{}__{}", model.name, field.name))
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
