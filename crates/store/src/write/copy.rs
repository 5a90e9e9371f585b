//! Writing records as they stand in another database.
//!
//! Many at once: those that are not there yet are written by statements of many rows each, so that a network is crossed a
//! few times for hundreds of records.

use std::collections::HashSet;
use std::sync::Arc;

use purlin_schema::{FieldId, Id, Kind, Model, Value};

use super::session::Session;
use super::{Failure, Values, Write, kind_of, settle, version_of};
use crate::mutation::{Action, Change, Links, Mutation, Outcome, Refusal};
use crate::sql::Args;
use crate::sql::dialect::id_kind;

/// Parameters of one statement, about; its text is short enough to be kept prepared.
const PARAMETERS: usize = 600;

/// A record on its way.
struct Copy<'run> {
    id: Id,
    values: Vec<Value>,
    links: &'run [(FieldId, Vec<Id>)],
}

impl<S: Session> Write<'_, S> {
    /// Whether these are several records of one model that are copied, of which no answer is asked for.
    pub(super) fn are_copies(&self, mutations: &[Mutation]) -> bool {
        let [first, _, ..] = mutations else { return false };
        let copies = |mutation: &Mutation| {
            matches!(mutation.action, Action::Copy { .. })
                && mutation.model == first.model
                && mutation.returning.is_none()
        };
        self.model(first.model).origin.is_none() && mutations.iter().all(copies)
    }

    /// Writes such records.
    pub(super) async fn copy_all(
        &mut self,
        mutations: &[Mutation],
    ) -> Result<Vec<Outcome>, (usize, Failure)> {
        let model = self.model(mutations[0].model).clone();
        let mut copies = Vec::with_capacity(mutations.len());
        for (at, mutation) in mutations.iter().enumerate() {
            let Action::Copy { values, links } = &mutation.action else { continue };
            let (id, values) = whole(&model, values).map_err(|failure| (at, failure))?;
            copies.push(Copy { id, values, links });
        }
        let outcomes =
            copies.iter().map(|copy| Outcome { id: copy.id, version: version_of(&copy.values), row: None });
        let outcomes: Vec<Outcome> = outcomes.collect();
        let there = self.there(&model, &copies).await.map_err(|failure| (0, failure))?;
        for (at, (mutation, copy)) in mutations.iter().zip(&copies).enumerate() {
            if let Action::Copy { values, links } = &mutation.action
                && there.contains(&copy.id)
            {
                self.copy(mutation, values, links).await.map_err(|failure| (at, failure))?;
            }
        }
        copies.retain(|copy| !there.contains(&copy.id));
        let failed = |failure| (0, self.told(&mutations[0], failure));
        self.insert_rows(&model, &copies).await.map_err(failed)?;
        self.insert_links(&model, &copies).await.map_err(failed)?;
        for Copy { id, values, links } in copies {
            self.changed(model.id, id, None, Some(Arc::from(values)));
            let added =
                |(field, target)| Change::Link { model: model.id, field, source: id, target, added: true };
            self.changes.extend(distinct(links).map(added));
        }
        Ok(outcomes)
    }

    /// The ids that records have already.
    async fn there(&self, model: &Model, copies: &[Copy<'_>]) -> Result<HashSet<Id>, Failure> {
        let (dialect, kind) = (self.catalog.dialect, id_kind(model));
        let (table, id) = (dialect.table(model), dialect.quote("id"));
        let mut there = HashSet::new();
        for chunk in copies.chunks(PARAMETERS) {
            let marks: Vec<String> = (0..chunk.len()).map(|at| format!("{{{at}}}")).collect();
            let text = format!("SELECT {id} FROM {table} WHERE {id} IN ({})", marks.join(", "));
            let ids: Vec<Value> = chunk.iter().map(|copy| copy.id.into()).collect();
            let statement = self.catalog.statement(&text, &vec![kind; chunk.len()]);
            let each = |row: &dyn crate::read::Source| {
                there.extend(row.value(0, kind).as_id());
                true
            };
            self.session.each(&statement, &Args::values(&ids), each).await?;
        }
        Ok(there)
    }

    async fn insert_rows(&self, model: &Model, copies: &[Copy<'_>]) -> Result<(), Failure> {
        let columns = &self.catalog.table(model.id).columns;
        let names: Vec<&str> = columns.iter().map(|(field, _)| model.field(*field).name.as_str()).collect();
        let kinds: Vec<Kind> = columns.iter().map(|(_, kind)| *kind).collect();
        let row = |copy: &Copy<'_>| -> Vec<Value> {
            columns.iter().map(|(field, _)| copy.values[usize::from(field.0)].clone()).collect()
        };
        let rows: Vec<Vec<Value>> = copies.iter().map(row).collect();
        self.insert_many(&self.catalog.dialect.table(model), &names, &kinds, &rows).await
    }

    /// The links of records that are new, so that there are none yet.
    async fn insert_links(&self, model: &Model, copies: &[Copy<'_>]) -> Result<(), Failure> {
        for field in model.fields.iter().filter(|field| field.is_many()) {
            let Some(list) = self.catalog.list(model.id, field.id) else { continue };
            let links = copies.iter().flat_map(|copy| {
                let targets = distinct(copy.links).filter(|(of, _)| *of == field.id);
                targets.map(|(_, target)| vec![copy.id.into(), target.into()])
            });
            let links: Vec<Vec<Value>> = links.collect();
            let table = self.catalog.dialect.link_table(model, field);
            let kinds = [list.source_kind, list.target_kind];
            self.insert_many(&table, &["source", "target"], &kinds, &links).await?;
        }
        Ok(())
    }

    /// Inserts rows, many by each statement.
    async fn insert_many(
        &self,
        table: &str,
        columns: &[&str],
        kinds: &[Kind],
        rows: &[Vec<Value>],
    ) -> Result<(), Failure> {
        let names: Vec<String> = columns.iter().map(|name| self.catalog.dialect.quote(name)).collect();
        let width = columns.len().max(1);
        for chunk in rows.chunks((PARAMETERS / width).max(1)) {
            let row = |at: usize| {
                let marks: Vec<String> =
                    (0..width).map(|column| format!("{{{}}}", at * width + column)).collect();
                format!("({})", marks.join(", "))
            };
            let all: Vec<String> = (0..chunk.len()).map(row).collect();
            let text = format!("INSERT INTO {table} ({}) VALUES {}", names.join(", "), all.join(", "));
            let statement = self.catalog.statement(&text, &kinds.repeat(chunk.len()));
            let values: Vec<Value> = chunk.iter().flatten().cloned().collect();
            self.session.execute(&statement, &Args::values(&values)).await?;
        }
        Ok(())
    }

    /// Writes all that a record is, its id, version and times among it, in the place of what has its id. Nothing is
    /// derived, and no guard asked: the record was a record already.
    pub(super) async fn copy(
        &mut self,
        mutation: &Mutation,
        given: &[(FieldId, Value)],
        links: &[(FieldId, Vec<Id>)],
    ) -> Result<(Id, i64), Failure> {
        let model = self.model(mutation.model).clone();
        let (id, values) = whole(&model, given)?;
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

/// The id and all values of a record, by field number.
fn whole(model: &Model, given: &[(FieldId, Value)]) -> Result<(Id, Vec<Value>), Failure> {
    let mut values = vec![Value::Null; model.fields.len()];
    for (field, value) in given {
        values[usize::from(field.0)] = value.clone();
    }
    settle(model, &mut values)?;
    let id = values[usize::from(FieldId::ID.0)].as_id().ok_or(Refusal::NotFound)?;
    Ok((id, values))
}

/// Each link once.
fn distinct(links: &[(FieldId, Vec<Id>)]) -> impl Iterator<Item = (FieldId, Id)> + '_ {
    let mut seen = HashSet::new();
    let each = links.iter().flat_map(|(field, targets)| targets.iter().map(|target| (*field, *target)));
    each.filter(move |link| seen.insert(*link))
}
