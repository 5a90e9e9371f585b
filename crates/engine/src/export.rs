//! Export: the records of a model as an import takes them.
//!
//! Records are read page by page in the order of their ids, so that any number fits into memory; what is written to the
//! database meanwhile may be among them or not. Passwords, hidden and computed fields stay behind.

mod markdown;
mod table;

use std::io::{self, Write};
use std::path::Path;

use purlin_schema::query::{Include, Limit, Query, Select, Selected, SortKey};
use purlin_schema::record::{Related, ShapeRelation};
use purlin_schema::value::{write_json, write_json_string};
use purlin_schema::{Field, FieldId, Kind, Model, ModelId, Row, Shape, Value};
use purlin_store::{Error, Plan, Step, StepArgs, Window};

use crate::access::Who;
use crate::import::Format;
use crate::records::failed;
use crate::{Actor, Engine, Failure};

/// Records that are read at once.
const ROWS_A_PAGE: u32 = 200;

/// What is exported.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which records, in CEL; all where absent.
    pub filter: Option<String>,
    /// Names of the fields; all where empty.
    pub fields: Vec<String>,
    /// Refs and lists of refs that are told by a field of the other model, as an import takes them by the same.
    pub links: Vec<(String, String)>,
    /// The field for the text of a Markdown file; the only markdown field where absent.
    pub body: Option<String>,
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// What it was asked for cannot be.
    #[error("{0}")]
    Options(String),
    /// It cannot be written.
    #[error("cannot be written: {0}")]
    Write(#[from] io::Error),
    /// The database failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Where records go.
pub enum Target<'out> {
    /// One stream.
    Stream(&'out mut dyn Write, Format),
    /// A folder, a Markdown file each.
    Folder(&'out Path),
}

/// One field of what is exported.
struct Column {
    id: FieldId,
    name: String,
    big: bool,
    is_many: bool,
    /// Which field of the other model tells a ref's record, and whether that is `big`.
    key: Option<(FieldId, bool)>,
    /// Of the free fields these alone; all where absent.
    chosen: Option<Vec<String>>,
}

/// What a column holds of one record.
enum Cell<'row> {
    One(&'row Value, bool),
    List(Vec<&'row Value>, bool),
    Free(Vec<(&'row str, &'row serde_json::Value)>),
}

impl Engine {
    /// Writes the records of a model; `progress` is told how many so far.
    ///
    /// # Errors
    /// Where the options do not fit the model, the target cannot be written, or the database fails.
    pub async fn export(
        &self,
        model: ModelId,
        options: &Options,
        mut target: Target<'_>,
        mut progress: impl FnMut(u64),
    ) -> Result<u64, ExportError> {
        let model = self.model_of(model);
        let columns = self.columns(&model, options)?;
        let body = body_of(&model, options)?;
        let prepared = self.prepare(&self.export_query(&model, &columns, options)?)?;
        let step = Step { name: "export".to_owned(), query: prepared, must_exist: false };
        let plan = Plan { steps: vec![step] };
        let ask = self.ask(&Actor::Owner);
        let (mut window, mut per_page, mut written) = (Window::First, ROWS_A_PAGE, 0);
        target.begin(&columns)?;
        loop {
            let steps = [StepArgs { window: window.clone(), per_page: Some(per_page) }];
            let asked = purlin_store::Ask { inputs: &ask, steps: &steps };
            let answer = match self.store().read(&plan, asked).await {
                // Records with many links: fewer of them at once.
                Err(Error::TooManyRows(_)) if per_page > 1 => {
                    per_page /= 2;
                    continue;
                }
                answer => answer.map_err(failed)?,
            };
            let Some(set) = answer.sets.first() else { break };
            for row in &set.rows {
                let cells: Vec<Cell<'_>> =
                    columns.iter().map(|column| column.cell(&model, &set.shape, row)).collect();
                target.record(&model, &columns, &cells, body, written == 0)?;
                written += 1;
            }
            progress(written);
            if !set.more {
                break;
            }
            window = Window::After(set.last_key.clone());
        }
        target.end(written == 0)?;
        Ok(written)
    }

    fn columns(&self, model: &Model, options: &Options) -> Result<Vec<Column>, ExportError> {
        let known = |name: &str| {
            let free = model.free_field(name).map(|free| model.field(free));
            let field = model.field_named(name).filter(|field| leaves(field)).or(free);
            field.ok_or_else(|| {
                let names: Vec<&str> = model
                    .fields
                    .iter()
                    .filter(|field| leaves(field) && model.free != Some(field.id))
                    .map(|field| field.name.as_str())
                    .collect();
                ExportError::Options(format!(
                    "{} has no field `{name}` to export; it has {}",
                    model.name,
                    names.join(", ")
                ))
            })
        };
        let mut fields: Vec<&Field> = match options.fields.is_empty() {
            true => model.fields.iter().filter(|field| leaves(field)).collect(),
            false => options.fields.iter().map(|name| known(name)).collect::<Result<_, _>>()?,
        };
        // The free fields are one column, and several of them are asked for by their names.
        let free = fields.iter().copied().find(|field| model.free == Some(field.id));
        fields.retain(|field| model.free != Some(field.id));
        fields.extend(free);
        let named = options.fields.iter().filter(|name| model.free_field(name).is_some());
        let chosen: Option<Vec<String>> = (!options.fields.is_empty()).then(|| named.cloned().collect());
        for (name, _) in &options.links {
            known(name)?;
        }
        let column = |field: &Field| {
            let link = options.links.iter().find(|(name, _)| *name == field.name);
            let key = match (link, &field.reference) {
                (None, _) => None,
                (Some(_), None) => {
                    return Err(ExportError::Options(format!(
                        "`{}` of {} refers to nothing",
                        field.name, model.name
                    )));
                }
                (Some((_, key)), Some(reference)) => {
                    let to = self.model_of(reference.to);
                    let field = to.field_named(key).filter(|key| leaves(key) && key.has_column());
                    let field = field.ok_or_else(|| {
                        ExportError::Options(format!("{} has no field `{key}` to export", to.name))
                    })?;
                    Some((field.id, field.big))
                }
            };
            Ok(Column {
                id: field.id,
                name: field.name.clone(),
                big: field.big,
                is_many: field.is_many(),
                key,
                chosen: chosen.clone().filter(|_| model.free == Some(field.id)),
            })
        };
        fields.into_iter().map(column).collect()
    }

    fn export_query(&self, model: &Model, columns: &[Column], options: &Options) -> Result<Query, Failure> {
        let path = purlin_schema::expr::Path {
            scope: 0,
            model: model.id,
            hops: Vec::new(),
            end: model.id,
            field: FieldId::ID,
        };
        let mut query = Query::of(model.id);
        query.limit = Limit::Page(ROWS_A_PAGE);
        query.sort = vec![SortKey::by(path, false)];
        let chosen = columns.iter().filter(|column| !column.is_many);
        query.select =
            Select::Fields(chosen.map(|column| Selected { field: column.id, guard: None }).collect());
        for column in columns.iter().filter(|column| column.is_many || column.key.is_some()) {
            let Some(reference) = &model.field(column.id).reference else { continue };
            let key = column.key.map(|(field, _)| Selected { field, guard: None });
            let select = Select::Fields(key.into_iter().collect());
            query.include.push(Include {
                relation: reference.relation,
                query: Query { select, ..Query::of(reference.to) },
            });
        }
        if let Some(filter) = &options.filter {
            query.filter = Some(self.filter(model, Who::of(&Actor::Owner), filter)?);
        }
        Ok(query)
    }
}

impl Column {
    fn cell<'row>(&self, model: &Model, shape: &Shape, row: &'row Row) -> Cell<'row> {
        if model.free == Some(self.id) {
            let held = shape.value(row, self.id).unwrap_or(&Value::Null);
            let is_chosen = |name: &str| {
                self.chosen.as_ref().is_none_or(|chosen| chosen.iter().any(|known| known == name))
            };
            return Cell::Free(model.free_fields(held).filter(|(name, _)| is_chosen(name)).collect());
        }
        let relation = model.field(self.id).reference.as_ref().map(|reference| reference.relation);
        let is_this = |included: &ShapeRelation| Some(included.relation) == relation;
        let included = shape.relations.iter().position(is_this);
        let (field, big) = self.key.unwrap_or((FieldId::ID, false));
        match included.map(|at| (&row.related[at], &shape.relations[at].shape)) {
            Some((Related::Many(rows), inner)) => {
                Cell::List(rows.iter().filter_map(|row| inner.value(row, field)).collect(), big)
            }
            Some((Related::One(one), inner)) => {
                let value = one.as_ref().and_then(|row| inner.value(row, field));
                Cell::One(value.unwrap_or(&Value::Null), big)
            }
            None => Cell::One(shape.value(row, self.id).unwrap_or(&Value::Null), self.big),
        }
    }
}

impl Cell<'_> {
    fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Cell::One(value, big) => write_json(value, *big, out),
            Cell::List(values, big) => {
                out.push(b'[');
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_json(value, *big, out);
                }
                out.push(b']');
            }
            Cell::Free(pairs) => {
                out.push(b'{');
                self.write_members(out);
                if pairs.is_empty() {
                    out.push(b'}');
                } else if let Some(last) = out.last_mut() {
                    *last = b'}';
                }
            }
        }
    }

    /// The names and values of free fields, a comma behind each.
    fn write_members(&self, out: &mut Vec<u8>) {
        let Cell::Free(pairs) = self else { return };
        for (name, value) in pairs {
            write_json_string(name, out);
            out.push(b':');
            // To a vector it cannot fail.
            drop(serde_json::to_writer(&mut *out, value));
            out.push(b',');
        }
    }
}

