//! Records: list, get, create, update, replace, delete — what the API, forms and commands do.

use std::sync::Arc;

use purlin_schema::model::Source;
use purlin_schema::query::{Limit, Query};
use purlin_schema::{FieldId, Id, Input, Model, ModelId, Row, RowSet, Shape, Value};
use purlin_store::mutation::{Action, Links, Refusal};
use purlin_store::{Error, Guard, Mutation, Outcome, Plan, Prepared, Step};

use crate::access::{Permissions, Verdict, Who};
use crate::accounts::Verb;
use crate::inputs::Ask;
use crate::proposal::{Mode, Proposal, Reader};
use crate::{Actor, Engine, Failure, FieldMessage, expressions};

/// How often a change is prepared that others are faster than.
const MOST_TRIES: usize = 4;

/// A list as it was asked for.
pub struct Listing {
    /// The rows; `_version` is among their fields and leaves with nobody.
    pub set: RowSet,
    /// The cursor of the next page, signed and bound to this filter and sort; `None` on the last.
    pub next: Option<String>,
}

/// A record as it is answered. `_version` is among its fields.
pub struct Found {
    /// What it has; where one may not read what one wrote, its id and version alone.
    pub shape: Arc<Shape>,
    /// The record.
    pub row: Arc<Row>,
    /// Its version, of which the ETag is made.
    pub version: i64,
    /// Its id.
    pub id: Id,
}

/// Input for a write.
#[derive(Clone, Copy)]
pub enum Fields<'input> {
    /// A JSON object.
    Json(&'input serde_json::Map<String, serde_json::Value>),
    /// Pairs of a posted form; a field may come several times (a list of refs). Names that are not fields are refused.
    Form(&'input [(String, String)]),
    /// Values that were read already: an import.
    Values(&'input [(FieldId, Given)]),
}

/// What is given for a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// A value; of a password, as a person types it.
    Value(Value),
    /// A list of refs.
    Ids(Vec<Id>),
}

/// A write as pages and accounts do it: with less freedom for the asker and more for the owner.
#[derive(Clone, Copy, Default)]
pub(crate) struct Limits<'limits> {
    /// The only fields that are taken.
    pub(crate) allowed: Option<&'limits [FieldId]>,
    /// What is set besides, whatever the asker may write.
    pub(crate) set: &'limits [(FieldId, Source)],
    /// Whether the model's `create` rule is lifted: sign-up.
    pub(crate) free: bool,
    /// What is needed although the model does without: the password of a sign-up.
    pub(crate) also_required: Option<FieldId>,
    /// What the answer shows of the record, if anything.
    pub(crate) returning: Option<&'limits Arc<Prepared>>,
    /// What of lists of refs the asker was shown: no others are taken out of them.
    pub(crate) shown: &'limits [(FieldId, Vec<Id>)],
}

impl Engine {
    /// `GET /api/{model}/{id}`; `include` and `fields` are taken.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where there is none that the asker may read.
    pub async fn get(
        &self,
        actor: &Actor,
        model: ModelId,
        id: Id,
        parameters: &[(String, String)],
    ) -> Result<Found, Failure> {
        let prepared = self.prepared_record(Who::of(actor), model, parameters)?;
        self.shape_in_scope(actor, &prepared.shape)?;
        self.find(actor, &prepared, id).await?.ok_or(Failure::NotFound)
    }

    /// Creates a record.
    ///
    /// # Errors
    /// [`Failure::Invalid`] with every message, [`Failure::Unauthenticated`] or [`Failure::Forbidden`].
    pub async fn create(&self, actor: &Actor, model: ModelId, fields: Fields<'_>) -> Result<Found, Failure> {
        let shown = self.prepared_record(Who::of(actor), model, &[])?;
        let limits = Limits { returning: Some(&shown), ..Limits::default() };
        let outcome = self.create_limited(&self.ask(actor), model, fields, limits).await?;
        Ok(self.written(model, outcome))
    }

    /// Changes the fields that are given (a JSON merge patch).
    ///
    /// # Errors
    /// As [`Engine::create`], [`Failure::NotFound`], [`Failure::VersionMismatch`].
    pub async fn update(
        &self,
        actor: &Actor,
        model: ModelId,
        id: Id,
        if_version: Option<i64>,
        fields: Fields<'_>,
    ) -> Result<Found, Failure> {
        self.changed(actor, model, id, if_version, fields, Mode::Merge).await
    }

