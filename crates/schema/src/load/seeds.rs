//! Seeds: rows for development and tests, in `seeds/<model>` as TOML, JSON, NDJSON or CSV.
//!
//! [`list`] says which files there are, those that others refer to first; [`SeedFile::rows`] reads one, row by row, so
//! that a large file never stands in memory as values; [`Content::value`] reads one value, wherever its row is from. A ref is written as an id, as a natural key
//! (`author = { email = "ada@example.com" }`), or as the text by which its model is labelled (`author = "Ada"`).

mod csv;
mod json;
mod row;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::report::{File, Reports, slashed};
use super::toml::{self, Data, Document, View};
use crate::diagnostics::Diagnostics;
use crate::model::{Field, FieldId, Model, ModelId, Models};
use crate::types::Problem;
use crate::value::Value;

/// One file of rows.
#[derive(Clone, Debug)]
pub struct SeedFile {
    /// Whose rows.
    pub model: ModelId,
    /// The file, relative to the site.
    pub file: PathBuf,
    root: PathBuf,
    format: Format,
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedRow {
    /// Where it begins, from 1.
    pub line: usize,
    /// What it says of each field; a field is named once.
    pub values: Vec<(FieldId, SeedValue)>,
}

/// What a row says of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum SeedValue {
    /// A value; of a ref, the id. A password is as a person types it.
    Value(Value),
    /// A ref to the one record with these values.
    Link(Natural),
    /// A list of refs.
    Links(Vec<Natural>),
}

/// Values that tell one record of the model referred to.
pub type Natural = Vec<(FieldId, Value)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Toml,
    Json,
    Ndjson,
    Csv,
}

/// The seed files of a site, those that others refer to first.
///
/// # Errors
/// Where a file is of no known type, or belongs to no model.
pub fn list(root: &Path, models: &Models) -> Result<Vec<SeedFile>, Diagnostics> {
    let reports = Reports::default();
    let mut files = Vec::new();
    let mut paths: Vec<PathBuf> = match std::fs::read_dir(root.join("seeds")) {
        Ok(entries) => entries.flatten().map(|entry| Path::new("seeds").join(entry.file_name())).collect(),
        Err(_) => Vec::new(),
    };
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        if let Some((model, format)) = recognise(&path, &name, models, &reports) {
            files.push(SeedFile { model, file: slashed(&path), root: root.to_owned(), format });
        }
    }
    let order = models.referred_first();
    files.sort_by_key(|file| order.iter().position(|model| *model == file.model));
    let diagnostics = reports.finish();
    if diagnostics.has_errors() { Err(diagnostics) } else { Ok(files) }
}

fn recognise(path: &Path, name: &str, models: &Models, reports: &Reports) -> Option<(ModelId, Format)> {
    let file = File::new(path, reports);
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let format = match extension {
        "toml" => Format::Toml,
        "json" => Format::Json,
        "ndjson" | "jsonl" => Format::Ndjson,
        "csv" => Format::Csv,
        _ => {
            file.error_in("unknown-seed", format!("seeds are not read from `.{extension}` files"))
                .hint("write them as .toml, .json, .ndjson or .csv");
            return None;
        }
    };
    let Some(model) = models.named(stem).filter(|model| !model.internal) else {
        let all = models.iter().filter(|model| !model.internal);
        let all: Vec<&str> = all.map(|model| model.name.as_str()).collect();
        file.error_in("unknown-model", format!("there is no model `{stem}` for these seeds"))
            .among(stem, all.iter().copied());
        return None;
    };
    if model.origin.is_some() {
        file.error_in(
            "contradiction",
            format!("`{stem}` is not managed: seeds are not written to tables of others"),
        )
        .hint("`purlin import` writes rows to it, where that is meant");
        return None;
    }
    Some((model.id, format))
}

