//! Identities: by what other than a password somebody is known, and addresses that were shown to be somebody's.
//!
//! An identity is what a provider calls somebody for good, under the provider's own authority (its issuer): what the site
//! calls the provider is the owner's to change. The database keeps a hash of both, which is unique: an identity is one
//! user's. Beside them stands, for each user, which of his addresses he has shown to be his by following a link: an address
//! that was only typed in proves nothing, and no provider's word is joined to it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purlin_schema::query::Limit;
use purlin_schema::{FieldId, Id, Input, ModelId, Models, Value};
use purlin_store::mutation::Action;
use purlin_store::{CompileError, Mutation, Prepared, Store};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::field;
use crate::actor::User;
use crate::expressions::{field_is, whole_records};
use crate::{Engine, Failure};

/// What stands in a provider's place where a row says that an address is its user's. No provider can be called so.
const ADDRESS: &str = "@";
/// An identity's last use is written down when it is older than this.
const SEEN_MICROS: i64 = 3_600_000_000;
/// What a provider calls somebody is kept to this many characters, to show it.
const LONGEST_ACCOUNT: usize = 200;

/// What a provider says of somebody, checked to be what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// What the site calls the provider.
    pub provider: String,
    /// Who stands behind it: its issuer.
    pub authority: String,
    /// What it calls the person, for good.
    pub subject: String,
    /// The person's address, as the provider has it.
    pub email: Option<String>,
    /// Whether the provider has seen that the address is the person's.
    pub email_verified: bool,
    /// The person's name.
    pub fullname: Option<String>,
}

/// One of one's own identities.
pub struct OwnIdentity {
    /// Its id.
    pub id: Id,
    /// What the site calls the provider.
    pub provider: String,
    /// What the provider calls its account, to tell it from others: an address or a name.
    pub account: String,
    /// Since when, in microseconds UTC.
    pub since: i64,
    /// When somebody last signed in by it, within the hour; nothing where nobody did.
    pub seen_at: Option<i64>,
}

/// The queries and fields of identities.
pub(super) struct Identities {
    pub(super) model: ModelId,
    key: FieldId,
    pub(super) user: FieldId,
    provider: FieldId,
    account: FieldId,
    seen_at: FieldId,
    /// The one with the key `Param("key")`.
    by_key: Arc<Prepared>,
    /// Those of the user `Param("user")`.
    of_user: Arc<Prepared>,
}

/// A stored identity.
pub(super) struct Identity {
    pub(super) id: Id,
    pub(super) user: Id,
    seen_at: i64,
}

impl Identities {
    pub(super) fn compile(models: &Models, store: &Store) -> Result<Identities, CompileError> {
        let model = models.named("_identities").ok_or_else(|| super::missing("_identities"))?;
        let (key, user) = (field(model, "key")?, field(model, "user")?);
        let is = |id: FieldId, name: &str| field_is(model, model.field(id), Input::Param(name.to_owned()));
        Ok(Identities {
            model: model.id,
            key,
            user,
            provider: field(model, "provider")?,
            account: field(model, "account")?,
            seen_at: field(model, "seen_at")?,
            by_key: store.prepare(&whole_records(model, is(key, "key"), Limit::One))?,
            of_user: store.prepare(&whole_records(model, is(user, "user"), Limit::AtMost(200)))?,
        })
    }
}

impl Claimed {
    /// By what the database knows the identity.
    fn key(&self) -> String {
        key_of(&["identity", &self.authority, &self.subject])
    }

    /// What tells the provider's account from another of the same person.
    fn account(&self) -> String {
        let known = self.email.as_deref().or(self.fullname.as_deref()).unwrap_or_default();
        known.chars().filter(|c| !c.is_control()).take(LONGEST_ACCOUNT).collect()
    }
}

impl Engine {
    /// The identity that a provider speaks of, where it is a user's here.
    pub(super) async fn identity(&self, claimed: &Claimed) -> Result<Option<Identity>, Failure> {
        self.identity_by_key(&claimed.key()).await
    }

    async fn identity_by_key(&self, key: &str) -> Result<Option<Identity>, Failure> {
        let identities = &self.inner.accounts.identities;
        let set = self.rows(&identities.by_key, &[("key".to_owned(), Value::from(key))]).await?;
        let Some(row) = set.rows.first() else { return Ok(None) };
        let id = |field: FieldId| set.shape.value(row, field).and_then(Value::as_id);
        let seen_at = match set.shape.value(row, identities.seen_at) {
            Some(Value::Datetime(at)) => *at,
            _ => 0,
        };
        let (Some(own), Some(user)) = (id(FieldId::ID), id(identities.user)) else { return Ok(None) };
        Ok(Some(Identity { id: own, user, seen_at }))
    }

