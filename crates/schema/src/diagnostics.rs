//! Mistakes in a site's files: collected, not thrown, and shown with the line, a caret and a hint.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Warning,
    /// The site cannot be served.
    Error,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name: `unknown-key`.
    pub code: &'static str,
    /// What is wrong, in one sentence without a final stop.
    pub message: String,
    /// The file, relative to the site's folder.
    pub file: PathBuf,
    /// Where in the file, in bytes.
    pub span: Option<Range<usize>>,
    /// What stands beside the caret.
    pub label: Option<String>,
    /// What to write instead.
    pub hint: Option<String>,
}

/// All mistakes of a site, with the sources to draw them.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    /// The mistakes, in the order of files.
    pub list: Vec<Diagnostic>,
    /// The files' texts.
    pub sources: IndexMap<PathBuf, Arc<str>>,
}

impl Diagnostic {
    /// An error at a place in a file.
    #[must_use]
    pub fn error(
        code: &'static str,
        file: impl Into<PathBuf>,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            file: file.into(),
            span: Some(span),
            label: None,
            hint: None,
        }
    }

    /// With what to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With what stands beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }
}

impl Diagnostics {
    /// Whether any of them keeps the site from being served.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }
}