impl SeedFile {
    /// Opens the file; its rows come one at a time, each with all that is wrong with it.
    ///
    /// # Errors
    /// Where the file cannot be read, or its syntax is so wrong that there are no rows.
    pub fn rows<'m>(&self, models: &'m Models) -> Result<Rows<'m>, Diagnostics> {
        let reports = Reports::default();
        let text = toml::read(&self.root, &self.file, &reports);
        let model = models.get(self.model);
        let source = text.as_ref().and_then(|text| {
            let file = File::new(&self.file, &reports);
            Some(match self.format {
                Format::Toml => Source::Toml(toml_rows(file, text, model)?.into_iter()),
                Format::Json => Source::Json(json::Array::new(file, text)?),
                Format::Ndjson => Source::Ndjson(json::start(text)),
                Format::Csv => Source::Csv(csv::Reader::new(file, text, models, model)?),
            })
        });
        let diagnostics = reports.finish();
        match (source, text) {
            (Some(source), Some(text)) if !diagnostics.has_errors() => {
                Ok(Rows { models, model: self.model, file: self.file.clone(), text, source, counted: (0, 1) })
            }
            _ => Err(diagnostics),
        }
    }
}

/// The rows of a seed file.
#[derive(Debug)]
pub struct Rows<'m> {
    models: &'m Models,
    model: ModelId,
    file: PathBuf,
    text: Arc<str>,
    source: Source,
    /// The line of a byte that was passed already, so that lines are counted once.
    counted: (usize, usize),
}

#[derive(Debug)]
enum Source {
    Toml(std::vec::IntoIter<Raw>),
    Json(json::Array),
    Ndjson(usize),
    Csv(csv::Reader),
}

/// A row before its values are read: where it stands, and its cells.
#[derive(Debug)]
struct Raw {
    span: Range<usize>,
    cells: Vec<Cell>,
}

/// What a row says of one field, as its format writes it.
#[derive(Debug)]
struct Cell {
    key: String,
    key_span: Range<usize>,
    span: Range<usize>,
    content: Content,
}

/// What a row says of a field, before it is a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// As JSON has it.
    Json(serde_json::Value),
    /// A cell of CSV; where the header says `author.email`, `of` is the field of the record referred to.
    Text {
        /// What the cell holds.
        text: String,
        /// By which field it names a record.
        of: Option<FieldId>,
    },
    /// What the record referred to has in one of its fields; of a list of refs, a list of these.
    Key {
        /// The value.
        json: serde_json::Value,
        /// The field of the other model.
        of: FieldId,
    },
}

impl Content {
    /// The value of a field of a model.
    ///
    /// # Errors
    /// What is wrong with it, as a person is told.
    pub fn value(&self, field: &Field, models: &Models) -> Result<SeedValue, Problem> {
        row::one(field, self, models)
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<SeedRow, Diagnostics>;

    fn next(&mut self) -> Option<Self::Item> {
        let reports = Reports::default();
        let file = File::new(&self.file, &reports);
        let raw = match &mut self.source {
            Source::Toml(rows) => rows.next().map(Some),
            Source::Json(array) => array.next(file, &self.text),
            Source::Ndjson(at) => json::next_line(file, &self.text, at),
            Source::Csv(reader) => reader.next(file, &self.text),
        }?;
        let row = raw.map(|raw| {
            let (from, line) = self.counted;
            let line = line + self.text.get(from..raw.span.start).unwrap_or_default().matches('\n').count();
            self.counted = (raw.span.start, line);
            SeedRow { line, values: row::read(file, &raw, self.models, self.models.get(self.model)) }
        });
        let mut diagnostics = reports.finish();
        match row {
            Some(row) if !diagnostics.has_errors() => Some(Ok(row)),
            _ => {
                diagnostics.sources.insert(self.file.clone(), Arc::clone(&self.text));
                Some(Err(diagnostics))
            }
        }
    }
}

/// `[[posts]]` tables.
fn toml_rows(file: File<'_>, text: &str, model: &Model) -> Option<Vec<Raw>> {
    let document: Document = toml::parse(file, text, 0..text.len());
    let view = View::of(file, &document, "a file of seeds");
    view.known(&[&model.name]);
    let node = view.node(&model.name)?;
    let Data::List(items) = &node.data else {
        file.error("wrong-type", &node.span, format!("rows are written as `[[{}]]`", model.name));
        return None;
    };
    let rows = items.iter().filter_map(|item| {
        let table = item.as_table()?;
        let cells = table.entries.iter().map(|entry| Cell {
            key: entry.key.clone(),
            key_span: entry.key_span.clone(),
            span: entry.value.span.clone(),
            content: Content::Json(entry.value.to_json()),
        });
        Some(Raw { span: item.span.clone(), cells: cells.collect() })
    });
    Some(rows.collect())
}