    /// Replaces a record (PUT): fields that are absent get their default or null, those that the asker may not write stay.
    ///
    /// # Errors
    /// As [`Engine::update`].
    pub async fn replace(
        &self,
        actor: &Actor,
        model: ModelId,
        id: Id,
        if_version: Option<i64>,
        fields: Fields<'_>,
    ) -> Result<Found, Failure> {
        self.changed(actor, model, id, if_version, fields, Mode::Replace).await
    }

    /// Changes a record as the asker's own request, and shows what came of it.
    async fn changed(
        &self,
        actor: &Actor,
        model: ModelId,
        id: Id,
        if_version: Option<i64>,
        fields: Fields<'_>,
        mode: Mode,
    ) -> Result<Found, Failure> {
        let shown = self.prepared_record(Who::of(actor), model, &[])?;
        let limits = Limits { returning: Some(&shown), ..Limits::default() };
        let outcome = self.change(&self.ask(actor), model, id, if_version, fields, mode, limits).await?;
        Ok(self.written(model, outcome))
    }

    /// Deletes a record.
    ///
    /// # Errors
    /// [`Failure::NotFound`], [`Failure::Forbidden`], [`Failure::Conflict`], [`Failure::VersionMismatch`].
    pub async fn delete(
        &self,
        actor: &Actor,
        model: ModelId,
        id: Id,
        if_version: Option<i64>,
    ) -> Result<(), Failure> {
        self.in_scope(actor, model, Verb::Delete)?;
        let who = Who::of(actor);
        let permissions = self.access().of(model, who);
        let ask = self.ask(actor);
        if permissions.delete.is_never() {
            self.refuse_write(&ask, model, id).await?;
        }
        let mut guards = visible(permissions, self, model);
        guards.extend(permissions.conditions.delete.clone().map(Guard::Stored));
        let action = Action::Delete { id, if_version };
        self.commit_one(&ask, model, action, guards, None).await.map(|_| ())
    }

    /// Makes a record.
    pub(crate) async fn create_limited(
        &self,
        ask: &Ask<'_>,
        model: ModelId,
        fields: Fields<'_>,
        limits: Limits<'_>,
    ) -> Result<Outcome, Failure> {
        self.create_after(Vec::new(), ask, model, fields, limits).await
    }

    /// As [`Engine::create_limited`], after other mutations of the same commit; where one of those is refused, there is
    /// nothing of what the caller speaks of: [`Failure::NotFound`].
    pub(crate) async fn create_after(
        &self,
        before: Vec<Mutation>,
        ask: &Ask<'_>,
        model: ModelId,
        fields: Fields<'_>,
        limits: Limits<'_>,
    ) -> Result<Outcome, Failure> {
        self.create_among(before, Vec::new(), ask, model, fields, limits).await
    }

    /// As [`Engine::create_limited`], with records of the same commit that refer to it by these fields; where one of those
    /// is refused, so is everything: [`Failure::Conflict`].
    pub(crate) async fn create_joined(
        &self,
        after: Vec<(FieldId, Mutation)>,
        ask: &Ask<'_>,
        model: ModelId,
        fields: Fields<'_>,
        limits: Limits<'_>,
    ) -> Result<Outcome, Failure> {
        self.create_among(Vec::new(), after, ask, model, fields, limits).await
    }

    async fn create_among(
        &self,
        mut before: Vec<Mutation>,
        after: Vec<(FieldId, Mutation)>,
        ask: &Ask<'_>,
        model: ModelId,
        fields: Fields<'_>,
        limits: Limits<'_>,
    ) -> Result<Outcome, Failure> {
        self.in_scope(ask.actor, model, Verb::Create)?;
        let who = Who::of(ask.actor);
        let permissions = self.access().of(model, who);
        if permissions.create.is_never() && !limits.free {
            return Err(not_allowed(ask.actor));
        }
        let model = self.model(model);
        let mut proposal = self.propose(ask, &model, permissions, fields, Mode::Create, limits);
        self.check_in_memory(ask, &model, &mut proposal, None);
        if !proposal.messages.is_empty() {
            self.refuse_early(ask, permissions, limits)?;
            return Err(Failure::Invalid(proposal.messages));
        }
        self.hash_passwords(ask.actor, &model, &mut proposal).await?;
        let mut guards = proposal.guards(&model, permissions, self.access(), who);
        if !limits.free {
            guards.extend(permissions.conditions.create.clone().map(Guard::Proposed));
        }
        guards.extend(self.checks(&model));
        let action = Action::Create { id: None, values: proposal.values, links: proposal.links };
        if before.is_empty() && after.is_empty() {
            return self.commit_one(ask, model.id, action, guards, limits.returning).await;
        }
        let inputs =
            ask.capture(guards.iter().filter_map(condition_of).flat_map(|condition| &condition.inputs));
        let own = before.len();
        before.push(Mutation { guards, inputs, ..Mutation::new(model.id, action, ask.now) });
        before.extend(
            after.into_iter().map(|(field, mutation)| Mutation { refers: vec![(field, own)], ..mutation }),
        );
        match self.store().commit(before).await {
            Ok(outcomes) => {
                let made = outcomes.into_iter().nth(own);
                made.ok_or_else(|| Failure::Internal("a commit without outcome".to_owned()))
            }
            Err(Error::Refused { at, .. }) if at < own => Err(Failure::NotFound),
            Err(Error::Refused { at, .. }) if at > own => {
                Err(Failure::Conflict("somebody else was faster; begin again".to_owned()))
            }
            Err(Error::Refused { refusals, .. }) => Err(self.refused(ask.actor, model.id, &refusals)),
            Err(error) => Err(failed(error)),
        }
    }

