//! What is in a database that others made: tables, columns, keys, and what the columns really hold.
//!
//! It is only read. What a site makes of it is for whoever asked.

mod checks;
mod mysql;
mod postgres;
mod sqlite;

use std::path::Path;

use crate::error::Error;
use crate::migrate::look;
use crate::sqlite::open;

/// A database as it was found.
#[derive(Debug, Default)]
pub struct Inspected {
    /// Its tables and views, in the order of their names.
    pub tables: Vec<Table>,
    /// What was left aside, and why.
    pub notes: Vec<String>,
    /// On a server, the schema or the database that they stand in.
    pub schema: Option<String>,
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
    /// Whether the database gives it a value where none is given.
    pub has_default: bool,
    /// Whether that value is the empty text.
    pub default_is_empty: bool,
    /// Whether the database alone gives it its value, or nothing that a site has can be written to it.
    pub is_computed: bool,
    /// The type that a text must be cast to when it is written.
    pub cast: Option<String>,
    /// What it is, where the database sees to it.
    pub known: Option<Known>,
    /// What stands in it, as far as that matters.
    pub holds: Holds,
}

/// What a column of a database is that keeps to its types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// True or false.
    Bool,
    /// An integer.
    Int,
    /// A double, or less.
    Float,
    /// A number with so many digits after the point, of which each fits 64 bits.
    Decimal(u8),
    /// A text of so many characters at most.
    Text(Option<u32>),
    /// One of a few words.
    Choice(Vec<String>),
    /// A day.
    Date,
    /// An instant, or a time without a zone, which is taken for one in UTC.
    Datetime,
    /// A span of time.
    Duration,
    /// A UUID.
    Uuid,
    /// JSON, or what can be read as it.
    Json,
    /// Bytes.
    Bytes,
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
    /// Numbers too great for a decimal, or with more than four digits after the point; dates of MySQL that are zero.
    pub unfit: u64,
    /// Texts.
    pub texts: u64,
    /// Texts that are a day, as 2026-01-31.
    pub dates: u64,
    /// Texts that are a time, as 2026-01-31 12:00:00, or a day.
    pub times: u64,
    /// Values that are bytes.
    pub blobs: u64,
    /// Texts without a letter.
    pub empty: u64,
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
    let told = |error: crate::migrate::MigrateError| Error::Open(error.to_string());
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("sqlite") => sqlite::inspect(&open::path_of(root, url)?),
        Some("postgres" | "postgresql") => postgres::inspect(&*look(url).map_err(told)?),
        Some("mysql" | "mariadb") => mysql::inspect(&*look(url).map_err(told)?),
        _ => {
            let message = "this is no URL of a database: write sqlite:shop.db, postgres://USER:PASSWORD@HOST/DATABASE \
                           or mysql://USER:PASSWORD@HOST/DATABASE";
            Err(Error::Open(message.to_owned()))
        }
    }
}
