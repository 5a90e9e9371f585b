//! Tables that are not Purlin's, as a statement reads them: a subquery whose columns have the names and the kinds of
//! the model's fields.
//!
//! The database merges such a subquery into the statement around it, so that a column which is only called otherwise
//! keeps its index. A value that is none of its field's kind reads as null.

use purlin_schema::origin::{Origin, OriginColumn, OriginKey};
use purlin_schema::{Field, FieldId, Model};

use super::dialect::Dialect;

/// The name under which a connection to a file has the database that is not Purlin's.
pub(crate) const SCHEMA: &str = "existing";

/// The rows of a model that is not managed.
pub(crate) fn rows(dialect: Dialect, model: &Model, origin: &Origin) -> String {
    let columns: Vec<String> = model
        .fields
        .iter()
        .filter(|field| field.has_column())
        .map(|field| format!("{} AS {}", column(dialect, field, origin), dialect.quote(&field.name)))
        .collect();
    format!("(SELECT {} FROM {} AS o)", columns.join(", "), table(dialect, origin, &origin.table))
}

/// The rows of the table behind a list of refs.
pub(crate) fn links(dialect: Dialect, origin: &Origin, field: FieldId) -> Option<String> {
    let links = origin.links.get(&field)?;
    let (source, target) = (dialect.column("o", &links.source), dialect.column("o", &links.target));
    let (source_name, target_name) = (dialect.quote("source"), dialect.quote("target"));
    let table = table(dialect, origin, &links.table);
    Some(format!("(SELECT {source} AS {source_name}, {target} AS {target_name} FROM {table} AS o)"))
}

/// A table that is not Purlin's, by its name.
fn table(dialect: Dialect, origin: &Origin, name: &str) -> String {
    let schema = if origin.schema.is_empty() { SCHEMA } else { &origin.schema };
    format!("{}.{}", dialect.quote(schema), dialect.quote(name))
}

fn key(dialect: Dialect, alias: &str, key: &OriginKey) -> String {
    match key {
        OriginKey::Column(column) => dialect.column(alias, column),
        OriginKey::Row => format!("{alias}.rowid"),
        OriginKey::Place(columns) if columns.is_empty() => "row_number() OVER ()".to_owned(),
        OriginKey::Place(columns) => {
            let columns: Vec<String> = columns.iter().map(|column| dialect.column(alias, column)).collect();
            format!("row_number() OVER (ORDER BY {})", columns.join(", "))
        }
    }
}

fn column(dialect: Dialect, field: &Field, origin: &Origin) -> String {
    match field.id {
        FieldId::ID => return key(dialect, "o", &origin.key),
        FieldId::VERSION => return "1".to_owned(),
        _ => {}
    }
    let Some(OriginColumn { name, mixed, through, .. }) = origin.columns.get(&field.id) else {
        return dialect.typed("NULL", field.kind);
    };
    let plain = dialect.column("o", name);
    match through {
        Some((target, column, of)) => {
            let (id, column) = (key(dialect, "k", of), dialect.column("k", column));
            format!("(SELECT {id} FROM {} AS k WHERE {column} = {plain})", table(dialect, origin, target))
        }
        None if field.reference.is_some() => plain,
        None => dialect.foreign(&plain, field.kind, *mixed),
    }
}
