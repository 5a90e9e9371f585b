//! What MySQL and MariaDB say.
//!
//! A text in a key has a length: all texts of one key share the 3,072 bytes that InnoDB gives to it, at four bytes a
//! character, so a text that is a key by itself may have 768. A session quotes names by `"` and knows no backslash,
//! as [`connect`](crate::mysql::connect) sets it up.

use purlin_schema::expr::Step;
use purlin_schema::{Kind, Value};

use super::super::server::schema::{ColumnShape, IndexShape, Reference, Schema, TableShape};
use super::super::server::words::{Fact, Lock, Reading, Said, Words};
use super::read;
use crate::migrate::error::MigrateError;
use crate::migrate::snapshot::{ColumnType, IdKind};
use crate::names::fitting;
use crate::sql::dialect::json::PathColumn;
use crate::sql::dialect::{Flavour, path_columns};

/// Characters of a name.
const NAME: usize = 64;

/// Bytes of a row, without long texts.
const ROW_BYTES: usize = 65_535;

/// Their tongue.
pub(super) struct MySql(pub(super) Flavour);

impl Words for MySql {
    fn name(&self, name: &str) -> String {
        fitting(name, NAME)
    }

    fn name_limit(&self) -> usize {
        NAME
    }

    fn column_type(&self, ty: ColumnType, keyed: Option<usize>) -> String {
        match (ty.0, keyed) {
            (Kind::Bool, _) => "tinyint(1)".to_owned(),
            (Kind::Int | Kind::Duration, _) => "bigint".to_owned(),
            (Kind::Float, _) => "double".to_owned(),
            (Kind::Decimal(scale), _) => format!("decimal(19,{scale})"),
            (Kind::Text, Some(length)) => format!("varchar({length}) COLLATE {}", self.0.collation()),
            (Kind::Text, None) => format!("longtext COLLATE {}", self.0.collation()),
            (Kind::Date, _) => "date".to_owned(),
            (Kind::Datetime, _) => "datetime(6)".to_owned(),
            (Kind::Uuid, _) => "binary(16)".to_owned(),
            (Kind::Json, _) => "json".to_owned(),
        }
    }

    fn id_type(&self, id: IdKind) -> String {
        match id {
            IdKind::Int => "bigint AUTO_INCREMENT".to_owned(),
            IdKind::Uuid => "binary(16)".to_owned(),
        }
    }