    /// Changes a record. Where a check was evaluated on a version that has changed meanwhile, it is prepared again.
    #[expect(clippy::too_many_arguments, reason = "each is a part of the one request")]
    pub(crate) async fn change(
        &self,
        ask: &Ask<'_>,
        model: ModelId,
        id: Id,
        if_version: Option<i64>,
        fields: Fields<'_>,
        mode: Mode,
        limits: Limits<'_>,
    ) -> Result<Outcome, Failure> {
        self.in_scope(ask.actor, model, Verb::Update)?;
        for _ in 1..MOST_TRIES {
            match self.change_once(ask, model, id, if_version, fields, mode, limits).await {
                Err(Failure::VersionMismatch) if if_version.is_none() => {}
                done => return done,
            }
        }
        self.change_once(ask, model, id, if_version, fields, mode, limits).await
    }

    #[expect(clippy::too_many_arguments, reason = "each is a part of the one request")]
    async fn change_once(
        &self,
        ask: &Ask<'_>,
        model: ModelId,
        id: Id,
        if_version: Option<i64>,
        fields: Fields<'_>,
        mode: Mode,
        limits: Limits<'_>,
    ) -> Result<Outcome, Failure> {
        let who = Who::of(ask.actor);
        let permissions = self.access().of(model, who);
        if permissions.update.is_never() {
            self.refuse_write(ask, model, id).await?;
        }
        let model = self.model(model);
        let mut proposal = self.propose(ask, &model, permissions, fields, mode, limits);
        self.keep_own_credentials(ask.actor, &model, id, &mut proposal);
        let mut if_version = if_version;
        if self.has_memory_checks(&model) {
            let stored = self.stored(ask, &model, id).await?.ok_or(Failure::NotFound)?;
            self.check_in_memory(ask, &model, &mut proposal, Some(&stored));
            if_version = if_version.or(Some(stored.version));
        }
        if !proposal.messages.is_empty() {
            self.refuse_update(ask, &model, id).await?;
            return Err(Failure::Invalid(proposal.messages));
        }
        self.hash_passwords(ask.actor, &model, &mut proposal).await?;
        let mut guards = visible(permissions, self, model.id);
        guards.extend(permissions.conditions.update.clone().map(Guard::Stored));
        guards.extend(proposal.guards(&model, permissions, self.access(), who));
        guards.extend(permissions.conditions.update.clone().map(Guard::Proposed));
        guards.extend(self.checks(&model));
        let sets_password = self.sets_password(&model, &proposal);
        let revokes = self.revokes(ask, &model, id, &proposal).await?;
        let links = |(field, chosen): (FieldId, Vec<Id>)| match limits
            .shown
            .iter()
            .find(|(known, _)| *known == field)
        {
            Some((_, shown)) => (field, Links::Among { shown: shown.clone(), chosen }),
            None => (field, Links::Replace(chosen)),
        };
        let links = proposal.links.into_iter().map(links).collect();
        let Proposal { values, merges, .. } = proposal;
        let action = Action::Update { id, if_version, values, merges, links };
        let outcome = self.commit_one(ask, model.id, action, guards, limits.returning).await?;
        // Whoever knew the old password is out.
        if sets_password {
            self.end_with_password(id, None).await?;
        }
        if revokes {
            let own = ask.actor.user().filter(|user| user.id == id).and_then(|user| user.session);
            self.revoke(id, own).await?;
        }
        Ok(outcome)
    }

