//! What tables a MySQL or MariaDB database really has, from its information schema.

use super::super::server::schema::{ColumnShape, IndexShape, Reference, Schema};
use super::super::server::words::Reading;
use crate::migrate::error::MigrateError;

const OURS: &str = "TABLE_SCHEMA = database() AND TABLE_NAME NOT IN ('_migrations', '_migrations_steps')";

/// Tables with columns, keys, indexes and foreign keys.
pub(super) fn schema(rows: &mut Reading<'_>) -> Result<Schema, MigrateError> {
    let mut schema = Schema::default();
    let tables = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND";
    for row in rows(&format!("{tables} {OURS}"))? {
        schema.tables.insert(cell(&row, 0), Default::default());
    }
    let columns = "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLLATION_NAME, EXTRA, GENERATION_EXPRESSION FROM information_schema.COLUMNS WHERE";
    for row in rows(&format!("{columns} {OURS}"))? {
        let Some(table) = schema.tables.get_mut(&cell(&row, 0)) else { continue };
        let ty = column_type(&cell(&row, 2), &cell(&row, 4), &cell(&row, 5));
        let computed = Some(cell(&row, 6)).filter(|expression| !expression.is_empty());
        table.columns.insert(cell(&row, 1), ColumnShape { ty, required: cell(&row, 3) == "NO", computed });
    }
    let indexes = "SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, COLUMN_NAME, COLLATION, SUB_PART FROM information_schema.STATISTICS WHERE";
    for row in rows(&format!("{indexes} {OURS} ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX"))? {
        let Some(table) = schema.tables.get_mut(&cell(&row, 0)) else { continue };
        let column = cell(&row, 3);
        if cell(&row, 1) == "PRIMARY" {
            table.key.push(column);
            continue;
        }
        let unique = cell(&row, 2) == "0";
        let index = table.indexes.entry(cell(&row, 1)).or_insert_with(|| IndexShape {
            unique,
            parts: Vec::new(),
            columns: Vec::new(),
        });
        let order = if cell(&row, 4) == "D" { " DESC" } else { "" };
        let length = row.get(5).cloned().flatten().map(|length| format!("({length})")).unwrap_or_default();
        index.parts.push(format!("\"{}\"{length}{order}", column.replace('"', "\"\"")));
        index.columns.push(column);
    }
    let references = "SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE \
                      WHERE REFERENCED_TABLE_NAME IS NOT NULL AND";
    for row in rows(&format!("{references} {OURS}"))? {
        if let Some(table) = schema.tables.get_mut(&cell(&row, 0)) {
            table.references.insert(cell(&row, 1), Reference { column: cell(&row, 2), to: cell(&row, 3) });
        }
    }
    Ok(schema)
}

/// As it is written; the two differ in what they tell of widths and of JSON.
fn column_type(ty: &str, collation: &str, extra: &str) -> String {
    let ty = if ty.starts_with("bigint(") { "bigint" } else { ty };
    match (ty, collation) {
        ("longtext", "utf8mb4_bin") => "json".to_owned(),
        (_, _) if extra.contains("auto_increment") => format!("{ty} AUTO_INCREMENT"),
        (_, "") => ty.to_owned(),
        _ => format!("{ty} COLLATE {collation}"),
    }
}

fn cell(row: &[Option<String>], at: usize) -> String {
    row.get(at).cloned().flatten().unwrap_or_default()
}
