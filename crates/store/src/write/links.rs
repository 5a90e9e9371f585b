//! Lists of refs: rows of link tables, each made or removed as a change of its own.

use std::collections::HashSet;

use purlin_schema::model::Model;
use purlin_schema::{FieldId, Id, ModelId};

use super::session::Session;
use super::{Failure, Write};
use crate::mutation::{Change, Links};
use crate::sql::Args;

/// What is to be done to one list.
pub(super) struct Relink {
    pub(super) field: FieldId,
    pub(super) added: Vec<Id>,
    pub(super) removed: Vec<Id>,
}

impl Relink {
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// One end of a link.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Source,
    Target,
}

impl<S: Session> Write<'_, S> {
    /// What a change of a list comes to, beside what is in it.
    pub(super) async fn planned(
        &self,
        model: &Model,
        field: FieldId,
        source: Id,
        links: &Links,
    ) -> Result<Relink, Failure> {
        let present: HashSet<Id> =
            self.linked(model.id, field, End::Source, source).await?.into_iter().collect();
        let mut seen = HashSet::new();
        let mut distinct =
            |ids: &[Id]| -> Vec<Id> { ids.iter().copied().filter(|id| seen.insert(*id)).collect() };
        let (added, removed) = match links {
            Links::Replace(ids) => {
                let wanted = distinct(ids);
                let keep: HashSet<Id> = wanted.iter().copied().collect();
                let mut removed: Vec<Id> = present.difference(&keep).copied().collect();
                removed.sort_unstable();
                (wanted.into_iter().filter(|id| !present.contains(id)).collect(), removed)
            }
            Links::Add(ids) => {
                (distinct(ids).into_iter().filter(|id| !present.contains(id)).collect(), vec![])
            }
            Links::Among { shown, chosen } => {
                let wanted = distinct(chosen);
                let keep: HashSet<Id> = wanted.iter().copied().collect();
                let gone = |id: &Id| present.contains(id) && !keep.contains(id);
                let mut removed: Vec<Id> = shown.iter().copied().filter(gone).collect();
                removed.sort_unstable();
                removed.dedup();
                (wanted.into_iter().filter(|id| !present.contains(id)).collect(), removed)
            }
            Links::Remove(ids) => {
                (vec![], distinct(ids).into_iter().filter(|id| present.contains(id)).collect())
            }
        };
        Ok(Relink { field, added, removed })
    }

    /// Performs what was planned.
    pub(super) async fn relink(&mut self, model: &Model, source: Id, change: Relink) -> Result<(), Failure> {
        for target in change.removed {
            self.link(model, change.field, source, target, false).await?;
        }
        for target in change.added {
            self.link(model, change.field, source, target, true).await?;
        }
        Ok(())
    }

    /// The links of a new record.
    pub(super) async fn link_new(
        &mut self,
        model: &Model,
        field: FieldId,
        source: Id,
        targets: &[Id],
    ) -> Result<(), Failure> {
        let mut seen = HashSet::new();
        for target in targets.iter().copied().filter(|id| seen.insert(*id)) {
            self.link(model, field, source, target, true).await?;
        }
        Ok(())
    }

    /// Makes or removes one link.
    pub(super) async fn link(
        &mut self,
        model: &Model,
        field: FieldId,
        source: Id,
        target: Id,
        added: bool,
    ) -> Result<(), Failure> {
        let Some(list) = self.catalog.list(model.id, field) else { return Ok(()) };
        let statement = if added { &list.add } else { &list.remove };
        self.session.execute(statement, &Args::values(&[source.into(), target.into()])).await?;
        self.changes.push(Change::Link { model: model.id, field, source, target, added });
        Ok(())
    }

    /// The records at the other end of a record's links.
    pub(super) async fn linked(
        &self,
        model: ModelId,
        field: FieldId,
        near: End,
        id: Id,
    ) -> Result<Vec<Id>, Failure> {
        let Some(list) = self.catalog.list(model, field) else { return Ok(Vec::new()) };
        let (statement, far_kind) = match near {
            End::Source => (&list.targets, list.target_kind),
            End::Target => (&list.sources, list.source_kind),
        };
        let mut ids = Vec::new();
        self.session
            .each(statement, &Args::values(&[id.into()]), |row| {
                ids.extend(row.value(0, far_kind).as_id());
                true
            })
            .await?;
        Ok(ids)
    }
}
