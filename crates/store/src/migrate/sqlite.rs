//! Operations as SQL for SQLite.
//!
//! What `ALTER TABLE` cannot do is done by rebuilding the table: another is made, the rows are copied (and
//! converted), the old one is dropped and the new one takes its name. This is safe for the rows that refer
//! to it only while foreign keys are off, which [`apply`](super::apply) sees to; it checks them afterwards.
//!
//! Indexes are named after what they are, `posts(author,published_at desc)`: such a name cannot clash with
//! that of a table or of another index, and reads well where SQLite explains a query.

use std::collections::BTreeMap;

use purlin_schema::Kind;
use rusqlite::types::Value as Sql;

use super::literal::Literal;
use super::operation::Operation;
use super::snapshot::{Column, ColumnType, IdKind, Snapshot, Table};

/// One thing to do on the database.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Run a statement.
    Run(String),
    /// Look for records that stand in the way.
    Check(Check),
}

/// A look for records that stand in the way: the migration is refused where there are any.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// A query for them: what names each, and the value that is wrong (perhaps null).
    pub sql: String,
    /// How the values read.
    pub ty: ColumnType,
    /// What is wrong, after their number: "records of `posts` have no `title`".
    pub problem: String,
    /// What to do.
    pub hint: String,
}

/// The steps of an operation, between the pictures before and after it.
///
/// # Errors
/// Where a default is no value of its column.
pub fn steps(operation: &Operation, before: &Snapshot, after: &Snapshot) -> Result<Vec<Step>, String> {
    let mut steps = Steps { before, after, list: Vec::new() };
    match operation {
        Operation::CreateTable { table, .. } => {
            steps.run(create_table(table, table, after));
            steps.reindex(table, table, Vec::new());
            for (field, to) in &after.tables[table].links {
                steps.create_link(table, field, to);
            }
        }
        Operation::DropTable { table } => {
            for field in before.tables[table].links.keys() {
                steps.run(format!("DROP TABLE {}", quote(&link_name(table, field))));
            }
            steps.run(format!("DROP TABLE {}", quote(table)));
        }
        Operation::RenameTable { from, to } => {
            let rename = format!("ALTER TABLE {} RENAME TO {}", quote(from), quote(to));
            steps.reindex(from, to, vec![rename]);
            for field in before.tables[from].links.keys() {
                steps.rename_link(&link_name(from, field), &link_name(to, field));
            }
        }
        Operation::AddField { table, field, column, default } => {
            steps.add_field(table, field, column, default.as_ref())?;
        }
        Operation::DropField { table, field } => {
            if before.tables[table].fields[field].to.is_some() {
                steps.rebuild(table, &BTreeMap::new());
            } else {
                steps.run(format!("ALTER TABLE {} DROP COLUMN {}", quote(table), quote(field)));
            }
        }
        Operation::RenameField { table, from, to } => {
            if before.tables[table].links.contains_key(from) {
                steps.rename_link(&link_name(table, from), &link_name(table, to));
            } else {
                let rename =
                    format!("ALTER TABLE {} RENAME COLUMN {} TO {}", quote(table), quote(from), quote(to));
                steps.reindex(table, table, vec![rename]);
            }
        }
        Operation::ChangeType { table, field, from, to } => steps.change_type(table, field, *from, *to),
        Operation::SetRequired { table, field, default } => {
            steps.set_required(table, field, default.as_ref())?;
        }
        Operation::DropRequired { table, .. } | Operation::DropTarget { table, .. } => {
            steps.rebuild(table, &BTreeMap::new());
        }
        Operation::SetChoices { table, field, of } => steps.set_choices(table, field, of.iter()),
        Operation::SetTarget { table, field, to } => {
            steps.set_target(table, field, to);
        }
        Operation::AddUnique { table, fields } => {
            steps.check_unique(table, table, fields);
            steps.reindex(table, table, Vec::new());
        }
        Operation::DropUnique { table, .. }
        | Operation::AddIndex { table, .. }
        | Operation::DropIndex { table, .. } => steps.reindex(table, table, Vec::new()),
        Operation::AddLink { table, field, to } => steps.create_link(table, field, to),
        Operation::DropLink { table, field } => {
            steps.run(format!("DROP TABLE {}", quote(&link_name(table, field))));
        }
    }
    Ok(steps.list)
}

