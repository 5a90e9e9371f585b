//! Signing in by somebody else's word: who it is here, whether an account is made, and what is joined to what.
//!
//! ATTACKS 33 is decided so: an identity that is known is its user's, whatever address it has by now. One that is not known
//! is joined by itself to an account only where the provider has seen that the address is the person's *and* the account's
//! owner has shown the same here; else an account with that address stays as it is, and its owner joins the two when he is
//! signed in. No account is made for an address that nobody confirmed where the site confirms addresses.

use purlin_pages::mails::Words;
use purlin_pages::view::FormView;
use purlin_schema::{FieldId, Id, Value};
use purlin_store::mutation::Action;
use purlin_store::{Error, Mutation};

use super::identities::Claimed;
use super::{Arrival, Entry, Way};
use crate::actor::User;
use crate::pages::{Mistaken, PageAnswer, PageRequest};
use crate::records::{Fields, Limits, failed};
use crate::{Actor, Engine, Failure, FieldMessage};

/// The form that asks for what a provider does not say.
const FORM: &str = "signup";
/// Fields of `users` that a person's name is put into, where sign-up takes one of them.
const NAMES: &[&str] = &["name", "full_name", "fullname", "display_name"];
/// A session is fresh for so long after it began.
const FRESH_MICROS: i64 = 10 * 60 * 1_000_000;

/// What came of a sign-in by somebody else's word.
pub enum Federated {
    /// It is he, and how his sign-in ended.
    In(Entry),
    /// An account is to be made, and sign-up takes more than the provider says.
    More,
    /// He is not.
    Refused(Refusal),
}

/// Why somebody is not signed in by a provider's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody may make an account here, and he has none.
    Closed,
    /// Only addresses of some domains may: in words.
    Domain(String),
    /// The provider tells no address.
    NoAddress,
    /// The provider has not seen that the address is his.
    Unconfirmed,
    /// There is an account with this address, and it is not joined by itself.
    Exists,
}

impl Engine {
    /// Counts a try to sign in by a provider; each has the provider asked.
    ///
    /// # Errors
    /// [`Failure::TooMany`].
    pub fn begin_federated(&self, provider: &str, address: &str) -> Result<(), Failure> {
        let account = format!("{provider} {address}");
        self.inner.accounts.asked.begin(&account, address, self.now()).map_err(Failure::TooMany)
    }

    /// Takes a try back that was in earnest.
    pub fn end_federated(&self, provider: &str, address: &str) {
        self.inner.accounts.asked.forget(&format!("{provider} {address}"), address);
    }

