//! The store on real database files.

mod migrate;
mod reading;
mod support;
mod writing;
