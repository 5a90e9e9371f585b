//! A schema of PostgreSQL, from its catalogue. Of the rows only those columns are looked at whose types leave open what a
//! site could make of them.

use std::collections::BTreeMap;

use super::{Column, ForeignKey, Inspected, Known, Table, checks};
use crate::error::Error;
use crate::migrate::Link;
use crate::sql::dialect::Dialect;

/// The schema that is looked into.
const HERE: &str = "c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
                    AND NOT c.relispartition";

/// The names of columns as JSON, in their order within a key.
const NAMES: &str = "SELECT json_agg(a.attname ORDER BY k.place)::text FROM unnest(";
const OF: &str =
    ") WITH ORDINALITY AS k(number, place) JOIN pg_attribute a ON a.attnum = k.number AND a.attrelid =";

type Row = Vec<Option<String>>;

/// Looks into the schema that comes first in the user's search path.
pub(super) fn inspect(link: &dyn Link) -> Result<Inspected, Error> {
    let ask = |sql: &str| link.rows(sql).map_err(|failure| Error::Open(failure.message));
    let schema = ask("SELECT current_schema()")?.first().and_then(|row| text(row, 0));
    let mut found = Inspected { schema, ..Inspected::default() };
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let listed = ask(&format!(
        "SELECT c.relname, c.relkind, has_table_privilege(c.oid, 'SELECT') FROM pg_class c WHERE {HERE} AND NOT EXISTS \
         (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')"
    ))?;
    for row in listed {
        let name = text(&row, 0).unwrap_or_default();
        if text(&row, 2).as_deref() != Some("t") {
            found.notes.push(format!("`{name}` is left aside: the user of the database may not read it"));
            continue;
        }
        let is_view = matches!(text(&row, 1).as_deref(), Some("v" | "m" | "f"));
        tables.insert(name.clone(), Table { name, is_view, ..Table::default() });
    }
    columns(&ask, &mut tables)?;
    keys(&ask, &mut tables)?;
    for table in tables.values_mut() {
        if let Err(error) = look(&ask, table) {
            // A view may speak of what is no longer there.
            found.notes.push(format!("`{}` cannot be read: {error}", table.name));
            table.columns.clear();
        }
    }
    found.tables = tables.into_values().filter(|table| !table.columns.is_empty()).collect();
    others(&ask, &mut found)?;
    Ok(found)
}

type Ask<'run> = &'run dyn Fn(&str) -> Result<Vec<Row>, Error>;

fn text(row: &Row, at: usize) -> Option<String> {
    row.get(at).cloned().flatten()
}

fn names(row: &Row, at: usize) -> Vec<String> {
    text(row, at).and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default()
}

fn columns(ask: Ask<'_>, tables: &mut BTreeMap<String, Table>) -> Result<(), Error> {
    // A domain is what it is made of.
    let rows = ask(&format!(
        "SELECT c.relname, a.attname, format_type(b.oid, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END), \
         a.attnotnull, a.atthasdef OR a.attidentity <> '', a.attgenerated <> '' OR a.attidentity = 'a', b.typtype, b.typcategory, \
         (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder)::text FROM pg_enum e WHERE e.enumtypid = b.oid), \
         format('%I.%I', n.nspname, b.typname), b.typname, \
         COALESCE((SELECT pg_get_expr(d.adbin, d.adrelid) ~ '^''''(::|$)' FROM pg_attrdef d \
         WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum), false) \
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid \
         JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END \
         JOIN pg_namespace n ON n.oid = b.typnamespace \
         WHERE {HERE} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum"
    ))?;
    for row in rows {
        let Some(table) = text(&row, 0).and_then(|name| tables.get_mut(&name)) else { continue };
        let is = |at: usize| text(&row, at).as_deref() == Some("t");
        let declared = text(&row, 2).unwrap_or_default();
        let (known, writable) = known(&declared, text(&row, 7).as_deref(), names(&row, 8));
        let ty = text(&row, 10).unwrap_or_default();
        let plain = matches!(ty.as_str(), "text" | "varchar" | "bpchar" | "name");
        let cast = matches!(known, Known::Text(_) | Known::Choice(_)).then(|| text(&row, 9)).flatten();
        table.columns.push(Column {
            name: text(&row, 1).unwrap_or_default(),
            declared,
            required: is(3),
            has_default: is(4),
            default_is_empty: is(11),
            is_computed: is(5) || !writable || table.is_view,
            cast: cast.filter(|_| !plain),
            known: Some(known),
            ..Column::default()
        });
    }
    Ok(())
}

