//! Front matter: the TOML between two lines of `+++` at the top of a page.

use std::ops::Range;

use super::report::File;

/// A page's text, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Split {
    /// Where the TOML stands, if there is any.
    pub(super) toml: Option<Range<usize>>,
    /// The text with a comment of as many lines instead, so that the template's lines agree with the file's.
    pub(super) template: String,
}

const MARK: &str = "+++";

/// Takes a page's text apart; notes front matter that does not end.
pub(super) fn split(file: File<'_>, text: &str) -> Split {
    let bom = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let body = &text[bom..];
    let whole = || Split { toml: None, template: body.to_owned() };
    let mut lines = body.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| line.trim_end() == MARK) else { return whole() };
    let start = bom + first.len();
    let mut at = start;
    for line in lines {
        let end = at + line.len();
        if line.trim_end() == MARK {
            let newlines = text[..end].matches('\n').count();
            // The comment eats the line end after it, and with it the space before the page's first character.
            let mut template = String::with_capacity(text.len() - end + newlines + 8);
            template.push_str("{#");
            template.extend(std::iter::repeat_n('\n', newlines.saturating_sub(1)));
            template.push_str("-#}\n");
            template.push_str(&text[end..]);
            return Split { toml: Some(start..at), template };
        }
        at = end;
    }
    file.error("front-matter", &(bom..bom + MARK.len()), "the front matter does not end")
        .hint("write `+++` on a line of its own after it");
    whole()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::load::report::Reports;

    fn of(text: &str) -> Split {
        let reports = Reports::default();
        split(File::new(Path::new("pages/x.html"), &reports), text)
    }

    #[test]
    fn lines_keep_their_numbers() {
        let text = "+++\n[page]\n+++\n<?xml?>\n";
        let split = of(text);
        assert_eq!(split.toml, Some(4..11));
        assert_eq!(split.template, "{#\n\n-#}\n<?xml?>\n");
        assert_eq!(
            split.template.find("<?xml").map(|at| split.template[..at].matches('\n').count()),
            Some(3)
        );
    }

    #[test]
    fn windows_line_ends_and_marks_of_byte_order_are_taken() {
        let split = of("\u{feff}+++\r\na = 1\r\n+++\r\nx");
        assert_eq!(split.toml, Some(8..15));
        assert_eq!(split.template, "{#\n\n-#}\nx");
    }

    #[test]
    fn a_page_without_is_itself() {
        assert_eq!(of("<p>+++</p>").toml, None);
        assert_eq!(of("").template, "");
        assert_eq!(of("+++\nnever").toml, None);
    }
}
