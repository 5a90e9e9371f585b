//! From the names of a file to the fields of a model, and from its cells to values.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use purlin_schema::free::{self, Gathered};
use purlin_schema::load::seeds::{Content, SeedValue};
use purlin_schema::{Field, FieldId, Kind, Model, Models};
use serde_json::Value as Json;

use super::source::{Raw, RawRow};
use super::{ImportError, Options};
use crate::FieldMessage;

/// The values of a row, refs by their natural keys yet.
pub(super) type Values = Vec<(FieldId, SeedValue)>;

/// What the names of a file stand for.
pub(super) struct Columns {
    models: Arc<Models>,
    model: Arc<Model>,
    known: HashMap<Arc<str>, Column>,
    skip: Vec<String>,
    rename: Vec<(String, String)>,
    links: Vec<(FieldId, FieldId)>,
    body: Option<FieldId>,
    slug: Option<FieldId>,
}

#[derive(Clone)]
enum Column {
    /// It is left out.
    Skipped,
    /// A field; of a ref, by which field of the other model it is named.
    Field(FieldId, Option<FieldId>),
    /// A free field, of this name.
    Free(String),
    /// The free fields together, as an export writes them into a table.
    AllFree,
    /// It is no field, and what is said of that.
    Unknown(String),
}

impl Columns {
    /// # Errors
    /// Where an option names what is not there.
    pub(super) fn new(
        models: Arc<Models>,
        model: Arc<Model>,
        options: &Options,
    ) -> Result<Columns, ImportError> {
        let markdown: Vec<FieldId> = of_type(&model, "markdown");
        let body = match (&options.body, markdown.as_slice()) {
            (Some(name), _) => Some(options.field(&model, name)?.id),
            (None, [only]) => Some(*only),
            (None, _) => None,
        };
        let mut links = Vec::new();
        for (name, key) in &options.links {
            let field = options.field(&model, name)?;
            let Some(reference) = &field.reference else {
                return Err(ImportError::Options(format!("`{name}` of {} refers to nothing", model.name)));
            };
            let to = models.get(reference.to);
            let key = options.field(to, key)?;
            if !key.has_column() || key.kind == Kind::Json {
                return Err(ImportError::Options(format!("`{}` of {} tells no record", key.name, to.name)));
            }
            links.push((field.id, key.id));
        }
        for (_, name) in options.rename.iter().filter(|(_, name)| model.free_field(name).is_none()) {
            options.field(&model, name)?;
        }
        Ok(Columns {
            slug: of_type(&model, "slug").first().copied(),
            models,
            model,
            known: HashMap::new(),
            skip: options.skip.clone(),
            rename: options.rename.clone(),
            links,
            body,
        })
    }

    /// Fields of this model that are told by a field of the other, which is made where it is not there.
    pub(super) fn links(&self) -> &[(FieldId, FieldId)] {
        &self.links
    }

    /// What is wrong with the names of a table, all of which every row has.
    pub(super) fn unknown(&mut self, row: &RawRow) -> Option<String> {
        let names: Vec<Arc<str>> = row.cells.iter().map(|(name, _)| name.clone()).collect();
        names.into_iter().find_map(|name| match self.column(&name, true) {
            Column::Unknown(message) => Some(format!("`{name}` {message}")),
            _ => None,
        })
    }

