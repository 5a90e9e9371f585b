//! The one place where a sign-in is completed, however somebody showed who he is.
//!
//! A password, a link in a mail, a passkey, another provider: each ends in [`Engine::complete_sign_in`]. It decides
//! whether a second factor is still owed. Where one is, there is no session yet but a [`Half`]: a token of its own purpose
//! that lives for minutes and opens nothing but the second step. Where none is, the session is made. Either is
//! written in the transaction that uses up what led here, and only while the account's password is the one that was there when
//! the sign-in began: whoever changes it leaves no sign-in behind that had begun with the old one.

use std::sync::Arc;

use purlin_schema::{FieldId, Value};
use purlin_store::mutation::{Action, Outcome};
use purlin_store::{Error, Guard, Mutation};

use super::tokens::Purpose;
use super::{DAY_MICROS, hash_of, secret};
use crate::actor::User;
use crate::records::{condition_of, failed};
use crate::{Actor, Engine, Failure};

/// By what a session is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// A cookie.
    Cookie,
    /// `Authorization: Bearer`.
    Token,
}

/// From where somebody signs in, and how his session is to be carried.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'text> {
    /// The peer's address, for limits.
    pub address: &'text str,
    /// What his browser says it is.
    pub user_agent: &'text str,
    /// By what the session is carried.
    pub carrier: Carrier,
}

/// How somebody showed who he is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By his password.
    Password,
    /// By the link of a sign-up and its password, or by signing up where no mail is sent.
    SignUp,
    /// By a link or a code in a mail.
    Mail,
    /// By the word of a provider.
    Provider,
    /// By an invitation, whose link came by mail or by hand.
    Invitation,
}

/// What a sign-in led to.
pub enum Entry {
    /// He is signed in.
    Whole(SignedIn),
    /// He owes a second factor.
    Half(Half),
}

/// A fresh session.
pub struct SignedIn {
    /// The secret that carries it; only its hash is stored.
    pub token: String,
    /// Who it is.
    pub user: Arc<User>,
    /// How long it lives without being used, in seconds.
    pub lives_seconds: u64,
}

/// A sign-in that lacks its second step. It is no session: nothing but that step takes its token.
pub struct Half {
    /// The secret that carries it; only its hash is stored.
    pub token: String,
    /// What is owed.
    pub owed: Owed,
    /// How long it waits, in seconds.
    pub lives_seconds: u64,
}

/// What a second step asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owed {
    /// A factor that the account has.
    Factor,
    /// The account has none, and its role must: it is set up first.
    SetUp,
}

impl Entry {
    /// The session, where there is one.
    #[must_use]
    pub fn whole(self) -> Option<SignedIn> {
        match self {
            Entry::Whole(session) => Some(session),
            Entry::Half(_) => None,
        }
    }
}

impl Engine {
    /// Completes a sign-in of somebody who has shown who he is: decides whether a second factor is owed, and makes the
    /// session or what waits for the second step. `user` is the account as it was read for this sign-in, its password's hash
    /// included; `before` is committed with it (a token that is used up).
    ///
    /// # Errors
    /// [`Failure::NotFound`] where one of `before` is refused, [`Failure::Unauthenticated`] where the account has another
    /// password by now or is gone.
    pub(crate) async fn complete_sign_in(
        &self,
        user: &User,
        way: Way,
        arrival: Arrival<'_>,
        before: Vec<Mutation>,
    ) -> Result<Entry, Failure> {
        if self.is_suspended(user) {
            return Err(Failure::Unauthenticated);
        }
        match self.owed(user, way).await? {
            Some(owed) => self.begin_half(user, owed, before).await.map(Entry::Half),
            None => self.begin_session(user, arrival, before).await.map(Entry::Whole),
        }
    }

    /// What an account owes besides the way it came.
    async fn owed(&self, user: &User, way: Way) -> Result<Option<Owed>, Failure> {
        match way {
            Way::Password | Way::SignUp | Way::Mail | Way::Provider | Way::Invitation => {
                self.owed_by(user).await
            }
        }
    }