/// The steps so far.
struct Steps<'snapshots> {
    before: &'snapshots Snapshot,
    after: &'snapshots Snapshot,
    list: Vec<Step>,
}

impl Steps<'_> {
    fn run(&mut self, sql: String) {
        self.list.push(Step::Run(sql));
    }

    fn add_field(
        &mut self,
        table: &str,
        field: &str,
        column: &Column,
        default: Option<&Literal>,
    ) -> Result<(), String> {
        let value = default.map(|default| default.stored(column.ty)).transpose()?;
        if column.required {
            if value.is_none() {
                self.list.push(Step::Check(Check {
                    sql: format!("SELECT \"id\", NULL FROM {}", quote(table)),
                    ty: column.ty,
                    problem: format!("records of `{table}` would have no `{field}`, which is required"),
                    hint: format!(
                        "give `{field}` a default, or add it without `required`, fill it in, and require it then"
                    ),
                }));
            }
            let filled = value.map_or_else(|| "NULL".to_owned(), |value| literal(&value));
            self.rebuild(table, &BTreeMap::from([(field, filled)]));
            return Ok(());
        }
        self.run(format!("ALTER TABLE {} ADD COLUMN {}", quote(table), column_definition(field, column)));
        if let Some(value) = value {
            self.run(format!("UPDATE {} SET {} = {}", quote(table), quote(field), literal(&value)));
        }
        Ok(())
    }

    fn change_type(&mut self, table: &str, field: &str, from: ColumnType, to: ColumnType) {
        let column = quote(field);
        let converted = convert(&column, from, to);
        if let Some(impossible) = impossible(&column, from, to) {
            self.list.push(Step::Check(Check {
                sql: format!(
                    "SELECT \"id\", {column} FROM {} WHERE {column} IS NOT NULL AND {impossible}",
                    quote(table)
                ),
                ty: from,
                problem: format!("records of `{table}` have a `{field}` that cannot become {to}"),
                hint: "change these values first, or add a field of another name".to_owned(),
            }));
        }
        self.rebuild(table, &BTreeMap::from([(field, converted)]));
    }

    fn set_required(&mut self, table: &str, field: &str, default: Option<&Literal>) -> Result<(), String> {
        let column = quote(field);
        let ty = self.after.tables[table].fields[field].ty;
        let Some(default) = default else {
            self.list.push(Step::Check(Check {
                sql: format!("SELECT \"id\", NULL FROM {} WHERE {column} IS NULL", quote(table)),
                ty,
                problem: format!("records of `{table}` have no `{field}`, which becomes required"),
                hint: format!("fill them in first, or give `{field}` a default"),
            }));
            self.rebuild(table, &BTreeMap::new());
            return Ok(());
        };
        let filled = format!("coalesce({column}, {})", literal(&default.stored(ty)?));
        self.rebuild(table, &BTreeMap::from([(field, filled)]));
        Ok(())
    }

    fn set_choices<'of>(&mut self, table: &str, field: &str, of: impl Iterator<Item = &'of String>) {
        let of: Vec<_> = of.map(|choice| literal(&Sql::Text(choice.clone()))).collect();
        if of.is_empty() {
            return;
        }
        let column = quote(field);
        self.list.push(Step::Check(Check {
            sql: format!(
                "SELECT \"id\", {column} FROM {} WHERE {column} NOT IN ({})",
                quote(table),
                of.join(", ")
            ),
            ty: ColumnType(Kind::Text),
            problem: format!("records of `{table}` have a `{field}` that is none of its choices any more"),
            hint: "change these values first, or keep the choice".to_owned(),
        }));
    }

    fn set_target(&mut self, table: &str, field: &str, to: &str) {
        let column = quote(field);
        self.list.push(Step::Check(Check {
            sql: format!(
                "SELECT \"id\", {column} FROM {} WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT \"id\" \
                 FROM {})",
                quote(table),
                quote(to)
            ),
            ty: self.after.tables[table].fields[field].ty,
            problem: format!("records of `{table}` have a `{field}` that is the id of no record of `{to}`"),
            hint: "correct or clear these values first".to_owned(),
        }));
        self.rebuild(table, &BTreeMap::new());
    }

    /// Looks for records with equal values in a unique key; the rows are in the table of the first name.
    fn check_unique(&mut self, stored_in: &str, table: &str, fields: &[String]) {
        let columns: Vec<_> = fields.iter().map(|field| quote(field)).collect();
        let present: Vec<_> = columns.iter().map(|column| format!("{column} IS NOT NULL")).collect();
        let columns = columns.join(", ");
        let id = match self.after.tables[table].id {
            IdKind::Int => "\"id\"",
            IdKind::Uuid => "purlin_text(\"id\", 'uuid')",
        };
        let ty = match fields {
            [field] => self.after.tables[table].fields.get(field).map(|column| column.ty),
            _ => None,
        };
        self.list.push(Step::Check(Check {
            sql: format!(
                "SELECT group_concat({id}, ' and '), {} FROM {} WHERE {} GROUP BY {columns} HAVING count(*) > 1",
                if ty.is_some() { columns.clone() } else { format!("concat_ws(', ', {columns})") },
                quote(stored_in),
                present.join(" AND "),
            ),
            ty: ty.unwrap_or(ColumnType(Kind::Text)),
            problem: format!("values of `{table}` ({}) occur more than once", fields.join(", ")),
            hint: "make them different first".to_owned(),
        }));
    }

    /// Makes the table anew with its columns as they are after the operation, copying the rows; `filled` gives
    /// columns another value than their own.
    fn rebuild(&mut self, table: &str, filled: &BTreeMap<&str, String>) {
        let (old, new) = (&self.before.tables[table], &self.after.tables[table]);
        let other = format!("_purlin_new_{table}");
        self.run(create_table(&other, table, self.after));
        let columns: Vec<_> = super::snapshot::SYSTEM_COLUMNS
            .into_iter()
            .chain(new.fields.keys().map(String::as_str))
            .collect();
        let values = columns.iter().map(|column| match filled.get(column) {
            Some(value) => value.clone(),
            None => quote(column),
        });
        let values: Vec<_> = values.collect();
        let columns: Vec<_> = columns.iter().map(|column| quote(column)).collect();
        self.run(format!(
            "INSERT INTO {} ({}) SELECT {} FROM {}",
            quote(&other),
            columns.join(", "),
            values.join(", "),
            quote(table)
        ));
        for unique in &new.uniques {
            if unique.iter().any(|field| filled.contains_key(field.as_str())) {
                self.check_unique(&other, table, unique);
            }
        }
        if old.id == IdKind::Int {
            // Ids are never used again, not even the greatest after it was deleted.
            let (old, new) = (literal(&Sql::Text(table.to_owned())), literal(&Sql::Text(other.clone())));
            self.run(format!("DELETE FROM sqlite_sequence WHERE name = {new}"));
            self.run(format!(
                "INSERT INTO sqlite_sequence (name, seq) SELECT {new}, seq FROM sqlite_sequence WHERE name = {old}"
            ));
        }
        self.run(format!("DROP TABLE {}", quote(table)));
        self.run(format!("ALTER TABLE {} RENAME TO {}", quote(&other), quote(table)));
        for sql in indexes(table, new).into_values() {
            self.run(sql);
        }
    }

    /// Runs statements, with the indexes of a table dropped before and made after them as its name and keys ask.
    fn reindex(&mut self, from: &str, to: &str, statements: Vec<String>) {
        let old = self.before.tables.get(from).map(|table| indexes(from, table)).unwrap_or_default();
        let new = indexes(to, &self.after.tables[to]);
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            self.run(format!("DROP INDEX {}", quote(name)));
        }
        for statement in statements {
            self.run(statement);
        }
        for (_, sql) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            self.run(sql.clone());
        }
    }

    fn create_link(&mut self, table: &str, field: &str, to: &str) {
        let name = link_name(table, field);
        let end = |table: &str| {
            let id = self.after.tables.get(table).map(|table| table.id).unwrap_or_default();
            format!("{} NOT NULL REFERENCES {}(\"id\")", sql_type(id.column_type()), quote(table))
        };
        let sql = format!(
            "CREATE TABLE {} (\n  \"source\" {},\n  \"target\" {},\n  PRIMARY KEY (\"source\", \"target\")\n) \
             STRICT, WITHOUT ROWID",
            quote(&name),
            end(table),
            end(to)
        );
        self.run(sql);
        self.run(link_index(&name));
    }

    fn rename_link(&mut self, from: &str, to: &str) {
        self.run(format!("DROP INDEX {}", quote(&link_index_name(from))));
        self.run(format!("ALTER TABLE {} RENAME TO {}", quote(from), quote(to)));
        self.run(link_index(to));
    }
}