    /// The values of a row.
    pub(super) fn read(&mut self, row: RawRow) -> Result<Values, Vec<FieldMessage>> {
        let mut values: Values = Vec::with_capacity(row.cells.len());
        let mut messages = Vec::new();
        let mut free = Gathered::default();
        for (name, raw) in row.cells {
            let column = match &raw {
                Raw::Body(text) if text.is_empty() => Column::Skipped,
                Raw::Body(_) => match self.body {
                    Some(field) => Column::Field(field, None),
                    None => {
                        Column::Unknown("has no field: --body says which one the text belongs to".to_owned())
                    }
                },
                Raw::Stem(_) => match self.slug {
                    Some(field) if !values.iter().any(|(known, _)| *known == field) => {
                        Column::Field(field, None)
                    }
                    _ => Column::Skipped,
                },
                raw => self.column(&name, matches!(raw, Raw::Cell { .. })),
            };
            let (id, of) = match column {
                Column::Skipped => continue,
                Column::Unknown(message) => {
                    messages.push(FieldMessage::new(&name, "unknown_field", message));
                    continue;
                }
                Column::Free(name) => {
                    let put = free_value(raw).is_none_or(|value| free.put(&name, value));
                    if !put {
                        messages.push(FieldMessage::new(&name, "named_twice", "is named twice"));
                    }
                    continue;
                }
                Column::AllFree => {
                    if let Err(message) = all_free(&raw, &mut free) {
                        messages.push(FieldMessage::new(&name, "wrong_type", message));
                    }
                    continue;
                }
                Column::Field(id, of) => (id, of),
            };
            let field = self.model.field(id);
            let to_key =
                of.and_then(|of| Some((of, self.models.get(field.reference.as_ref()?.to).field(of))));
            match content(field, raw, to_key).value(field, &self.models) {
                Ok(value) => put(&mut values, field, value, &mut messages),
                Err(problem) => messages.push(FieldMessage::of(field, problem)),
            }
        }
        values.extend(self.model.free.zip(free.value().map(SeedValue::Value)));
        if messages.is_empty() { Ok(values) } else { Err(messages) }
    }

    fn column(&mut self, name: &Arc<str>, dotted: bool) -> Column {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let column = self.find(name, dotted);
        self.known.insert(name.clone(), column.clone());
        column
    }

    fn find(&self, name: &str, dotted: bool) -> Column {
        if self.skip.iter().any(|skipped| skipped == name) {
            return Column::Skipped;
        }
        let renamed = self.rename.iter().find(|(from, _)| from == name).map(|(_, to)| to.as_str());
        let name = renamed.unwrap_or(name);
        let (plain, key) = match name.split_once('.') {
            Some((plain, key)) if dotted => (plain, Some(key)),
            _ => (name, None),
        };
        if self.model.free_field(name).is_some() {
            return Column::Free(name.to_owned());
        }
        if self.model.free.is_some() && dotted && name == free::COLUMN {
            return Column::AllFree;
        }
        let Some(field) = self.model.field_named(plain) else {
            if let (Some(_), Some(problem)) = (self.model.free, free::fault(name)) {
                let message =
                    format!("{}: --map gives it another name, --skip leaves it out", problem.message);
                return Column::Unknown(message);
            }
            let message = format!(
                "is not a field of {}: --skip leaves it out, --map says which field it is",
                self.model.name
            );
            return Column::Unknown(message);
        };
        if field.id == FieldId::VERSION || field.computed.is_some() {
            return Column::Unknown("cannot be given: --skip leaves it out".to_owned());
        }
        let linked = self.links.iter().find(|(linked, _)| *linked == field.id).map(|(_, key)| *key);
        let Some(key) = key else { return Column::Field(field.id, linked) };
        let to = field.reference.as_ref().map(|reference| self.models.get(reference.to));
        match to.and_then(|to| to.field_named(key)).filter(|key| key.has_column()) {
            Some(key) => Column::Field(field.id, Some(key.id)),
            None => Column::Unknown("is no field of a record referred to".to_owned()),
        }
    }
}

/// `author.first` and `author.last` together tell one record; anything else is named once.
fn put(values: &mut Values, field: &Field, value: SeedValue, messages: &mut Vec<FieldMessage>) {
    match (values.iter_mut().find(|(known, _)| *known == field.id), value) {
        (None, value) => values.push((field.id, value)),
        (Some((_, SeedValue::Link(key))), SeedValue::Link(more)) => key.extend(more),
        (Some(_), _) => messages.push(FieldMessage::new(&field.name, "named_twice", "is named twice")),
    }
}

/// What a cell says, in the terms in which values are read.
fn content(field: &Field, raw: Raw, key: Option<(FieldId, &Field)>) -> Content {
    let is_many = field.is_many();
    let json = match raw {
        Raw::Body(text) | Raw::Stem(text) => Json::from(text),
        Raw::Json(Json::String(text)) if field.kind == Kind::Datetime => Json::from(timely(&text)),
        // A front matter has `tags: rust` where there is one alone.
        Raw::Json(json) if is_many && !json.is_array() && !json.is_null() => Json::Array(vec![json]),
        Raw::Json(json) => json,
        Raw::Cell { text, quoted } if text.is_empty() => match quoted && field.kind == Kind::Text && !is_many
        {
            true => Json::from(""),
            false => Json::Null,
        },
        Raw::Cell { text, .. } if field.reference.is_some() => return cell_of_refs(is_many, text, key),
        // A text is as it stands, unlike one from a form.
        Raw::Cell { text, .. } if field.kind == Kind::Text => Json::from(text),
        Raw::Cell { text, .. } => {
            let text = if field.kind == Kind::Datetime { timely(&text).into_owned() } else { text };
            return Content::Text { text, of: None };
        }
    };
    match key {
        Some((of, _)) => Content::Key { json, of },
        None => Content::Json(json),
    }
}

