//! Templates: Jinja with what a page needs, and nothing that can leak or inject.
//!
//! The engine hands a [`View`](view::View) of what a page's queries found; this crate turns it into text. It
//! knows no SQL and no HTTP. Templates are compiled and their escaping is checked when the site loads.

pub mod view;

/// Where static files are, with their fingerprints.
pub trait Assets: Send + Sync {
    /// The fingerprinted URL of a file below `public/`, if there is such a file.
    fn url(&self, name: &str) -> Option<String>;
}

/// A template that failed while it was rendered.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{template}:{line}: {message}")]
pub struct RenderError {
    /// The template.
    pub template: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}
