//! Records: rows as typed slices beside a shared shape.
//!
//! A row is never a map of strings. Its [`Shape`] says, once for a whole result, which fields, counts and
//! included relations it has and where; a row is then a slice of values and a slice of related rows. JSON
//! and HTML are written straight from these.

use std::sync::Arc;

use crate::model::{FieldId, ModelId, RelationId};
use crate::value::Value;

/// What the rows of one result have, and where.
#[derive(Debug)]
pub struct Shape {
    /// The model the rows are of.
    pub model: ModelId,
    /// The fields in the order of a row's `values`; the id is always the first.
    pub fields: Vec<FieldId>,
    /// For each field of the model, by its number, where in `values` it is, if at all.
    pub position: Vec<Option<u16>>,
    /// Which of the free fields leave, where the field that holds them is among `fields`; all where absent.
    pub free: Option<Vec<String>>,
    /// Names of conditions, whose truths follow the fields in `values`.
    pub tests: Vec<String>,
    /// Names of counted relations, whose numbers follow those.
    pub counts: Vec<String>,
    /// Included relations in the order of a row's `related`.
    pub relations: Vec<ShapeRelation>,
}

/// An included relation.
#[derive(Debug)]
pub struct ShapeRelation {
    /// Which relation of the model.
    pub relation: RelationId,
    /// Whether it holds a list.
    pub many: bool,
    /// What the included rows have.
    pub shape: Arc<Shape>,
}

/// One record.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The fields' values, then the truths of tests, then the counts.
    pub values: Box<[Value]>,
    /// The included relations.
    pub related: Box<[Related]>,
}

/// What an included relation of one record holds.
#[derive(Clone, Debug)]
pub enum Related {
    /// A ref: nothing where it is null or may not be read.
    One(Option<Arc<Row>>),
    /// Refs, or an inverse.
    Many(Vec<Arc<Row>>),
}

/// The rows that answer a query.
#[derive(Clone, Debug)]
pub struct RowSet {
    /// What the rows have.
    pub shape: Arc<Shape>,
    /// The rows.
    pub rows: Vec<Arc<Row>>,
    /// How many there are in all, where it was asked.
    pub total: Option<u64>,
    /// Whether rows follow after the last of these.
    pub more: bool,
    /// The values of the sort keys of the last row, for a keyset cursor; empty where nothing follows.
    pub last_key: Vec<Value>,
}

impl Shape {
    /// Where in a row's `values` the field is, if it was chosen.
    #[must_use]
    pub fn position(&self, field: FieldId) -> Option<usize> {
        self.position.get(usize::from(field.0)).copied().flatten().map(usize::from)
    }

    /// The value of a field in a row of this shape, if it was chosen.
    #[must_use]
    pub fn value<'row>(&self, row: &'row Row, field: FieldId) -> Option<&'row Value> {
        row.values.get(self.position(field)?)
    }

    /// Whether a condition of this name holds of a row of this shape, if it was asked.
    #[must_use]
    pub fn tested(&self, row: &Row, name: &str) -> Option<bool> {
        let at = self.tests.iter().position(|test| test == name)?;
        Some(row.values.get(self.fields.len() + at)? == &Value::Bool(true))
    }

    /// How many relations of this name a row of this shape has, if it was asked.
    #[must_use]
    pub fn counted<'row>(&self, row: &'row Row, name: &str) -> Option<&'row Value> {
        let at = self.counts.iter().position(|count| count == name)?;
        row.values.get(self.fields.len() + self.tests.len() + at)
    }

    /// What an included relation holds in a row of this shape, with the shape of its rows.
    #[must_use]
    pub fn related<'row>(
        &'row self,
        row: &'row Row,
        relation: RelationId,
    ) -> Option<(&'row Related, &'row Arc<Shape>)> {
        let at = self.relations.iter().position(|included| included.relation == relation)?;
        Some((row.related.get(at)?, &self.relations[at].shape))
    }
}