/// What a type is for a site, and whether that can be written to it.
fn known(declared: &str, category: Option<&str>, labels: Vec<String>) -> (Known, bool) {
    let (base, within) = match declared.split_once('(') {
        Some((base, rest)) => (base.trim(), rest.split(')').next().unwrap_or_default()),
        None => (declared, ""),
    };
    let mut numbers = within.split(',').map(|number| number.trim().parse::<u32>().ok());
    let first = numbers.next().flatten();
    let known = match base {
        _ if !labels.is_empty() => Known::Choice(labels),
        "boolean" => Known::Bool,
        "smallint" | "integer" | "bigint" => Known::Int,
        "real" | "double precision" => Known::Float,
        "numeric" => match (first, numbers.next().flatten().and_then(|scale| u8::try_from(scale).ok())) {
            (Some(digits), Some(scale)) if digits <= 18 => Known::Decimal(scale),
            // Settled by what it holds.
            _ => Known::Text(None),
        },
        "money" => Known::Decimal(2),
        "character varying" | "character" => Known::Text(first),
        "date" => Known::Date,
        _ if base.starts_with("timestamp") => Known::Datetime,
        "interval" => Known::Duration,
        "uuid" => Known::Uuid,
        "jsonb" | "json" => Known::Json,
        "bytea" => Known::Bytes,
        _ if category == Some("A") => return (Known::Json, false),
        _ => Known::Text(None),
    };
    (known, true)
}

fn keys(ask: Ask<'_>, tables: &mut BTreeMap<String, Table>) -> Result<(), Error> {
    // An index on an expression or on some of the rows says nothing of the columns.
    let indexes = ask(&format!(
        "SELECT c.relname, i.indisprimary, i.indisunique, \
         ({NAMES} (i.indkey::int2[])[0:i.indnkeyatts - 1] {OF} c.oid) \
         FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid \
         WHERE {HERE} AND i.indpred IS NULL AND i.indexprs IS NULL ORDER BY c.relname, x.relname"
    ))?;
    for row in indexes {
        let Some(table) = text(&row, 0).and_then(|name| tables.get_mut(&name)) else { continue };
        let columns = names(&row, 3);
        let is = |at: usize| text(&row, at).as_deref() == Some("t");
        match (is(1), is(2)) {
            (true, _) => table.primary = columns,
            (_, true) => table.uniques.push(columns),
            _ => table.indexes.push(columns),
        }
    }
    let constraints = ask(&format!(
        "SELECT c.relname, k.contype, ({NAMES} k.conkey {OF} c.oid), f.relname, ({NAMES} k.confkey {OF} f.oid), \
         pg_get_constraintdef(k.oid), f.relnamespace = c.relnamespace FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
         LEFT JOIN pg_class f ON f.oid = k.confrelid WHERE {HERE} AND k.contype IN ('f', 'c') ORDER BY c.relname, k.conname"
    ))?;
    for row in constraints {
        let Some(table) = text(&row, 0).and_then(|name| tables.get_mut(&name)) else { continue };
        let columns = names(&row, 2);
        if text(&row, 1).as_deref() == Some("f") {
            let to = text(&row, 3).unwrap_or_default();
            let here = text(&row, 6).as_deref() == Some("t");
            let to = if here { to } else { format!("another schema's {to}") };
            table.foreign.push(ForeignKey { columns, to, to_columns: names(&row, 4) });
        } else if let Some((column, words)) = checks::choice(&text(&row, 5).unwrap_or_default(), &columns)
            && let Some(column) = table.columns.iter_mut().find(|known| known.name == column)
            && matches!(column.known, Some(Known::Text(_)))
        {
            column.known = Some(Known::Choice(words));
        }
    }
    Ok(())
}

