//! Slugs that are made from another field, and kept apart from those that are taken.

use purlin_schema::model::{Field, Model};
use purlin_schema::types::slugify;
use purlin_schema::{FieldId, Id, Value};

use super::session::Session;
use super::{Failure, Write};
use crate::slug::numbered;

/// Numbers that are tried one after the other before they are guessed at in greater steps.
const TRIES: u64 = 16;

impl<S: Session> Write<'_, S> {
    /// Gives empty slugs a text made from their source, which may be taken.
    pub(super) fn derive_slugs(&self, model: &Model, values: &mut [Value]) {
        for field in slugs(model) {
            derive(model, field, values);
        }
    }

    /// Gives empty slugs a text made from their source, and numbers those that are taken. Of an update only the
    /// slugs that are given anew are looked at: an address, once published, stays.
    pub(super) async fn fill_slugs(
        &self,
        model: &Model,
        values: &mut [Value],
        id: Option<Id>,
        given: Option<&[(FieldId, Value)]>,
    ) -> Result<(), Failure> {
        for field in slugs(model) {
            let at = usize::from(field.id.0);
            if given.is_some_and(|given| !given.iter().any(|(known, _)| *known == field.id)) {
                continue;
            }
            if !derive(model, field, values) {
                continue;
            }
            let uniques = model.uniques.iter().enumerate();
            let uniques = uniques.filter(|(_, unique)| unique.fields.contains(&field.id));
            let uniques: Vec<usize> = uniques.map(|(number, _)| number).collect();
            self.set_apart(model, &uniques, values, at, id).await?;
        }
        Ok(())
    }

    async fn set_apart(
        &self,
        model: &Model,
        uniques: &[usize],
        values: &mut [Value],
        at: usize,
        id: Option<Id>,
    ) -> Result<(), Failure> {
        if !self.any_taken(model, uniques, values, id).await? {
            return Ok(());
        }
        let Some(base) = values[at].as_text().map(str::to_owned) else { return Ok(()) };
        let mut free = async |number: u64| -> Result<bool, Failure> {
            values[at] = numbered(&base, number).into();
            Ok(!self.any_taken(model, uniques, values, id).await?)
        };
        let mut number = 2;
        while number < TRIES {
            if free(number).await? {
                return Ok(());
            }
            number += 1;
        }
        // Hundreds of the same: double until one is free, then halve the gap to the least free one.
        let mut taken = number - 1;
        while !free(number).await? {
            taken = number;
            number *= 2;
        }
        while number - taken > 1 {
            let middle = taken + (number - taken) / 2;
            if free(middle).await? { number = middle } else { taken = middle }
        }
        free(number).await?;
        Ok(())
    }

    async fn any_taken(
        &self,
        model: &Model,
        uniques: &[usize],
        values: &[Value],
        id: Option<Id>,
    ) -> Result<bool, Failure> {
        for unique in uniques {
            if self.is_taken(model, *unique, values, id).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn slugs(model: &Model) -> impl Iterator<Item = &Field> {
    model.fields.iter().filter(|field| field.ty.name() == "slug" && field.has_column())
}

/// Makes an empty slug from its source, or from the model's name where nothing of the source can stand in a URL. Whether
/// there is one now.
fn derive(model: &Model, field: &Field, values: &mut [Value]) -> bool {
    let at = usize::from(field.id.0);
    if !values[at].is_null() && values[at].as_text() != Some("") {
        return true;
    }
    let text = match field.from.map(|from| &values[usize::from(from.0)]) {
        Some(Value::Text(text)) => text.to_string(),
        Some(Value::Int(number)) => number.to_string(),
        _ => return false,
    };
    let slug = slugify(&text);
    values[at] = if slug.is_empty() { slugify(&model.name) } else { slug }.into();
    true
}
