//! A text with markup: it prints as harmless HTML, rendered when it is printed and kept for the next time.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};
use purlin_schema::{Row, Value as Held};

use super::Shared;
use crate::text;

/// Markdown or HTML of a field, or of the filter `markdown`.
pub(crate) struct Rich {
    shared: Arc<Shared>,
    source: Source,
    kind: RichKind,
}

enum Source {
    /// A value of a row, not copied.
    Row(Arc<Row>, usize),
    Own(Box<str>),
}

/// What the source is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RichKind {
    Markdown,
    Html,
}

impl Rich {
    pub(crate) fn of_row(shared: Arc<Shared>, row: Arc<Row>, at: usize, kind: RichKind) -> Rich {
        Rich { shared, source: Source::Row(row, at), kind }
    }

    pub(crate) fn of_text(shared: Arc<Shared>, text: &str, kind: RichKind) -> Rich {
        Rich { shared, source: Source::Own(text.into()), kind }
    }

    /// What was written.
    pub(crate) fn source(&self) -> &str {
        match &self.source {
            Source::Own(text) => text,
            Source::Row(row, at) => row.values.get(*at).and_then(Held::as_text).unwrap_or_default(),
        }
    }

    /// Harmless HTML.
    pub(crate) fn html(&self) -> Arc<str> {
        match self.kind {
            RichKind::Markdown => self.shared.rich.get(0, self.source(), text::markdown::to_html),
            RichKind::Html => self.shared.rich.get(1, self.source(), text::sanitise::sanitise),
        }
    }

    /// At most `max` characters of it without markup.
    pub(crate) fn excerpt(&self, max: usize, end: &str) -> String {
        // The cache keeps the start of a text for each length in use; 0 and 1 are the kinds above.
        const KEPT: usize = 400;
        let room = max.div_ceil(KEPT).saturating_mul(KEPT);
        let kind = u32::try_from(room).unwrap_or(u32::MAX).saturating_mul(2)
            + u32::from(self.kind == RichKind::Html);
        let plain = self.shared.rich.get(kind, self.source(), |source| {
            let whole = match self.kind {
                RichKind::Markdown => text::markdown::to_text(source),
                RichKind::Html => text::markdown::html_to_text(source),
            };
            // One more than wanted tells that something was cut off.
            whole.chars().take(room + 1).collect()
        });
        text::cut::words(&plain, max, end)
    }
}

/// The markup in a value, where it has any.
pub(crate) fn of(value: &Value) -> Option<&Rich> {
    value.downcast_object_ref::<Rich>()
}

impl fmt::Debug for Rich {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.html())
    }
}

impl Object for Rich {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.source().is_empty()
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.html())
    }
}