    pub(crate) fn propose(
        &self,
        ask: &Ask<'_>,
        model: &Model,
        permissions: &Permissions,
        fields: Fields<'_>,
        mode: Mode,
        limits: Limits<'_>,
    ) -> Proposal {
        let reader = Reader {
            model,
            permissions,
            actor: ask.actor,
            allowed: limits.allowed,
            also_required: limits.also_required,
            mode,
            ask,
        };
        reader.read(&fields, limits.set)
    }

    /// A rule that looks at the asker alone is decided before his input is criticised.
    fn refuse_early(
        &self,
        ask: &Ask<'_>,
        permissions: &Permissions,
        limits: Limits<'_>,
    ) -> Result<(), Failure> {
        match &permissions.create {
            Verdict::When(rule) if !limits.free && expressions::holds_for_asker(rule, ask) == Some(false) => {
                Err(not_allowed(ask.actor))
            }
            _ => Ok(()),
        }
    }

    /// 404 where the asker may not read the record, else 401 or 403.
    async fn refuse_write(&self, ask: &Ask<'_>, model: ModelId, id: Id) -> Result<(), Failure> {
        let prepared = self.prepared_record(Who::of(ask.actor), model, &[])?;
        match self.find(ask.actor, &prepared, id).await? {
            Some(_) => Err(not_allowed(ask.actor)),
            None => Err(Failure::NotFound),
        }
    }

    /// What refuses an update comes before what is wrong with it: 404, then 401 or 403.
    async fn refuse_update(&self, ask: &Ask<'_>, model: &Model, id: Id) -> Result<(), Failure> {
        let who = Who::of(ask.actor);
        let permissions = self.access().of(model.id, who);
        let readable = self.prepared_record(who, model.id, &[])?;
        if self.find(ask.actor, &readable, id).await?.is_none() {
            return Err(Failure::NotFound);
        }
        if let Verdict::When(rule) = &permissions.update {
            let mut query = Query::of(model.id);
            query.limit = Limit::One;
            query.filter = crate::access::and(
                Some(expressions::id_is(model, Input::Param("id".to_owned()))),
                Some(expressions::old_is_stored(rule, model)),
            );
            let prepared = self.prepare(&self.access().unguarded(&query))?;
            if self.find(ask.actor, &prepared, id).await?.is_none() {
                return Err(not_allowed(ask.actor));
            }
        }
        Ok(())
    }

    /// The record as stored, every column of it, whatever the asker may read.
    pub(crate) async fn stored(
        &self,
        ask: &Ask<'_>,
        model: &Model,
        id: Id,
    ) -> Result<Option<Found>, Failure> {
        let prepared = self.prepare(&expressions::whole_record(model))?;
        self.find(ask.actor, &prepared, id).await
    }

    /// The record with this id, by a query that binds it as `Param("id")`.
    pub(crate) async fn find(
        &self,
        actor: &Actor,
        prepared: &Arc<Prepared>,
        id: Id,
    ) -> Result<Option<Found>, Failure> {
        let params = [("id".to_owned(), Value::from(id))];
        let ask = Ask { params: &params, ..self.ask(actor) };
        let step = Step { name: "record".to_owned(), query: prepared.clone(), must_exist: true };
        let plan = Plan { steps: vec![step] };
        let mut answer =
            self.store().read(&plan, purlin_store::Ask { inputs: &ask, steps: &[] }).await.map_err(asked)?;
        if answer.missing.is_some() {
            return Ok(None);
        }
        let Some(set) = answer.sets.pop() else { return Ok(None) };
        let Some(row) = set.rows.into_iter().next() else { return Ok(None) };
        let version = set.shape.value(&row, FieldId::VERSION).and_then(Value::as_int).unwrap_or_default();
        Ok(Some(Found { shape: set.shape, row, version, id }))
    }

    /// What a writer is shown of what he wrote: the record where he may read it, else its id.
    fn written(&self, model: ModelId, outcome: Outcome) -> Found {
        let Outcome { id, version, row } = outcome;
        if let Some((shape, row)) = row {
            return Found { shape, row, version, id };
        }
        let mut position = vec![None; self.model(model).fields.len()];
        position[usize::from(FieldId::ID.0)] = Some(0);
        let shape = Shape {
            model,
            fields: vec![FieldId::ID],
            position,
            free: None,
            tests: Vec::new(),
            counts: Vec::new(),
            relations: Vec::new(),
        };
        let row = Row { values: Box::new([Value::from(id)]), related: Box::default() };
        Found { shape: Arc::new(shape), row: Arc::new(row), version: 0, id }
    }

