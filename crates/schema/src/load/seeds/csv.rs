//! Seeds as CSV (RFC 4180): the first line names fields; `author.email` names a ref's record by a field of it,
//! and a list of refs has `|` between its items.

use std::ops::Range;

use super::{Cell, Content, Raw};
use crate::load::report::File;
use crate::model::{FieldId, Model, Models};

/// A CSV file that is read one record at a time.
#[derive(Debug)]
pub(super) struct Reader {
    at: usize,
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    key: String,
    span: Range<usize>,
    of: Option<FieldId>,
}

/// The cells of a record, each with its place.
type Cells = Vec<(String, Range<usize>)>;

impl Reader {
    /// Reads the header; notes a column that names nothing.
    pub(super) fn new(file: File<'_>, text: &str, models: &Models, model: &Model) -> Option<Reader> {
        let mut at = super::json::start(text);
        let Some(header) = record(file, text, &mut at)? else {
            file.error_in("csv", "the file is empty").hint("its first line names the fields");
            return None;
        };
        let mut columns = Vec::new();
        for (name, span) in header {
            let (key, inner) = match name.trim().split_once('.') {
                Some((key, inner)) => (key.to_owned(), Some(inner.to_owned())),
                None => (name.trim().to_owned(), None),
            };
            let of = match inner {
                Some(inner) => {
                    let reference = model.field_named(&key).and_then(|field| field.reference.as_ref());
                    let found = reference.and_then(|reference| models.get(reference.to).field_named(&inner));
                    let Some(found) = found else {
                        file.error(
                            "unknown-field",
                            &span,
                            format!("`{}` is no field of a record referred to", name.trim()),
                        );
                        return None;
                    };
                    Some(found.id)
                }
                None => None,
            };
            columns.push(Column { key, span, of });
        }
        Some(Reader { at, columns })
    }

    /// The next record; an inner none is a mistake that was noted.
    pub(super) fn next(&mut self, file: File<'_>, text: &str) -> Option<Option<Raw>> {
        let start = self.at;
        let Some(read) = record(file, text, &mut self.at) else {
            self.at = text.len();
            return Some(None);
        };
        let cells = read?;
        let span = start..self.at;
        if cells.len() != self.columns.len() {
            let message =
                format!("this row has {} cells, and the header {}", cells.len(), self.columns.len());
            file.error("csv", &(start..cells.last().map_or(start, |(_, span)| span.end)), message);
            return Some(None);
        }
        let cells = cells.into_iter().zip(&self.columns).map(|((text, span), column)| Cell {
            key: column.key.clone(),
            key_span: column.span.clone(),
            span,
            content: Content::Text { text, of: column.of },
        });
        Some(Some(Raw { span, cells: cells.collect() }))
    }
}

/// The cells of the next record that is not empty, each with its place. The outer none is a mistake that was noted,
/// the inner the file's end.
fn record(file: File<'_>, text: &str, at: &mut usize) -> Option<Option<Cells>> {
    while text[*at..].starts_with(['\n', '\r']) {
        *at += 1;
    }
    if *at >= text.len() {
        return Some(None);
    }
    let mut cells = Vec::new();
    loop {
        let start = *at;
        let mut cell = String::new();
        if text[start..].starts_with('"') {
            let mut rest = start + 1;
            loop {
                let Some(quote) = text[rest..].find('"') else {
                    file.error("csv", &(start..start + 1), "this quote is not closed");
                    return None;
                };
                cell.push_str(&text[rest..rest + quote]);
                rest += quote + 1;
                if !text[rest..].starts_with('"') {
                    break;
                }
                cell.push('"');
                rest += 1;
            }
            *at = rest;
            if !text[rest..].starts_with([',', '\n', '\r']) && rest < text.len() {
                file.error("csv", &(start..rest), "something follows the closing quote");
                return None;
            }
        } else {
            let end = text[start..].find([',', '\n', '\r']).map_or(text.len(), |end| start + end);
            cell.push_str(&text[start..end]);
            *at = end;
        }
        cells.push((cell, start..*at));
        if text[*at..].starts_with(',') {
            *at += 1;
            continue;
        }
        if text[*at..].starts_with("\r\n") {
            *at += 2;
        } else if *at < text.len() {
            *at += 1;
        }
        return Some(Some(cells));
    }
}
