//! TOML with places: a tree of our own in which every key and value knows where it stands, and small typed readers.
//!
//! Serde is not used here: it stops at the first mistake and knows no places. A [`View`] notes each mistake
//! (an unknown key, a wrong type, a missing key) and goes on.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::report::{File, Reports};

/// A parsed file, or the part of one that is TOML.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) table: Table,
    /// The whole of it.
    pub(super) span: Range<usize>,
}

/// A table, in the order of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) value: Node,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) data: Data,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Data {
    Text(Text),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// A date, a time or both, as TOML writes them.
    Time(String),
    List(Vec<Node>),
    Table(Table),
}

/// A string, which may hold an expression and so knows where each of its bytes stands.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) value: String,
    /// With its quotes.
    pub(super) span: Range<usize>,
    /// Where in the file each byte of the value stands; empty where they simply follow `first`.
    places: Vec<usize>,
    first: usize,
}

impl Text {
    /// A text that stands in no file.
    pub(super) fn ours(value: &str) -> Text {
        Text { value: value.to_owned(), span: 0..0, places: Vec::new(), first: 0 }
    }

    /// A key as a text.
    pub(super) fn at(key: &str, span: &Range<usize>) -> Text {
        Text { value: key.to_owned(), span: span.clone(), places: Vec::new(), first: span.start }
    }

    /// Where a part of the value stands in the file.
    pub(super) fn place(&self, part: &Range<usize>) -> Range<usize> {
        let at = |byte: usize| {
            if self.places.is_empty() {
                self.first + byte.min(self.value.len())
            } else {
                self.places[byte.min(self.places.len() - 1)]
            }
        };
        at(part.start)..at(part.end)
    }

    /// A part of it as a text of its own.
    pub(super) fn part(&self, part: Range<usize>) -> Text {
        let span = self.place(&part);
        let places = self.places.get(part.start..=part.end).map(<[usize]>::to_vec).unwrap_or_default();
        Text { value: self.value[part].to_owned(), first: span.start, span, places }
    }
}

impl Node {
    /// What a person calls its type.
    pub(super) fn described(&self) -> &'static str {
        match &self.data {
            Data::Text(_) => "text",
            Data::Int(_) | Data::Float(_) => "a number",
            Data::Bool(_) => "true or false",
            Data::Time(_) => "a date or time",
            Data::List(_) => "a list",
            Data::Table(_) => "a table",
        }
    }

    pub(super) fn as_text(&self) -> Option<&Text> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_table(&self) -> Option<&Table> {
        match &self.data {
            Data::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The same as JSON, which is what field types read. Times become text; those without an offset are UTC.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.data {
            Data::Text(text) => text.value.as_str().into(),
            Data::Int(number) => (*number).into(),
            // JSON has no infinity; as text it is refused wherever a number is wanted.
            Data::Float(number) if !number.is_finite() => number.to_string().into(),
            Data::Float(number) => (*number).into(),
            Data::Bool(truth) => (*truth).into(),
            Data::Time(time) => {
                let utc = crate::value::parse_datetime_or_local(time).filter(|_| time.len() > 10);
                utc.map_or_else(|| time.as_str().into(), |utc| crate::value::format_datetime(utc).into())
            }
            Data::List(items) => items.iter().map(Node::to_json).collect(),
            Data::Table(table) => {
                let pairs = table.entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json()));
                serde_json::Value::Object(pairs.collect())
            }
        }
    }
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

/// Parses the TOML in a part of a file; syntax errors are noted, and what could be read is returned.
pub(super) fn parse(file: File<'_>, text: &str, part: Range<usize>) -> Document {
    let base = part.start;
    let input = &text[part.clone()];
    let (table, errors) = DeTable::parse_recoverable(input);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        file.error("toml", &(span.start + base..span.end + base), error.message());
    }
    let reader = Tree { file, input, base };
    Document { table: reader.table(table.into_inner()), span: part }
}