    pub(crate) async fn commit_one(
        &self,
        ask: &Ask<'_>,
        model: ModelId,
        action: Action,
        guards: Vec<Guard>,
        returning: Option<&Arc<Prepared>>,
    ) -> Result<Outcome, Failure> {
        let guarded = guards.iter().filter_map(condition_of).flat_map(|condition| &condition.inputs);
        let shown = returning.into_iter().flat_map(|prepared| prepared.inputs());
        let inputs = ask.capture(guarded.chain(shown));
        let returning = returning.cloned();
        let mutation = Mutation { guards, inputs, returning, ..Mutation::new(model, action, ask.now) };
        match self.store().commit(vec![mutation]).await {
            Ok(mut outcomes) => {
                outcomes.pop().ok_or_else(|| Failure::Internal("a commit without outcome".to_owned()))
            }
            Err(Error::Refused { refusals, .. }) => Err(self.refused(ask.actor, model, &refusals)),
            Err(error) => Err(failed(error)),
        }
    }

    pub(crate) fn refused(&self, actor: &Actor, model: ModelId, refusals: &[Refusal]) -> Failure {
        let model = self.model(model);
        let mut messages = Vec::new();
        for refusal in refusals {
            match refusal {
                Refusal::NotFound => return Failure::NotFound,
                Refusal::Forbidden => return not_allowed(actor),
                Refusal::VersionMismatch => return Failure::VersionMismatch,
                Refusal::Referenced(by) => {
                    let named = self.model(*by);
                    let known = !named.internal && !self.access().of(*by, Who::of(actor)).read.is_never();
                    let who = if known { named.name.as_str() } else { "another model" };
                    return Failure::Conflict(format!("records of {who} refer to it"));
                }
                Refusal::ReferencedElsewhere => {
                    return Failure::Conflict("other records refer to it".to_owned());
                }
                Refusal::FieldForbidden(field) => {
                    messages.push(FieldMessage::new(
                        &model.field(*field).name,
                        "read_only",
                        "may not be set",
                    ));
                }
                Refusal::Document { field, problem } => {
                    messages.push(FieldMessage::of(model.field(*field), problem.clone()));
                }
                Refusal::Field { field, code, message } => {
                    let name = field.map(|field| model.field(field).name.as_str()).unwrap_or_default();
                    messages.push(FieldMessage::new(name, code, message.clone()));
                }
            }
        }
        Failure::Invalid(messages)
    }

    pub(crate) fn checks(&self, model: &Model) -> Vec<Guard> {
        self.check_conditions(model.id)
            .iter()
            .map(|(condition, at)| {
                let check = &model.checks[*at];
                Guard::Check(condition.clone(), check.field, check.message.clone())
            })
            .collect()
    }
}

fn visible(permissions: &Permissions, engine: &Engine, model: ModelId) -> Vec<Guard> {
    match &permissions.read {
        Verdict::Always => Vec::new(),
        Verdict::When(_) => permissions.conditions.read.clone().map(Guard::Visible).into_iter().collect(),
        Verdict::Never => engine.access().never(model).map(Guard::Visible).into_iter().collect(),
    }
}

pub(crate) fn condition_of(guard: &Guard) -> Option<&Arc<purlin_store::mutation::Condition>> {
    match guard {
        Guard::Visible(condition)
        | Guard::Stored(condition)
        | Guard::Proposed(condition)
        | Guard::Check(condition, ..)
        | Guard::FieldWrite(_, condition)
        | Guard::Kept(_, condition) => Some(condition),
        Guard::Referred(_, condition) => condition.as_ref(),
    }
}

/// 401 for a visitor, who may sign in; 403 for one who has.
pub(crate) fn not_allowed(actor: &Actor) -> Failure {
    match actor {
        Actor::Visitor => Failure::Unauthenticated,
        _ => Failure::Forbidden,
    }
}

/// The same where the asker himself said what to bring along.
pub(crate) fn asked(error: Error) -> Failure {
    match error {
        Error::TooManyRows(most) => Failure::BadRequest {
            code: "too_much",
            parameter: Some("include".to_owned()),
            message: format!("asks for more than {most} records at once"),
        },
        error => failed(error),
    }
}

/// An error of the store as the asker's failure.
pub(crate) fn failed(error: Error) -> Failure {
    match error {
        Error::Refused { .. } => Failure::Internal("a read was refused".to_owned()),
        Error::TimedOut(_) | Error::Busy | Error::Unavailable(_) | Error::Conflict(_) => {
            Failure::Unavailable(error.to_string())
        }
        Error::Unknown => Failure::Unknown,
        error => Failure::Internal(error.to_string()),
    }
}
