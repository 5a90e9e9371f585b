//! A SQLite file, opened for reading alone.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{Column, ForeignKey, Holds, Inspected, Table};
use crate::error::Error;
use crate::sql::dialect::Dialect;
use crate::sqlite::open::read_only;

/// Looks into a file.
pub(super) fn inspect(path: &Path) -> Result<Inspected, Error> {
    let told = |error: rusqlite::Error| Error::Open(format!("{} cannot be read: {error}", path.display()));
    if !path.is_file() {
        return Err(Error::Open(format!("there is no file {}", path.display())));
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(read_only(path), flags).map_err(told)?;
    let mut found = Inspected::default();
    for (name, kind, without_rowid) in listed(&connection).map_err(told)? {
        if name.starts_with("sqlite_") || kind == "shadow" {
            continue;
        }
        if name.starts_with('_') {
            found
                .notes
                .push(format!("`{name}` is left aside: its name begins as those of Purlin's own tables do"));
            continue;
        }
        match table(&connection, &name, kind == "view", without_rowid) {
            Ok(table) => found.tables.push(table),
            // A view may speak of what is no longer there.
            Err(error) => found.notes.push(format!("`{name}` cannot be read: {error}")),
        }
    }
    Ok(found)
}

fn listed(connection: &Connection) -> rusqlite::Result<Vec<(String, String, bool)>> {
    let sql = "SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main' ORDER BY name";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

fn table(connection: &Connection, name: &str, is_view: bool, without_rowid: bool) -> rusqlite::Result<Table> {
    let mut table = Table {
        name: name.to_owned(),
        is_view,
        has_row_numbers: !is_view && !without_rowid,
        ..Table::default()
    };
    let mut primary = BTreeMap::new();
    let mut statement = connection.prepare(
        "SELECT name, type, \"notnull\", pk, hidden, dflt_value FROM pragma_table_xinfo(?1) ORDER BY cid",
    )?;
    let mut rows = statement.query([name])?;
    while let Some(row) = rows.next()? {
        let (column, place): (String, i64) = (row.get(0)?, row.get(3)?);
        // A hidden column of a virtual table is a way to call it.
        if row.get::<_, i64>(4)? == 1 {
            continue;
        }
        if place > 0 {
            primary.insert(place, column.clone());
        }
        let required = row.get::<_, bool>(2)? || place > 0;
        let holds = holds(connection, name, &column)?;
        let is_computed = row.get::<_, i64>(4)? > 1;
        let (declared, default): (String, Option<String>) = (row.get(1)?, row.get(5)?);
        table.columns.push(Column {
            name: column,
            declared,
            required,
            has_default: default.is_some(),
            default_is_empty: default.is_some_and(|default| matches!(default.trim(), "''" | "\"\"")),
            is_computed,
            holds,
            ..Column::default()
        });
    }
    table.primary = primary.into_values().collect();
    // The one key whose values SQLite makes.
    if let ([key], true) = (table.primary.as_slice(), table.has_row_numbers)
        && let Some(column) = table.columns.iter_mut().find(|column| column.name == *key)
    {
        column.has_default |= column.declared.eq_ignore_ascii_case("integer");
    }
    keys(connection, &mut table)?;
    foreign_keys(connection, &mut table)?;
    Ok(table)
}

/// Counts what a column holds, over all rows: in SQLite anything may stand anywhere.
fn holds(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<Holds> {
    let (table, c) = (Dialect::Sqlite.quote(table), Dialect::Sqlite.quote(column));
    let digits = |many: u32| {
        let factor = 10_u32.pow(many);
        format!("abs({c} * {factor}.0 - round({c} * {factor}.0)) > 0.000001 * max(1.0, abs({c}))")
    };
    let number = format!("typeof({c}) IN ('integer', 'real')");
    let of = |condition: &str| format!("total({condition})");
    let counts = [
        format!("count({c})"),
        of(&format!("typeof({c}) = 'integer'")),
        of(&format!("typeof({c}) = 'integer' AND {c} IN (0, 1)")),
        of(&format!("typeof({c}) = 'integer' AND abs({c}) > 9007199254740992.0")),
        of(&format!("typeof({c}) = 'real'")),
        of(&format!("{number} AND {}", digits(2))),
        of(&format!("{number} AND ({} OR abs({c}) > 900000000000.0)", digits(4))),
        of(&format!("typeof({c}) = 'text'")),
        of(&format!("typeof({c}) = 'text' AND date({c}) IS {c}")),
        of(&format!(
            "typeof({c}) = 'text' AND {c} GLOB '[0-9][0-9][0-9][0-9]-*' AND unixepoch({c}) IS NOT NULL"
        )),
        of(&format!("typeof({c}) = 'blob'")),
        of(&format!("{c} = ''")),
    ];
    connection.query_row(&format!("SELECT {} FROM {table}", counts.join(", ")), [], |row| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`total` gives counts as doubles"
        )]
        let count = |at: usize| -> rusqlite::Result<u64> { Ok(row.get::<_, f64>(at)? as u64) };
        Ok(Holds {
            values: u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default(),
            integers: count(1)?,
            truths: count(2)?,
            great: count(3)?,
            reals: count(4)?,
            fine: count(5)?,
            unfit: count(6)?,
            texts: count(7)?,
            dates: count(8)?,
            times: count(9)?,
            blobs: count(10)?,
            empty: count(11)?,
        })
    })
}

/// Unique keys and indexes; one on an expression or on some of the rows says nothing of the columns.
fn keys(connection: &Connection, table: &mut Table) -> rusqlite::Result<()> {
    let mut statement = connection
        .prepare("SELECT name, \"unique\", origin, partial FROM pragma_index_list(?1) ORDER BY seq")?;
    let found: Vec<(String, bool, String, bool)> = statement
        .query_map([&table.name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (index, unique, origin, partial) in found {
        let mut statement = connection.prepare("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")?;
        let columns: Vec<Option<String>> =
            statement.query_map([&index], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let columns: Option<Vec<String>> = columns.into_iter().collect();
        match columns {
            Some(columns) if !partial && origin != "pk" && unique => table.uniques.push(columns),
            Some(columns) if !partial && origin != "pk" => table.indexes.push(columns),
            _ => {}
        }
    }
    Ok(())
}

fn foreign_keys(connection: &Connection, table: &mut Table) -> rusqlite::Result<()> {
    let sql = "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq";
    let mut statement = connection.prepare(sql)?;
    let mut keys: BTreeMap<i64, ForeignKey> = BTreeMap::new();
    let mut rows = statement.query([&table.name])?;
    while let Some(row) = rows.next()? {
        let key = keys.entry(row.get(0)?).or_default();
        key.to = row.get(1)?;
        key.columns.push(row.get(2)?);
        // Where no column is named the other's primary key is meant.
        key.to_columns.extend(row.get::<_, Option<String>>(3)?);
    }
    table.foreign = keys.into_values().collect();
    Ok(())
}