/// Turns the parser's tree into ours, with places in the whole file.
struct Tree<'a> {
    file: File<'a>,
    input: &'a str,
    base: usize,
}

impl Tree<'_> {
    fn table(&self, table: DeTable<'_>) -> Table {
        let mut entries: Vec<Entry> = table
            .into_iter()
            .map(|(key, value)| {
                let key_span = self.shift(key.span());
                Entry { key: key.into_inner().into_owned(), key_span, value: self.node(value) }
            })
            .collect();
        // The parser's map is sorted by name; fields and queries come in the order of the file.
        entries.sort_by_key(|entry| entry.key_span.start);
        Table { entries }
    }

    fn node(&self, value: Spanned<DeValue<'_>>) -> Node {
        let local = value.span();
        let span = self.shift(local.clone());
        let data = match value.into_inner() {
            DeValue::String(text) => Data::Text(self.text(text.into_owned(), local)),
            DeValue::Integer(digits) => match i64::from_str_radix(digits.as_str(), digits.radix()) {
                Ok(number) => Data::Int(number),
                Err(_) => {
                    self.file.error("toml", &span, "this number does not fit 64 bits");
                    Data::Int(0)
                }
            },
            DeValue::Float(digits) => Data::Float(digits.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(truth) => Data::Bool(truth),
            DeValue::Datetime(time) => Data::Time(time.to_string()),
            DeValue::Array(items) => Data::List(items.into_iter().map(|item| self.node(item)).collect()),
            DeValue::Table(table) => Data::Table(self.table(table)),
        };
        Node { span, data }
    }

    fn text(&self, value: String, local: Range<usize>) -> Text {
        let raw = self.input.get(local.clone()).unwrap_or_default();
        let quotes = if raw.starts_with("'''") || raw.starts_with("\"\"\"") { 3 } else { 1 };
        let mut start = local.start + quotes;
        if quotes == 3 {
            let inner = self.input.get(start..).unwrap_or_default();
            start += if inner.starts_with("\r\n") { 2 } else { usize::from(inner.starts_with('\n')) };
        }
        let span = self.shift(local);
        let verbatim = self.input.get(start..start + value.len()) == Some(value.as_str());
        let places = if verbatim { Vec::new() } else { self.escaped_places(&value, start) };
        Text { value, span, places, first: start + self.base }
    }

    /// Follows a string with escapes byte by byte. Where it loses the way (line ends that TOML folds), places are near.
    fn escaped_places(&self, value: &str, start: usize) -> Vec<usize> {
        let raw = self.input.as_bytes();
        let mut places = Vec::with_capacity(value.len() + 1);
        let mut at = start;
        for c in value.chars() {
            places.extend(std::iter::repeat_n(at + self.base, c.len_utf8()));
            at += match (raw.get(at), raw.get(at + 1)) {
                (Some(b'\\'), Some(b'u')) => 6,
                (Some(b'\\'), Some(b'U')) => 10,
                (Some(b'\\'), Some(b'x')) => 4,
                (Some(b'\\'), _) => 2,
                _ => c.len_utf8(),
            };
            at = at.min(self.input.len());
        }
        places.push(at + self.base);
        places
    }

    fn shift(&self, span: Range<usize>) -> Range<usize> {
        span.start + self.base..span.end + self.base
    }
}

/// A table being read: what a mistake in it is called, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) file: File<'a>,
    pub(super) table: &'a Table,
    pub(super) span: &'a Range<usize>,
    /// What it is, with its article: "a field".
    pub(super) what: &'a str,
}

impl<'a> View<'a> {
    pub(super) fn of(file: File<'a>, document: &'a Document, what: &'a str) -> Self {
        View { file, table: &document.table, span: &document.span, what }
    }