/// The name of the link table of a list of refs.
#[must_use]
pub fn link_name(table: &str, field: &str) -> String {
    format!("{table}__{field}")
}

/// Every index that a picture asks for, by name.
#[must_use]
pub fn index_names(snapshot: &Snapshot) -> Vec<String> {
    let of_table = |(name, table): (&String, &Table)| {
        let links = table.links.keys().map(|field| link_index_name(&link_name(name, field)));
        indexes(name, table).into_keys().chain(links).collect::<Vec<_>>()
    };
    snapshot.tables.iter().flat_map(of_table).collect()
}

fn link_index_name(link: &str) -> String {
    format!("{link}(target,source)")
}

fn link_index(link: &str) -> String {
    format!("CREATE INDEX {} ON {} (\"target\", \"source\")", quote(&link_index_name(link)), quote(link))
}

/// The indexes of a table, by name.
fn indexes(name: &str, table: &Table) -> BTreeMap<String, String> {
    let on = quote(name);
    let uniques = table.uniques.iter().map(|fields| {
        let index = format!("{name}({}) unique", fields.join(","));
        let columns: Vec<_> = fields.iter().map(|field| quote(field)).collect();
        let sql = format!("CREATE UNIQUE INDEX {} ON {on} ({})", quote(&index), columns.join(", "));
        (index, sql)
    });
    let plain = table.indexes.iter().map(|parts| {
        let names: Vec<_> = parts.iter().map(ToString::to_string).collect();
        let index = format!("{name}({})", names.join(","));
        let columns: Vec<_> = parts
            .iter()
            .map(|part| format!("{}{}", quote(&part.field), if part.descending { " DESC" } else { "" }))
            .collect();
        let sql = format!("CREATE INDEX {} ON {on} ({})", quote(&index), columns.join(", "));
        (index, sql)
    });
    uniques.chain(plain).collect()
}

