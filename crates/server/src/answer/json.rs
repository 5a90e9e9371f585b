//! Records as JSON, written straight from rows.

use purlin_schema::model::{Field, FieldId, Model, Models, RelationBy};
use purlin_schema::record::{Related, Row, RowSet, Shape, ShapeRelation};
use purlin_schema::value::{Value, write_json, write_json_string};

/// An answer of more bytes is not made: an included record may stand in it any number of times, and those that it
/// includes with it. Writing ends soon after.
pub const MOST_BYTES: usize = 32 * 1024 * 1024;

/// Writes `{"items": […], "next": …}`, and `"total"` where it was asked for.
pub fn write_listing(out: &mut Vec<u8>, models: &Models, set: &RowSet, next: Option<&str>) {
    let writer = Writer::new(models, &set.shape);
    out.reserve(64 + set.rows.iter().map(|row| about_bytes(row)).sum::<usize>());
    out.extend_from_slice(br#"{"items":"#);
    write_list(out, &set.rows, |out, row| writer.write(out, row));
    out.extend_from_slice(br#","next":"#);
    match next {
        Some(cursor) => write_json_string(cursor, out),
        None => out.extend_from_slice(b"null"),
    }
    if let Some(total) = set.total {
        out.extend_from_slice(br#","total":"#);
        out.extend_from_slice(itoa::Buffer::new().format(total).as_bytes());
    }
    out.push(b'}');
}

/// Writes one record.
pub fn write_record(out: &mut Vec<u8>, models: &Models, shape: &Shape, row: &Row) {
    out.reserve(about_bytes(row));
    Writer::new(models, shape).write(out, row);
}

/// About how long a record will be: growing the answer step by step copies it again and again.
fn about_bytes(row: &Row) -> usize {
    let value = |value: &Value| 40 + value.as_text().map_or(0, str::len);
    row.values.iter().map(value).sum::<usize>() + 256 * row.related.len()
}

/// Writes `[…]`.
pub fn write_list<T>(out: &mut Vec<u8>, items: &[T], mut each: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        each(out, item);
    }
    out.push(b']');
}

/// What is written of each row of a shape: decided once, not a row.
struct Writer<'site> {
    members: Vec<Member<'site>>,
    free: Option<Free<'site>>,
}

/// The free fields, which follow what is declared.
struct Free<'site> {
    model: &'site Model,
    /// Where the document is that holds them.
    at: usize,
    /// Those that were chosen; all where absent.
    chosen: Option<Vec<String>>,
}

/// One name of an object.
struct Member<'site> {
    name: &'site str,
    /// Where the value is, if it is a field's: a value that is withheld leaves the name out.
    value: Option<usize>,
    big: bool,
    /// Where the included records are, and how they are written; in the place of a ref's id.
    related: Option<(usize, Writer<'site>)>,
}

impl<'site> Writer<'site> {
    fn new(models: &'site Models, shape: &Shape) -> Writer<'site> {
        let model = models.get(shape.model);
        let mut members: Vec<Member<'site>> = Vec::with_capacity(shape.fields.len() + shape.relations.len());
        let mut free = None;
        for (at, id) in shape.fields.iter().enumerate() {
            let field = model.field(*id);
            if model.free == Some(*id) {
                free = Some(Free { model, at, chosen: shape.free.clone() });
            } else if leaves(field) {
                members.push(Member { name: &field.name, value: Some(at), big: field.big, related: None });
            }
        }
        for (at, included) in shape.relations.iter().enumerate() {
            let inner = (at, Writer::new(models, &included.shape));
            let name = name_of(model, included);
            match members.iter_mut().find(|member| member.name == name) {
                Some(member) => member.related = Some(inner),
                None => members.push(Member { name, value: None, big: false, related: Some(inner) }),
            }
        }
        Writer { members, free }
    }

    fn write(&self, out: &mut Vec<u8>, row: &Row) {
        if out.len() > MOST_BYTES {
            return;
        }
        out.push(b'{');
        let mut first = true;
        for member in &self.members {
            let value = member.value.and_then(|at| row.values.get(at));
            if matches!(value, Some(Value::Withheld)) {
                continue;
            }
            out.extend_from_slice(if first { b"\"" } else { b",\"" });
            first = false;
            // Names are identifiers: letters, digits and underscores.
            out.extend_from_slice(member.name.as_bytes());
            out.extend_from_slice(b"\":");
            match &member.related {
                Some((at, writer)) => writer.write_related(out, row.related.get(*at)),
                None => write_json(value.unwrap_or(&Value::Null), member.big, out),
            }
        }
        if let Some(free) = &self.free {
            free.write(out, row, first);
        }
        out.push(b'}');
    }

    fn write_related(&self, out: &mut Vec<u8>, related: Option<&Related>) {
        match related {
            Some(Related::One(Some(row))) => self.write(out, row),
            Some(Related::One(None)) | None => out.extend_from_slice(b"null"),
            Some(Related::Many(rows)) => write_list(out, rows, |out, row| self.write(out, row)),
        }
    }
}

impl Free<'_> {
    fn write(&self, out: &mut Vec<u8>, row: &Row, mut first: bool) {
        let held = row.values.get(self.at).unwrap_or(&Value::Null);
        for (name, value) in self.model.free_fields(held) {
            if self.chosen.as_ref().is_some_and(|chosen| !chosen.iter().any(|known| known == name)) {
                continue;
            }
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            write_json_string(name, out);
            out.push(b':');
            // To a vector it cannot fail.
            drop(serde_json::to_writer(&mut *out, value));
        }
    }
}

/// The engine chooses what the asker may read; this holds even where it were mistaken.
fn leaves(field: &Field) -> bool {
    field.id != FieldId::VERSION && !field.hidden && field.ty.name() != "password"
}

/// A ref's records stand under the field's name, an inverse's under the relation's.
fn name_of<'site>(model: &'site Model, included: &ShapeRelation) -> &'site str {
    let relation = model.relation(included.relation);
    match relation.by {
        RelationBy::Ref(field) | RelationBy::Refs(field) => &model.field(field).name,
        RelationBy::Inverse(_) | RelationBy::InverseRefs(_) => &relation.name,
    }
}
