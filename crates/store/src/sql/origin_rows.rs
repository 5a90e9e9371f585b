//! Tables that are not Purlin's, as a statement reads them: a subquery whose columns have the names and the kinds of
//! the model's fields.
//!
//! The database merges such a subquery into the statement around it, so that a column which is only called otherwise
//! keeps its index. A value that is none of its field's kind reads as null. A text that is a key stands there twice: as
//! texts compare everywhere, and as its column compares, which is what its index is made for.

use purlin_schema::origin::{Origin, OriginColumn, OriginKey};
use purlin_schema::{Field, FieldId, Kind, Model};

use super::dialect::Dialect;

/// The name under which a connection to a file has the database that is not Purlin's.
pub(crate) const SCHEMA: &str = "existing";

/// How many hexadecimal digits an id has that is made of columns: JSON's numbers are exact to 53 bits.
const ID_DIGITS: u32 = 13;

/// How many a version has.
const VERSION_DIGITS: u32 = 15;

/// The rows of a model that is not managed.
pub(crate) fn rows(dialect: Dialect, model: &Model, origin: &Origin) -> String {
    let fields = || model.fields.iter().filter(|field| field.has_column());
    let named = |sql: String, name: &str| format!("{sql} AS {}", dialect.quote(name));
    let columns = fields().map(|field| named(column(dialect, field, origin), &field.name));
    let loose = fields().filter(|field| is_loose(model, field));
    let loose =
        loose.map(|field| named(dialect.column("o", &origin.columns[&field.id].name), &loose_name(field)));
    let columns: Vec<String> = columns.chain(loose).collect();
    format!("(SELECT {} FROM {} AS o)", columns.join(", "), table(dialect, origin, &origin.table))
}

/// Whether a field stands there as its column compares, too.
pub(crate) fn is_loose(model: &Model, field: &Field) -> bool {
    let Some(origin) = &model.origin else { return false };
    let is_key = || {
        let single = |key: &String| origin.columns[&field.id].name.eq_ignore_ascii_case(key);
        model.uniques.iter().any(|unique| unique.fields.first() == Some(&field.id))
            || model
                .indexes
                .iter()
                .any(|index| index.fields.first().is_some_and(|(first, _)| *first == field.id))
            || matches!(&origin.key, OriginKey::Columns(keys) if keys.first().is_some_and(single))
    };
    let column = origin.columns.get(&field.id);
    // Where a text stands for another type, only its text can be compared with one.
    let plain =
        column.is_some_and(|column| !column.mixed && column.cast.is_none() && column.through.is_none());
    field.kind == Kind::Text && plain && is_key()
}

/// What it is called there.
pub(crate) fn loose_name(field: &Field) -> String {
    format!("{}~", field.name)
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
pub(crate) fn table(dialect: Dialect, origin: &Origin, name: &str) -> String {
    let schema = if origin.schema.is_empty() { SCHEMA } else { &origin.schema };
    format!("{}.{}", dialect.quote(schema), dialect.quote(name))
}

/// The id of a row; `row` is what stands before the names of its columns: `o.`, or nothing.
pub(crate) fn id(dialect: Dialect, row: &str, key: &OriginKey) -> String {
    let column = |name: &String| format!("{row}{}", dialect.quote(name));
    match key {
        OriginKey::Column(key) => column(key),
        OriginKey::Row => format!("{row}rowid"),
        OriginKey::Columns(keys) => {
            let keys: Vec<String> = keys.iter().map(column).collect();
            dialect.digest(&keys, ID_DIGITS)
        }
        OriginKey::Place => "row_number() OVER ()".to_owned(),
    }
}

/// A number that is another one when the row is: made of all the columns that the model knows.
fn version(dialect: Dialect, origin: &Origin) -> String {
    if origin.only_read().is_some() {
        return "1".to_owned();
    }
    let mut columns: Vec<&str> = origin.columns.values().map(|column| column.name.as_str()).collect();
    columns.sort_unstable();
    columns.dedup();
    let columns: Vec<String> = columns.into_iter().map(|column| dialect.column("o", column)).collect();
    if columns.is_empty() { "1".to_owned() } else { dialect.digest(&columns, VERSION_DIGITS) }
}

fn column(dialect: Dialect, field: &Field, origin: &Origin) -> String {
    match field.id {
        FieldId::ID => return id(dialect, "o.", &origin.key),
        FieldId::VERSION => return version(dialect, origin),
        _ => {}
    }
    let Some(OriginColumn { name, mixed, through, .. }) = origin.columns.get(&field.id) else {
        return dialect.typed("NULL", field.kind);
    };
    let plain = dialect.column("o", name);
    match through {
        Some((target, column, of)) => {
            let (id, column) = (id(dialect, "k.", of), dialect.column("k", column));
            format!("(SELECT {id} FROM {} AS k WHERE {column} = {plain})", table(dialect, origin, target))
        }
        None if field.reference.is_some() => plain,
        None => dialect.foreign(&plain, field.kind, *mixed),
    }
}
