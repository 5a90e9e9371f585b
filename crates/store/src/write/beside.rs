//! Records that stand in tables of others: written by the rules of their database, which has defaults, keys and triggers
//! of its own.
//!
//! Only what is given is written, and what came of it is read again, for the database may have made more of it. What
//! deleting a record does to others is for the database's own foreign keys to say.

use purlin_schema::origin::OriginKey;
use purlin_schema::{Field, FieldId, Id, Kind, Model, Value};

use super::session::{NewRow, Session};
use super::violation::Told;
use super::{Failure, Values, Write, field_refusal, version_of};
use crate::error::{Error, Violation};
use crate::mutation::{Mutation, Refusal};
use crate::sql::dialect::{Dialect, kind_of};
use crate::sql::origin_write::OriginWrite;
use crate::sql::{Args, Statement};

/// Makes empty texts of the nulls that columns do not take.
pub(super) fn fill_blanks(model: &Model, values: &mut [Value]) {
    let Some(origin) = &model.origin else { return };
    for (field, _) in origin.columns.iter().filter(|(_, column)| column.blank) {
        let value = &mut values[usize::from(field.0)];
        if value.is_null() {
            *value = Value::Text("".into());
        }
    }
}

/// Refuses to change what the record is found by.
pub(super) fn keep_key(model: &Model, changed: &[FieldId]) -> Result<(), Failure> {
    let key = |field: &&FieldId| model.origin.as_ref().is_some_and(|origin| origin.is_key(**field));
    match changed.iter().find(key) {
        Some(key) => {
            let message = "may not be changed: it is what the record is found by";
            Err(field_refusal(*key, "read_only", message).into())
        }
        None => Ok(()),
    }
}

/// The id that a new record has for certain: that which it is given, or what its key's field is.
pub(super) fn given_id(model: &Model, values: &[Value]) -> Option<Id> {
    let origin = model.origin.as_ref().filter(|origin| matches!(origin.key, OriginKey::Column(_)))?;
    let field = model.fields.iter().find(|field| origin.is_key(field.id))?;
    values[usize::from(field.id.0)].as_id()
}