    /// Makes the session of a sign-in whose second step was taken: by what is committed with it.
    ///
    /// # Errors
    /// As [`Engine::complete_sign_in`].
    pub(super) async fn finish_sign_in(
        &self,
        user: &User,
        arrival: Arrival<'_>,
        before: Vec<Mutation>,
    ) -> Result<SignedIn, Failure> {
        self.begin_session(user, arrival, before).await
    }

    async fn begin_half(&self, user: &User, owed: Owed, mut before: Vec<Mutation>) -> Result<Half, Failure> {
        let purpose = Purpose::SecondStep;
        let data = match owed {
            Owed::Factor => None,
            Owed::SetUp => Some(Engine::secret_to_set_up()?),
        };
        let (secret, token) = self.issue(purpose, Some(user.id), &self.email_of(user), data, self.now())?;
        before.push(token);
        self.commit_for(user, self.inner.accounts.tokens.user, before).await?;
        Ok(Half { token: secret, owed, lives_seconds: u64::from(purpose.minutes()) * 60 })
    }

    async fn begin_session(
        &self,
        user: &User,
        arrival: Arrival<'_>,
        mut before: Vec<Mutation>,
    ) -> Result<SignedIn, Failure> {
        let session = &self.inner.accounts.session;
        let token = secret()?;
        let days = i64::from(self.site().settings.accounts.session_days);
        let now = self.now();
        let kind = match arrival.carrier {
            Carrier::Cookie => "cookie",
            Carrier::Token => "token",
        };
        let agent: String =
            arrival.user_agent.chars().filter(|character| !character.is_control()).take(200).collect();
        let values = vec![
            (session.kind, Value::from(kind)),
            (session.token_hash, Value::from(hash_of(&token))),
            (session.user, Value::from(user.id)),
            (session.seen_at, Value::Datetime(now)),
            (session.proved_at, Value::Datetime(now)),
            (session.expires_at, Value::Datetime(now + days * DAY_MICROS)),
            (session.user_agent, Value::from(agent)),
        ];
        let action = Action::Create { id: None, values, links: Vec::new() };
        before.push(Mutation::new(self.inner.accounts.sessions, action, now));
        let outcome = self.commit_for(user, session.user, before).await?;
        let user = User {
            id: user.id,
            role: user.role.clone(),
            granted: self.granted_to(user.id, &user.role).await?,
            shape: user.shape.clone(),
            row: user.row.clone(),
            session: Some(outcome.id),
            proved_at: Some(now),
            acting: None,
            scopes: None,
        };
        let lives_seconds = u64::try_from(days).unwrap_or_default() * 86_400;
        Ok(SignedIn { token, user: Arc::new(user), lives_seconds })
    }

    /// Commits mutations of which the last makes a record that belongs to an account, by the ref `owner`, while that account has
    /// the password that it had: a password that is changed while somebody signs in with the old one leaves him nothing.
    async fn commit_for(
        &self,
        user: &User,
        owner: FieldId,
        mut mutations: Vec<Mutation>,
    ) -> Result<Outcome, Failure> {
        let accounts = &self.inner.accounts;
        let at_last = mutations.len().saturating_sub(1);
        let last = mutations.last_mut().ok_or_else(|| Failure::Internal("nothing to commit".to_owned()))?;
        let params = [("hash".to_owned(), user.value(accounts.password).cloned().unwrap_or_default())];
        let ask = crate::inputs::Ask { params: &params, ..self.ask(&Actor::Owner) };
        last.guards.push(Guard::Referred(owner, Some(accounts.has_password.clone())));
        let inputs = last.guards.iter().filter_map(condition_of).flat_map(|condition| &condition.inputs);
        last.inputs = ask.capture(inputs);
        match self.store().commit(mutations).await {
            Ok(mut outcomes) => {
                outcomes.pop().ok_or_else(|| Failure::Internal("a commit without outcome".to_owned()))
            }
            Err(Error::Refused { at, .. }) if at < at_last => Err(Failure::NotFound),
            Err(Error::Refused { .. }) => Err(Failure::Unauthenticated),
            Err(error) => Err(failed(error)),
        }
    }
}
