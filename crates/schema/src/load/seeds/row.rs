//! From the cells of a row to values of its model's fields.

use super::{Cell, Content, Natural, Raw, SeedValue};
use crate::free::{Gathered, from_cell};
use crate::load::report::File;
use crate::model::{Field, FieldId, Model, Models};
use crate::types::Problem;
use crate::value::{Kind, Value};

/// Reads every cell; notes what is wrong with each.
pub(super) fn read(file: File<'_>, raw: &Raw, models: &Models, model: &Model) -> Vec<(FieldId, SeedValue)> {
    let mut values: Vec<(FieldId, SeedValue)> = Vec::new();
    let mut free = Gathered::default();
    for cell in &raw.cells {
        if model.free_field(&cell.key).is_some() {
            let given = match &cell.content {
                Content::Json(json) | Content::Key { json, .. } => Some(json.clone()),
                Content::Text { text, .. } => from_cell(text),
            };
            if given.is_some_and(|given| !free.put(&cell.key, given)) {
                file.error("named-twice", &cell.key_span, format!("`{}` is named twice", cell.key));
            }
            continue;
        }
        let Some(field) = field(file, cell, model) else { continue };
        let value = match cell.content.value(field, models) {
            Ok(value) => value,
            Err(problem) => {
                let message = format!("`{}` {}", cell.key, problem.message);
                file.error(problem.code, &cell.span, message);
                continue;
            }
        };
        match values.iter_mut().find(|(id, _)| *id == field.id) {
            // `author.first` and `author.last` of CSV together tell one record.
            Some((_, SeedValue::Link(key))) if matches!(cell.content, Content::Text { of: Some(_), .. }) => {
                if let SeedValue::Link(more) = value {
                    key.extend(more);
                }
            }
            Some(_) => {
                file.error("named-twice", &cell.key_span, format!("`{}` is named twice", cell.key));
            }
            None => values.push((field.id, value)),
        }
    }
    values.extend(model.free.zip(free.value().map(SeedValue::Value)));
    values
}

fn field<'m>(file: File<'_>, cell: &Cell, model: &'m Model) -> Option<&'m Field> {
    let usable = |field: &&Field| field.id != FieldId::VERSION && field.computed.is_none();
    let found = model.field_named(&cell.key).filter(usable);
    if found.is_none() {
        let shown = model.fields.iter().filter(|field| usable(field) && model.free != Some(field.id));
        let names: Vec<&str> = shown.map(|field| field.name.as_str()).collect();
        let message = match model.field_named(&cell.key) {
            Some(_) => format!("`{}` cannot be given", cell.key),
            None => format!("`{}` has no field `{}`", model.name, cell.key),
        };
        file.error("unknown-field", &cell.key_span, message).among(&cell.key, names.iter().copied());
    }
    found
}

/// The value of a field.
pub(super) fn one(field: &Field, content: &Content, models: &Models) -> Result<SeedValue, Problem> {
    let Some(reference) = &field.reference else {
        let value = match content {
            Content::Json(json) | Content::Key { json, .. } => scalar(field, json)?,
            Content::Text { text, .. } => field.ty.from_text(field, text)?,
        };
        return checked(field, value).map(SeedValue::Value);
    };
    let to = models.get(reference.to);
    match (content, reference.many) {
        (Content::Key { json: serde_json::Value::Array(items), of }, true) => {
            items.iter().map(|item| by(to, *of, item)).collect::<Result<_, _>>().map(SeedValue::Links)
        }
        (Content::Key { json: serde_json::Value::Null, .. }, true) => Ok(SeedValue::Links(Vec::new())),
        (Content::Key { .. }, true) => Err(Problem::wrong_type("a list of refs")),
        (Content::Key { json: serde_json::Value::Null, .. }, false) => Ok(SeedValue::Value(Value::Null)),
        (Content::Key { json, of }, false) => by(to, *of, json).map(link),
        (Content::Json(serde_json::Value::Array(items)), true) => {
            let keys: Result<Vec<Natural>, Problem> = items.iter().map(|item| natural(to, item)).collect();
            keys.map(SeedValue::Links)
        }
        (Content::Json(serde_json::Value::Null), true) => Ok(SeedValue::Links(Vec::new())),
        (Content::Json(_), true) => Err(Problem::wrong_type("a list of refs")),
        (Content::Json(serde_json::Value::Null), false) => Ok(SeedValue::Value(Value::Null)),
        (Content::Json(json), false) => natural(to, json).map(link),
        (Content::Text { text, of }, true) => {
            let parts = text.split('|').map(str::trim).filter(|part| !part.is_empty());
            let keys: Result<Vec<Natural>, Problem> = parts.map(|part| from_text(to, *of, part)).collect();
            keys.map(SeedValue::Links)
        }
        (Content::Text { text, .. }, false) if text.trim().is_empty() => Ok(SeedValue::Value(Value::Null)),
        (Content::Text { text, of }, false) => from_text(to, *of, text.trim()).map(link),
    }
}