    /// Notes every key that is not among these.
    pub(super) fn known(self, keys: &[&str]) {
        for entry in &self.table.entries {
            if !keys.contains(&entry.key.as_str()) {
                let message = format!("there is no key `{}` in {}", entry.key, self.what);
                self.file
                    .error("unknown-key", &entry.key_span, message)
                    .among(&entry.key, keys.iter().copied());
            }
        }
    }

    pub(super) fn node(self, key: &str) -> Option<&'a Node> {
        self.table.get(key).map(|entry| &entry.value)
    }

    pub(super) fn text(self, key: &str) -> Option<&'a Text> {
        let node = self.node(key)?;
        node.as_text().or_else(|| self.wrong(key, node, "text"))
    }

    pub(super) fn string(self, key: &str) -> Option<String> {
        self.text(key).map(|text| text.value.clone())
    }

    pub(super) fn bool(self, key: &str) -> Option<bool> {
        let node = self.node(key)?;
        match node.data {
            Data::Bool(truth) => Some(truth),
            _ => self.wrong(key, node, "true or false"),
        }
    }

    /// A whole number within a range.
    pub(super) fn int(self, key: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let node = self.node(key)?;
        match node.data {
            Data::Int(number) if range.contains(&number) => Some(number),
            Data::Int(_) => {
                let (least, most) = range.into_inner();
                let message = format!("`{key}` must be from {least} to {most}");
                self.file.error("out-of-range", &node.span, message);
                None
            }
            _ => self.wrong(key, node, "a whole number"),
        }
    }

    pub(super) fn table(self, key: &str, what: &'a str) -> Option<View<'a>> {
        let node = self.node(key)?;
        match &node.data {
            Data::Table(table) => Some(View { file: self.file, table, span: &node.span, what }),
            _ => self.wrong(key, node, "a table"),
        }
    }

    /// A list of texts; one text alone is a list of one.
    pub(super) fn texts(self, key: &str) -> Option<Vec<&'a Text>> {
        let node = self.node(key)?;
        let items = match &node.data {
            Data::Text(text) => return Some(vec![text]),
            Data::List(items) => items,
            _ => return self.wrong(key, node, "a list of texts"),
        };
        let texts = items
            .iter()
            .filter_map(|item| item.as_text().or_else(|| self.wrong(key, item, "a list of texts")));
        Some(texts.collect())
    }

    /// A list of tables, as `[[key]]` writes it.
    pub(super) fn tables(self, key: &str, what: &'a str) -> Vec<View<'a>> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let Data::List(items) = &node.data else {
            self.wrong::<()>(key, node, &format!("a list of tables, as `[[{key}]]` writes it"));
            return Vec::new();
        };
        let view = |item: &'a Node| match &item.data {
            Data::Table(table) => Some(View { file: self.file, table, span: &item.span, what }),
            _ => self.wrong(key, item, "a list of tables"),
        };
        items.iter().filter_map(view).collect()
    }

    /// Notes that a key is missing.
    pub(super) fn missing(self, key: &str, example: &str) {
        self.file
            .error("missing-key", self.span, format!("{} needs a key `{key}`", self.what))
            .hint(format!("write `{example}`"));
    }

    /// Notes that a value has the wrong type.
    pub(super) fn wrong<T>(self, key: &str, node: &Node, wanted: &str) -> Option<T> {
        let message = format!("`{key}` must be {wanted}, not {}", node.described());
        self.file.error("wrong-type", &node.span, message);
        None
    }
}

/// Reads a file below the site's folder; notes what keeps it from being read.
pub(super) fn read(root: &Path, path: &Path, reports: &Reports) -> Option<Arc<str>> {
    let file = File::new(path, reports);
    match std::fs::read(root.join(path)) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => {
                let text: Arc<str> = text.into();
                reports.source(path, &text);
                Some(text)
            }
            Err(_) => {
                file.error_in("not-utf8", "the file is not UTF-8 text").hint("save it as UTF-8");
                None
            }
        },
        Err(error) => {
            file.error_in("unreadable", format!("the file cannot be read: {error}"));
            None
        }
    }
}
