//! Operations as SQL for SQLite.
//!
//! What `ALTER TABLE` cannot do is done by rebuilding the table: another is made, the rows are copied (and
//! converted), the old one is dropped and the new one takes its name. This is safe for the rows that refer
//! to it only while foreign keys are off, which the connection sees to; it checks them afterwards.
//!
//! Indexes are named after what they are, `posts(author,published_at desc)`: such a name cannot clash with
//! that of a table or of another index, and reads well where SQLite explains a query.

use std::collections::BTreeMap;

use purlin_schema::Kind;
use rusqlite::types::Value as Sql;

use super::convert::{convert, impossible};
use super::free;
use super::values::stored;
use crate::migrate::operation::Operation;
use crate::migrate::snapshot::{
    Column, ColumnType, IdKind, SYSTEM_COLUMNS, Snapshot, Table, leads, link_name, steps_of,
};
use crate::sql::dialect::Dialect;
use crate::sql::json::path_keys;

/// One thing to do on the database.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Run a statement.
    Run(String),
    /// Look for records that stand in the way.
    Check(Check),
}

/// A look for records that stand in the way: the migration is refused where there are any.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Check {
    /// The operation that it is for, as a plan shows it.
    pub(super) operation: String,
    /// A query for them: what names each, and the value that is wrong (perhaps null).
    pub(super) sql: String,
    /// How the values read.
    pub(super) ty: ColumnType,
    /// What is wrong: "`posts.title` has no value"; their number follows.
    pub(super) problem: String,
    /// What to do.
    pub(super) hint: String,
}

/// Operations that are done together: several changes of one table's columns take one rebuild.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Batch {
    /// How many operations, from where the last batch ended.
    pub(super) operations: usize,
    /// What is to be done.
    pub(super) steps: Vec<Step>,
    /// The picture afterwards.
    pub(super) after: Snapshot,
}

/// How operations are done, from a picture on.
///
/// # Errors
/// Where one does not fit.
pub(super) fn batches(from: &Snapshot, operations: &[Operation]) -> Result<Vec<Batch>, String> {
    let mut before = from.clone();
    let mut rest = operations;
    let mut batches = Vec::new();
    while let Some(first) = rest.first() {
        let same_table = |operation: &&Operation| column_change(operation) == column_change(first);
        let together = match column_change(first) {
            Some(_) => rest.iter().take_while(same_table).count(),
            None => 1,
        };
        let (batch, later) = rest.split_at(together);
        let needs_rebuild = batch.iter().any(|operation| needs_rebuild(operation, &before));
        let done = if needs_rebuild { batch } else { &batch[..1] };
        let mut after = before.clone();
        for operation in done {
            operation.replay(&mut after)?;
        }
        let mut steps = Steps { before: &before, after: &after, list: Vec::new() };
        match column_change(first) {
            Some(table) if needs_rebuild => steps.rebuild(table, done)?,
            _ => steps.operation(first)?,
        }
        batches.push(Batch { operations: done.len(), steps: steps.list, after: after.clone() });
        before = after;
        rest = if needs_rebuild { later } else { &rest[1..] };
    }
    Ok(batches)
}

/// The table whose columns an operation changes.
fn column_change(operation: &Operation) -> Option<&str> {
    match operation {
        Operation::AddField { table, .. }
        | Operation::DropField { table, .. }
        | Operation::ChangeType { table, .. }
        | Operation::SetRequired { table, .. }
        | Operation::DropRequired { table, .. }
        | Operation::SetChoices { table, .. }
        | Operation::SetTarget { table, .. }
        | Operation::DropTarget { table, .. } => Some(table),
        _ => None,
    }
}

/// Whether SQLite's `ALTER TABLE` cannot do it.
fn needs_rebuild(operation: &Operation, before: &Snapshot) -> bool {
    match operation {
        Operation::AddField { column, .. } => column.required,
        Operation::DropField { table, field } => {
            let column = before.tables.get(table).and_then(|table| table.fields.get(field));
            column.is_some_and(|column| column.to.is_some())
        }
        Operation::ChangeType { .. }
        | Operation::SetRequired { .. }
        | Operation::DropRequired { .. }
        | Operation::SetTarget { .. }
        | Operation::DropTarget { .. } => true,
        _ => false,
    }
}

/// The steps so far.
struct Steps<'snapshots> {
    before: &'snapshots Snapshot,
    after: &'snapshots Snapshot,
    list: Vec<Step>,
}

/// For columns whose values change on the way, by what expression of the old row.
type Values = BTreeMap<String, String>;

