//! A record in a template: its fields by name, its relations where they were included, its counts.
//!
//! What the page did not ask for is an error that says what to add to the front matter, and a record as a whole is
//! neither printed nor walked through: that would show fields that nobody thought of.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr};
use minijinja::{Error, Value};
use purlin_schema::model::{Field, RelationId};
use purlin_schema::record::Related;
use purlin_schema::{Id, Model, ModelId, Row, Shape, Value as Held};

use super::list::RelatedList;
use super::{Shared, convert, document, refusal, refused};
use crate::text::suggest;
use crate::view::Record;

/// A record.
pub(crate) struct RecordValue {
    pub(crate) shared: Arc<Shared>,
    pub(crate) shape: Arc<Shape>,
    pub(crate) row: Arc<Row>,
}

impl RecordValue {
    pub(crate) fn value(shared: &Arc<Shared>, shape: &Arc<Shape>, row: &Arc<Row>) -> Value {
        Value::from_object(RecordValue { shared: shared.clone(), shape: shape.clone(), row: row.clone() })
    }

    /// The same for whoever else asks about it.
    pub(crate) fn record(&self) -> Record {
        Record { shape: self.shape.clone(), row: self.row.clone() }
    }

    pub(crate) fn model(&self) -> &Arc<Model> {
        self.shared.site.models.get(self.shape.model)
    }

    fn id(&self) -> Option<Id> {
        self.row.values.first().and_then(Held::as_id)
    }

    fn field(&self, model: &Model, field: &Field) -> Value {
        if let Some(reference) = &field.reference {
            if let Some(related) = self.related(reference.relation) {
                return related;
            }
            if reference.many {
                return refused(not_included(model, &field.name));
            }
        }
        if field.hidden {
            return refused(format!("`{}.{}` is hidden and leaves for nobody", model.name, field.name));
        }
        let Some(at) = self.shape.position(field.id) else {
            return refused(format!(
                "`{name}` of `{model}` was not asked for; add \"{name}\" to its `fields`",
                name = field.name,
                model = model.name
            ));
        };
        if field.reference.is_none() {
            return convert::field(&self.shared, &self.row, at, field.ty.name());
        }
        match self.row.values[at].as_id() {
            Some(id) => Value::from_object(Unincluded { id, hint: not_included(model, &field.name) }),
            None => Value::from(()),
        }
    }

    /// A free field; nothing where this record has none of the name, as with a declared one that has no value.
    fn free(&self, model: &Model, field: &Field, name: &str) -> Value {
        let chosen = self.shape.free.as_ref().is_none_or(|names| names.iter().any(|known| known == name));
        match self.shape.value(&self.row, field.id).filter(|_| chosen) {
            Some(Held::Json(json)) => json.get(name).map_or(Value::from(()), document::from_json),
            Some(_) => Value::from(()),
            None => refused(format!(
                "`{name}` of `{model}` was not asked for; add \"{name}\" to its `fields`",
                model = model.name
            )),
        }
    }

    fn related(&self, relation: RelationId) -> Option<Value> {
        let at = self.shape.relations.iter().position(|included| included.relation == relation)?;
        let shape = &self.shape.relations[at].shape;
        Some(match self.row.related.get(at)? {
            Related::One(Some(row)) => RecordValue::value(&self.shared, shape, row),
            Related::One(None) => Value::from(()),
            Related::Many(_) => Value::from_object(RelatedList {
                shared: self.shared.clone(),
                shape: shape.clone(),
                row: self.row.clone(),
                at,
            }),
        })
    }

    fn unknown(&self, model: &Model, name: &str) -> Value {
        let names = model
            .fields
            .iter()
            .filter(|field| !field.hidden && !field.name.starts_with('_'))
            .map(|field| field.name.as_str())
            .chain(model.relations.iter().map(|relation| relation.name.as_str()))
            .chain(["counts"]);
        refused(format!("`{}` has no `{name}`; {}", model.name, suggest::hint(name, names)))
    }

    /// Why a record as a whole is not written.
    pub(crate) fn refuse_whole(&self) -> Error {
        let model = self.model();
        let label = &model.field(model.label).name;
        refusal(format!(
            "this is a whole record of `{}`, which would show every field; write the field you mean: `.{label}`",
            model.name
        ))
    }
}

