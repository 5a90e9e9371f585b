//! Acting as another user: an administrator sees a site as somebody else does.
//!
//! The session stays the administrator's own; it notes as whom he acts, and is read as that user's at each request, for as
//! long as its owner is an administrator. So it ends by one click, nothing of the user's own sessions is touched, and the log
//! has both. It is never onto another administrator.

use purlin_schema::{FieldId, Id, Value};
use purlin_store::Mutation;
use purlin_store::mutation::Action;

use super::proof::refuse_acting;
use crate::actor::User;
use crate::records::failed;
use crate::{Actor, Engine, Failure, FieldMessage};

impl Engine {
    /// Has an administrator act as the user with this address.
    ///
    /// # Errors
    /// [`Failure::NotFound`] for whoever is no administrator, and where the site has it off; [`Failure::Stale`];
    /// [`Failure::Invalid`] about `email`.
    pub async fn act_as(&self, actor: &Actor, email: &str) -> Result<(), Failure> {
        let user = self.may_act(actor)?;
        self.require_fresh(actor)?;
        let session = user.session.ok_or(Failure::Forbidden)?;
        let refuse = |code: &str, message: &str| {
            Err(Failure::Invalid(vec![FieldMessage::new("email", code, message)]))
        };
        let Some(other) = self.user_by_email(&email.trim().to_lowercase()).await? else {
            return refuse("not_found", "has no account here");
        };
        if other.id == user.id {
            return refuse("yourself", "is your own");
        }
        if Actor::is_admin_role(&other.role) {
            return refuse("too_high", "is another administrator's");
        }
        self.set_acting(session, Some(other.id)).await
    }

    /// Ends it.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where nobody acts.
    pub async fn stop_acting(&self, actor: &Actor) -> Result<(), Failure> {
        let user = actor.user().filter(|user| user.acting.is_some()).ok_or(Failure::NotFound)?;
        let session = user.session.ok_or(Failure::NotFound)?;
        self.set_acting(session, None).await
    }

    /// Whether somebody may act as others.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where he may not.
    pub fn may_act<'actor>(&self, actor: &'actor Actor) -> Result<&'actor User, Failure> {
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        refuse_acting(user)?;
        let may = self.site().settings.accounts.acting && actor.is_admin() && user.scopes.is_none();
        if may { Ok(user) } else { Err(Failure::NotFound) }
    }

    async fn set_acting(&self, session: Id, other: Option<Id>) -> Result<(), Failure> {
        let accounts = &self.inner.accounts;
        let values = vec![(accounts.session.acts_as, other.map(Value::from).unwrap_or_default())];
        let action =
            Action::Update { id: session, if_version: None, values, merges: Vec::new(), links: Vec::new() };
        let mutation = Mutation::new(accounts.sessions, action, self.now());
        self.store().commit(vec![mutation]).await.map(|_| ()).map_err(failed)
    }

    /// The user as whom a session's owner acts; himself where that cannot be.
    pub(super) async fn as_other(&self, owner: User, other: Id) -> Result<User, Failure> {
        let may = self.site().settings.accounts.acting
            && Actor::is_admin_role(&owner.role)
            && owner.scopes.is_none();
        if !may {
            return Ok(owner);
        }
        let params = [("id".to_owned(), Value::from(other))];
        let set = self.rows(&self.inner.accounts.user_without_password, &params).await?;
        let found = set.rows.first().cloned();
        let found = found.and_then(|row| self.user_of(set.shape.clone(), row, owner.session));
        let Some(found) = found.filter(|user| !Actor::is_admin_role(&user.role)) else { return Ok(owner) };
        let granted = self.granted_to(found.id, &found.role).await?;
        Ok(User { granted, acting: Some(owner.id), ..found })
    }

    /// Whether an account is suspended.
    pub(super) fn is_suspended(&self, user: &User) -> bool {
        user.value(self.inner.accounts.suspended) == Some(&Value::Bool(true))
    }

    /// Ends every session, link and token of an account but one session: after a suspension, or another role.
    pub(crate) async fn revoke(&self, user: Id, but: Option<Id>) -> Result<(), Failure> {
        self.end_others(user, but).await?;
        let tokens = self.tokens_of(user).await?;
        self.delete_each(self.inner.accounts.sessions, tokens.iter().map(|token| token.id).collect()).await
    }

    /// Whether a change of a record is one after which its user's sessions end: another role, or suspension.
    pub(crate) async fn revokes(
        &self,
        ask: &crate::inputs::Ask<'_>,
        model: &purlin_schema::Model,
        id: Id,
        proposal: &crate::proposal::Proposal,
    ) -> Result<bool, Failure> {
        let accounts = &self.inner.accounts;
        if model.id != accounts.users {
            return Ok(false);
        }
        let set = |field: FieldId| proposal.value(field).map(|value| (field, value));
        let given: Vec<_> = [set(accounts.role), set(accounts.suspended)].into_iter().flatten().collect();
        if given.is_empty() {
            return Ok(false);
        }
        let Some(stored) = self.stored(ask, model, id).await? else { return Ok(false) };
        let differs = |(field, value): &(FieldId, &Value)| {
            let lifts = *field == accounts.suspended && **value != Value::Bool(true);
            !lifts && stored.shape.value(&stored.row, *field) != Some(*value)
        };
        Ok(given.iter().any(differs))
    }
}