    /// Somebody's identities, the oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn identities_of(&self, user: Id) -> Result<Vec<OwnIdentity>, Failure> {
        let identities = &self.inner.accounts.identities;
        let set = self.rows(&identities.of_user, &[("user".to_owned(), Value::from(user))]).await?;
        let mut found = Vec::new();
        for row in &set.rows {
            let text = |field: FieldId| {
                set.shape.value(row, field).and_then(Value::as_text).unwrap_or_default().to_owned()
            };
            let time = |field: FieldId| match set.shape.value(row, field) {
                Some(Value::Datetime(at)) => Some(*at),
                _ => None,
            };
            let Some(id) = set.shape.value(row, FieldId::ID).and_then(Value::as_id) else { continue };
            if text(identities.provider) != ADDRESS {
                found.push(OwnIdentity {
                    id,
                    provider: text(identities.provider),
                    account: text(identities.account),
                    since: time(FieldId::CREATED_AT).unwrap_or_default(),
                    seen_at: time(identities.seen_at),
                });
            }
        }
        found.sort_by_key(|identity| identity.since);
        Ok(found)
    }

    /// Whether somebody has shown that the address of his account is his.
    pub(super) async fn has_shown_address(&self, user: &User) -> Result<bool, Failure> {
        let key = address_key(user.id, &self.email_of(user));
        Ok(self.identity_by_key(&key).await?.is_some())
    }

    /// What writes down that an identity is somebody's; of a user that the same commit makes, `refers` is set.
    pub(super) fn joining(&self, claimed: &Claimed, user: Option<Id>, seen: bool, now: i64) -> Mutation {
        let row = Row {
            key: claimed.key(),
            provider: &claimed.provider,
            account: &claimed.account(),
            seen_at: seen.then_some(now),
        };
        self.identity_row(row, user, now)
    }

    /// What writes down that an address is a user's; nothing where that is known.
    pub(super) async fn showing(
        &self,
        user: Id,
        address: &str,
        now: i64,
    ) -> Result<Option<Mutation>, Failure> {
        let key = address_key(user, address);
        if self.identity_by_key(&key).await?.is_some() {
            return Ok(None);
        }
        let row = Row { key, provider: ADDRESS, account: address, seen_at: None };
        Ok(Some(self.identity_row(row, Some(user), now)))
    }

    fn identity_row(&self, row: Row<'_>, user: Option<Id>, now: i64) -> Mutation {
        let identities = &self.inner.accounts.identities;
        let mut values = vec![
            (identities.key, Value::from(row.key)),
            (identities.provider, Value::from(row.provider)),
            (identities.account, Value::from(row.account)),
            (identities.seen_at, row.seen_at.map(Value::Datetime).unwrap_or_default()),
        ];
        values.extend(user.map(|user| (identities.user, Value::from(user))));
        let action = Action::Create { id: None, values, links: Vec::new() };
        Mutation::new(identities.model, action, now)
    }

    /// Notes that somebody signed in by an identity, at most once an hour. That it cannot be noted is no reason to refuse.
    pub(super) async fn note_identity(&self, identity: &Identity, now: i64) {
        if identity.seen_at + SEEN_MICROS > now {
            return;
        }
        let identities = &self.inner.accounts.identities;
        let values = vec![(identities.seen_at, Value::Datetime(now))];
        let action = Action::Update {
            id: identity.id,
            if_version: None,
            values,
            merges: Vec::new(),
            links: Vec::new(),
        };
        if let Err(error) = self.store().commit(vec![Mutation::new(identities.model, action, now)]).await {
            tracing::warn!(%error, "an identity's last use was not noted");
        }
    }

    /// After a commit in which a user was made: that his address was shown to be his.
    pub(super) async fn note_address(&self, user: Id, address: &str, now: i64) -> Result<(), Failure> {
        if let Some(shown) = self.showing(user, address, now).await? {
            match self.store().commit(vec![shown]).await {
                // Somebody noted the same meanwhile.
                Ok(_) | Err(purlin_store::Error::Refused { .. }) => {}
                Err(error) => return Err(crate::records::failed(error)),
            }
        }
        Ok(())
    }
}

struct Row<'row> {
    key: String,
    provider: &'row str,
    account: &'row str,
    seen_at: Option<i64>,
}

fn address_key(user: Id, address: &str) -> String {
    key_of(&["address", &Value::from(user).to_text(), &address.to_lowercase()])
}

/// A hash of parts, each with its length: no two lists of parts run together into one.
fn key_of(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_33_an_identity_is_its_authority_s_and_no_other_s() {
        assert_ne!(key_of(&["identity", "https://a", "bc"]), key_of(&["identity", "https://ab", "c"]));
        assert_ne!(key_of(&["identity", "a", "b"]), key_of(&["address", "a", "b"]));
        let claimed = |provider: &str, authority: &str| Claimed {
            provider: provider.to_owned(),
            authority: authority.to_owned(),
            subject: "1".to_owned(),
            email: None,
            email_verified: false,
            fullname: None,
        };
        assert_eq!(claimed("a", "https://x").key(), claimed("b", "https://x").key());
        assert_ne!(claimed("a", "https://x").key(), claimed("a", "https://y").key());
    }
}
