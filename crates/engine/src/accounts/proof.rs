//! Fresh proofs: what would hand an account to somebody else asks who it is, however long the session lives.
//!
//! A session notes when its owner last showed who he is: when he signed in, or when he entered his password again. What is
//! dangerous asks for the password itself, or, where there is none to enter, for a session that is fresh. Nothing of it is
//! for whoever acts as somebody else.

use purlin_schema::{Id, Value};
use purlin_store::Mutation;
use purlin_store::mutation::Action;

use crate::actor::User;
use crate::records::failed;
use crate::{Actor, Engine, Failure};

impl Engine {
    /// Refuses whoever did not show of late who he is, and whoever acts as somebody else.
    ///
    /// # Errors
    /// [`Failure::Stale`], [`Failure::Forbidden`], [`Failure::Unauthenticated`].
    pub fn require_fresh(&self, actor: &Actor) -> Result<(), Failure> {
        let user = match actor {
            Actor::Owner => return Ok(()),
            Actor::Visitor => return Err(Failure::Unauthenticated),
            Actor::User(user) => user,
        };
        refuse_acting(user)?;
        if self.is_fresh(user) { Ok(()) } else { Err(Failure::Stale) }
    }

    /// Whether he showed of late who he is.
    #[must_use]
    pub fn is_fresh(&self, user: &User) -> bool {
        let fresh = self.site().settings.accounts.fresh.as_micros();
        let fresh = i64::try_from(fresh).unwrap_or(i64::MAX);
        user.proved_at.is_some_and(|at| at.saturating_add(fresh) > self.now())
    }

    /// Takes the password once more: the session is fresh from now on.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `password`, [`Failure::TooMany`].
    pub async fn prove_again(&self, actor: &Actor, password: &str, address: &str) -> Result<(), Failure> {
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        self.confirm(user, password, address).await?;
        let session = user.session.ok_or(Failure::Forbidden)?;
        self.proved(session).await
    }

    /// Notes that the owner of a session has just shown who he is, by whatever he has.
    ///
    /// # Errors
    /// Where the database fails.
    pub(crate) async fn proved(&self, session: Id) -> Result<(), Failure> {
        let accounts = &self.inner.accounts;
        let now = self.now();
        let values = vec![(accounts.session.proved_at, Value::Datetime(now))];
        let action =
            Action::Update { id: session, if_version: None, values, merges: Vec::new(), links: Vec::new() };
        let mutation = Mutation::new(accounts.sessions, action, now);
        self.store().commit(vec![mutation]).await.map(|_| ()).map_err(failed)
    }
}

/// Whoever acts as somebody else does not touch what that person signs in with.
pub(crate) fn refuse_acting(user: &User) -> Result<(), Failure> {
    if user.acting.is_some() { Err(Failure::Forbidden) } else { Ok(()) }
}
