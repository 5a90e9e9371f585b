//! Performing mutations: everything that is decided inside the transaction.
//!
//! The writer calls [`perform`] with the mutations of one request, within a savepoint. Nothing here is remembered
//! between two calls and nothing outside of the database is touched, so a request can be performed again.

pub(crate) mod alone;
mod answer;
mod audit;
mod beside;
mod copy;
mod create;
mod delete;
mod guards;
mod links;
pub(crate) mod session;
mod slugs;
mod unique;
mod update;
mod violation;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use purlin_schema::model::Model;
use purlin_schema::{FieldId, Id, Input, ModelId, Value};

use crate::catalog::Catalog;
use crate::error::Error;
use crate::mutation::{Action, Change, Links, Mutation, Outcome, Refusal};
use crate::sql::Args;
use crate::sql::dialect::kind_of;
use crate::values::stored;
use session::Session;

/// Why a request was not performed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was refused.
    Refused(Vec<Refusal>),
    /// The database failed, or something else did.
    Failed(Error),
}

impl Failure {
    /// What is told of it, of the mutation at a place.
    pub(crate) fn into_error(self, at: usize) -> Error {
        match self {
            Failure::Refused(refusals) => Error::Refused { at, refusals },
            Failure::Failed(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Failed(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::Refused(vec![refusal])
    }
}

/// What is left for the database to refuse, rather than asked before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Refs and keys. Whether a ref leads somewhere is not asked where nobody is told more than that; where one does not, the
    /// mutations are performed again, and asked for.
    Refs,
    /// Keys: most are free, and where one is not it is found out then.
    Keys,
    /// Nothing: something was refused already.
    Nothing,
}

/// Performs mutations in order; the first that fails, of which the place is given, ends them all.
pub(crate) async fn perform<S: Session>(
    session: &S,
    catalog: &Catalog,
    mutations: &[Mutation],
    trust: Trust,
) -> Result<(Vec<Outcome>, Vec<Change>), (usize, Failure)> {
    let mut write = Write::new(session, catalog, trust);
    if write.are_copies(mutations) {
        let outcomes = write.copy_all(mutations).await?;
        return Ok((outcomes, write.changes));
    }
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(mutations.len());
    for (at, mutation) in mutations.iter().enumerate() {
        if write.model(mutation.model).origin.as_ref().is_some_and(|origin| origin.only_read().is_some()) {
            return Err((at, Refusal::Forbidden.into()));
        }
        write.spare_the_log(mutation).await.map_err(|failure| (at, failure))?;
        let performed = match mutation.refers.is_empty() {
            true => write.one(mutation, &mutation.action).await,
            false => write.one(mutation, &referring(write.model(mutation.model), mutation, &outcomes)).await,
        };
        let (id, version) = performed.map_err(|failure| (at, write.whole(write.told(mutation, failure))))?;
        outcomes.push(Outcome { id, version, row: None });
    }
    let last = mutations.len().saturating_sub(1);
    write.audit(mutations).await.map_err(|failure| (last, failure))?;
    // The answers are read when all is done, so that they show the records as they will be found.
    for (at, (mutation, outcome)) in mutations.iter().zip(&mut outcomes).enumerate() {
        outcome.row = write.returned(mutation, outcome.id).await.map_err(|failure| (at, failure))?;
    }
    Ok((outcomes, write.changes))
}

/// The action of a mutation with the ids of the records that were made for it.
fn referring(model: &Model, mutation: &Mutation, made: &[Outcome]) -> Action {
    let mut action = mutation.action.clone();
    for (field, at) in &mutation.refers {
        let Some(id) = made.get(*at).map(|outcome| outcome.id) else { continue };
        match &mut action {
            Action::Create { links, .. } if model.field(*field).is_many() => {
                match links.iter_mut().find(|(known, _)| known == field) {
                    Some((_, ids)) => ids.push(id),
                    None => links.push((*field, vec![id])),
                }
            }
            Action::Update { links, .. } if model.field(*field).is_many() => {
                match links.iter_mut().find(|(known, _)| known == field) {
                    Some((_, Links::Replace(ids) | Links::Add(ids) | Links::Among { chosen: ids, .. })) => {
                        ids.push(id);
                    }
                    _ => links.push((*field, Links::Add(vec![id]))),
                }
            }
            Action::Create { values, .. } | Action::Update { values, .. } => {
                values.retain(|(known, _)| known != field);
                values.push((*field, id.into()));
            }
            Action::Copy { .. } | Action::Delete { .. } => {}
        }
    }
    action
}

/// One request under way.
struct Write<'run, S> {
    session: &'run S,
    catalog: &'run Catalog,
    trust: Trust,
    /// Whether anything was left for the database to refuse.
    trusted: AtomicBool,
    changes: Vec<Change>,
}

/// A record's values by field number; null where a field has no column.
type Values = Arc<[Value]>;

impl<'run, S: Session> Write<'run, S> {
    fn new(session: &'run S, catalog: &'run Catalog, trust: Trust) -> Write<'run, S> {
        Write { session, catalog, trust, trusted: AtomicBool::new(false), changes: Vec::new() }
    }

