//! Pages by cursor: the rows after a row, in the order of the sort keys.
//!
//! `a > ? OR (a = ? AND id > ?)` reads an index from its start, so the bound is repeated on the first key
//! alone. Nulls have no bound: where the first key can be null, its nulls are a segment with a statement of its
//! own, which is run when the one before it gave too few rows. Nulls come first ascending, last descending.

use purlin_schema::Kind;

use super::dialect::Dialect;
use super::{Bind, Binds};

/// A key of an order, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) sql: String,
    pub(crate) kind: Kind,
    pub(crate) descending: bool,
    pub(crate) nullable: bool,
    /// Whether it is nullable by its column's declaration, which says how an index has it.
    pub(crate) admits_null: bool,
}

/// The conditions, a segment each and to be run in order, of the rows after the one with the run's values as
/// keys. `nulls` has a bit for each value that is null.
pub(crate) fn segments(keys: &[Key], nulls: u64, binds: &mut Binds, dialect: Dialect) -> Vec<String> {
    let Some((first, others)) = keys.split_first() else { return Vec::new() };
    let rest = after(others, 1, nulls, binds, dialect);
    let key = &first.sql;
    if is_null(nulls, 0) {
        let mut segments = vec![format!("{key} IS NULL AND {rest}")];
        if !first.descending {
            segments.push(format!("{key} IS NOT NULL"));
        }
        return segments;
    }
    let value = binds.mark(Bind::Nth(0, first.kind));
    let operator = if first.descending { "<" } else { ">" };
    if others.is_empty() {
        return vec![format!("{key} {operator} {value}")];
    }
    let mut segments = vec![format!("{key} {operator}= {value} AND ({key} {operator} {value} OR {rest})")];
    if first.descending && first.nullable {
        segments.push(format!("{key} IS NULL"));
    }
    segments
}

fn after(keys: &[Key], at: usize, nulls: u64, binds: &mut Binds, dialect: Dialect) -> String {
    let Some((key, others)) = keys.split_first() else { return dialect.truth(false).to_owned() };
    let rest = after(others, at + 1, nulls, binds, dialect);
    let Key { sql, kind, descending, nullable, .. } = key;
    if is_null(nulls, at) {
        return match descending {
            true => format!("({sql} IS NULL AND {rest})"),
            false => format!("({sql} IS NOT NULL OR {rest})"),
        };
    }
    let value = binds.mark(Bind::Nth(at, *kind));
    let operator = if *descending { "<" } else { ">" };
    if others.is_empty() && !(*descending && *nullable) {
        return format!("{sql} {operator} {value}");
    }
    match (descending, nullable) {
        (false, _) => format!("({sql} > {value} OR ({sql} = {value} AND {rest}))"),
        (true, false) => format!("({sql} < {value} OR ({sql} = {value} AND {rest}))"),
        (true, true) => format!("({sql} < {value} OR {sql} IS NULL OR ({sql} = {value} AND {rest}))"),
    }
}

fn is_null(nulls: u64, at: usize) -> bool {
    at < 64 && nulls >> at & 1 == 1
}
