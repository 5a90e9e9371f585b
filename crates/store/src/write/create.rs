//! Making a record.

use std::sync::Arc;

use purlin_schema::{FieldId, Id, Model, Value};

use super::guards::About;
use super::session::{NewRow, Session};
use super::unique::TAKEN;
use super::{Failure, Trust, Values, Write, beside, field_refusal, required, settle, version_of};
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
        let given_id = id.is_some();
        let (mut values, id) = self.drafted(mutation, &model, id, given)?;
        let mut refusals = required(&model, &values);
        refusals.extend(self.dangling(mutation, &values, None, links).await?);
        // Most keys are free: only where one is not, each is asked for, and slugs step aside.
        let mut written = None;
        if refusals.is_empty() && self.trust != Trust::Nothing {
            written = self.make(mutation, &values, id, true).await?;
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
            written = self.make(mutation, &values, id, false).await?;
        }
        let id =
            written.ok_or_else(|| Failure::Failed(Error::Database("a row was not written".to_owned())))?;
        let values: Values = if model.origin.is_some() {
            self.read_again(&model, id, None).await?
        } else {
            values[usize::from(FieldId::ID.0)] = id.into();
            let values: Values = Arc::from(values);
            self.changed(mutation.model, id, None, Some(values.clone()));
            values
        };
        for (field, targets) in links {
            self.link_new(&model, *field, id, targets).await?;
        }
        let proposed = About::proposed(id, &values, None);
        self.proposed(mutation, proposed).await?;
        self.may_write(mutation, proposed, |field| {
            given.iter().any(|(known, _)| *known == field) || links.iter().any(|(known, _)| *known == field)
        })
        .await?;
        Ok((id, version_of(&values)))
    }

    /// The values of a new record by field number, and its id where it has one before it is written.
    pub(super) fn drafted(
        &self,
        mutation: &Mutation,
        model: &Model,
        id: Option<Id>,
        given: &[(FieldId, Value)],
    ) -> Result<(Vec<Value>, Option<Id>), Failure> {
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
        let by_key = beside::given_id(model, &values);
        let id = id.or_else(|| (model.uuid_ids && by_key.is_none()).then(|| Id::Uuid(uuid::Uuid::now_v7())));
        values[usize::from(FieldId::ID.0)] = id.map_or(Value::Null, Value::from);
        let id = id.or(by_key);
        self.derive_slugs(model, &mut values);
        beside::fill_blanks(model, &mut values);
        settle(model, &mut values)?;
        Ok((values, id))
    }

    /// Makes the row.
    async fn make(
        &self,
        mutation: &Mutation,
        values: &[Value],
        id: Option<Id>,
        step_back: bool,
    ) -> Result<Option<Id>, Failure> {
        let model = self.model(mutation.model);
        match model.origin {
            Some(_) => self.insert_beside(mutation, model, values, id, step_back).await,
            None => self.insert(self.catalog.table(model.id), values, id, step_back).await,
        }
    }

    pub(super) async fn insert(
        &self,
        table: &Table,
        values: &[Value],
        id: Option<Id>,
        step_back: bool,
    ) -> Result<Option<Id>, Failure> {
        let statement = table.insert.statement(id, step_back);
        let advance = table.insert.advance.as_ref();
        self.session.insert(&NewRow { statement, advance, values, id, step_back }).await
    }
}
