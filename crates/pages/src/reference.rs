//! What templates can call, for the documentation: read from the tables that the templates themselves use.

use crate::{filters, functions};

/// A filter or a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its names; all do the same.
    pub names: &'static [&'static str],
    /// What it does, in one sentence.
    pub about: &'static str,
    /// Templates and what they give; none for functions, which need a page around them.
    pub examples: &'static [(&'static str, &'static str)],
}

/// Purlin's own filters.
pub fn filters() -> impl Iterator<Item = Entry> {
    filters::FILTERS.iter().map(|filter| Entry {
        names: filter.names,
        about: filter.about,
        examples: filter.examples,
    })
}

/// Purlin's own functions.
pub fn functions() -> impl Iterator<Item = Entry> {
    functions::FUNCTIONS.iter().map(|function| Entry {
        names: std::slice::from_ref(&function.name),
        about: function.about,
        examples: &[],
    })
}

/// Jinja's own filters that are there as well, by name.
#[must_use]
pub fn filters_of_jinja() -> &'static [&'static str] {
    filters::BUILT_IN
}
