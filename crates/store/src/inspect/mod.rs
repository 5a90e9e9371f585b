//! What is in a database that others made: tables, columns, keys, and what the columns really hold.
//!
//! It is only read. What a site makes of it is for whoever asked.

mod sqlite;

use std::path::Path;

use crate::error::Error;
use crate::sqlite::open;

/// A database as it was found.
#[derive(Debug, Default)]
pub struct Inspected {
    /// Its tables and views, in the order of their names.
    pub tables: Vec<Table>,
    /// What was left aside, and why.
    pub notes: Vec<String>,
}

/// A table or a view.
#[derive(Debug, Default)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Whether it is a view.
    pub is_view: bool,
    /// Whether the database gives each row a number of its own.
    pub has_row_numbers: bool,
    /// The columns, in their order.
    pub columns: Vec<Column>,
    /// The columns of the primary key, in its order.
    pub primary: Vec<String>,
    /// Unique keys besides.
    pub uniques: Vec<Vec<String>>,
    /// Other indexes.
    pub indexes: Vec<Vec<String>>,
    /// Foreign keys.
    pub foreign: Vec<ForeignKey>,
}

/// A column.
#[derive(Debug, Default)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as it was declared, perhaps not at all.
    pub declared: String,
    /// Whether it is declared to have a value.
    pub required: bool,
    /// What stands in it.
    pub holds: Holds,
}

/// How many values of a column are what; nulls are not counted.
#[derive(Debug, Default, Clone, Copy)]
pub struct Holds {
    /// Values.
    pub values: u64,
    /// Integers.
    pub integers: u64,
    /// Integers that are 0 or 1.
    pub truths: u64,
    /// Integers beyond what a double holds exactly.
    pub great: u64,
    /// Numbers that are no integers.
    pub reals: u64,
    /// Numbers with more than two digits after the point.
    pub fine: u64,
    /// Numbers too great for a decimal, or with more than four digits after the point.
    pub unfit: u64,
    /// Texts.
    pub texts: u64,
    /// Texts that are a day, as 2026-01-31.
    pub dates: u64,
    /// Texts that are a time, as 2026-01-31 12:00:00, or a day.
    pub times: u64,
    /// Values that are bytes.
    pub blobs: u64,
}

/// A foreign key.
#[derive(Debug, Default)]
pub struct ForeignKey {
    /// Its columns.
    pub columns: Vec<String>,
    /// The table that it refers to.
    pub to: String,
    /// The columns there.
    pub to_columns: Vec<String>,
}

/// Looks into the database that a URL names, relative to a folder.
///
/// # Errors
/// Where the URL names no database that can be looked into, or it cannot be read.
pub fn inspect(root: &Path, url: &str) -> Result<Inspected, Error> {
    if !url.starts_with("sqlite:") {
        let message = format!(
            "{url:?} cannot be inspected yet: only SQLite files can, as in sqlite:shop.db; of a database server \
             import what you need from a dump (`purlin import`)"
        );
        return Err(Error::Open(message));
    }
    sqlite::inspect(&open::path_of(root, url)?)
}
