//! Deleting a record, with what that does to those that refer to it.
//!
//! The store performs `on_delete` itself, so that every record that goes or changes is told to the feed. First
//! all that must go is found, then what refers to it is looked at, then it is done, each record after those
//! that refer to it. Of records that refer to each other in a circle no order would do: the database's
//! own checks are then put off until the last of them is gone.

use std::collections::HashSet;
use std::sync::Arc;

use purlin_schema::model::OnDelete;
use purlin_schema::{FieldId, Id, ModelId, Value};

use super::guards::About;
use super::links::End;
use super::session::Session;
use super::{Failure, Values, Write, version_of};
use crate::catalog::Referrer;
use crate::mutation::{Mutation, Refusal};
use crate::sql::Args;
use crate::sql::dialect::kind_of;

type Record = (ModelId, Id);

/// What a delete comes to.
#[derive(Default)]
struct Doomed {
    /// What goes, each after those that refer to it.
    order: Vec<Record>,
    set: HashSet<Record>,
    /// Whether some refer to each other in a circle.
    circular: bool,
}

/// A step of the search: a record is met, then left when all that refer to it were.
enum Visit {
    Meet(Record),
    Leave(Record),
}

impl<S: Session> Write<'_, S> {
    pub(super) async fn delete(
        &mut self,
        mutation: &Mutation,
        id: Id,
        if_version: Option<i64>,
    ) -> Result<(Id, i64), Failure> {
        let old = self.load(mutation.model, id).await?.ok_or(Refusal::NotFound)?;
        self.stored(mutation, About::stored(id, &old)).await?;
        let version = version_of(&old);
        if if_version.is_some_and(|wanted| wanted != version) {
            return Err(Refusal::VersionMismatch.into());
        }
        if self.model(mutation.model).origin.is_some() {
            return self.delete_beside(mutation, id, old).await;
        }
        let doomed = self.doomed((mutation.model, id)).await?;
        self.loosen(mutation, &doomed).await?;
        if doomed.circular {
            self.session.defer_refs(true).await?;
        }
        for (model, id) in &doomed.order {
            self.remove(*model, *id).await?;
        }
        if doomed.circular {
            self.session.defer_refs(false).await?;
        }
        Ok((id, version))
    }

    /// Everything that goes with a record.
    async fn doomed(&self, first: Record) -> Result<Doomed, Failure> {
        let mut doomed = Doomed::default();
        let mut left: HashSet<Record> = HashSet::new();
        let mut visits = vec![Visit::Meet(first)];
        while let Some(visit) = visits.pop() {
            let record = match visit {
                Visit::Meet(record) => record,
                Visit::Leave(record) => {
                    left.insert(record);
                    doomed.order.push(record);
                    continue;
                }
            };
            if !doomed.set.insert(record) {
                doomed.circular |= !left.contains(&record);
                continue;
            }
            visits.push(Visit::Leave(record));
            for referrer in self.referrers(record.0, OnDelete::Cascade).filter(|referrer| !referrer.many) {
                for id in self.referring(referrer, record).await? {
                    visits.push(Visit::Meet((referrer.model, id)));
                }
            }
        }
        Ok(doomed)
    }

    /// Refuses where something is restricted, and takes the refs of what stays away from what goes.
    async fn loosen(&mut self, mutation: &Mutation, doomed: &Doomed) -> Result<(), Failure> {
        let mut refusals: Vec<Refusal> = Vec::new();
        for record in &doomed.order {
            for referrer in self.referrers(record.0, OnDelete::Restrict) {
                let by = self.referring(referrer, *record).await?;
                let refusal = Refusal::Referenced(referrer.model);
                let stays = by.into_iter().any(|id| !doomed.set.contains(&(referrer.model, id)));
                if stays && !refusals.contains(&refusal) {
                    refusals.push(refusal);
                }
            }
        }
        if !refusals.is_empty() {
            return Err(Failure::Refused(refusals));
        }
        for record in &doomed.order {
            let setters: Vec<Referrer> = self.referrers(record.0, OnDelete::SetNull).collect();
            for referrer in setters.into_iter().filter(|referrer| !referrer.many) {
                for id in self.referring(referrer, *record).await? {
                    if !doomed.set.contains(&(referrer.model, id)) {
                        self.clear(mutation, referrer, id).await?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn clear(&mut self, mutation: &Mutation, referrer: Referrer, id: Id) -> Result<(), Failure> {
        let Some(old) = self.load(referrer.model, id).await? else { return Ok(()) };
        let mut values = old.to_vec();
        values[usize::from(referrer.field.0)] = Value::Null;
        self.write_row_of(referrer.model, mutation.now, id, old, values, vec![referrer.field]).await?;
        Ok(())
    }

    /// Removes a record and its links, at both ends.
    async fn remove(&mut self, model: ModelId, id: Id) -> Result<(), Failure> {
        let Some(old): Option<Values> = self.load(model, id).await? else { return Ok(()) };
        let of = self.model(model).clone();
        let own: Vec<FieldId> = self.catalog.table(model).lists.iter().map(|list| list.field).collect();
        for field in own {
            for target in self.linked(model, field, End::Source, id).await? {
                self.link(&of, field, id, target, false).await?;
            }
        }
        let lists: Vec<Referrer> =
            self.catalog.table(model).referrers.iter().filter(|referrer| referrer.many).copied().collect();
        for Referrer { model: from, field, .. } in lists {
            let from = self.model(from).clone();
            for source in self.linked(from.id, field, End::Target, id).await? {
                self.link(&from, field, source, id, false).await?;
            }
        }
        self.session.execute(&self.catalog.table(model).delete, &Args::values(&[id.into()])).await?;
        self.changed(model, id, Some(old), None);
        Ok(())
    }

    fn referrers(&self, model: ModelId, on_delete: OnDelete) -> impl Iterator<Item = Referrer> + use<'_, S> {
        let referrers = self.catalog.table(model).referrers.iter().copied();
        referrers.filter(move |referrer| referrer.on_delete == on_delete)
    }

    /// The records that refer to one by a field.
    pub(super) async fn referring(&self, referrer: Referrer, (to, id): Record) -> Result<Vec<Id>, Failure> {
        if referrer.many {
            return self.linked(referrer.model, referrer.field, End::Target, id).await;
        }
        let model: Arc<_> = self.model(referrer.model).clone();
        let dialect = self.catalog.dialect;
        let column = dialect.quote(&model.field(referrer.field).name);
        let text = format!(
            "SELECT {} FROM {} AS t WHERE {column} = {{0}}",
            dialect.quote("id"),
            dialect.table(&model)
        );
        let statement = self.catalog.statement(&text, &[kind_of(self.model(to), FieldId::ID)]);
        let kind = kind_of(&model, FieldId::ID);
        let mut ids = Vec::new();
        self.session
            .each(&statement, &Args::values(&[id.into()]), |row| {
                ids.extend(row.value(0, kind).as_id());
                true
            })
            .await?;
        Ok(ids)
    }
}
