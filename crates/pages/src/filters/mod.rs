//! Filters: one small file a filter, one table.
//!
//! Whoever adds one adds a file and a line in [`FILTERS`]; its examples are its test, and a test over the table finds a
//! filter without them. Those of Jinja that stay as they are stand in [`BUILT_IN`]; `pprint` and `tojson` of Jinja would
//! write whole records and are not among them.

mod date;
mod default;
mod escape;
mod exact;
mod excerpt;
mod float;
mod free;
mod inert;
mod isodate;
mod json;
mod markdown;
mod number;
pub(crate) mod operators;
mod plural;
mod rfc2822;
mod rfc3339;
mod safe_url;
mod slugify;
mod truncate;
mod truncate_html;
mod url;

use std::sync::Arc;

use minijinja::{Environment, Error, Value};

pub(crate) use date::check_format;
pub(crate) use inert::{IN_ATTRIBUTE, IN_LOCAL, IN_URL};

use crate::value::{Shared, refusal};

/// A filter.
pub(crate) struct Filter {
    /// Its name in templates; several names do the same.
    pub(crate) names: &'static [&'static str],
    /// What it does, in one sentence.
    pub(crate) about: &'static str,
    /// Templates and what they give, each a test.
    pub(crate) examples: &'static [(&'static str, &'static str)],
    /// Puts it into an environment under a name.
    pub(crate) add: fn(&mut Environment<'static>, &'static str, &Arc<Shared>),
}

/// Every filter of Purlin's own.
pub(crate) const FILTERS: &[&Filter] = &[
    &date::FILTER,
    &default::FILTER,
    &escape::FILTER,
    &excerpt::FILTER,
    &float::FILTER,
    &free::FILTER,
    &isodate::FILTER,
    &json::FILTER,
    &markdown::FILTER,
    &number::FILTER,
    &plural::FILTER,
    &rfc2822::FILTER,
    &rfc3339::FILTER,
    &safe_url::FILTER,
    &slugify::FILTER,
    &truncate::FILTER,
    &truncate_html::FILTER,
    &url::FILTER,
];

/// Jinja's own filters that are kept.
pub(crate) const BUILT_IN: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "dictsort",
    "first",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "trim",
    "unique",
    "upper",
    "zip",
];

/// Jinja's tests, as in `x is defined`.
pub(crate) const TESTS: &[&str] = &[
    "!=",
    "<",
    "<=",
    "==",
    ">",
    ">=",
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "safe",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// Puts every filter into an environment and takes out what is not kept.
pub(crate) fn install(env: &mut Environment<'static>, shared: &Arc<Shared>) {
    env.remove_filter("pprint");
    for filter in FILTERS {
        for name in filter.names {
            (filter.add)(env, name, shared);
        }
    }
    inert::install(env);
    operators::install(env);
    exact::install(env);
}

/// The names of all filters.
pub(crate) fn names() -> impl Iterator<Item = &'static str> + Clone {
    FILTERS.iter().flat_map(|filter| filter.names.iter().copied()).chain(BUILT_IN.iter().copied())
}

/// The text in a value: of markup its plain text, of none nothing. A record is refused.
pub(crate) fn text_of(value: &Value) -> Result<String, Error> {
    if let Some(error) = crate::value::record::refuse_print(value) {
        return Err(error);
    }
    if value.is_undefined() {
        return Err(refusal("this is not defined"));
    }
    if value.is_none() {
        return Ok(String::new());
    }
    Ok(match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates::testing;

    #[test]
    fn every_filter_says_what_it_does_and_shows_it() {
        for filter in FILTERS {
            assert!(
                !filter.about.is_empty() && filter.about.ends_with('.'),
                "{:?}: say what it does",
                filter.names
            );
            assert!(!filter.examples.is_empty(), "{:?}: add an example", filter.names);
            for name in filter.names.iter().take(1) {
                let shown =
                    filter.examples.iter().any(|(template, _)| template.contains(&format!("|{name}")));
                assert!(shown, "no example of `{name}`");
            }
            for (template, expected) in filter.examples {
                assert_eq!(testing::render_line(template).as_deref(), Ok(*expected), "{template}");
            }
        }
    }

    #[test]
    fn every_name_is_there() {
        let env = testing::environment();
        for name in names() {
            let known = env.compile_expression_owned(format!("'{name}' is filter")).expect("it parses");
            assert!(known.eval(()).expect("it runs").is_true(), "`{name}` is no filter");
        }
        for name in TESTS {
            let known = env.compile_expression_owned(format!("'{name}' is test")).expect("it parses");
            assert!(known.eval(()).expect("it runs").is_true(), "`{name}` is no test");
        }
        for gone in ["pprint", "urlencode"] {
            let known = env.compile_expression_owned(format!("'{gone}' is filter")).expect("it parses");
            assert!(!known.eval(()).expect("it runs").is_true(), "`{gone}` is a filter");
        }
    }
}
