//! Changing a record.
//!
//! An update under which nothing changes is acknowledged, its guards hold like any other's, but the record keeps
//! its version: whoever saves a form without an edit does not make others' copies stale.

use std::sync::Arc;

use purlin_schema::{FieldId, Id, Kind, Model, Value};

use super::guards::About;
use super::session::Session;
use super::{Failure, Values, Write, beside, required, settle, version_of};
use crate::mutation::{Links, Mutation, Refusal};
use crate::sql::Args;
use crate::sql::dialect::kind_of;

/// What an update sets.
pub(super) struct Given<'run> {
    pub(super) values: &'run [(FieldId, Value)],
    pub(super) merges: &'run [(FieldId, serde_json::Value)],
    pub(super) links: &'run [(FieldId, Links)],
}

impl<S: Session> Write<'_, S> {
    pub(super) async fn update(
        &mut self,
        mutation: &Mutation,
        id: Id,
        if_version: Option<i64>,
        given: &Given<'_>,
    ) -> Result<(Id, i64), Failure> {
        let old = self.load(mutation.model, id).await?.ok_or(Refusal::NotFound)?;
        let stored = About::stored(id, &old);
        self.stored(mutation, stored).await?;
        if if_version.is_some_and(|version| version != version_of(&old)) {
            return Err(Refusal::VersionMismatch.into());
        }
        let model = self.model(mutation.model).clone();
        let mut values = old.to_vec();
        let kept = self.kept(mutation, stored).await?;
        let fixed = |field: &FieldId| {
            matches!(*field, FieldId::ID | FieldId::VERSION)
                || kept.contains(field)
                || !model.field(*field).has_column()
        };
        for (field, value) in given.values.iter().filter(|(field, _)| !fixed(field)) {
            values[usize::from(field.0)] = value.clone();
        }
        let merges = given.merges.iter().filter(|(field, _)| !fixed(field));
        merge(&model, &mut values, merges)?;
        self.fill_slugs(&model, &mut values, Some(id), Some(given.values)).await?;
        beside::fill_blanks(&model, &mut values);
        settle(&model, &mut values)?;
        let links = given.links.iter().filter(|(field, _)| !kept.contains(field));
        let mut changes = Vec::new();
        for (field, links) in links {
            changes.push(self.planned(&model, *field, id, links).await?);
        }
        let differs = |field: FieldId| values[usize::from(field.0)] != old[usize::from(field.0)];
        let changed: Vec<FieldId> =
            model.fields.iter().map(|field| field.id).filter(|id| differs(*id)).collect();
        let relinked = changes.iter().filter(|change| !change.is_empty()).map(|change| change.field);
        let changes_of: Vec<FieldId> = changed.iter().copied().chain(relinked).collect();
        self.may_write(mutation, stored, |field| changes_of.contains(&field)).await?;

        beside::keep_key(&model, &changed)?;
        let mut refusals = required(&model, &values);
        let added: Vec<_> = changes.iter().map(|change| (change.field, change.added.clone())).collect();
        refusals.extend(self.dangling(mutation, &values, Some(&old), &added).await?);
        refusals.extend(self.taken(&model, &values, Some(id)).await?);
        self.refuse(mutation, refusals, &values, Some(&old)).await?;
        let touched = !changed.is_empty() || changes.iter().any(|change| !change.is_empty());
        let values = if touched {
            match model.origin {
                Some(_) => self.update_beside(mutation, id, old.clone(), values, changed).await?,
                None => self.write_row(mutation, id, old.clone(), values, changed).await?,
            }
        } else {
            old.clone()
        };
        for change in changes {
            self.relink(&model, id, change).await?;
        }
        self.proposed(mutation, About::proposed(id, &values, Some(&old))).await?;
        Ok((id, version_of(&values)))
    }

    /// Writes changed columns, with the next version and the time; what the record has then.
    pub(super) async fn write_row(
        &mut self,
        mutation: &Mutation,
        id: Id,
        old: Values,
        values: Vec<Value>,
        changed: Vec<FieldId>,
    ) -> Result<Values, Failure> {
        self.write_row_of(mutation.model, mutation.now, id, old, values, changed).await
    }

    /// The same for a record of any model, as `on_delete` changes them.
    pub(super) async fn write_row_of(
        &mut self,
        of: purlin_schema::ModelId,
        now: i64,
        id: Id,
        old: Values,
        mut values: Vec<Value>,
        mut changed: Vec<FieldId>,
    ) -> Result<Values, Failure> {
        let model = self.model(of).clone();
        let version = version_of(&old) + 1;
        values[usize::from(FieldId::VERSION.0)] = Value::Int(version);
        if !changed.contains(&FieldId::UPDATED_AT) {
            values[usize::from(FieldId::UPDATED_AT.0)] = Value::Datetime(now);
            changed.push(FieldId::UPDATED_AT);
        }
        changed.push(FieldId::VERSION);
        let dialect = self.catalog.dialect;
        let sets = changed
            .iter()
            .enumerate()
            .map(|(at, field)| format!("{} = {{{}}}", dialect.quote(&model.field(*field).name), at + 1));
        let sets = sets.collect::<Vec<_>>().join(", ");
        let text =
            format!("UPDATE {} SET {sets} WHERE {} = {{0}}", dialect.table(&model), dialect.quote("id"));
        let fields = std::iter::once(FieldId::ID).chain(changed);
        let (kinds, row): (Vec<Kind>, Vec<Value>) =
            fields.map(|field| (kind_of(&model, field), values[usize::from(field.0)].clone())).unzip();
        self.session.execute(&self.catalog.statement(&text, &kinds), &Args::values(&row)).await?;
        let values: Values = Arc::from(values);
        self.changed(of, id, Some(old), Some(values.clone()));
        Ok(values)
    }
}

/// Merges patches into the documents that are stored, which must be as they are declared afterwards.
fn merge<'run>(
    model: &Model,
    values: &mut [Value],
    merges: impl Iterator<Item = &'run (FieldId, serde_json::Value)>,
) -> Result<(), Failure> {
    let mut refusals = Vec::new();
    for (field, patch) in merges {
        let value = &mut values[usize::from(field.0)];
        *value = std::mem::take(value).merged(patch);
        let of = model.field(*field);
        let problems = of.ty.problems(of, value);
        refusals.extend(problems.into_iter().map(|problem| Refusal::Document { field: *field, problem }));
    }
    if refusals.is_empty() { Ok(()) } else { Err(Failure::Refused(refusals)) }
}
