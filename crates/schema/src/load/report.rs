//! Where mistakes are noted while a site loads, so that all are told at once.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostics::{Diagnostic, Diagnostics, did_you_mean};

/// The mistakes so far.
#[derive(Debug, Default)]
pub(super) struct Reports {
    inner: RefCell<Diagnostics>,
}

impl Reports {
    /// Notes one.
    pub(super) fn push(&self, diagnostic: Diagnostic) {
        self.inner.borrow_mut().push(diagnostic);
    }

    /// Keeps a file's text, to draw mistakes in it.
    pub(super) fn source(&self, path: &Path, text: &Arc<str>) {
        self.inner.borrow_mut().sources.insert(path.to_owned(), Arc::clone(text));
    }

    /// All of them, in order.
    pub(super) fn finish(self) -> Diagnostics {
        let mut all = self.inner.into_inner();
        // What a file seems to lack after its syntax broke is mostly there to be read once it is mended.
        let broken: HashSet<PathBuf> =
            all.list.iter().filter(|one| one.code == "toml").map(|one| one.file.clone()).collect();
        all.list.retain(|one| one.code == "toml" || !broken.contains(&one.file));
        all.sort();
        all
    }
}

/// A file of the site in which mistakes can be.
#[derive(Clone, Copy, Debug)]
pub(super) struct File<'a> {
    /// Relative to the site.
    pub(super) path: &'a Path,
    reports: &'a Reports,
}

impl<'a> File<'a> {
    pub(super) fn new(path: &'a Path, reports: &'a Reports) -> Self {
        File { path, reports }
    }

    /// Notes a mistake in this file. What comes back can take a hint and is noted when it is dropped.
    pub(super) fn error(
        self,
        code: &'static str,
        span: &Range<usize>,
        message: impl Into<String>,
    ) -> Noted<'a> {
        let diagnostic = Diagnostic::error(code, self.path, span.clone(), message);
        Noted { reports: self.reports, diagnostic: Some(diagnostic) }
    }

    /// Notes a mistake of the whole file.
    pub(super) fn error_in(self, code: &'static str, message: impl Into<String>) -> Noted<'a> {
        let diagnostic = Diagnostic::error_in(code, self.path, message);
        Noted { reports: self.reports, diagnostic: Some(diagnostic) }
    }

    /// Notes what is worth knowing of the whole file.
    pub(super) fn warn_in(self, code: &'static str, message: impl Into<String>) -> Noted<'a> {
        let diagnostic = Diagnostic::error_in(code, self.path, message).warning();
        Noted { reports: self.reports, diagnostic: Some(diagnostic) }
    }

    /// Notes what is worth knowing.
    pub(super) fn warn(
        self,
        code: &'static str,
        span: &Range<usize>,
        message: impl Into<String>,
    ) -> Noted<'a> {
        let diagnostic = Diagnostic::error(code, self.path, span.clone(), message).warning();
        Noted { reports: self.reports, diagnostic: Some(diagnostic) }
    }
}

/// A mistake about to be noted.
pub(super) struct Noted<'a> {
    reports: &'a Reports,
    diagnostic: Option<Diagnostic>,
}

impl Noted<'_> {
    /// With what to write instead.
    pub(super) fn hint(mut self, hint: impl Into<String>) {
        if let Some(diagnostic) = &mut self.diagnostic {
            diagnostic.hint = Some(hint.into());
        }
    }

    /// With what to write instead, where something is known.
    pub(super) fn maybe_hint(mut self, hint: Option<String>) {
        if let Some(diagnostic) = &mut self.diagnostic {
            diagnostic.hint = hint;
        }
    }

    /// With the name that was probably meant, or all that there are where they are few.
    pub(super) fn among<'n>(self, wrong: &str, names: impl IntoIterator<Item = &'n str> + Clone) {
        if let Some(name) = did_you_mean(wrong, names.clone()) {
            return self.hint(format!("did you mean `{name}`?"));
        }
        let all: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
        match all.as_slice() {
            [one] => self.hint(format!("there is {one}")),
            [_, ..] if all.len() <= 24 => self.hint(format!("choose from {}", all.join(", "))),
            _ => {}
        }
    }
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        if let Some(diagnostic) = self.diagnostic.take() {
            self.reports.push(diagnostic);
        }
    }
}

/// A path below the site's folder as all systems write it here: with `/`.
pub(super) fn slashed(path: &Path) -> PathBuf {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    PathBuf::from(parts.join("/"))
}
