//! How sources read.

use super::Tree;
use crate::Outcome;

/// A file with more lines deserves to be two.
const MOST_LINES: usize = 700;

/// Words that mark what was left for later. Written in two parts so that this file does not hold them.
const LEFT_OVER: &[(&str, &str)] =
    &[("TO", "DO"), ("FIX", "ME"), ("X", "XX"), ("todo", "!("), ("unimplemented", "!(")];

/// Every source begins with why it exists, and none is too long.
pub(super) fn shape(tree: &Tree) -> Outcome<Vec<String>> {
    let mut wrong = Vec::new();
    for (path, text) in tree.rust() {
        if !text.starts_with("//!") {
            wrong.push(format!("{} does not begin with `//!`", path.display()));
        }
        let lines = text.lines().count();
        if lines > MOST_LINES {
            wrong.push(format!("{} has {lines} lines, of at most {MOST_LINES}", path.display()));
        }
    }
    Ok(wrong)
}

/// Nothing is marked as unfinished, and a lint is expected with a reason rather than allowed.
pub(super) fn left_over(tree: &Tree) -> Outcome<Vec<String>> {
    let mut wrong = Vec::new();
    for (path, text) in tree.rust() {
        for (at, line) in text.lines().enumerate() {
            for (head, tail) in LEFT_OVER {
                if line.contains(&format!("{head}{tail}")) {
                    wrong.push(format!("{}:{} says {head}{tail}", path.display(), at + 1));
                }
            }
            if line.trim_start().starts_with("#[allow(") || line.trim_start().starts_with("#![allow(") {
                wrong.push(format!("{}:{} allows a lint: expect it, with a reason", path.display(), at + 1));
            }
        }
    }
    Ok(wrong)
}
