//! Free fields on their way on SQLite: by functions of ours, inside the migration's transaction.

use purlin_schema::free::COLUMN;
use purlin_schema::{Kind, Value};
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value as Sql;

use super::statements::{literal, quote};
use super::values::stored;
use crate::migrate::free;
use crate::migrate::snapshot::ColumnType;
use crate::sqlite::decode::value_of;

/// The statements by which a column takes a free field: a look for what is no value of it, and the taking.
pub(super) fn take(table: &str, field: &str, key: &str, ty: ColumnType) -> (String, String) {
    let (table, column, document, key) = (quote(table), quote(field), quote(COLUMN), text(key));
    let ty = text(&ty.to_string());
    let is_there = format!("purlin_free({document}, {key}) IS NOT NULL");
    let taken = format!("purlin_taken({document}, {key}, {ty})");
    (
        format!(
            "SELECT \"id\", purlin_free({document}, {key}) FROM {table} WHERE {is_there} AND {taken} IS NULL"
        ),
        format!(
            "UPDATE {table} SET {column} = coalesce({taken}, {column}), {document} = purlin_without({document}, {key}) \
             WHERE purlin_without({document}, {key}) IS NOT {document}"
        ),
    )
}

/// The statement by which a column becomes a free field.
pub(super) fn give(table: &str, field: &str, key: &str, ty: ColumnType) -> String {
    let (table, column, document, key) = (quote(table), quote(field), quote(COLUMN), text(key));
    let ty = text(&ty.to_string());
    format!(
        "UPDATE {table} SET {document} = purlin_with({document}, {key}, {column}, {ty}) WHERE {column} IS NOT NULL"
    )
}

fn text(text: &str) -> String {
    literal(&Sql::Text(text.to_owned()))
}

/// The functions in these statements.
pub(super) fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("purlin_free", 2, flags, |context| {
        let (document, key) = (document(context)?, context.get::<String>(1)?);
        Ok(free::found(&document, &key).map(ToString::to_string))
    })?;
    connection.create_scalar_function("purlin_taken", 3, flags, |context| {
        let (document, key) = (document(context)?, context.get::<String>(1)?);
        let ty = column_type(context, 2)?;
        let taken = free::found(&document, &key).and_then(|found| free::taken(found, ty));
        Ok(taken.map_or(Sql::Null, |value| stored(&value)))
    })?;
    connection.create_scalar_function("purlin_without", 2, flags, |context| {
        let (document, key) = (document(context)?, context.get::<String>(1)?);
        Ok(free::without(&document, &key).to_text())
    })?;
    connection.create_scalar_function("purlin_with", 4, flags, |context| {
        let (document, key) = (document(context)?, context.get::<String>(1)?);
        let value = value_of(context.get_raw(2), column_type(context, 3)?.0);
        Ok(free::with(&document, &key, &value).to_text())
    })
}

fn document(context: &Context<'_>) -> rusqlite::Result<Value> {
    let text: Option<String> = context.get(0)?;
    Ok(text.and_then(|text| Kind::Json.parse(&text)).unwrap_or_default())
}

fn column_type(context: &Context<'_>, at: usize) -> rusqlite::Result<ColumnType> {
    let name: String = context.get(at)?;
    name.parse().map_err(|error: String| rusqlite::Error::UserFunctionError(error.into()))
}