impl Steps<'_> {
    fn run(&mut self, sql: String) {
        self.list.push(Step::Run(sql));
    }

    /// An operation that takes no rebuild.
    fn operation(&mut self, operation: &Operation) -> Result<(), String> {
        match operation {
            Operation::CreateTable { table, .. } => {
                self.run(create_table(table, table, self.after));
                self.reindex(table, table, None);
            }
            Operation::DropTable { table } => {
                for field in self.before.tables[table].links.keys() {
                    self.run(format!("DROP TABLE {}", quote(&link_name(table, field))));
                }
                self.run(format!("DROP TABLE {}", quote(table)));
            }
            Operation::RenameTable { from, to } => {
                let rename = format!("ALTER TABLE {} RENAME TO {}", quote(from), quote(to));
                self.reindex(from, to, Some(rename));
                for field in self.before.tables[from].links.keys() {
                    self.rename_link(&link_name(from, field), &link_name(to, field));
                }
            }
            Operation::RenameField { table, from, to } => self.rename_field(table, from, to),
            Operation::AddField { table, field, column, default } => {
                let definition = column_definition(field, column);
                self.run(format!("ALTER TABLE {} ADD COLUMN {definition}", quote(table)));
                if let Some(default) = default {
                    let value = literal(&stored(&default.value(column.ty)?));
                    self.run(format!("UPDATE {} SET {} = {value}", quote(table), quote(field)));
                }
            }
            Operation::DropField { table, field } => {
                self.run(format!("ALTER TABLE {} DROP COLUMN {}", quote(table), quote(field)));
            }
            Operation::TakeFree { table, field, key } => {
                let ty = self.type_of(table, field);
                let (look, take) = free::take(table, field, key, ty);
                self.list.push(Step::Check(Check {
                    operation: operation.to_string(),
                    sql: look,
                    ty: ColumnType(Kind::Text),
                    problem: format!("the free field `{key}` of `{table}` is no {ty}"),
                    hint: "change these values first, or declare the field as another type".to_owned(),
                }));
                self.run(take);
            }
            Operation::GiveFree { table, field, key } => {
                self.run(free::give(table, field, key, self.type_of(table, field)));
            }
            Operation::SetChoices { .. } if operation.only_adds_choices(self.before) => {}
            Operation::SetChoices { .. } => self.change_column(operation, &mut Values::new())?,
            Operation::AddUnique { table, fields } => {
                self.check_unique(operation.to_string(), table, table, fields);
                self.reindex(table, table, None);
            }
            Operation::DropUnique { table, .. }
            | Operation::AddIndex { table, .. }
            | Operation::AddPathIndex { table, .. }
            | Operation::DropPathIndex { table, .. }
            | Operation::DropIndex { table, .. } => self.reindex(table, table, None),
            Operation::AddLink { table, field, to } => self.create_link(table, field, to),
            Operation::DropLink { table, field } => {
                self.run(format!("DROP TABLE {}", quote(&link_name(table, field))));
            }
            Operation::ChangeType { table, .. }
            | Operation::SetRequired { table, .. }
            | Operation::DropRequired { table, .. }
            | Operation::SetTarget { table, .. }
            | Operation::DropTarget { table, .. } => self.rebuild(table, std::slice::from_ref(operation))?,
        }
        Ok(())
    }

    /// A change of one column as part of a rebuild: looks for what stands in the way, and says what becomes
    /// of the values.
    fn change_column(&mut self, operation: &Operation, values: &mut Values) -> Result<(), String> {
        let now = |field: &str| values.get(field).cloned().unwrap_or_else(|| quote(field));
        match operation {
            Operation::AddField { table, field, column, default } => {
                let value = default.as_ref().map(|default| default.value(column.ty)).transpose()?;
                if column.required && value.is_none() {
                    self.list.push(Step::Check(Check {
                        operation: operation.to_string(),
                        sql: format!("SELECT \"id\", NULL FROM {}", quote(table)),
                        ty: column.ty,
                        problem: format!("`{table}.{field}` is required and would have no value"),
                        hint: format!(
                            "give `{field}` a default that is known now (a value, or `= now`), or add it \
                             without `required`, fill it in, and require it then"
                        ),
                    }));
                }
                values.insert(field.clone(), literal(&value.as_ref().map_or(Sql::Null, stored)));
            }
            Operation::ChangeType { table, field, from, to } => {
                let column = now(field);
                if let Some(impossible) = impossible(&column, *from, *to) {
                    self.list.push(Step::Check(Check {
                        operation: operation.to_string(),
                        sql: format!(
                            "SELECT \"id\", {column} FROM {} WHERE {column} IS NOT NULL AND {impossible}",
                            quote(table)
                        ),
                        ty: *from,
                        problem: format!("`{table}.{field}` cannot become {to}"),
                        hint: "change these values first, or add a field of another name".to_owned(),
                    }));
                }
                values.insert(field.clone(), convert(&column, *from, *to));
            }
            Operation::SetRequired { table, field, default } => {
                let (column, ty) = (now(field), self.type_of(table, field));
                if let Some(default) = default {
                    let value = literal(&stored(&default.value(ty)?));
                    values.insert(field.clone(), format!("coalesce({column}, {value})"));
                } else {
                    self.list.push(Step::Check(Check {
                        operation: operation.to_string(),
                        sql: format!("SELECT \"id\", NULL FROM {} WHERE {column} IS NULL", quote(table)),
                        ty,
                        problem: format!("`{table}.{field}` becomes required and has no value"),
                        hint: format!("fill them in first, or give `{field}` a default that is known now (a value, or `= now`)"),
                    }));
                }
            }
            Operation::SetChoices { table, field, of } if !of.is_empty() => {
                let column = now(field);
                let of: Vec<_> = of.iter().map(|choice| literal(&Sql::Text(choice.clone()))).collect();
                self.list.push(Step::Check(Check {
                    operation: operation.to_string(),
                    sql: format!(
                        "SELECT \"id\", {column} FROM {} WHERE {column} NOT IN ({})",
                        quote(table),
                        of.join(", ")
                    ),
                    ty: ColumnType(Kind::Text),
                    problem: format!("`{table}.{field}` is none of its choices"),
                    hint: "change these values first, or keep the choice".to_owned(),
                }));
            }
            Operation::SetTarget { table, field, to } => {
                let column = now(field);
                self.list.push(Step::Check(Check {
                    operation: operation.to_string(),
                    sql: format!(
                        "SELECT \"id\", {column} FROM {} WHERE {column} IS NOT NULL AND {column} NOT IN \
                         (SELECT \"id\" FROM {})",
                        quote(table),
                        quote(to)
                    ),
                    ty: self.type_of(table, field),
                    problem: format!("`{table}.{field}` is the id of no record of `{to}`"),
                    hint: "correct or clear these values first".to_owned(),
                }));
            }
            _ => {}
        }
        Ok(())
    }

    fn type_of(&self, table: &str, field: &str) -> ColumnType {
        self.after.tables[table].fields.get(field).map_or(ColumnType(Kind::Text), |column| column.ty)
    }

    /// Looks for records with equal values in a unique key; the rows are in the table of the first name.
    fn check_unique(&mut self, operation: String, stored_in: &str, table: &str, fields: &[String]) {
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
            operation,
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

    /// Makes the table anew with its columns as they are after the operations, copying the rows.
    fn rebuild(&mut self, table: &str, operations: &[Operation]) -> Result<(), String> {
        let mut values = Values::new();
        for operation in operations {
            self.change_column(operation, &mut values)?;
        }
        let new = &self.after.tables[table];
        let other = format!("_purlin_new_{table}");
        self.run(create_table(&other, table, self.after));
        let columns: Vec<_> =
            SYSTEM_COLUMNS.into_iter().chain(new.fields.keys().map(String::as_str)).collect();
        let value = |column: &&str| values.get(*column).cloned().unwrap_or_else(|| quote(column));
        self.run(format!(
            "INSERT INTO {} ({})\n  SELECT {}\n  FROM {}",
            quote(&other),
            columns.iter().map(|column| quote(column)).collect::<Vec<_>>().join(", "),
            columns.iter().map(value).collect::<Vec<_>>().join(", "),
            quote(table)
        ));
        for unique in &new.uniques {
            if unique.iter().any(|field| values.contains_key(field)) {
                let operation = format!("{table} unique ({})", unique.join(", "));
                self.check_unique(operation, &other, table, unique);
            }
        }
        if new.id == IdKind::Int {
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
        Ok(())
    }

    fn rename_field(&mut self, table: &str, from: &str, to: &str) {
        if self.before.tables[table].links.contains_key(from) {
            self.rename_link(&link_name(table, from), &link_name(table, to));
            return;
        }
        let rename = format!("ALTER TABLE {} RENAME COLUMN {} TO {}", quote(table), quote(from), quote(to));
        self.reindex(table, table, Some(rename));
    }

    /// Runs a statement, with the indexes of a table dropped before and made after them as its name and keys ask.
    fn reindex(&mut self, from: &str, to: &str, statement: Option<String>) {
        let old = self.before.tables.get(from).map(|table| indexes(from, table)).unwrap_or_default();
        let new = indexes(to, &self.after.tables[to]);
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            self.run(format!("DROP INDEX {}", quote(name)));
        }
        if let Some(statement) = statement {
            self.run(statement);
        }
        for (_, sql) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            self.run(sql.clone());
        }
    }

    fn create_link(&mut self, table: &str, field: &str, to: &str) {
        let name = link_name(table, field);
        let end = |table: &str| {
            let id = self.after.tables[table].id.column_type();
            format!("{} NOT NULL REFERENCES {}(\"id\")", sql_type(id), quote(table))
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

/// Every index that a picture asks for, by name.
#[must_use]
pub(super) fn index_names(snapshot: &Snapshot) -> Vec<String> {
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
    let paths = table.paths.iter().map(|path| {
        let index = format!("{name}({path})");
        let keys = path_keys(Dialect::Sqlite, &quote(leads(path)), &steps_of(path));
        let sql = format!("CREATE INDEX {} ON {on} ({})", quote(&index), keys.join(", "));
        (index, sql)
    });
    uniques.chain(plain).chain(paths).collect()
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
pub(super) fn sql_type(ty: ColumnType) -> &'static str {
    match ty.0 {
        Kind::Bool | Kind::Int | Kind::Decimal(_) | Kind::Date | Kind::Datetime | Kind::Duration => "INTEGER",
        Kind::Float => "REAL",
        Kind::Text | Kind::Json => "TEXT",
        Kind::Uuid => "BLOB",
    }
}

/// An identifier of the schema, quoted.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A value of the owner's own files as SQL; no request comes this way.
pub(super) fn literal(value: &Sql) -> String {
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