fn not_included(model: &Model, relation: &str) -> String {
    format!("`{relation}` of `{}` was not included; add include = [\"{relation}\"]", model.name)
}

impl fmt::Debug for RecordValue {
    /// Names the record and shows nothing of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<record of {}>", self.model().name)
    }
}

impl Object for RecordValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        let model = self.model();
        if let Some(field) = model.field_named(name) {
            return Some(self.field(model, field));
        }
        if let Some(relation) = model.relation_named(name) {
            return Some(self.related(relation.id).unwrap_or_else(|| refused(not_included(model, name))));
        }
        if name == "counts" {
            let record =
                RecordValue { shared: self.shared.clone(), shape: self.shape.clone(), row: self.row.clone() };
            return Some(Value::from_object(Counts(record)));
        }
        if let Some(free) = model.free_field(name) {
            return Some(self.free(model, model.field(free), name));
        }
        Some(self.unknown(model, name))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Iter(Box::new(std::iter::once(Value::from(self.refuse_whole()))))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        None
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    /// Two are equal where they are the same record, whatever of it was asked for.
    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<std::cmp::Ordering> {
        let other = other.downcast_ref::<RecordValue>()?;
        Some(self.shape.model.cmp(&other.shape.model).then(self.id().cmp(&other.id())))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// `post.counts`: how many related records there are, by name.
struct Counts(RecordValue);

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<counts>")
    }
}

impl Object for Counts {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        let RecordValue { shape, row, .. } = &self.0;
        match shape.counted(row, name) {
            Some(number) => Some(convert::plain(number)),
            None => Some(refused(format!(
                "`{name}` of `{}` was not counted; add count = {{ {name} = true }}",
                self.0.model().name
            ))),
        }
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }
}

/// A ref whose record was not included: only its id is known.
struct Unincluded {
    id: Id,
    hint: String,
}

impl fmt::Debug for Unincluded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<record that was not included>")
    }
}

impl Object for Unincluded {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "id" => Some(convert::plain(&self.id.into())),
            _ => Some(refused(self.hint.clone())),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Iter(Box::new(std::iter::once(refused(self.hint.clone()))))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        None
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }
}

/// Why a value may not be printed, where it may not.
pub(crate) fn refuse_print(value: &Value) -> Option<Error> {
    if let Some(record) = value.downcast_object_ref::<RecordValue>() {
        return Some(record.refuse_whole());
    }
    if let Some(stub) = value.downcast_object_ref::<Unincluded>() {
        return Some(refusal(stub.hint.clone()));
    }
    if super::list::is_of_records(value) {
        return Some(refusal("this is a list of records; walk through it with {% for … in … %}"));
    }
    None
}

/// The free fields of a record by their names, those that the page asked for; of null, which is no record, none.
pub(crate) fn free_fields(value: &Value) -> Result<Value, Error> {
    if value.is_none() {
        return Ok(document::from_members(std::iter::empty()));
    }
    let Some(record) = value.downcast_object_ref::<RecordValue>() else {
        return Err(refusal("this is no record; only records have free fields"));
    };
    let model = record.model();
    let Some(free) = model.free else {
        return Err(refusal(format!(
            "`{}` has no free fields; write kind = \"documents\" into its [model]",
            model.name
        )));
    };
    match record.shape.value(&record.row, free) {
        Some(Held::Json(json)) => {
            let chosen = record.shape.free.as_ref();
            let is_chosen = |name: &String| chosen.is_none_or(|names| names.contains(name));
            let members = json.as_object().into_iter().flatten();
            Ok(document::from_members(members.filter(|(name, _)| is_chosen(name))))
        }
        Some(_) => Ok(document::from_members(std::iter::empty())),
        None => Err(refusal(format!(
            "no free field of `{}` was asked for; name those that you mean in its `fields`, or leave `fields` out",
            model.name
        ))),
    }
}

/// The record or model that a function was told about.
pub(crate) fn model_of(value: &Value) -> Option<(ModelId, Record)> {
    let record = value.downcast_object_ref::<RecordValue>()?;
    Some((record.shape.model, record.record()))
}