/// A key that is an id alone is the ref's value itself.
fn link(mut key: Natural) -> SeedValue {
    match key.as_slice() {
        [(FieldId::ID, _)] => SeedValue::Value(key.remove(0).1),
        _ => SeedValue::Link(key),
    }
}

/// The record that has this value in one field, or that an object tells.
fn by(to: &Model, of: FieldId, json: &serde_json::Value) -> Result<Natural, Problem> {
    if json.is_object() {
        return natural(to, json);
    }
    let field = to.field(of);
    let value = scalar(field, json).and_then(|value| checked(field, value));
    let value = value.map_err(|problem| {
        Problem::new(problem.code, format!("names `{}`, which {}", field.name, problem.message))
    })?;
    match value {
        Value::Null => Err(Problem::new("required", format!("has a `{}` that is null", field.name))),
        value => Ok(vec![(of, value)]),
    }
}

/// Which record of a model is meant: `{ email = "…" }`, an id, or the text that labels it.
fn natural(to: &Model, json: &serde_json::Value) -> Result<Natural, Problem> {
    match json {
        serde_json::Value::Object(map) if !map.is_empty() => map
            .iter()
            .map(|(key, json)| {
                let field = to.field_named(key).filter(|field| field.has_column());
                let field = field.ok_or_else(|| {
                    Problem::new(
                        "unknown-field",
                        format!("names `{key}`, which is no field of `{}`", to.name),
                    )
                })?;
                let value = scalar(field, json).map_err(|problem| {
                    Problem::new(problem.code, format!("has `{key}`, which {}", problem.message))
                })?;
                Ok((field.id, value))
            })
            .collect(),
        serde_json::Value::Number(_) => Ok(vec![(FieldId::ID, scalar(to.field(FieldId::ID), json)?)]),
        serde_json::Value::String(text) => from_text(to, None, text),
        _ => {
            Err(Problem::new("invalid", format!("must be a record of `{}`, such as `{{ id = 1 }}`", to.name)))
        }
    }
}

fn from_text(to: &Model, of: Option<FieldId>, text: &str) -> Result<Natural, Problem> {
    let id = to.field(FieldId::ID);
    let is_id = of.is_none() && (to.uuid_ids || text.bytes().all(|byte| byte.is_ascii_digit()));
    if is_id && let Some(value) = id.kind.parse(text) {
        return Ok(vec![(FieldId::ID, value)]);
    }
    let field = to.field(of.unwrap_or(to.label));
    if of.is_none() && (field.kind != Kind::Text || field.id == FieldId::ID) {
        return Err(Problem::new("invalid", format!("must be an id of `{}`, or a field of it", to.name)));
    }
    Ok(vec![(field.id, field.ty.from_text(field, text)?)])
}

fn scalar(field: &Field, json: &serde_json::Value) -> Result<Value, Problem> {
    // A file that the owner wrote may have 64-bit integers as they are.
    match json.as_i64() {
        Some(number) if field.big => Ok(Value::Int(number)),
        _ => field.ty.from_json(field, json),
    }
}

fn checked(field: &Field, value: Value) -> Result<Value, Problem> {
    match field.ty.check(field, &value) {
        Some(problem) if !value.is_null() => Err(problem),
        _ => Ok(value),
    }
}
