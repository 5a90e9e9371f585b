//! Slugs that are made from another field, and kept apart from those that are taken.

use purlin_schema::model::{Field, Model};
use purlin_schema::types::slugify;
use purlin_schema::{FieldId, Id, Value};

use super::{Failure, Write};
use crate::slug::numbered;

/// Numbers that are tried one after the other before they are guessed at in greater steps.
const TRIES: u64 = 16;

impl Write<'_> {
    /// Gives empty slugs a text made from their source, and numbers those that are taken. Of an update only the
    /// slugs that are given anew are looked at: an address, once published, stays.
    pub(super) fn fill_slugs(
        &self,
        model: &Model,
        values: &mut [Value],
        id: Option<Id>,
        given: Option<&[(FieldId, Value)]>,
    ) -> Result<(), Failure> {
        for field in model.fields.iter().filter(|field| field.ty.name() == "slug" && field.has_column()) {
            let at = usize::from(field.id.0);
            if given.is_some_and(|given| !given.iter().any(|(known, _)| *known == field.id)) {
                continue;
            }
            let empty = values[at].is_null() || values[at].as_text() == Some("");
            if empty {
                let Some(derived) = derive(model, field, values) else { continue };
                values[at] = derived.into();
            }
            let uniques = model.uniques.iter().enumerate();
            let uniques = uniques.filter(|(_, unique)| unique.fields.contains(&field.id));
            let uniques: Vec<usize> = uniques.map(|(number, _)| number).collect();
            self.set_apart(model, &uniques, values, at, id)?;
        }
        Ok(())
    }

    fn set_apart(
        &self,
        model: &Model,
        uniques: &[usize],
        values: &mut [Value],
        at: usize,
        id: Option<Id>,
    ) -> Result<(), Failure> {
        if !self.any_taken(model, uniques, values, id)? {
            return Ok(());
        }
        let Some(base) = values[at].as_text().map(str::to_owned) else { return Ok(()) };
        let mut free = |number: u64| -> Result<bool, Failure> {
            values[at] = numbered(&base, number).into();
            Ok(!self.any_taken(model, uniques, values, id)?)
        };
        let mut number = 2;
        while number < TRIES {
            if free(number)? {
                return Ok(());
            }
            number += 1;
        }
        // Hundreds of the same: double until one is free, then halve the gap to the least free one.
        let mut taken = number - 1;
        while !free(number)? {
            taken = number;
            number *= 2;
        }
        while number - taken > 1 {
            let middle = taken + (number - taken) / 2;
            if free(middle)? { number = middle } else { taken = middle }
        }
        free(number)?;
        Ok(())
    }

    fn any_taken(
        &self,
        model: &Model,
        uniques: &[usize],
        values: &[Value],
        id: Option<Id>,
    ) -> Result<bool, Failure> {
        for unique in uniques {
            if self.is_taken(model, *unique, values, id)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A slug from its source; the model's name where nothing of the source can stand in a URL.
fn derive(model: &Model, field: &Field, values: &[Value]) -> Option<String> {
    let source = &values[usize::from(field.from?.0)];
    let text = match source {
        Value::Text(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        _ => return None,
    };
    let slug = slugify(&text);
    Some(if slug.is_empty() { slugify(&model.name) } else { slug })
}