impl Target<'_> {
    fn begin(&mut self, columns: &[Column]) -> io::Result<()> {
        match self {
            Target::Stream(out, Format::Json) => out.write_all(b"["),
            Target::Stream(out, Format::Csv) => table::header(out, columns),
            Target::Stream(..) => Ok(()),
            Target::Folder(folder) => std::fs::create_dir_all(folder),
        }
    }

    fn record(
        &mut self,
        model: &Model,
        columns: &[Column],
        cells: &[Cell<'_>],
        body: Option<FieldId>,
        first: bool,
    ) -> io::Result<()> {
        let (out, format) = match self {
            Target::Folder(folder) => return markdown::write(folder, model, columns, cells, body),
            Target::Stream(out, format) => (out, format),
        };
        if *format == Format::Csv {
            return table::record(out, cells);
        }
        let mut line = Vec::new();
        if *format == Format::Json {
            line.extend_from_slice(if first { b"\n" } else { b",\n" });
        }
        line.push(b'{');
        for (column, cell) in columns.iter().zip(cells) {
            if let Cell::Free(_) = cell {
                cell.write_members(&mut line);
                continue;
            }
            // Names are identifiers: letters, digits and underscores.
            line.push(b'"');
            line.extend_from_slice(column.name.as_bytes());
            line.extend_from_slice(b"\":");
            cell.write_json(&mut line);
            line.push(b',');
        }
        line.pop_if(|last| *last == b',');
        line.push(b'}');
        if *format != Format::Json {
            line.push(b'\n');
        }
        out.write_all(&line)
    }

    fn end(&mut self, empty: bool) -> io::Result<()> {
        match self {
            Target::Stream(out, format) => {
                if *format == Format::Json {
                    out.write_all(if empty { b"]\n" } else { b"\n]\n" })?;
                }
                out.flush()
            }
            Target::Folder(_) => Ok(()),
        }
    }
}

/// Whether a field is exported: what is secret leaves for nobody, and what is computed is no input.
fn leaves(field: &Field) -> bool {
    let secret = field.hidden || field.ty.name() == "password";
    field.id != FieldId::VERSION && !secret && field.computed.is_none()
}

/// The field that stands below a front matter.
fn body_of(model: &Model, options: &Options) -> Result<Option<FieldId>, ExportError> {
    if let Some(name) = &options.body {
        let field = model.field_named(name).filter(|field| leaves(field) && field.kind == Kind::Text);
        let field =
            field.ok_or_else(|| ExportError::Options(format!("{} has no text `{name}`", model.name)))?;
        return Ok(Some(field.id));
    }
    let mut markdown = model.fields.iter().filter(|field| field.ty.name() == "markdown" && leaves(field));
    let first = markdown.next().map(|field| field.id);
    Ok(first.filter(|_| markdown.next().is_none()))
}
