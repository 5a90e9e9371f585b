//! Making a record.

use std::sync::Arc;

use purlin_schema::{FieldId, Id, Value};

use super::guards::About;
use super::session::{NewRow, Session};
use super::unique::TAKEN;
use super::{Failure, Values, Write, field_refusal, required, settle};
use crate::catalog::Table;
use crate::error::Error;
use crate::mutation::Mutation;

impl<S: Session> Write<'_, S> {
    pub(super) async fn create(
        &mut self,
        mutation: &Mutation,
        id: Option<Id>,
        given: &[(FieldId, Value)],
        links: &[(FieldId, Vec<Id>)],
    ) -> Result<(Id, i64), Failure> {
        let model = self.model(mutation.model).clone();
        let mut values = vec![Value::Null; model.fields.len()];
        let mut set = |field: FieldId, value: Value| values[usize::from(field.0)] = value;
        set(FieldId::CREATED_AT, Value::Datetime(mutation.now));
        set(FieldId::UPDATED_AT, Value::Datetime(mutation.now));
        for (field, value) in given {
            if model.field(*field).has_column() {
                set(*field, value.clone());
            }
        }
        set(FieldId::VERSION, Value::Int(1));
        let given_id = id.is_some();
        let id = id.or_else(|| model.uuid_ids.then(|| Id::Uuid(uuid::Uuid::now_v7())));
        set(FieldId::ID, id.map_or(Value::Null, Value::from));
        self.derive_slugs(&model, &mut values);

        settle(&model, &mut values)?;
        let mut refusals = required(&model, &values);
        refusals.extend(self.dangling(mutation, &values, None, links).await?);
        let table = self.catalog.table(mutation.model);
        // Most keys are free: only where one is not, each is asked for, and slugs step aside.
        let mut written = None;
        if refusals.is_empty() {
            written = self.insert(table, &values, id, true).await?;
        }
        if written.is_none() {
            self.fill_slugs(&model, &mut values, None, None).await?;
            if let Some(id) = id.filter(|_| given_id)
                && self.exists(mutation.model, id).await?
            {
                refusals.push(field_refusal(FieldId::ID, "unique", TAKEN));
            }
            refusals.extend(self.taken(&model, &values, id).await?);
            self.refuse(mutation, refusals, &values, None).await?;
            written = self.insert(table, &values, id, false).await?;
        }
        let id =
            written.ok_or_else(|| Failure::Failed(Error::Database("a row was not written".to_owned())))?;
        values[usize::from(FieldId::ID.0)] = id.into();
        let values: Values = Arc::from(values);
        self.changed(mutation.model, id, None, Some(values.clone()));
        for (field, targets) in links {
            self.link_new(&model, *field, id, targets).await?;
        }
        let proposed = About::proposed(id, &values, None);
        self.proposed(mutation, proposed).await?;
        self.may_write(mutation, proposed, |field| {
            given.iter().any(|(known, _)| *known == field) || links.iter().any(|(known, _)| *known == field)
        })
        .await?;
        Ok((id, 1))
    }

    pub(super) async fn insert(
        &self,
        table: &Table,
        values: &[Value],
        id: Option<Id>,
        step_back: bool,
    ) -> Result<Option<Id>, Failure> {
        self.session.insert(&NewRow { insert: &table.insert, values, id, step_back }).await
    }
}
