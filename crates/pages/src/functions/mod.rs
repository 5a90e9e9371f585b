//! Functions: one file a function or a family, one table.

mod asset;
mod can;
pub(crate) mod forms;
pub(crate) mod granted;
mod nonce;
pub(crate) mod url;

pub(crate) use can::{ACTIONS, CREATE};
pub(crate) use nonce::NONCE;

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::Environment;

use crate::templates::Assets;
use crate::value::Shared;

/// A function.
pub(crate) struct Function {
    /// Its name in templates.
    pub(crate) name: &'static str,
    /// What it gives, in one sentence.
    pub(crate) about: &'static str,
    /// Puts it into an environment.
    pub(crate) add: fn(&mut Environment<'static>, &Arc<Shared>, &Arc<Links>),
}

/// Every function of Purlin's own.
pub(crate) const FUNCTIONS: &[&Function] = &[
    &asset::FUNCTION,
    &can::FUNCTION,
    &nonce::FUNCTION,
    &url::FUNCTION,
    &forms::FORM,
    &forms::FORM_OPEN,
    &forms::FORM_CLOSE,
    &forms::FIELD,
    &forms::LABEL,
    &forms::INPUT,
    &forms::MESSAGE,
];

/// Jinja's own functions that are kept. `debug` is not: it would print whatever there is.
pub(crate) const BUILT_IN: &[&str] = &["dict", "namespace", "range"];

/// Where links can lead.
pub(crate) struct Links {
    /// The site's static files.
    pub(crate) assets: Arc<dyn Assets>,
    /// Routes by the name that is written in `url("…")`.
    pub(crate) routes: HashMap<String, url::Target>,
}

/// Puts every function into an environment and takes out what is not kept.
pub(crate) fn install(env: &mut Environment<'static>, shared: &Arc<Shared>, links: &Arc<Links>) {
    env.remove_global("debug");
    granted::install(env);
    for function in FUNCTIONS {
        (function.add)(env, shared, links);
    }
}

/// The names of all functions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> + Clone {
    FUNCTIONS.iter().map(|function| function.name).chain(BUILT_IN.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates::testing;

    #[test]
    fn every_function_is_there_and_says_what_it_gives() {
        let env = testing::environment();
        let globals: Vec<&str> = env.globals().map(|(name, _)| name).collect();
        for name in names() {
            assert!(globals.contains(&name), "`{name}` is not there");
        }
        for name in globals {
            assert!(names().any(|known| known == name), "`{name}` is in no table");
        }
        for function in FUNCTIONS {
            assert!(function.about.ends_with('.'), "`{}`: say what it gives", function.name);
        }
    }
}
