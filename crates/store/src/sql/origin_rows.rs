//! Tables that are not Purlin's, as a statement reads them: a subquery whose columns have the names and the kinds of
//! the model's fields.
//!
//! The database merges such a subquery into the statement around it, so that a column which is only called otherwise
//! keeps its index. A value that is none of its field's kind reads as null.

use purlin_schema::origin::{Origin, OriginColumn, OriginKey};
use purlin_schema::{Field, FieldId, Kind, Model};

use super::dialect::Dialect;

/// The name under which a connection has the database that is not Purlin's.
pub(crate) const SCHEMA: &str = "existing";

/// The rows of a model that is not managed.
pub(crate) fn rows(dialect: Dialect, model: &Model, origin: &Origin) -> String {
    let columns: Vec<String> = model
        .fields
        .iter()
        .filter(|field| field.has_column())
        .map(|field| format!("{} AS {}", column(dialect, field, origin), dialect.quote(&field.name)))
        .collect();
    format!("(SELECT {} FROM {} AS o)", columns.join(", "), table(dialect, &origin.table))
}

/// The rows of the table behind a list of refs.
pub(crate) fn links(dialect: Dialect, origin: &Origin, field: FieldId) -> Option<String> {
    let links = origin.links.get(&field)?;
    let (source, target) = (dialect.column("o", &links.source), dialect.column("o", &links.target));
    let (source_name, target_name) = (dialect.quote("source"), dialect.quote("target"));
    let table = table(dialect, &links.table);
    Some(format!("(SELECT {source} AS {source_name}, {target} AS {target_name} FROM {table} AS o)"))
}

fn table(dialect: Dialect, name: &str) -> String {
    format!("{SCHEMA}.{}", dialect.quote(name))
}

fn key(dialect: Dialect, alias: &str, key: &OriginKey) -> String {
    match key {
        OriginKey::Column(column) => dialect.column(alias, column),
        OriginKey::Row => format!("{alias}.rowid"),
        OriginKey::Place => "row_number() OVER ()".to_owned(),
    }
}

fn column(dialect: Dialect, field: &Field, origin: &Origin) -> String {
    match field.id {
        FieldId::ID => return key(dialect, "o", &origin.key),
        FieldId::CREATED_AT | FieldId::UPDATED_AT => return "NULL".to_owned(),
        FieldId::VERSION => return "1".to_owned(),
        _ => {}
    }
    let Some(OriginColumn { name, mixed, through }) = origin.columns.get(&field.id) else {
        return "NULL".to_owned();
    };
    let plain = dialect.column("o", name);
    match through {
        Some((target, column, of)) => {
            let (id, column) = (key(dialect, "k", of), dialect.column("k", column));
            format!("(SELECT {id} FROM {} AS k WHERE {column} = {plain})", table(dialect, target))
        }
        None if field.reference.is_some() => plain,
        None if *mixed && field.kind == Kind::Text => format!("CAST({plain} AS TEXT)"),
        None => converted(&plain, field.kind),
    }
}

/// A column of SQLite, where any value may stand in any column, as a field of a kind.
fn converted(column: &str, kind: Kind) -> String {
    match kind {
        Kind::Int | Kind::Text => column.to_owned(),
        Kind::Bool => format!("CASE WHEN {column} IN (0, 1) THEN {column} END"),
        Kind::Float => {
            format!("CASE WHEN typeof({column}) IN ('integer', 'real') THEN CAST({column} AS REAL) END")
        }
        Kind::Decimal(scale) => {
            let factor = 10_i64.pow(u32::from(scale));
            format!("CAST(round(CAST({column} AS REAL) * {factor}) AS INTEGER)")
        }
        Kind::Date => format!("CAST(julianday(date({column})) - 2440587.5 AS INTEGER)"),
        Kind::Datetime => format!("CAST(round(unixepoch({column}, 'subsec') * 1000) AS INTEGER) * 1000"),
        Kind::Json => format!("CASE WHEN json_valid({column}) THEN CAST({column} AS TEXT) END"),
        Kind::Duration | Kind::Uuid => "NULL".to_owned(),
    }
}