    /// Uses up the state of a sign-in that comes back: once, on any node. `until` is when it ends by itself.
    ///
    /// # Errors
    /// [`Failure::Invalid`] where it was used, or where the database fails.
    pub async fn use_state(&self, state: &str, until: i64) -> Result<(), Failure> {
        let now = self.now();
        let spent = || {
            let message = "this sign-in was used already or is too old; begin again";
            Failure::Invalid(vec![FieldMessage::new("state", "expired", message)])
        };
        if until <= now {
            return Err(spent());
        }
        match self.store().commit(vec![self.spending(state, until, now)]).await {
            Ok(_) => Ok(()),
            Err(Error::Refused { .. }) => Err(spent()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Signs in by a provider's word.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn sign_in_with(&self, claimed: &Claimed, arrival: Arrival<'_>) -> Result<Federated, Failure> {
        let now = self.now();
        if let Some(identity) = self.identity(claimed).await? {
            let user = self.user_by_id(identity.user).await?.ok_or(Failure::Unauthenticated)?;
            let entry = self.complete_sign_in(&user, Way::Provider, arrival, Vec::new()).await?;
            self.note_identity(&identity, now).await;
            return Ok(Federated::In(entry));
        }
        let refuse = |why| Ok(Federated::Refused(why));
        let Some(email) = claimed.email.as_deref().and_then(|email| self.address_of(email).ok()) else {
            return refuse(Refusal::NoAddress);
        };
        let settings = &self.site().settings.accounts;
        // Before anything is looked up: who only says so learns nothing about whose account there is.
        if !claimed.email_verified && settings.verify {
            return refuse(Refusal::Unconfirmed);
        }
        if let Some(user) = self.user_by_email(&email).await? {
            if !(claimed.email_verified && self.has_shown_address(&user).await?) {
                return refuse(Refusal::Exists);
            }
            self.join(&user, claimed, true, now).await?;
            return Ok(Federated::In(
                self.complete_sign_in(&user, Way::Provider, arrival, Vec::new()).await?,
            ));
        }
        if !settings.signup.is_open() {
            return refuse(Refusal::Closed);
        }
        if !settings.signup.takes(&email) {
            return refuse(Refusal::Domain(self.domains()));
        }
        match self.make_with(claimed, &self.known_pairs(claimed, &email)?, arrival).await {
            Ok(entry) => Ok(Federated::In(entry)),
            Err(Failure::Invalid(messages)) => {
                tracing::debug!(?messages, "a provider does not say all that sign-up takes");
                Ok(Federated::More)
            }
            Err(failure) => Err(failure),
        }
    }

    /// The form for what sign-up takes and the provider does not say.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where sign-up is off.
    pub async fn finish_page(
        &self,
        claimed: &Claimed,
        request: &PageRequest<'_>,
        extra: Vec<(String, serde_json::Value)>,
    ) -> Result<PageAnswer, Failure> {
        let email = self.claimed_address(claimed)?;
        let known = self.known_pairs(claimed, &email)?;
        let mistaken = Mistaken { name: FORM, pairs: &known, messages: Vec::new() };
        let form = self.finish_form(Some(&mistaken))?;
        self.system_form("account/finish.html", request, extra, vec![form], 200).await
    }

    /// Takes that form.
    ///
    /// # Errors
    /// As [`Engine::finish_page`].
    pub async fn finish(
        &self,
        claimed: &Claimed,
        request: &PageRequest<'_>,
        extra: Vec<(String, serde_json::Value)>,
        given: &[(String, String)],
        arrival: Arrival<'_>,
    ) -> Result<Result<Entry, PageAnswer>, Failure> {
        let email = self.claimed_address(claimed)?;
        let users = self.model(self.inner.accounts.users);
        let mut pairs = self.as_instants(&users, None, given).into_owned();
        // The address is the provider's to say.
        pairs.retain(|(name, _)| name != "email" && name != "password");
        pairs.push(("email".to_owned(), email));
        match self.make_with(claimed, &pairs, arrival).await {
            Ok(entry) => Ok(Ok(entry)),
            Err(Failure::Invalid(messages)) => {
                let mistaken = Mistaken { name: FORM, pairs: given, messages };
                let form = self.finish_form(Some(&mistaken))?;
                let page = self.system_form("account/finish.html", request, extra, vec![form], 422).await?;
                Ok(Err(page))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Makes an account and joins the identity to it, in one transaction.
    async fn make_with(
        &self,
        claimed: &Claimed,
        pairs: &[(String, String)],
        arrival: Arrival<'_>,
    ) -> Result<Entry, Failure> {
        let email = self.claimed_address(claimed)?;
        let settings = &self.site().settings.accounts;
        let unconfirmed = settings.verify && !claimed.email_verified;
        if unconfirmed || !settings.signup.takes(&email) {
            return Err(Failure::Forbidden);
        }
        let fields = self.sign_up_fields()?;
        let limits = Limits { allowed: Some(&fields), free: true, ..Limits::default() };
        let actor = Actor::Visitor;
        let ask = self.ask(&actor);
        let now = ask.now;
        let accounts = &self.inner.accounts;
        let after = vec![(accounts.identities.user, self.joining(claimed, None, true, now))];
        let made = self.create_joined(after, &ask, accounts.users, Fields::Form(pairs), limits).await?;
        if claimed.email_verified {
            self.note_address(made.id, &email, now).await?;
        }
        let user = self.user_by_id(made.id).await?.ok_or(Failure::NotFound)?;
        self.complete_sign_in(&user, Way::Provider, arrival, Vec::new()).await
    }

    /// Joins an identity to the account that is signed in.
    ///
    /// # Errors
    /// [`Failure::Conflict`] where it is somebody else's, [`Failure::Unauthenticated`] for a visitor.
    pub async fn link_identity(&self, actor: &Actor, claimed: &Claimed) -> Result<(), Failure> {
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        match self.identity(claimed).await? {
            Some(identity) if identity.user == user.id => Ok(()),
            Some(_) => Err(taken()),
            None => self.join(user, claimed, false, self.now()).await,
        }
    }

    async fn join(&self, user: &User, claimed: &Claimed, seen: bool, now: i64) -> Result<(), Failure> {
        let email = self.email_of(user);
        let mutations = vec![
            self.joining(claimed, Some(user.id), seen, now),
            self.identity_notice("identity_linked", &email, &claimed.provider, now)?,
        ];
        match self.store().commit(mutations).await {
            Ok(_) => {}
            Err(Error::Refused { .. }) => return Err(taken()),
            Err(error) => return Err(failed(error)),
        }
        self.ring();
        Ok(())
    }

    /// One's own identities, the oldest first.
    ///
    /// # Errors
    /// [`Failure::Unauthenticated`] for a visitor.
    pub async fn own_identities(&self, actor: &Actor) -> Result<Vec<super::OwnIdentity>, Failure> {
        self.identities_of(actor.user().ok_or(Failure::Unauthenticated)?.id).await
    }

    /// Parts an identity from one's own account. The last way in stays.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where it is none of one's own, [`Failure::Conflict`] where it is the last way to sign in.
    pub async fn unlink_identity(&self, actor: &Actor, id: Id) -> Result<(), Failure> {
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        let accounts = &self.inner.accounts;
        let now = self.now();
        let own = self.identities_of(user.id).await?;
        let identity = own.iter().find(|identity| identity.id == id).ok_or(Failure::NotFound)?;
        let stored = self.user_by_email(&self.email_of(user)).await?.filter(|stored| stored.id == user.id);
        let stored = stored.ok_or(Failure::Unauthenticated)?;
        let mut mutations = Vec::new();
        if !self.has_password(&stored) {
            // One whose provider is not there any more signs nobody in.
            let another = own.iter().find(|other| {
                other.id != id && self.site().settings.accounts.provider(&other.provider).is_some()
            });
            let another = another.ok_or_else(|| {
                let message = "is the last way to sign in: set a password or link another first";
                Failure::Conflict(message.to_owned())
            })?;
            // It must be there when this one goes: of two that are unlinked at once, one stays.
            let values = vec![(accounts.identities.user, Value::from(user.id))];
            let kept = Action::Update {
                id: another.id,
                if_version: None,
                values,
                merges: Vec::new(),
                links: Vec::new(),
            };
            mutations.push(Mutation::new(accounts.identities.model, kept, now));
        }
        let email = self.email_of(&stored);
        mutations.push(Mutation::new(
            accounts.identities.model,
            Action::Delete { id, if_version: None },
            now,
        ));
        mutations.push(self.identity_notice("identity_unlinked", &email, &identity.provider, now)?);
        match self.store().commit(mutations).await {
            Ok(_) => {}
            Err(Error::Refused { .. }) => {
                return Err(Failure::Conflict("something was changed meanwhile; look again".to_owned()));
            }
            Err(error) => return Err(failed(error)),
        }
        self.ring();
        Ok(())
    }

    /// Asks whoever is signed in to show again that he is: by his password, or, where he has none, by having just signed in.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `password`, [`Failure::TooMany`], [`Failure::Conflict`] where he is to sign in again.
    pub async fn confirm_again(&self, actor: &Actor, password: &str, address: &str) -> Result<(), Failure> {
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        if self.asks_password(actor).await? {
            return self.confirm(user, password, address).await;
        }
        let accounts = &self.inner.accounts;
        let params = [("user".to_owned(), Value::from(user.id))];
        let set = self.rows(&accounts.sessions_of, &params).await?;
        let began = set.rows.iter().find_map(|row| {
            let is_own = set.shape.value(row, FieldId::ID).and_then(Value::as_id) == user.session;
            match set.shape.value(row, FieldId::CREATED_AT) {
                Some(Value::Datetime(at)) if is_own => Some(*at),
                _ => None,
            }
        });
        if began.is_some_and(|began| began + FRESH_MICROS > self.now()) {
            return Ok(());
        }
        Err(Failure::Conflict("sign out and in again first: this is done soon after signing in".to_owned()))
    }

    /// Whether whoever is signed in has a password to be asked for.
    ///
    /// # Errors
    /// [`Failure::Unauthenticated`] for a visitor.
    pub async fn asks_password(&self, actor: &Actor) -> Result<bool, Failure> {
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        let stored = self.user_by_email(&self.email_of(user)).await?;
        Ok(stored.is_some_and(|stored| stored.id == user.id && self.has_password(&stored)))
    }

    fn has_password(&self, user: &User) -> bool {
        let hash = user.value(self.inner.accounts.password).and_then(Value::as_text);
        hash.is_some_and(|hash| !hash.is_empty())
    }

    fn claimed_address(&self, claimed: &Claimed) -> Result<String, Failure> {
        self.address_of(claimed.email.as_deref().unwrap_or_default())
    }

    /// What a provider says, as a sign-up would.
    fn known_pairs(&self, claimed: &Claimed, email: &str) -> Result<Vec<(String, String)>, Failure> {
        let mut pairs = vec![("email".to_owned(), email.to_owned())];
        let users = self.model(self.inner.accounts.users);
        let fields = self.sign_up_fields()?;
        let taken =
            NAMES.iter().find(|name| users.field_named(name).is_some_and(|field| fields.contains(&field.id)));
        if let (Some(name), Some(fullname)) = (taken, &claimed.fullname) {
            pairs.push(((*name).to_owned(), fullname.clone()));
        }
        Ok(pairs)
    }

    fn finish_form(&self, mistaken: Option<&Mistaken<'_>>) -> Result<(String, FormView), Failure> {
        let accounts = &self.inner.accounts;
        let mut fields = self.sign_up_fields()?;
        fields.retain(|field| *field != accounts.email && *field != accounts.password);
        Ok(self.sign_up_form(&fields, mistaken))
    }

    fn identity_notice(
        &self,
        template: &'static str,
        email: &str,
        provider: &str,
        now: i64,
    ) -> Result<Mutation, Failure> {
        let settings = &self.site().settings.accounts;
        let label = settings.provider(provider).map_or(provider, |provider| provider.label.as_str());
        let words = Words {
            link: self.link("/account/identities"),
            email: email.to_owned(),
            provider: label.to_owned(),
            ..Words::default()
        };
        self.notice(template, email, words, now)
    }
}

fn taken() -> Failure {
    Failure::Conflict("it signs in to another account here: unlink it there first".to_owned())
}