/// What a file says of a free field.
fn free_value(raw: Raw) -> Option<Json> {
    match raw {
        Raw::Json(json) => Some(json),
        Raw::Body(text) | Raw::Stem(text) => Some(Json::from(text)),
        Raw::Cell { text, quoted: true } if text.is_empty() => Some(Json::from("")),
        Raw::Cell { text, .. } => free::from_cell(&text),
    }
}

/// The free fields of a record in one cell.
fn all_free(raw: &Raw, free: &mut Gathered) -> Result<(), &'static str> {
    const WRONG: &str = "must be a JSON object of fields that are not declared";
    let Raw::Cell { text, .. } = raw else { return Err(WRONG) };
    if text.is_empty() {
        return Ok(());
    }
    let Ok(Json::Object(map)) = serde_json::from_str(text) else { return Err(WRONG) };
    map.into_iter().all(|(name, value)| free.put(&name, value)).then_some(()).ok_or("names a field twice")
}

/// A ref in a cell; a list has `|` between its items, or is JSON.
fn cell_of_refs(is_many: bool, text: String, key: Option<(FieldId, &Field)>) -> Content {
    let list = is_many.then(|| serde_json::from_str::<Vec<Json>>(&text).ok()).flatten();
    match (key, list) {
        (Some((of, _)), Some(list)) => Content::Key { json: Json::Array(list), of },
        (None, Some(list)) => Content::Json(Json::Array(list)),
        (Some((of, key)), None) if key.kind == Kind::Text => {
            let parts = text.split('|').map(str::trim).filter(|part| !part.is_empty()).map(Json::from);
            let json = if is_many { parts.collect() } else { Json::from(text) };
            Content::Key { json, of }
        }
        (key, None) => Content::Text { text, of: key.map(|(of, _)| of) },
    }
}

/// The times that people write: a day alone is its midnight, and `2014-09-15 10:00:00 +0000` is what it looks like;
/// without an offset it is UTC.
fn timely(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim();
    let is_day = trimmed.len() == 10 && purlin_schema::value::parse_date(trimmed).is_some();
    if is_day {
        return format!("{trimmed}T00:00:00Z").into();
    }
    let Some((day, rest)) = trimmed.split_once([' ', 'T']).filter(|(day, _)| day.len() == 10) else {
        return text.into();
    };
    let time: String = rest.split_whitespace().collect();
    let offset_at = time.find(['+', '-', 'Z', 'z']).unwrap_or(time.len());
    let (clock, offset) = time.split_at(offset_at);
    let offset = match offset.len() {
        0 => "Z".to_owned(),
        5 if !offset.contains(':') => format!("{}:{}", &offset[..3], &offset[3..]),
        _ => offset.to_owned(),
    };
    let clock = if clock.len() == 5 { format!("{clock}:00") } else { clock.to_owned() };
    format!("{day}T{clock}{offset}").into()
}

fn of_type(model: &Model, name: &str) -> Vec<FieldId> {
    model.fields.iter().filter(|field| field.ty.name() == name).map(|field| field.id).collect()
}

#[cfg(test)]
mod tests {
    use super::timely;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (written, meant) in [
            ("2014-09-15", "2014-09-15T00:00:00Z"),
            ("2014-09-15 10:00", "2014-09-15T10:00:00Z"),
            ("2014-09-15 10:00:00 +0200", "2014-09-15T10:00:00+02:00"),
            ("2014-09-15T10:00:00Z", "2014-09-15T10:00:00Z"),
            ("2014-09-15T10:00:00.25-05:00", "2014-09-15T10:00:00.25-05:00"),
            ("soon", "soon"),
        ] {
            assert_eq!(timely(written), meant);
        }
    }
}
