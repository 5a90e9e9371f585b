//! Many records of one model in one transaction.

use std::collections::HashMap;
use std::sync::Arc;

use purlin_schema::{FieldId, Id, Model, Uuid, Value};
use purlin_store::mutation::{Action, Links};
use purlin_store::{Error, Mutation};

use crate::access::Who;
use crate::accounts::Passwords;
use crate::proposal::{Mode, Proposal};
use crate::records::{Fields, Limits, condition_of, failed};
use crate::{Actor, Engine, Failure, FieldMessage};

/// A record that was validated and waits to be written with others.
pub struct Draft {
    target: Target,
    proposal: Proposal,
}

/// What a draft is for.
enum Target {
    /// A new record, perhaps with the id that it must have.
    New(Option<Id>),
    /// The record with this id, of the version on which checks were evaluated.
    Stored(Id, Option<i64>),
}

/// Why none of the records was written.
#[derive(Debug, thiserror::Error)]
#[error("record {row}: {failure}")]
pub struct BatchFailure {
    /// The first that was refused, by its place.
    pub row: usize,
    /// Why.
    pub failure: Failure,
}

/// What passwords become.
#[derive(Default)]
pub(crate) struct Hashes {
    /// Hashes by plaintext: a seed file gives many accounts one password, and a hash is dear on purpose.
    known: HashMap<Box<str>, Value>,
    /// Whether hashes are what is given.
    are_given: bool,
}

impl Hashes {
    /// Of passwords that are hashes already, or of plain ones.
    pub(crate) fn new(are_given: bool) -> Hashes {
        Hashes { are_given, ..Hashes::default() }
    }
}

impl Draft {
    /// The proposed value of a field, where it is set.
    #[must_use]
    pub fn value(&self, field: FieldId) -> Option<&Value> {
        self.proposal.value(field)
    }
}

