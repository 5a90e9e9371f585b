//! A database of MySQL or MariaDB, from `information_schema`. Of the rows only those columns are looked at whose types leave
//! open what a site could make of them.

use std::collections::BTreeMap;

use super::{Column, ForeignKey, Inspected, Known, Table, checks};
use crate::error::Error;
use crate::migrate::Link;
use crate::sql::dialect::{Dialect, Flavour};

type Row = Vec<Option<String>>;
type Ask<'run> = &'run dyn Fn(&str) -> Result<Vec<Row>, Error>;

/// Looks into the database of the URL.
pub(super) fn inspect(link: &dyn Link) -> Result<Inspected, Error> {
    let ask = |sql: &str| link.rows(sql).map_err(|failure| Error::Open(failure.message));
    let schema = ask("SELECT database()")?.first().and_then(|row| text(row, 0));
    let mut found = Inspected { schema, ..Inspected::default() };
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let listed = "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = database() \
                  AND TABLE_TYPE <> 'SEQUENCE'";
    for row in ask(listed)? {
        let name = text(&row, 0).unwrap_or_default();
        let is_view = text(&row, 1).as_deref() != Some("BASE TABLE");
        tables.insert(name.clone(), Table { name, is_view, ..Table::default() });
    }
    columns(&ask, &mut tables)?;
    keys(&ask, &mut tables)?;
    choices(&ask, &mut tables)?;
    for table in tables.values_mut() {
        if let Err(error) = look(&ask, table) {
            // A view may speak of what is no longer there.
            found.notes.push(format!("`{}` cannot be read: {error}", table.name));
            table.columns.clear();
        }
    }
    found.tables = tables.into_values().filter(|table| !table.columns.is_empty()).collect();
    Ok(found)
}

fn text(row: &Row, at: usize) -> Option<String> {
    row.get(at).cloned().flatten()
}

fn columns(ask: Ask<'_>, tables: &mut BTreeMap<String, Table>) -> Result<(), Error> {
    let rows = ask(
        "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, CHARACTER_MAXIMUM_LENGTH \
         FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = database() ORDER BY TABLE_NAME, ORDINAL_POSITION",
    )?;
    for row in rows {
        let Some(table) = text(&row, 0).and_then(|name| tables.get_mut(&name)) else { continue };
        let (declared, extra) =
            (text(&row, 2).unwrap_or_default(), text(&row, 5).unwrap_or_default().to_lowercase());
        let default = text(&row, 4).is_some_and(|default| !default.eq_ignore_ascii_case("null"));
        let length = text(&row, 6).and_then(|length| length.parse().ok());
        table.columns.push(Column {
            name: text(&row, 1).unwrap_or_default(),
            known: Some(known(&declared.to_lowercase(), &declared, length)),
            declared,
            required: text(&row, 3).as_deref() == Some("NO"),
            has_default: default || extra.contains("auto_increment"),
            // MariaDB shows it as it was written, MySQL as it is.
            default_is_empty: matches!(text(&row, 4).as_deref(), Some("" | "''")),
            is_computed: extra.contains("virtual") || extra.contains("stored") || table.is_view,
            ..Column::default()
        });
    }
    Ok(())
}

