//! Mistakes in a site's files: collected, not thrown, and shown with the line, a caret and a hint.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
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

impl Severity {
    /// Its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
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

    /// An error of a whole file, or of something that is no file.
    #[must_use]
    pub fn error_in(code: &'static str, file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Diagnostic { span: None, ..Diagnostic::error(code, file, 0..0, message) }
    }

    /// A warning instead of an error.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
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

    /// Orders them by file and place, and drops those said twice (a layout is checked with each page that extends it).
    pub fn sort(&mut self) {
        let key = |one: &Diagnostic| {
            let span = one.span.clone().unwrap_or(0..0);
            (one.file.clone(), span.start, span.end, one.code, one.message.clone())
        };
        self.list.sort_by_cached_key(key);
        self.list.dedup_by(|a, b| key(a) == key(b));
    }

    /// Takes in those of another.
    pub fn extend(&mut self, other: Diagnostics) {
        self.list.extend(other.list);
        self.sources.extend(other.sources);
    }

    /// How many errors there are.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.list.iter().filter(|one| one.severity == Severity::Error).count()
    }

    /// All of them as text for a person, each with its lines of source and a caret, with terminal colours or not.
    #[must_use]
    pub fn draw(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for one in &self.list {
            text.push_str(&self.draw_one(one, &renderer));
            text.push_str("\n\n");
        }
        text
    }

    /// All of them for an editor: an array of objects with `severity`, `code`, `message`, `file`, and where known
    /// `line`, `column`, `end_line`, `end_column` (from 1, columns in characters), `label` and `hint`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let list = self.list.iter().map(|one| {
            let mut json = serde_json::json!({
                "severity": one.severity.name(),
                "code": one.code,
                "message": one.message,
                "file": one.file.to_string_lossy(),
            });
            if let (Some(span), Some(source)) = (&one.span, self.sources.get(&one.file)) {
                let (line, column) = line_and_column(source, span.start);
                let (end_line, end_column) = line_and_column(source, span.end);
                json["line"] = line.into();
                json["column"] = column.into();
                json["end_line"] = end_line.into();
                json["end_column"] = end_column.into();
            }
            for (name, part) in [("label", &one.label), ("hint", &one.hint)] {
                if let Some(part) = part {
                    json[name] = part.as_str().into();
                }
            }
            json
        });
        serde_json::Value::Array(list.collect())
    }

    fn draw_one(&self, one: &Diagnostic, renderer: &Renderer) -> String {
        let level = match one.severity {
            Severity::Warning => Level::WARNING,
            Severity::Error => Level::ERROR,
        };
        let path = printable(&one.file.to_string_lossy());
        let title = level.primary_title(printable(&one.message)).id(one.code);
        let source = self.sources.get(&one.file);
        let mut group = match (source, &one.span) {
            (Some(source), Some(span)) => {
                let (first_line, within, text) = around(source, span);
                let mut annotation = AnnotationKind::Primary.span(within);
                if let Some(label) = &one.label {
                    annotation = annotation.label(printable(label));
                }
                title.element(
                    Snippet::source(printable(text)).line_start(first_line).path(path).annotation(annotation),
                )
            }
            _ => title.element(annotate_snippets::Origin::path(path)),
        };
        if let Some(hint) = &one.hint {
            group = group.element(Level::HELP.message(printable(hint)));
        }
        renderer.render(&[group])
    }
}

/// Line and column of a byte, from 1; the column counts characters.
#[must_use]
pub fn line_and_column(source: &str, at: usize) -> (usize, usize) {
    let at = boundary(source, at);
    let before = &source[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

/// The one of these names that was probably meant: at most two letters away (one, for short names).
#[must_use]
pub fn did_you_mean<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = match wrong.chars().count() {
        0..=1 => 0,
        2..=4 => 1,
        _ => 2,
    };
    names
        .into_iter()
        .map(|name| (distance(wrong, name), name))
        .filter(|(distance, name)| *distance <= most || name.eq_ignore_ascii_case(wrong))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How many letters to insert, drop, change or swap with a neighbour (Damerau and Levenshtein's distance, restricted).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if i == 0 || j == 0 {
                rows[i][j] = i + j;
                continue;
            }
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

/// The lines that a span touches, the number of the first, and where in them the span is.
fn around<'a>(source: &'a str, span: &Range<usize>) -> (usize, Range<usize>, &'a str) {
    let (from, to) = (boundary(source, span.start), boundary(source, span.end.max(span.start)));
    let start = source[..from].rfind('\n').map_or(0, |newline| newline + 1);
    let end = source[to..].find('\n').map_or(source.len(), |newline| to + newline);
    let line = source[..start].bytes().filter(|byte| *byte == b'\n').count() + 1;
    (line, from - start..to - start, &source[start..end])
}

/// The nearest character boundary at or before a byte.
fn boundary(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Control characters of a file must not steer the terminal; each becomes one character of as many bytes, so that
/// carets stay in place.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() && c.len_utf8() == 1 => '?',
            c if c.is_control() => '¿',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(source: &str, span: Range<usize>) -> Diagnostics {
        let mut all = Diagnostics::default();
        all.sources.insert(PathBuf::from("models/posts.toml"), source.into());
        let one = Diagnostic::error("unknown-key", "models/posts.toml", span, "there is no key `titel`");
        all.push(one.label("not known").hint("did you mean `title`?"));
        all
    }

    #[test]
    fn a_mistake_is_drawn_with_its_line() {
        let drawn = one("a = 1\nà = { titel = 2 }\n", 13..18).draw(false);
        assert_eq!(
            drawn,
            "error[unknown-key]: there is no key `titel`
 --> models/posts.toml:2:7
  |
2 | à = { titel = 2 }
  |       ^^^^^ not known
  |
  = help: did you mean `title`?

"
        );
    }

    #[test]
    fn editors_get_lines_and_columns() {
        let json = one("a = 1\nà = { titel = 2 }\n", 13..18).to_json();
        assert_eq!(
            (&json[0]["line"], &json[0]["column"], &json[0]["end_column"]),
            (&2.into(), &7.into(), &12.into())
        );
        assert_eq!(json[0]["code"], "unknown-key");
    }

    #[test]
    fn neighbours_are_found() {
        let names = ["required", "unique", "max", "min"];
        assert_eq!(did_you_mean("requierd", names), Some("required"));
        assert_eq!(did_you_mean("mxa", names), Some("max"));
        assert_eq!(did_you_mean("Unique", names), Some("unique"));
        assert_eq!(did_you_mean("colour", names), None);
    }

    proptest! {
        #[test]
        fn drawing_never_panics(source in any::<String>(), from in 0_usize..40, length in 0_usize..40) {
            let all = one(&source, from..from + length);
            let _ = (all.draw(false), all.draw(true), all.to_json());
        }
    }
}
