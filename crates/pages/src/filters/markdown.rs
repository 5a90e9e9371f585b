//! `markdown`: a text that is Markdown.

use std::sync::Arc;

use minijinja::{Environment, Error, Value};

use super::Filter;
use crate::value::Shared;
use crate::value::rich::{Rich, RichKind};

pub(super) const FILTER: Filter = Filter {
    names: &["markdown"],
    about: "A text as harmless HTML; a field of type markdown needs no filter.",
    examples: &[
        ("{{ '*x* <script>y</script>'|markdown }}", "<p><em>x</em> </p>\n"),
        ("{{ none|markdown }}", ""),
    ],
    add,
};

fn add(env: &mut Environment<'static>, name: &'static str, shared: &Arc<Shared>) {
    let shared = shared.clone();
    env.add_filter(name, move |value: &Value| -> Result<Value, Error> {
        if crate::value::rich::of(value).is_some() {
            return Ok(value.clone());
        }
        let text = super::text_of(value)?;
        Ok(Value::from_object(Rich::of_text(shared.clone(), &text, RichKind::Markdown)))
    });
}
