//! `plural`: the word that fits a number.

use std::sync::Arc;

use minijinja::{Environment, Error, Value};

use super::Filter;
use crate::value::{Shared, refusal};

pub(super) const FILTER: Filter = Filter {
    names: &["plural"],
    about: "The first word for one, the second for any other number; of a list its length counts.",
    examples: &[
        ("{{ 1|plural('comment', 'comments') }}", "comment"),
        ("{{ 0|plural('comment', 'comments') }}", "comments"),
        ("{{ [1, 2]|plural('item', 'items') }}", "items"),
    ],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, _: &Arc<Shared>) {
    env.add_filter(name, |value: &Value, one: &str, many: &str| -> Result<String, Error> {
        let count = match i64::try_from(value.clone()) {
            Ok(count) => count,
            Err(_) => {
                let length =
                    value.len().ok_or_else(|| refusal(format!("a {} has no number", value.kind())))?;
                i64::try_from(length).unwrap_or(i64::MAX)
            }
        };
        Ok(if count == 1 { one } else { many }.to_owned())
    });
}
