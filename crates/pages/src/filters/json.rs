//! `json`: a value as JSON that is safe inside a script element.

use std::sync::Arc;

use minijinja::{AutoEscape, Environment, Error, State, Value};

use super::Filter;
use crate::text::escape;
use crate::value::Shared;

pub(super) const FILTER: Filter = Filter {
    names: &["json", "tojson"],
    about: "A value as JSON, safe inside a script element; a record is refused, since it would show every field.",
    examples: &[
        ("{{ {'a': '</script>'}|json }}", "{\"a\":\"\\u003c/script\\u003e\"}"),
        ("{{ [1, none, true]|tojson }}", "[1,null,true]"),
    ],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, _: &Arc<Shared>) {
    env.add_filter(name, |state: &State, value: &Value| -> Result<Value, Error> {
        let json = crate::value::json::to_json(value)?;
        Ok(match state.auto_escape() {
            // In a text there is nothing to keep it safe from.
            AutoEscape::None => Value::from(json),
            _ => Value::from_safe_string(escape::json_for_html(&json)),
        })
    });
}