/// What a type is for a site.
fn known(lower: &str, declared: &str, length: Option<u32>) -> Known {
    let end = lower.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(lower.len());
    let within =
        lower.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(within, _)| within);
    let mut numbers = within.split(',').map(|number| number.trim().parse::<u32>().ok());
    match &lower[..end] {
        "bit" if within == "1" => Known::Bool,
        // Settled by what it holds.
        "tinyint" if within == "1" => Known::Bool,
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => Known::Int,
        "decimal" | "numeric" => match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(digits), scale) if digits <= 18 && scale.unwrap_or(0) <= 9 => {
                Known::Decimal(u8::try_from(scale.unwrap_or(0)).unwrap_or_default())
            }
            _ => Known::Text(None),
        },
        "float" | "double" => Known::Float,
        "date" => Known::Date,
        "datetime" | "timestamp" => Known::Datetime,
        "json" => Known::Json,
        "enum" => match checks::labels(declared) {
            Some(labels) if labels.iter().all(|label| !label.is_empty()) => Known::Choice(labels),
            _ => Known::Text(None),
        },
        // The lengths of the others are bytes, and more than anybody writes by hand.
        "char" | "varchar" => Known::Text(length),
        "tinytext" | "text" | "mediumtext" | "longtext" | "set" | "time" | "uuid" | "inet4" | "inet6" => {
            Known::Text(None)
        }
        _ => Known::Bytes,
    }
}

fn keys(ask: Ask<'_>, tables: &mut BTreeMap<String, Table>) -> Result<(), Error> {
    // A part of a column, or an expression, says nothing of the column.
    let rows = ask(
        "SELECT TABLE_NAME, INDEX_NAME, MAX(NON_UNIQUE), GROUP_CONCAT(COLUMN_NAME ORDER BY SEQ_IN_INDEX SEPARATOR '\u{1f}') \
         FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = database() AND INDEX_TYPE = 'BTREE' \
         GROUP BY TABLE_NAME, INDEX_NAME HAVING COUNT(SUB_PART) = 0 AND COUNT(COLUMN_NAME) = COUNT(*) ORDER BY 1, 2",
    )?;
    let several = |text: String| text.split('\u{1f}').map(str::to_owned).collect::<Vec<_>>();
    for row in rows {
        let Some(table) = text(&row, 0).and_then(|name| tables.get_mut(&name)) else { continue };
        let columns = text(&row, 3).map(several).unwrap_or_default();
        match (text(&row, 1).as_deref(), text(&row, 2).as_deref()) {
            (Some("PRIMARY"), _) => table.primary = columns,
            (_, Some("0")) => table.uniques.push(columns),
            _ => table.indexes.push(columns),
        }
    }
    let rows = ask(
        "SELECT TABLE_NAME, GROUP_CONCAT(COLUMN_NAME ORDER BY ORDINAL_POSITION SEPARATOR '\u{1f}'), REFERENCED_TABLE_NAME, \
         GROUP_CONCAT(REFERENCED_COLUMN_NAME ORDER BY ORDINAL_POSITION SEPARATOR '\u{1f}'), \
         REFERENCED_TABLE_SCHEMA = database() FROM information_schema.KEY_COLUMN_USAGE \
         WHERE TABLE_SCHEMA = database() AND REFERENCED_TABLE_NAME IS NOT NULL \
         GROUP BY TABLE_NAME, CONSTRAINT_NAME, REFERENCED_TABLE_NAME, REFERENCED_TABLE_SCHEMA ORDER BY 1, CONSTRAINT_NAME",
    )?;
    for row in rows {
        let Some(table) = text(&row, 0).and_then(|name| tables.get_mut(&name)) else { continue };
        let to = text(&row, 2).unwrap_or_default();
        let here = text(&row, 4).as_deref() == Some("1");
        table.foreign.push(ForeignKey {
            columns: text(&row, 1).map(several).unwrap_or_default(),
            to: if here { to } else { format!("another database's {to}") },
            to_columns: text(&row, 3).map(several).unwrap_or_default(),
        });
    }
    Ok(())
}