impl<S: Session> Write<'_, S> {
    /// Makes the row of a record, of the values that are there. Nothing where a key is taken and the statement steps back.
    pub(super) async fn insert_beside(
        &self,
        mutation: &Mutation,
        model: &Model,
        values: &[Value],
        id: Option<Id>,
        step_back: bool,
    ) -> Result<Option<Id>, Failure> {
        let Some(table) = self.beside(model) else { return Ok(None) };
        let origin = table.origin;
        if matches!(origin.key, OriginKey::Columns(_)) && id.is_some() {
            let message = "is made of the record's key and cannot be given";
            return Err(field_refusal(FieldId::ID, "read_only", message).into());
        }
        let is_given = |field: &&Field| {
            let stands = field.id == FieldId::ID || origin.columns.contains_key(&field.id);
            stands && field.has_column() && !values[usize::from(field.id.0)].is_null()
        };
        let fields: Vec<FieldId> = model.fields.iter().filter(is_given).map(|field| field.id).collect();
        self.refuse_untaken(&table, &fields)?;
        let statement = self.of_fields(model, &table.insert(&fields, step_back));
        let args = Args::values(values);
        let done = self
            .tried(async {
                if !matches!(table.dialect, Dialect::Mysql(_)) {
                    let (mut made, kind) = (None, kind_of(model, FieldId::ID));
                    let row = |row: &dyn crate::read::Source| {
                        made = row.value(0, kind).as_id();
                        true
                    };
                    self.session.each(&statement, &args, row).await?;
                    return Ok(made);
                }
                let row = NewRow { statement: &statement, advance: None, values, id, step_back };
                match (self.session.insert(&row).await?, &origin.key) {
                    (Some(_), OriginKey::Columns(_)) => self.found(&table, &fields, values).await.map(Some),
                    (made, _) => Ok(made),
                }
            })
            .await?;
        let made = match done {
            Ok(made) => made,
            Err(violation) => {
                let told = Told { model, values, old: None, written: &fields, deletes: false };
                let refusals = self.explained(&told, &violation).await?;
                self.refuse(mutation, refusals, values, None).await?;
                None
            }
        };
        if let (Some(_), Some(Id::Int(_)), Some(advance)) = (made, id, table.advance()) {
            self.session.execute(&self.of_fields(model, &advance), &args).await?;
        }
        Ok(made)
    }

    /// The id of the record that was just made, by the columns of its key.
    async fn found(
        &self,
        table: &OriginWrite<'_>,
        given: &[FieldId],
        values: &[Value],
    ) -> Result<Id, Failure> {
        let lost = || Failure::Failed(Error::Database("a row was written and not found again".to_owned()));
        let statement = table.find(given).map(|text| self.of_fields(table.model, &text)).ok_or_else(lost)?;
        let mut id = None;
        self.session
            .each(&statement, &Args::values(values), |row| {
                id = row.value(0, Kind::Int).as_id();
                false
            })
            .await?;
        id.ok_or_else(lost)
    }

    /// A record as it stands in its table after it was written.
    pub(super) async fn read_again(
        &mut self,
        model: &Model,
        id: Id,
        old: Option<Values>,
    ) -> Result<Values, Failure> {
        let found = self.load(model.id, id).await?;
        // A trigger may have moved it elsewhere, a rule of the table may hide it from the user of the database.
        let values = found.ok_or_else(|| {
            Failure::Failed(Error::Database(format!("a record of {} is gone when it is written", model.name)))
        })?;
        self.changed(model.id, id, old, Some(values.clone()));
        Ok(values)
    }

    /// Writes changed columns; what the record has then.
    pub(super) async fn update_beside(
        &mut self,
        mutation: &Mutation,
        id: Id,
        old: Values,
        mut values: Vec<Value>,
        mut changed: Vec<FieldId>,
    ) -> Result<Values, Failure> {
        let model = self.model(mutation.model).clone();
        let Some(table) = self.beside(&model) else { return Ok(old) };
        self.refuse_untaken(&table, &changed)?;
        if table.origin.columns.contains_key(&FieldId::UPDATED_AT) && !changed.contains(&FieldId::UPDATED_AT)
        {
            values[usize::from(FieldId::UPDATED_AT.0)] = Value::Datetime(mutation.now);
            changed.push(FieldId::UPDATED_AT);
        }
        if changed.is_empty() {
            return Ok(old);
        }
        let statement = self.of_fields(&model, &table.update(&changed));
        let done = self.tried(self.session.execute(&statement, &Args::values(&values))).await?;
        if let Err(violation) = done {
            let told =
                Told { model: &model, values: &values, old: Some(&old), written: &changed, deletes: false };
            let refusals = self.explained(&told, &violation).await?;
            self.refuse(mutation, refusals, &values, Some(&old)).await?;
        }
        self.read_again(&model, id, Some(old)).await
    }

    /// Deletes a record, and lets its database do to others what it does.
    pub(super) async fn delete_beside(
        &mut self,
        mutation: &Mutation,
        id: Id,
        old: Values,
    ) -> Result<(Id, i64), Failure> {
        let model = self.model(mutation.model).clone();
        let version = version_of(&old);
        let Some(table) = self.beside(&model) else { return Ok((id, version)) };
        let statement = self.of_fields(&model, &table.delete());
        if let Err(violation) = self.tried(self.session.execute(&statement, &Args::values(&old))).await? {
            let told = Told { model: &model, values: &old, old: Some(&old), written: &[], deletes: true };
            return Err(Failure::Refused(self.explained(&told, &violation).await?));
        }
        self.changed(mutation.model, id, Some(old), None);
        Ok((id, version))
    }

    fn beside<'model>(&self, model: &'model Model) -> Option<OriginWrite<'model>> {
        let origin = model.origin.as_deref()?;
        Some(OriginWrite { dialect: self.catalog.dialect, model, origin })
    }

    /// A statement whose values are those of the model's fields, by their numbers.
    fn of_fields(&self, model: &Model, text: &str) -> Statement {
        let kinds: Vec<Kind> = model.fields.iter().map(|field| kind_of(model, field.id)).collect();
        self.catalog.statement(text, &kinds)
    }

    /// Runs a statement that the database may refuse, and then goes on: what is wrong is still to be found out.
    async fn tried<T>(
        &self,
        run: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Result<T, Violation>, Failure> {
        self.session.mark().await?;
        let done = async {
            let done = run.await?;
            self.session.check_refs().await?;
            Ok(done)
        };
        match done.await {
            Ok(done) => Ok(Ok(done)),
            Err(Failure::Failed(Error::Violated(violation))) => {
                self.session.back().await?;
                Ok(Err(*violation))
            }
            Err(failure) => Err(failure),
        }
    }

    fn refuse_untaken(&self, table: &OriginWrite<'_>, fields: &[FieldId]) -> Result<(), Failure> {
        let untaken = fields.iter().filter(|field| **field != FieldId::ID && !table.takes(**field));
        let refusals: Vec<Refusal> = untaken
            .map(|field| field_refusal(*field, "read_only", "cannot be written in this database"))
            .collect();
        if refusals.is_empty() { Ok(()) } else { Err(Failure::Refused(refusals)) }
    }
}