    fn system_columns(&self) -> &'static [(&'static str, &'static str)] {
        &[("created_at", "datetime(6)"), ("updated_at", "datetime(6)"), ("_version", "bigint")]
    }

    fn index(&self, unique: bool, parts: &[(&str, bool)]) -> IndexShape {
        let part = |(name, descending): &(&str, bool)| {
            format!("{}{}", self.quote(name), if *descending { " DESC" } else { "" })
        };
        IndexShape {
            unique,
            parts: parts.iter().map(part).collect(),
            columns: parts.iter().map(|(name, _)| (*name).to_owned()).collect(),
        }
    }

    /// Over two columns that the server computes: MariaDB has no index on an expression.
    fn path_index(&self, field: &str, steps: &[Step]) -> IndexShape {
        let columns = self.path_keys(field, steps).map(|column| column.name);
        let parts: Vec<_> = columns.iter().map(|name| (name.as_str(), false)).collect();
        self.index(false, &parts)
    }

    fn path_columns(&self, field: &str, steps: &[Step]) -> Vec<(String, ColumnShape)> {
        let shape = |PathColumn { name, ty, expression }| {
            (name, ColumnShape { ty, required: false, computed: Some(expression) })
        };
        self.path_keys(field, steps).into_iter().map(shape).collect()
    }

    /// A computed column takes no room but in its index, and is made at once however large the table is.
    fn definition(&self, name: &str, shape: &ColumnShape) -> String {
        let (name, ty) = (self.quote(name), &shape.ty);
        match (&shape.computed, shape.required) {
            (Some(expression), _) => {
                format!("{name} {ty} GENERATED ALWAYS AS ({expression}) VIRTUAL{}", self.unseen())
            }
            (None, true) => format!("{name} {ty} NOT NULL"),
            (None, false) => format!("{name} {ty}"),
        }
    }

    fn references_need_index(&self) -> bool {
        true
    }

    fn serves_reference(&self, first_part: &str) -> bool {
        self.0 == Flavour::MariaDb || !first_part.ends_with(" DESC")
    }

    fn is_transactional(&self) -> bool {
        false
    }

    fn key_bytes(&self) -> Option<usize> {
        Some(3072)
    }

    /// All columns of a row share some bytes, but for long texts; a column counts with all that it may have.
    fn row_fault(&self, table: &str, shape: &TableShape) -> Option<String> {
        let bytes: usize = shape.columns.values().map(|column| bytes_of(&column.ty)).sum();
        let texts = shape.columns.iter().filter(|(_, column)| column.ty.starts_with("varchar("));
        let texts: Vec<&str> = texts.map(|(name, _)| name.as_str()).collect();
        (bytes + shape.columns.len().div_ceil(8) > ROW_BYTES).then(|| {
            format!(
                "a row of `{table}` could have {bytes} bytes beside its long texts, and this database takes {ROW_BYTES}: let \
                 fewer texts take part in keys, or fewer paths into JSON have an index ({} do now: {})",
                texts.len(),
                texts.join(", ")
            )
        })
    }

    fn create_table(&self, name: &str, shape: &TableShape) -> Said {
        let sql = format!(
            "CREATE TABLE {} (\n  {}\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE={}",
            self.quote(name),
            self.definitions(shape),
            self.0.collation()
        );
        (sql, Lock::Nobody)
    }

    fn rename_table(&self, from: &str, to: &str) -> Said {
        (format!("RENAME TABLE {} TO {}", self.quote(from), self.quote(to)), Lock::Everybody)
    }

    fn add_column(&self, table: &str, name: &str, shape: &ColumnShape, default: Option<&str>) -> Vec<Said> {
        let (table, definition) = (self.quote(table), self.definition(name, shape));
        let Some(default) = default else {
            return vec![(format!("ALTER TABLE {table} ADD COLUMN {definition}"), Lock::Everybody)];
        };
        let add = format!("ALTER TABLE {table} ADD COLUMN {definition} DEFAULT ({default})");
        let change = if shape.required { "DROP DEFAULT" } else { "SET DEFAULT NULL" };
        let drop = format!("ALTER TABLE {table} ALTER COLUMN {} {change}", self.quote(name));
        vec![(add, Lock::Everybody), (drop, Lock::Everybody)]
    }

    fn alter_column(&self, table: &str, name: &str, shape: &ColumnShape, before: &ColumnShape) -> Vec<Said> {
        if shape == before {
            return Vec::new();
        }
        let lock = if shape.ty == before.ty { Lock::Everybody } else { Lock::Copy };
        let null = if shape.required { "" } else { " NULL" };
        let (table, definition) = (self.quote(table), self.definition(name, shape));
        vec![(format!("ALTER TABLE {table} MODIFY COLUMN {definition}{null}"), lock)]
    }

    fn create_index(&self, table: &str, name: &str, shape: &IndexShape) -> Said {
        let unique = if shape.unique { "UNIQUE " } else { "" };
        let (name, table) = (self.quote(name), self.quote(table));
        (format!("CREATE {unique}INDEX {name} ON {table} ({})", shape.parts.join(", ")), Lock::Nobody)
    }

    fn drop_index(&self, table: &str, name: &str) -> Said {
        (format!("DROP INDEX {} ON {}", self.quote(name), self.quote(table)), Lock::Everybody)
    }

    fn rename_index(&self, table: &str, from: &str, to: &str) -> Said {
        let (table, from, to) = (self.quote(table), self.quote(from), self.quote(to));
        (format!("ALTER TABLE {table} RENAME INDEX {from} TO {to}"), Lock::Everybody)
    }

    /// Without its own look at the rows, for which InnoDB copies the table: that was done before.
    fn add_reference(&self, table: &str, name: &str, reference: &Reference) -> Said {
        let add = self.reference(name, reference);
        (unchecked(&format!("ALTER TABLE {} ADD {add}", self.quote(table))), Lock::Everybody)
    }

    fn drop_reference(&self, table: &str, name: &str) -> Said {
        (format!("ALTER TABLE {} DROP FOREIGN KEY {}", self.quote(table), self.quote(name)), Lock::Everybody)
    }

    fn rename_reference(&self, table: &str, from: &str, to: &str, reference: &Reference) -> Said {
        let (table, from, add) = (self.quote(table), self.quote(from), self.reference(to, reference));
        (unchecked(&format!("ALTER TABLE {table} DROP FOREIGN KEY {from}, ADD {add}")), Lock::Everybody)
    }

    fn convert_column(&self, _: &str, _: &str, _: ColumnType, _: ColumnType) -> Option<Said> {
        None
    }

    fn create_index_beside(&self, _: &str, _: &str, _: &IndexShape) -> Option<Said> {
        None
    }

    fn add_reference_beside(&self, _: &str, _: &str, _: &Reference) -> Option<(Said, Said)> {
        None
    }

    fn require_beside(&self, _: &str, _: &str) -> Option<(Said, Vec<Said>)> {
        None
    }

    fn literal(&self, value: &Value) -> String {
        let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
        match value {
            Value::Null | Value::Withheld => "NULL".to_owned(),
            Value::Bool(truth) => truth.to_string(),
            Value::Int(number) | Value::Duration(number) => number.to_string(),
            Value::Float(number) => format!("{number:e}"),
            Value::Decimal(_) => value.to_text(),
            Value::Uuid(uuid) => format!("x'{}'", uuid.simple()),
            value => text(&self.parameter(value).unwrap_or_default()),
        }
    }

    fn text(&self, expr: &str, kind: Kind) -> String {
        match kind {
            Kind::Datetime => format!("date_format({expr}, '%Y-%m-%dT%H:%i:%s.%fZ')"),
            Kind::Uuid => {
                let hex = ["9", "14", "19", "24"];
                let hyphens = hex
                    .iter()
                    .fold(format!("hex({expr})"), |text, at| format!("insert({text}, {at}, 0, '-')"));
                format!("lower({hyphens})")
            }
            Kind::Text | Kind::Json => expr.to_owned(),
            _ => format!("cast({expr} AS char)"),
        }
    }

    fn parameter(&self, value: &Value) -> Option<String> {
        Some(match value {
            Value::Null | Value::Withheld => return None,
            Value::Bool(truth) => u8::from(*truth).to_string(),
            Value::Duration(micros) => micros.to_string(),
            Value::Datetime(_) => value.to_text().replace('T', " ").trim_end_matches('Z').to_owned(),
            value => value.to_text(),
        })
    }

    fn put_value(&self, table: &str, column: &str, id: IdKind, ty: ColumnType) -> String {
        let place = |ty: ColumnType| match ty.0 {
            Kind::Uuid => "unhex(replace(?, '-', ''))",
            _ => "?",
        };
        let (value, id) = (place(ty), place(id.column_type()));
        format!("UPDATE {} SET {} = {value} WHERE \"id\" = {id}", self.quote(table), self.quote(column))
    }

    fn joined(&self, expr: &str, separator: &str, order: &str) -> String {
        format!("group_concat({expr} ORDER BY {order} SEPARATOR '{separator}')")
    }

    fn holds(&self, fact: &Fact) -> String {
        let text = |text: &str| self.literal(&Value::from(text));
        let of = |what: &str, table: &str| {
            format!(
                "FROM information_schema.{what} WHERE TABLE_SCHEMA = database() AND TABLE_NAME = {}",
                text(table)
            )
        };
        let column =
            |table: &str, name: &str| format!("{} AND COLUMN_NAME = {}", of("COLUMNS", table), text(name));
        let index =
            |table: &str, name: &str| format!("{} AND INDEX_NAME = {}", of("STATISTICS", table), text(name));
        let reference = |table: &str, name: &str| {
            format!("{} AND CONSTRAINT_NAME = {}", of("TABLE_CONSTRAINTS", table), text(name))
        };
        let is = |from: String| format!("SELECT 1 {from} LIMIT 1");
        let is_none = |from: String| format!("SELECT 1 FROM (SELECT 1) q WHERE NOT EXISTS (SELECT 1 {from})");
        match fact {
            Fact::Table(name) => is(of("TABLES", name)),
            Fact::NoTable(name) => is_none(of("TABLES", name)),
            Fact::Column(table, name) => is(column(table, name)),
            Fact::NoColumn(table, name) => is_none(column(table, name)),
            Fact::Index(table, name) => is(index(table, name)),
            Fact::NoIndex(table, name) => is_none(index(table, name)),
            Fact::Reference(table, name) => is(reference(table, name)),
            Fact::NoReference(table, name) => is_none(reference(table, name)),
        }
    }

    fn sizes(&self) -> &'static str {
        "SELECT TABLE_NAME, DATA_LENGTH, TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = database()"
    }

    fn foreign_table(&self) -> &'static str {
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = database() AND TABLE_TYPE = 'BASE TABLE' \
         ORDER BY TABLE_NAME LIMIT 1"
    }

    fn has_history(&self) -> &'static str {
        // The last to be made of the two.
        "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = database() AND TABLE_NAME = '_migrations'"
    }

    fn create_history(&self) -> &'static [&'static str] {
        &[
            "CREATE TABLE IF NOT EXISTS \"_migrations_steps\" (\"position\" bigint PRIMARY KEY, \"step\" longtext NOT NULL) \
             ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
            "CREATE TABLE IF NOT EXISTS \"_migrations\" (
  \"id\" bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  \"format\" bigint NOT NULL,
  \"number\" bigint,
  \"name\" varchar(255),
  \"checksum\" varchar(255),
  \"applied_at\" bigint NOT NULL,
  \"operations\" longtext NOT NULL,
  \"snapshot\" longtext NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
        ]
    }

    fn read(&self, rows: &mut Reading<'_>) -> Result<Schema, MigrateError> {
        read::schema(rows)
    }
}