/// Checks that leave a text one of a few words.
fn choices(ask: Ask<'_>, tables: &mut BTreeMap<String, Table>) -> Result<(), Error> {
    // MySQL names the table in another view than MariaDB does, and is asked for it where there is no such column.
    let mariadb = "SELECT TABLE_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = database()";
    let mysql = "SELECT t.TABLE_NAME, c.CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS c JOIN \
                 information_schema.TABLE_CONSTRAINTS t ON t.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA AND \
                 t.CONSTRAINT_NAME = c.CONSTRAINT_NAME WHERE c.CONSTRAINT_SCHEMA = database()";
    let rows = ask(mariadb).or_else(|_| ask(mysql))?;
    for row in rows {
        let Some(table) = text(&row, 0).and_then(|name| tables.get_mut(&name)) else { continue };
        let clause = text(&row, 1).unwrap_or_default();
        let columns: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
        // MariaDB's JSON is a text that a check keeps valid.
        let json = clause.strip_prefix("json_valid(").and_then(|rest| rest.strip_suffix(')'));
        let json = json.map(|name| name.trim_matches(['`', '"']));
        let (name, known) = match (json, checks::choice(&clause, &columns)) {
            (Some(name), _) => (name.to_owned(), Known::Json),
            (None, Some((name, words))) => (name, Known::Choice(words)),
            _ => continue,
        };
        if let Some(column) = table.columns.iter_mut().find(|column| column.name == name)
            && matches!(column.known, Some(Known::Text(_)))
        {
            column.known = Some(known);
        }
    }
    Ok(())
}

/// Looks at the rows, where the types leave something open: great numbers, zero dates, tiny integers that are truths.
fn look(ask: Ask<'_>, table: &mut Table) -> Result<(), Error> {
    let dialect = Dialect::Mysql(Flavour::MariaDb);
    let name = dialect.quote(&table.name);
    let mut asked = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        let c = dialect.quote(&column.name);
        let count = |condition: String| format!("COALESCE(SUM({condition}), 0)");
        let unsigned = |declared: &str| declared.starts_with("bigint") && declared.contains("unsigned");
        let declared = column.declared.to_ascii_lowercase();
        match column.known {
            Some(Known::Int) if declared.starts_with("bigint") => {
                let great = count(format!("{c} NOT BETWEEN -9007199254740992 AND 9007199254740992"));
                let beyond = if unsigned(&declared) {
                    count(format!("{c} > 9223372036854775807"))
                } else {
                    "0".to_owned()
                };
                asked.push((at, format!("CONCAT({great}, ' ', {beyond})")));
            }
            Some(Known::Bool) if declared.starts_with("tinyint") => {
                asked.push((at, count(format!("{c} NOT IN (0, 1)"))));
            }
            Some(Known::Date | Known::Datetime) => {
                asked.push((at, count(format!("MONTH({c}) = 0 OR DAYOFMONTH({c}) = 0"))));
            }
            Some(Known::Text(_)) if column.required => asked.push((at, count(format!("{c} = ''")))),
            _ => {}
        }
    }
    let parts: Vec<&str> = asked.iter().map(|(_, sql)| sql.as_str()).collect();
    let rows = match (parts.is_empty(), table.is_view) {
        (true, false) => return Ok(()),
        (true, true) => return ask(&format!("SELECT 1 FROM {name} LIMIT 1")).map(drop),
        _ => ask(&format!("SELECT {} FROM {name}", parts.join(", ")))?,
    };
    let Some(row) = rows.first() else { return Ok(()) };
    for (place, (at, _)) in asked.iter().enumerate() {
        let counts = text(row, place).unwrap_or_default();
        let mut counts = counts.split(' ').map(|count| count.parse::<u64>().unwrap_or_default());
        let (found, beyond) = (counts.next().unwrap_or_default(), counts.next().unwrap_or_default());
        let column = &mut table.columns[*at];
        match column.known {
            // Beyond 64 bits with a sign it is a text: its digits.
            Some(Known::Int) if beyond > 0 => column.known = Some(Known::Text(None)),
            Some(Known::Int) => column.holds.great = found,
            Some(Known::Bool) if found > 0 => column.known = Some(Known::Int),
            Some(Known::Date | Known::Datetime) => column.holds.unfit = found,
            Some(Known::Text(_)) => column.holds.empty = found,
            _ => {}
        }
    }
    Ok(())
}
