//! Tables that are not Purlin's, as they are written: by their own names, and by values as their columns hold them.
//!
//! Only columns that are given are named, so that all others get what the database itself has for them.

use purlin_schema::origin::{Origin, OriginColumn, OriginKey};
use purlin_schema::{Field, FieldId, Kind, Model};

use super::dialect::Dialect;
use super::origin_rows::{id, table};

/// The statements of a model whose records stand in a table that others made. In their texts `{n}` is the value of the
/// field with this number, of an id the id's.
pub(crate) struct OriginWrite<'model> {
    pub(crate) dialect: Dialect,
    pub(crate) model: &'model Model,
    pub(crate) origin: &'model Origin,
}

impl OriginWrite<'_> {
    /// Makes a record of these fields; `step_back` where a key that is taken is no error. Gives its id, but on MySQL.
    pub(crate) fn insert(&self, fields: &[FieldId], step_back: bool) -> String {
        let into = table(self.dialect, self.origin, &self.origin.table);
        // A key that is a field is given as such.
        let has_key = fields.iter().any(|field| self.origin.is_key(*field));
        let fields = fields.iter().filter(|field| **field != FieldId::ID || !has_key);
        let (names, values): (Vec<String>, Vec<String>) =
            fields.filter_map(|field| self.assigned(*field)).unzip();
        let row = match (names.is_empty(), self.dialect) {
            (true, Dialect::Mysql(_)) => "() VALUES ()".to_owned(),
            (true, _) => "DEFAULT VALUES".to_owned(),
            (false, _) => format!("({}) VALUES ({})", names.join(", "), values.join(", ")),
        };
        let tail = match self.dialect {
            Dialect::Mysql(_) => String::new(),
            _ => {
                let conflict = if step_back { " ON CONFLICT DO NOTHING" } else { "" };
                format!("{conflict} RETURNING {}", id(self.dialect, "", &self.origin.key))
            }
        };
        format!("INSERT INTO {into} {row}{tail}")
    }

    /// Finds the id of the record with these values, by its key of columns; nothing where not all of it are given.
    pub(crate) fn find(&self, given: &[FieldId]) -> Option<String> {
        let of = table(self.dialect, self.origin, &self.origin.table);
        let (key, fields) = self.key_columns()?;
        let known = key.len() == fields.len() && fields.iter().all(|field| given.contains(field));
        known.then(|| {
            let id = id(self.dialect, "", &self.origin.key);
            format!("SELECT {id} FROM {of} WHERE {}", key.join(" AND "))
        })
    }

    /// Changes these fields of a record.
    pub(crate) fn update(&self, fields: &[FieldId]) -> String {
        let of = table(self.dialect, self.origin, &self.origin.table);
        let sets = fields.iter().filter_map(|field| self.assigned(*field));
        let sets: Vec<String> = sets.map(|(name, value)| format!("{name} = {value}")).collect();
        format!("UPDATE {of} SET {} WHERE {}", sets.join(", "), self.this())
    }

    /// Deletes a record.
    pub(crate) fn delete(&self) -> String {
        let of = table(self.dialect, self.origin, &self.origin.table);
        format!("DELETE FROM {of} WHERE {}", self.this())
    }

    /// Makes the database give greater ids than one that was given by hand, the first of the values, where it does not by
    /// itself.
    pub(crate) fn advance(&self) -> Option<String> {
        let (OriginKey::Column(key), Dialect::Postgres) = (&self.origin.key, self.dialect) else {
            return None;
        };
        let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let of = table(self.dialect, self.origin, &self.origin.table);
        let sequence =
            format!("SELECT pg_get_serial_sequence({}, {})::regclass AS s", literal(&of), literal(key));
        let behind = "has_sequence_privilege(s, 'UPDATE') AND COALESCE(pg_sequence_last_value(s), 0) < {0}";
        Some(format!("SELECT setval(s, {{0}}) FROM ({sequence}) AS q WHERE {behind}"))
    }

    /// Whether a field can be written at all: some kinds of values no column of the database holds.
    pub(crate) fn takes(&self, field: FieldId) -> bool {
        self.assigned(field).is_some()
    }

    /// The record with the id; by the columns of its key, too, whose index finds it.
    fn this(&self) -> String {
        let mut conditions = self.key_columns().map(|(key, _)| key).unwrap_or_default();
        conditions.push(format!("{} = {{0}}", id(self.dialect, "", &self.origin.key)));
        conditions.join(" AND ")
    }

    /// For each column of a key that is no single integer or UUID: that it has what its field says, as far as fields do.
    fn key_columns(&self) -> Option<(Vec<String>, Vec<FieldId>)> {
        let OriginKey::Columns(keys) = &self.origin.key else { return None };
        let of = |key: &String| {
            let mut columns = self.origin.columns.iter();
            let (field, column) = columns.find(|(_, column)| column.name.eq_ignore_ascii_case(key))?;
            let plain = column.cast.is_none() && column.through.is_none() && !column.mixed;
            let of = self.model.field(*field);
            let value = match of.kind {
                Kind::Text if plain => format!("{{~{}}}", field.0),
                _ => self.value(of, column)?,
            };
            Some((format!("{} = {value}", self.dialect.quote(&column.name)), *field))
        };
        let (conditions, fields) = keys.iter().filter_map(of).unzip();
        Some((conditions, fields))
    }

    /// A field's column and what is written there.
    fn assigned(&self, field: FieldId) -> Option<(String, String)> {
        if field == FieldId::ID {
            let is_given = matches!(self.origin.key, OriginKey::Column(_) | OriginKey::Row);
            return is_given.then(|| (id(self.dialect, "", &self.origin.key), "{0}".to_owned()));
        }
        let column = self.origin.columns.get(&field)?;
        let value = self.value(self.model.field(field), column)?;
        Some((self.dialect.quote(&column.name), value))
    }

    fn value(&self, field: &Field, column: &OriginColumn) -> Option<String> {
        let mark = format!("{{{}}}", field.id.0);
        let dialect = self.dialect;
        if let Some((target, name, key)) = &column.through {
            let (target, name) = (table(dialect, self.origin, target), dialect.column("k", name));
            let this = id(dialect, "k.", key);
            let found = format!("SELECT {name} AS v FROM {target} AS k WHERE {this} = {mark}");
            return Some(match dialect {
                // It does not read the table that it writes but through another one.
                Dialect::Mysql(_) => format!("(SELECT v FROM ({found}) AS q)"),
                _ => format!("({found})"),
            });
        }
        if field.reference.is_some() {
            return Some(mark);
        }
        let sample = || {
            let (of, name) = (table(dialect, self.origin, &self.origin.table), dialect.quote(&column.name));
            format!("(SELECT {name} FROM {of} WHERE {name} IS NOT NULL LIMIT 1)")
        };
        let value = dialect.to_foreign(&mark, field.kind, &sample)?;
        Some(match &column.cast {
            Some(cast) if matches!(dialect, Dialect::Postgres) => format!("({value})::{cast}"),
            _ => value,
        })
    }
}

/// The table of links behind a list of refs, and its columns of both ends.
pub(crate) fn links(dialect: Dialect, model: &Model, field: &Field) -> Option<[String; 3]> {
    let origin = model.origin.as_deref()?;
    let links = origin.links.get(&field.id)?;
    Some([table(dialect, origin, &links.table), dialect.quote(&links.source), dialect.quote(&links.target)])
}
