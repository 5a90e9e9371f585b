//! Seeds as JSON: an array of objects, or an object a line.

use std::ops::Range;

use serde_json::Value as Json;

use super::{Cell, Content, Raw};
use crate::load::report::File;

/// A JSON array that is read one object at a time.
#[derive(Debug)]
pub(super) struct Array {
    at: usize,
    first: bool,
    done: bool,
}

impl Array {
    /// Finds the array's beginning; notes where there is none.
    pub(super) fn new(file: File<'_>, text: &str) -> Option<Array> {
        let at = skip_space(text, start(text));
        if text[at..].starts_with('[') {
            return Some(Array { at: at + 1, first: true, done: false });
        }
        file.error("json", &(at..at + 1), "seeds in JSON are an array of objects")
            .hint("write `[{ … }, { … }]`");
        None
    }

    /// The next object; an inner none is a mistake that was noted, after which nothing follows.
    pub(super) fn next(&mut self, file: File<'_>, text: &str) -> Option<Option<Raw>> {
        if self.done {
            return None;
        }
        self.at = skip_space(text, self.at);
        let rest = &text[self.at..];
        if rest.starts_with(']') {
            self.done = true;
            let end = skip_space(text, self.at + 1);
            if end < text.len() {
                file.error("json", &(end..text.len()), "there is something after the array's end");
                return Some(None);
            }
            return None;
        }
        if !self.first {
            if !rest.starts_with(',') {
                self.done = true;
                file.error("json", &(self.at..self.at + 1), "a comma or the array's end must stand here");
                return Some(None);
            }
            self.at = skip_space(text, self.at + 1);
        }
        self.first = false;
        let mut stream = serde_json::Deserializer::from_str(&text[self.at..]).into_iter::<Json>();
        let json = stream.next();
        let span = self.at..self.at + stream.byte_offset();
        match json {
            Some(Ok(json)) => {
                self.at = span.end;
                Some(raw(file, text, span, json))
            }
            Some(Err(error)) => {
                self.done = true;
                note(file, text, self.at, &error);
                Some(None)
            }
            None => {
                self.done = true;
                file.error("json", &(text.len()..text.len()), "the array does not end");
                Some(None)
            }
        }
    }
}

/// Where the text begins, after a mark of byte order.
pub(super) fn start(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// The object on the next line that is not empty.
pub(super) fn next_line(file: File<'_>, text: &str, at: &mut usize) -> Option<Option<Raw>> {
    loop {
        let rest = text.get(*at..).filter(|rest| !rest.is_empty())?;
        let line = rest.split_inclusive('\n').next()?;
        let from = *at;
        *at += line.len();
        let trimmed = line.trim();
        if trimmed.is_empty() {
            continue;
        }
        return match serde_json::from_str::<Json>(trimmed) {
            Ok(json) => Some(raw(file, text, from..from + line.trim_end().len(), json)),
            Err(error) => {
                note(file, text, from + line.len() - line.trim_start().len(), &error);
                Some(None)
            }
        };
    }
}

fn raw(file: File<'_>, text: &str, span: Range<usize>, json: Json) -> Option<Raw> {
    let Json::Object(map) = json else {
        file.error("json", &span, "a row must be an object");
        return None;
    };
    let source = &text[span.clone()];
    let cells = map.into_iter().map(|(key, json)| {
        // The parser keeps no places; the first such key is nearly always the right one.
        let written = format!("\"{key}\"");
        let place = source.find(&written).map(|at| span.start + at..span.start + at + written.len());
        let place = place.unwrap_or(span.start..span.start + 1);
        Cell { key, key_span: place.clone(), span: place, content: Content::Json(json) }
    });
    Some(Raw { span: span.clone(), cells: cells.collect() })
}

/// Notes a syntax error where it stands.
fn note(file: File<'_>, text: &str, from: usize, error: &serde_json::Error) {
    let part = &text[from..];
    let before: usize = part.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = (from + before + error.column().saturating_sub(1)).min(text.len());
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
    file.error("json", &(at..at + 1), format!("this is not JSON: {message}"));
}

fn skip_space(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len()
}