    async fn one(&mut self, mutation: &Mutation, action: &Action) -> Result<(Id, i64), Failure> {
        match action {
            Action::Create { id, values, links } => self.create(mutation, *id, values, links).await,
            Action::Update { id, if_version, values, merges, links } => {
                let given = update::Given { values, merges, links };
                self.update(mutation, *id, *if_version, &given).await
            }
            Action::Delete { id, if_version } => self.delete(mutation, *id, *if_version).await,
            Action::Copy { .. } if self.model(mutation.model).origin.is_some() => {
                Err(Refusal::Forbidden.into())
            }
            Action::Copy { values, links } => self.copy(mutation, values, links).await,
        }
    }

    fn model(&self, id: ModelId) -> &Arc<Model> {
        self.catalog.model(id)
    }

    /// What is told of a failure: of what is wrong with fields all or, where not everything was asked, nothing yet.
    fn whole(&self, failure: Failure) -> Failure {
        let of_field = |refusal: &Refusal| matches!(refusal, Refusal::Field { .. });
        match failure {
            Failure::Refused(refusals)
                if self.trusted.load(Ordering::Relaxed) && refusals.iter().any(of_field) =>
            {
                Error::Conflict("more may be wrong than was asked for".to_owned()).into()
            }
            failure => failure,
        }
    }

    async fn load(&self, model: ModelId, id: Id) -> Result<Option<Values>, Failure> {
        let table = self.catalog.table(model);
        let (mut found, count) = (None, self.model(model).fields.len());
        // Ids that are made of keys could be the same for two of them.
        let is_made = self.model(model).origin.is_some();
        let mut several = false;
        self.session
            .each(&table.load, &Args::values(&[id.into()]), |row| {
                several = found.is_some();
                let mut values = vec![Value::Null; count];
                for (at, (field, kind)) in table.columns.iter().enumerate() {
                    values[usize::from(field.0)] = row.value(at, *kind);
                }
                found = Some(values.into());
                is_made && !several
            })
            .await?;
        if several {
            let name = &self.model(model).name;
            return Err(Error::Database(format!("two records of {name} have one id")).into());
        }
        Ok(found)
    }

    async fn exists(&self, model: ModelId, id: Id) -> Result<bool, Failure> {
        self.session.any(&self.catalog.table(model).exists, &Args::values(&[id.into()])).await
    }

    fn changed(&mut self, model: ModelId, id: Id, old: Option<Values>, new: Option<Values>) {
        self.changes.push(Change::Record { model, id, old, new });
    }
}

/// The value that a mutation carries for an input.
fn given(mutation: &Mutation, input: &Input) -> Option<Value> {
    let known = mutation.inputs.iter().find(|(known, _)| known == input);
    match (known, input) {
        (Some((_, value)), _) => Some(value.clone()),
        (None, Input::Now) => Some(Value::Datetime(mutation.now)),
        (None, _) => None,
    }
}

/// The version in a record's values.
fn version_of(values: &[Value]) -> i64 {
    values.get(usize::from(FieldId::VERSION.0)).and_then(Value::as_int).unwrap_or(0)
}

/// The refusal of one field.
fn field_refusal(field: FieldId, code: &'static str, message: &str) -> Refusal {
    Refusal::Field { field: Some(field), code, message: message.to_owned() }
}

/// Fields that must have a value and have none.
fn required(model: &Model, values: &[Value]) -> Vec<Refusal> {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
        _ => false,
    };
    let lacking = model.fields.iter().filter(|field| {
        field.required && field.has_column() && !field.is_system() && empty(&values[usize::from(field.id.0)])
    });
    lacking.map(|field| field_refusal(field.id, "required", "is required")).collect()
}

/// Makes each value what its column will give back. One that its column cannot hold is refused: it would become null,
/// and nobody would be told.
fn settle(model: &Model, values: &mut [Value]) -> Result<(), Failure> {
    for field in model.fields.iter().filter(|field| field.has_column()) {
        let value = std::mem::take(&mut values[usize::from(field.id.0)]);
        let stored = stored(value, kind_of(model, field.id)).ok_or_else(|| {
            let message = format!("{}.{} cannot hold the value that it is given", model.name, field.name);
            Failure::Failed(Error::Database(message))
        })?;
        values[usize::from(field.id.0)] = stored;
    }
    Ok(())
}