/// Looks at the rows, where the types leave something open: whether a number fits what a site has, whether texts are empty.
fn look(ask: Ask<'_>, table: &mut Table) -> Result<(), Error> {
    let name = Dialect::Postgres.quote(&table.name);
    let (mut asked, mut parts) = (Vec::new(), Vec::new());
    for (at, column) in table.columns.iter().enumerate() {
        let c = Dialect::Postgres.quote(&column.name);
        let place = parts.len();
        if column.declared == "bigint" {
            parts.push(format!(
                "count(*) FILTER (WHERE {c} NOT BETWEEN -9007199254740992 AND 9007199254740992)"
            ));
        } else if is_open(column) {
            parts.push(format!("coalesce(max(scale(trim_scale({c}))), 0)"));
            parts.push(format!("coalesce(max(length(trunc(abs(nullif({c}, 'NaN')))::text)), 0)"));
        } else if column.required && matches!(column.known, Some(Known::Text(_))) {
            parts.push(format!("count(*) FILTER (WHERE {c}::text = '')"));
        } else {
            continue;
        }
        asked.push((at, place));
    }
    let rows = match (parts.is_empty(), table.is_view) {
        (true, false) => return Ok(()),
        // Without rows a view tells whether it can be read at all.
        (true, true) => return ask(&format!("SELECT 1 FROM {name} LIMIT 1")).map(drop),
        _ => ask(&format!("SELECT {} FROM {name}", parts.join(", ")))?,
    };
    let Some(row) = rows.first() else { return Ok(()) };
    for (at, place) in asked {
        let number = |place: usize| text(row, place).and_then(|text| text.parse::<u64>().ok());
        let number = |place: usize| number(place).unwrap_or(u64::MAX);
        let column = &mut table.columns[at];
        match column.declared.as_str() {
            "bigint" => column.holds.great = number(place),
            _ if is_open(column) => settle(column, number(place), number(place + 1)),
            _ => column.holds.empty = number(place),
        }
    }
    Ok(())
}

/// Whether it is a number of which the type does not say that it fits.
fn is_open(column: &Column) -> bool {
    column.declared.starts_with("numeric") && matches!(column.known, Some(Known::Text(_)))
}

/// Makes a number a decimal, where those that are there fit.
fn settle(column: &mut Column, scale: u64, whole: u64) {
    let declared =
        column.declared.split_once(',').and_then(|(_, rest)| rest.trim_end_matches(')').parse().ok());
    let scale: u64 = declared.unwrap_or(scale);
    if let Ok(digits) = u8::try_from(scale)
        && scale <= 9
        && whole.saturating_add(scale) <= 18
    {
        (column.known, column.cast) = (Some(Known::Decimal(digits)), None);
    }
}

/// Tables that stand in other schemas are named, not looked at.
fn others(ask: Ask<'_>, found: &mut Inspected) -> Result<(), Error> {
    let rows = ask(
        "SELECT n.nspname, count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') \
         AND n.oid <> current_schema()::regnamespace AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' \
         AND has_schema_privilege(n.oid, 'USAGE') AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') \
         GROUP BY n.nspname ORDER BY 1",
    )?;
    for row in rows {
        let (name, count) = (text(&row, 0).unwrap_or_default(), text(&row, 1).unwrap_or_default());
        found.notes.push(format!(
            "the schema `{name}` has tables too ({count}): `?schema={name}` at the end of the URL looks into it instead"
        ));
    }
    Ok(())
}
