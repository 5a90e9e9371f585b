//! Markup, written so that a value cannot leave its place.

use minijinja::Value;

use crate::text::escape;

/// Markup under construction.
#[derive(Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Our own markup, as it is.
    pub(super) fn raw(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// Text of an element.
    pub(super) fn text(&mut self, text: &str) {
        let _ = escape::write_html(&mut self.0, text);
    }

    /// An attribute with its value; the name is ours.
    pub(super) fn attribute(&mut self, name: &'static str, value: &str) {
        self.0.push(' ');
        self.0.push_str(name);
        self.0.push_str("=\"");
        self.text(value);
        self.0.push('"');
    }

    /// An attribute without a value, where it holds.
    pub(super) fn flag(&mut self, name: &'static str, holds: bool) {
        if holds {
            self.0.push(' ');
            self.0.push_str(name);
        }
    }

    /// The markup as a value that is not escaped again.
    pub(super) fn finish(self) -> Value {
        Value::from_safe_string(self.0)
    }
}
