//! Writing a record as it stands in another database.

use std::sync::Arc;

use purlin_schema::{FieldId, Id, Kind, Value};

use super::session::Session;
use super::{Failure, Values, Write, kind_of, settle, version_of};
use crate::mutation::{Links, Mutation, Refusal};
use crate::sql::Args;

impl<S: Session> Write<'_, S> {
    /// Writes all that a record is, its id, version and times among it, in the place of what has its id. Nothing is
    /// derived, and no guard asked: the record was a record already.
    pub(super) async fn copy(
        &mut self,
        mutation: &Mutation,
        given: &[(FieldId, Value)],
        links: &[(FieldId, Vec<Id>)],
    ) -> Result<(Id, i64), Failure> {
        let model = self.model(mutation.model).clone();
        let mut values = vec![Value::Null; model.fields.len()];
        for (field, value) in given {
            values[usize::from(field.0)] = value.clone();
        }
        settle(&model, &mut values)?;
        let id = values[usize::from(FieldId::ID.0)].as_id().ok_or(Refusal::NotFound)?;
        let old = self.load(mutation.model, id).await?;
        match &old {
            Some(_) => self.overwrite(mutation, &values).await?,
            None => {
                self.insert(self.catalog.table(model.id), &values, Some(id), false).await?;
            }
        }
        let version = version_of(&values);
        let values: Values = Arc::from(values);
        self.changed(model.id, id, old, Some(values));
        for (field, targets) in links {
            let change = self.planned(&model, *field, id, &Links::Replace(targets.clone())).await?;
            self.relink(&model, id, change).await?;
        }
        Ok((id, version))
    }

    async fn overwrite(&self, mutation: &Mutation, values: &[Value]) -> Result<(), Failure> {
        let (model, dialect) = (self.model(mutation.model), self.catalog.dialect);
        let columns = model.fields.iter().filter(|field| field.has_column() && field.id != FieldId::ID);
        let columns: Vec<FieldId> = columns.map(|field| field.id).collect();
        let set = |(at, field): (usize, &FieldId)| {
            format!("{} = {{{}}}", dialect.quote(&model.field(*field).name), at + 1)
        };
        let sets = columns.iter().enumerate().map(set).collect::<Vec<_>>().join(", ");
        let text =
            format!("UPDATE {} SET {sets} WHERE {} = {{0}}", dialect.table(model), dialect.quote("id"));
        let fields = std::iter::once(FieldId::ID).chain(columns);
        let (kinds, row): (Vec<Kind>, Vec<Value>) =
            fields.map(|field| (kind_of(model, field), values[usize::from(field.0)].clone())).unzip();
        self.session.execute(&self.catalog.statement(&text, &kinds), &Args::values(&row)).await
    }
}
