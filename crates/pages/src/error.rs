//! What went wrong while a template was rendered, for the log and for the error page of `purlin dev`.

use std::fmt;
use std::path::PathBuf;

/// Why a template could not be rendered. It names the template's author's words, never a value of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderError {
    /// The template: `posts/[slug].html`.
    pub template: String,
    /// Its file, relative to the site; none for Purlin's own templates.
    pub file: Option<PathBuf>,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong, in one sentence without a final stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line of the file with a caret below what is wrong, as plain text.
    pub caret: Option<String>,
}

impl std::error::Error for RenderError {}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}", file.display())?,
            None => write!(f, "{}", self.template)?,
        }
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl RenderError {
    /// In several lines: what and where, the line with a caret, and what to do about it.
    #[must_use]
    pub fn report(&self) -> String {
        let caret = self.caret.iter().map(|caret| format!("\n{caret}"));
        let hint = self.hint.iter().map(|hint| format!("\nhelp: {hint}"));
        caret.chain(hint).fold(self.to_string(), |report, part| report + &part)
    }
}

/// A line of a source with a caret below a part of it.
pub(crate) fn caret(source: &str, line: usize, span: Option<std::ops::Range<usize>>) -> Option<String> {
    let text = source.lines().nth(line.checked_sub(1)?)?.trim_end();
    let number = line.to_string();
    let mut out = format!("{number} | {text}");
    let start_of_line: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let Some(span) =
        span.filter(|span| span.start >= start_of_line && span.start <= start_of_line + text.len())
    else {
        return Some(out);
    };
    let before = source.get(start_of_line..span.start)?;
    let marked = source.get(span.start..span.end.min(start_of_line + text.len()).max(span.start))?;
    out.push('\n');
    out.push_str(&" ".repeat(number.len()));
    out.push_str(" | ");
    // A tab stays a tab, so that the caret stands below its place.
    out.extend(before.chars().map(|c| if c == '\t' { '\t' } else { ' ' }));
    out.push_str(&"^".repeat(marked.chars().count().max(1)));
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_where_and_what_to_do() {
        let mut error = RenderError {
            template: "index.html".into(),
            file: Some("pages/index.html".into()),
            line: Some(2),
            message: "`titel` is not defined".into(),
            hint: Some("did you mean `title`?".into()),
            caret: caret("a\n{{ titel }}", 2, Some(5..10)),
        };
        assert_eq!(
            error.report(),
            "pages/index.html:2: `titel` is not defined\n2 | {{ titel }}\n  |    ^^^^^\nhelp: did you mean `title`?"
        );
        (error.caret, error.hint) = (None, None);
        assert_eq!(error.report(), error.to_string());
    }

    #[test]
    fn a_caret_stands_below_its_place() {
        assert_eq!(caret("a\n\tbé cd\n", 2, Some(7..9)).as_deref(), Some("2 | \tbé cd\n  | \t   ^^"));
        assert_eq!(caret("a", 1, None).as_deref(), Some("1 | a"));
        assert_eq!(caret("a", 7, None), None);
    }
}