impl Engine {
    /// Validates a record that the owner wants to create; nothing is written yet.
    ///
    /// # Errors
    /// [`Failure::Invalid`] with every message.
    pub fn draft(
        &self,
        model: &Model,
        fields: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<Draft, Failure> {
        self.draft_of(model, Fields::Json(fields))
    }

    /// The same, whatever its fields are read from.
    pub(crate) fn draft_of(&self, model: &Model, fields: Fields<'_>) -> Result<Draft, Failure> {
        let ask = self.ask(&Actor::Owner);
        let permissions = self.access().of(model.id, Who::of(&Actor::Owner));
        let mut proposal = self.propose(&ask, model, permissions, fields, Mode::Create, Limits::default());
        self.check_in_memory(&ask, model, &mut proposal, None);
        if !proposal.messages.is_empty() {
            return Err(Failure::Invalid(proposal.messages));
        }
        Ok(Draft { target: Target::New(proposal.take_id()), proposal })
    }

    /// Validates a change that the owner wants to make to a record: of the fields that are given.
    pub(crate) async fn draft_change(
        &self,
        model: &Model,
        id: Id,
        fields: Fields<'_>,
    ) -> Result<Draft, Failure> {
        let ask = self.ask(&Actor::Owner);
        let permissions = self.access().of(model.id, Who::of(&Actor::Owner));
        let mut proposal = self.propose(&ask, model, permissions, fields, Mode::Patch, Limits::default());
        let mut version = None;
        if self.has_memory_checks(model) {
            let stored = self.stored(&ask, model, id).await?.ok_or(Failure::NotFound)?;
            self.check_in_memory(&ask, model, &mut proposal, Some(&stored));
            version = Some(stored.version);
        }
        if !proposal.messages.is_empty() {
            return Err(Failure::Invalid(proposal.messages));
        }
        Ok(Draft { target: Target::Stored(id, version), proposal })
    }

    /// Writes records in one transaction, all or none, and gives their ids in order.
    ///
    /// # Errors
    /// The first record that was refused.
    pub async fn create_batch(&self, model: &Model, drafts: Vec<Draft>) -> Result<Vec<Id>, BatchFailure> {
        let mut hashes = Hashes::default();
        self.create_batch_with(model, drafts, &mut hashes).await
    }

    pub(crate) async fn create_batch_with(
        &self,
        model: &Model,
        drafts: Vec<Draft>,
        hashes: &mut Hashes,
    ) -> Result<Vec<Id>, BatchFailure> {
        let mut mutations = Vec::with_capacity(drafts.len());
        for (row, draft) in drafts.into_iter().enumerate() {
            let mutation = self.mutation(model, draft, hashes).await;
            mutations.push(mutation.map_err(|failure| BatchFailure { row, failure })?);
        }
        self.commit_batch(model, mutations).await
    }

    pub(crate) async fn mutation(
        &self,
        model: &Model,
        draft: Draft,
        hashes: &mut Hashes,
    ) -> Result<Mutation, Failure> {
        let Draft { target, mut proposal } = draft;
        self.hash_passwords_once(model, &mut proposal, hashes).await?;
        let ask = self.ask(&Actor::Owner);
        let who = Who::of(&Actor::Owner);
        let mut guards = proposal.guards(model, self.access().of(model.id, who), self.access(), who);
        guards.extend(self.checks(model));
        let inputs =
            ask.capture(guards.iter().filter_map(condition_of).flat_map(|condition| &condition.inputs));
        let Proposal { values, merges, links, .. } = proposal;
        let action = match target {
            Target::New(id) => Action::Create { id, values, links },
            Target::Stored(id, if_version) => {
                let links = links.into_iter().map(|(field, ids)| (field, Links::Replace(ids))).collect();
                Action::Update { id, if_version, values, merges, links }
            }
        };
        Ok(Mutation { guards, inputs, ..Mutation::new(model.id, action, ask.now) })
    }

    /// Writes mutations of one model, all or none.
    pub(crate) async fn commit_batch(
        &self,
        model: &Model,
        mutations: Vec<Mutation>,
    ) -> Result<Vec<Id>, BatchFailure> {
        match self.store().commit(mutations).await {
            Ok(outcomes) => Ok(outcomes.into_iter().map(|outcome| outcome.id).collect()),
            Err(Error::Refused { at, refusals }) => {
                let failure = self.refused(&Actor::Owner, model.id, &refusals);
                Err(BatchFailure { row: at, failure })
            }
            Err(error) => Err(BatchFailure { row: 0, failure: failed(error) }),
        }
    }

    /// A deletion of nothing: at the end of a commit it keeps all before it from being written.
    pub(crate) fn always_refused(&self, model: &Model) -> Mutation {
        let nothing = if model.uuid_ids { Id::Uuid(Uuid::nil()) } else { Id::Int(-1) };
        Mutation::new(model.id, Action::Delete { id: nothing, if_version: None }, self.now())
    }

    async fn hash_passwords_once(
        &self,
        model: &Model,
        proposal: &mut Proposal,
        hashes: &mut Hashes,
    ) -> Result<(), Failure> {
        let is_password = |field: FieldId| model.field(field).ty.name() == "password";
        let plain = proposal.values.iter().find(|(field, value)| is_password(*field) && !value.is_null());
        let Some((field, Value::Text(plain))) = plain.cloned() else { return Ok(()) };
        if hashes.are_given {
            let refused =
                |message| Failure::Invalid(vec![FieldMessage::new("password", "bad_hash", message)]);
            return Passwords::check_hash(&plain).map_err(refused);
        }
        if let Some(hash) = hashes.known.get(&plain) {
            let all = proposal.values.iter_mut().filter(|(known, _)| *known == field);
            all.for_each(|(_, value)| *value = hash.clone());
            return Ok(());
        }
        self.hash_passwords(&Actor::Owner, model, proposal).await?;
        if let Some(hash) = proposal.value(field) {
            hashes.known.insert(plain, hash.clone());
        }
        Ok(())
    }

    /// A model by number, for whoever holds on to it across an await.
    pub(crate) fn model_of(&self, id: purlin_schema::ModelId) -> Arc<Model> {
        self.site().models.get(id).clone()
    }
}
