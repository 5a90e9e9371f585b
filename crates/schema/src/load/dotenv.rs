//! `.env`: variables beside the site, where secrets are kept.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::report::File;

/// A value of `.env` and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) value: String,
    pub(super) span: Range<usize>,
    pub(super) key_span: Range<usize>,
}

/// `NAME=value` lines; `#` begins a comment, `export ` before a name is skipped, quotes around a value are taken off.
pub(super) fn read(file: File<'_>, text: &str) -> BTreeMap<String, Line> {
    let mut lines = BTreeMap::new();
    let mut start = 0;
    for raw in text.split_inclusive('\n') {
        let at = start;
        start += raw.len();
        let line = raw.trim_end();
        let content = line.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let content = content.strip_prefix("export ").map_or(content, str::trim_start);
        let from = at + line.len() - content.len();
        let Some((name, value)) = content.split_once('=') else {
            file.error("dotenv", &(from..at + line.len()), "this line has no `=`").hint("write `NAME=value`");
            continue;
        };
        let key_span = from..from + name.trim_end().len();
        let name = name.trim();
        let name_fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(name_fits) {
            file.error("dotenv", &key_span, "this is not the name of a variable").hint("write `NAME=value`");
            continue;
        }
        let value_at = at + line.len() - value.trim_start().len();
        let span = value_at..at + line.len();
        let value = unquoted(value.trim());
        lines.insert(name.to_owned(), Line { value, span, key_span });
    }
    lines
}

/// The text in which mistakes in `.env` are drawn: secrets stand there, so every value is covered.
pub(super) fn without_values(text: &str, lines: &BTreeMap<String, Line>) -> Arc<str> {
    let mut covered = text.as_bytes().to_vec();
    for line in lines.values() {
        for byte in covered.get_mut(line.span.clone()).unwrap_or_default() {
            *byte = b'*';
        }
    }
    String::from_utf8_lossy(&covered).into()
}

fn unquoted(value: &str) -> String {
    let inner = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    if let Some(plain) = inner('\'') {
        return plain.to_owned();
    }
    if let Some(escaped) = inner('"') {
        return escaped.replace("\\n", "\n").replace("\\\"", "\"").replace("\\\\", "\\");
    }
    value.split(" #").next().unwrap_or_default().trim_end().to_owned()
}