/// The statement that makes a table, under another name than its own where it is rebuilt.
fn create_table(as_name: &str, name: &str, snapshot: &Snapshot) -> String {
    let table = &snapshot.tables[name];
    let id = match table.id {
        IdKind::Int => "\"id\" INTEGER PRIMARY KEY AUTOINCREMENT",
        IdKind::Uuid => "\"id\" BLOB NOT NULL PRIMARY KEY",
    };
    let mut columns = vec![id.to_owned()];
    let times = ["created_at", "updated_at", "_version"];
    columns.extend(times.map(|name| format!("{} INTEGER NOT NULL", quote(name))));
    columns.extend(table.fields.iter().map(|(field, column)| column_definition(field, column)));
    format!("CREATE TABLE {} (\n  {}\n) STRICT", quote(as_name), columns.join(",\n  "))
}

fn column_definition(field: &str, column: &Column) -> String {
    let required = if column.required { " NOT NULL" } else { "" };
    let to = column.to.as_ref().map(|to| format!(" REFERENCES {}(\"id\")", quote(to))).unwrap_or_default();
    format!("{} {}{required}{to}", quote(field), sql_type(column.ty))
}

/// What SQLite calls the type of a column.
#[must_use]
pub fn sql_type(ty: ColumnType) -> &'static str {
    match ty.0 {
        Kind::Bool | Kind::Int | Kind::Decimal(_) | Kind::Date | Kind::Datetime | Kind::Duration => "INTEGER",
        Kind::Float => "REAL",
        Kind::Text | Kind::Json => "TEXT",
        Kind::Uuid => "BLOB",
    }
}