impl MySql {
    fn path_keys(&self, field: &str, steps: &[Step]) -> [PathColumn; 2] {
        path_columns(self.0, field, steps)
    }

    /// Whoever looks at all columns of a table does not see those that are the index's; MySQL can since 8.0.23 only.
    fn unseen(&self) -> &'static str {
        match self.0 {
            Flavour::MariaDb => " INVISIBLE",
            Flavour::Mysql => "",
        }
    }

    fn reference(&self, name: &str, reference: &Reference) -> String {
        format!(
            "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} (\"id\") ON DELETE RESTRICT",
            self.quote(name),
            self.quote(&reference.column),
            self.quote(&reference.to)
        )
    }
}

/// What a column takes of a row at most.
fn bytes_of(ty: &str) -> usize {
    let length = ty.strip_prefix("varchar(").and_then(|rest| rest.split(')').next()?.parse::<usize>().ok());
    match length {
        // Four bytes a letter, and how many there are.
        Some(length) => length * 4 + 2,
        None if ty.starts_with("longtext") || ty == "json" => 12,
        None if ty.starts_with("binary(16)") => 16,
        None => 9,
    }
}

/// A statement in whose course InnoDB looks at no reference.
fn unchecked(sql: &str) -> String {
    format!("{UNCHECKED}{sql}")
}

/// What begins a statement in whose course InnoDB looks at no reference.
pub(super) const UNCHECKED: &str = "/* foreign_key_checks = 0 */ ";
