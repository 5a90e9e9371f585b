//! Making a record.

use std::sync::Arc;

use purlin_schema::{FieldId, Id, Value};

use super::unique::TAKEN;
use super::{Failure, Values, Write, field_refusal, fitting, required};
use crate::mutation::Mutation;
use crate::sql::Args;

impl Write<'_> {
    pub(super) fn create(
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
        let id = id.or_else(|| model.uuid_ids.then(|| Id::Uuid(uuid::Uuid::now_v7().as_u128())));
        set(FieldId::ID, id.map_or(Value::Null, Value::from));
        self.fill_slugs(&model, &mut values, None, None)?;

        fitting(&model, &values)?;
        let mut refusals = required(&model, &values);
        if let Some(id) = id.filter(|_| given_id)
            && self.exists(mutation.model, id)?
        {
            refusals.push(field_refusal(FieldId::ID, "unique", TAKEN));
        }
        refusals.extend(self.dangling(mutation, &values, None, links)?);
        refusals.extend(self.taken(&model, &values, id)?);
        self.refuse(mutation, refusals, &values, None)?;
        let table = self.catalog.table(mutation.model);
        let row: Vec<Value> =
            table.columns.iter().map(|(field, _)| values[usize::from(field.0)].clone()).collect();
        self.session.execute(&table.insert, &Args::values(&row))?;
        let id = id.unwrap_or_else(|| Id::Int(self.session.connection.last_insert_rowid()));
        values[usize::from(FieldId::ID.0)] = id.into();
        let values: Values = Arc::from(values);
        self.changed(mutation.model, id, None, Some(values.clone()));
        for (field, targets) in links {
            self.link_new(&model, *field, id, targets)?;
        }
        self.proposed(mutation, id, None)?;
        self.may_write_new(mutation, id, given, links)?;
        Ok((id, 1))
    }
}
