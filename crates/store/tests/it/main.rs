//! The store on real database files.

mod migrate;