/// An identifier of the schema, quoted.
fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A value of the owner's own files as SQL; no request comes this way.
fn literal(value: &Sql) -> String {
    match value {
        Sql::Null => "NULL".to_owned(),
        Sql::Integer(number) => number.to_string(),
        Sql::Real(number) => format!("{number:?}"),
        Sql::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Sql::Blob(bytes) => {
            format!("x'{}'", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
    }
}

const MICROS_A_DAY: &str = "86400000000";

/// An expression for what is in a column, as another type.
fn convert(column: &str, from: ColumnType, to: ColumnType) -> String {
    let one = |scale: u8| 10_i64.pow(u32::from(scale));
    match (from.0, to.0) {
        (_, Kind::Text) if matches!(from.0, Kind::Json) => column.to_owned(),
        (_, Kind::Text) => format!("purlin_text({column}, '{from}')"),
        (Kind::Text, _) => format!("purlin_parse({column}, '{to}')"),
        (Kind::Int, Kind::Float) => format!("CAST({column} AS REAL)"),
        (Kind::Float, Kind::Int) => format!("CAST({column} AS INTEGER)"),
        (Kind::Int, Kind::Decimal(scale)) => format!("{column} * {}", one(scale)),
        (Kind::Decimal(old), Kind::Decimal(new)) if new > old => format!("{column} * {}", one(new - old)),
        (Kind::Decimal(old), Kind::Decimal(new)) => shrink(column, one(old - new)),
        (Kind::Decimal(old), Kind::Int) => shrink(column, one(old)),
        (Kind::Decimal(old), Kind::Float) => format!("CAST({column} AS REAL) / {}.0", one(old)),
        (Kind::Float, Kind::Decimal(scale)) => {
            format!("CAST(round({column} * {}.0) AS INTEGER)", one(scale))
        }
        (Kind::Date, Kind::Datetime) => format!("{column} * {MICROS_A_DAY}"),
        // Rounded down, also before 1970.
        (Kind::Datetime, Kind::Date) => format!(
            "({column} - (({column} % {MICROS_A_DAY}) + {MICROS_A_DAY}) % {MICROS_A_DAY}) / {MICROS_A_DAY}"
        ),
        _ => column.to_owned(),
    }
}

/// Divides, rounding halves away from zero, without going through a float.
fn shrink(column: &str, by: i64) -> String {
    if by == 1 {
        return column.to_owned();
    }
    let half = by / 2;
    format!("{column} / {by} + ({column} % {by} >= {half}) - ({column} % {by} <= -{half})")
}

/// A condition for what is in a column and cannot become another type; `None` where everything can.
fn impossible(column: &str, from: ColumnType, to: ColumnType) -> Option<String> {
    let too_great = |by: i64| {
        let most = i64::MAX / by;
        format!("{column} NOT BETWEEN -{most} AND {most}")
    };
    let one = |scale: u8| 10_i64.pow(u32::from(scale));
    Some(match (from.0, to.0) {
        (_, Kind::Text) => return None,
        (Kind::Text, _) => format!("purlin_parse({column}, '{to}') IS NULL"),
        (Kind::Int, Kind::Bool) => format!("{column} NOT IN (0, 1)"),
        // Beyond 2⁵³ not every integer is a double.
        (Kind::Int, Kind::Float) => format!("CAST(CAST({column} AS REAL) AS INTEGER) != {column}"),
        (Kind::Float, Kind::Int) => {
            format!("NOT (abs({column}) < 9223372036854775808.0 AND {column} = CAST({column} AS INTEGER))")
        }
        (Kind::Int, Kind::Decimal(scale)) => too_great(one(scale)),
        (Kind::Decimal(old), Kind::Decimal(new)) if new > old => too_great(one(new - old)),
        (Kind::Float, Kind::Decimal(scale)) => {
            format!("NOT abs({column} * {}.0) < 9223372036854775808.0", one(scale))
        }
        _ => return None,
    })
}
