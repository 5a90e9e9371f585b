//! A stored record as the place where an expression finds its fields.

use super::{Env, Evaluated, Path, Value};
use crate::expr::{Input, Inputs};
use crate::model::Models;
use crate::record::{Related, Row, Shape};

/// A record as a query gave it, with what it included.
///
/// Fields that were not chosen and relations that were not included are not available. Lists are never:
/// an include may have a filter or a limit, so that what is there need not be all.
#[derive(Clone, Copy)]
pub struct RowEnv<'site> {
    /// The site's models.
    pub models: &'site Models,
    /// What the record has.
    pub shape: &'site Shape,
    /// The record.
    pub row: &'site Row,
    /// Everything but the record.
    pub inputs: &'site dyn Inputs,
}

impl Env for RowEnv<'_> {
    fn input(&self, input: &Input) -> Evaluated {
        self.inputs.input(input).map_or(Evaluated::Error, Evaluated::Value)
    }

    fn field(&self, path: &Path) -> Evaluated {
        let (mut shape, mut row) = (self.shape, self.row);
        for hop in &path.hops {
            let model = self.models.get(shape.model);
            if let Some(Value::Null | Value::Withheld) = shape.value(row, *hop) {
                return Evaluated::Error;
            }
            let Some(reference) = &model.field(*hop).reference else { return Evaluated::Unavailable };
            match shape.related(row, reference.relation) {
                Some((Related::One(Some(next)), next_shape)) => (shape, row) = (next_shape, next),
                _ => return Evaluated::Unavailable,
            }
        }
        shape.value(row, path.field).map_or(Evaluated::Unavailable, |value| Evaluated::Value(value.clone()))
    }
}
