//! What one does with one's own account: password, address, sessions, the end of it.
//!
//! Whatever hands the account to somebody else asks for the password again, so that an open session is not the account.

use purlin_pages::mails::Words;
use purlin_schema::settings::SignUp;
use purlin_schema::{FieldId, Id, Model, Row, Value};
use purlin_store::mutation::Action;
use purlin_store::{Error, Mutation};

use super::access_tokens::KIND;
use super::proof::refuse_acting;
use super::tokens::{Purpose, dead_link};
use crate::actor::User;
use crate::mail::Draft;
use crate::proposal::Proposal;
use crate::records::failed;
use crate::{Actor, Engine, Failure, FieldMessage};

/// One of one's own sessions.
pub struct OwnSession {
    /// Its id.
    pub id: Id,
    /// `cookie` or `token`.
    pub kind: String,
    /// What the browser said it is; whatever the other side wrote.
    pub user_agent: String,
    /// When it began, in microseconds UTC.
    pub began_at: i64,
    /// When it was last used, within the hour.
    pub seen_at: i64,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

/// A session or a token of a program, as it is stored.
pub(super) struct LiveSession {
    pub(super) id: Id,
    pub(super) kind: String,
    pub(super) user_agent: String,
    pub(super) name: String,
    pub(super) scopes: String,
    pub(super) began_at: i64,
    pub(super) seen_at: i64,
    pub(super) expires_at: i64,
}

impl Engine {
    /// Changes one's own password, and ends every other session.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `password` (the old one) or `new_password`, [`Failure::TooMany`].
    pub async fn change_password(
        &self,
        actor: &Actor,
        old: &str,
        new: &str,
        address: &str,
    ) -> Result<(), Failure> {
        let accounts = &self.inner.accounts;
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        self.confirm(user, old, address).await?;
        let hash = self.new_hash("new_password", new, user).await?;
        let now = self.now();
        let email = self.email_of(user);
        let mutations = vec![
            self.setting(user.id, vec![(accounts.password, hash)], now),
            self.password_changed(&email, now)?,
        ];
        self.store().commit(mutations).await.map_err(failed)?;
        self.ring();
        self.end_with_password(user.id, user.session).await
    }

    /// Sends a link to one's new address, which it then becomes; whether somebody has it already is not told. Where no
    /// mail can be sent it is changed at once; gives whether it was.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `password` or `email`, [`Failure::TooMany`].
    pub async fn change_email(
        &self,
        actor: &Actor,
        password: &str,
        email: &str,
        address: &str,
    ) -> Result<bool, Failure> {
        let accounts = &self.inner.accounts;
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        self.confirm(user, password, address).await?;
        let email = self.address_of(email)?;
        let signup = &self.site().settings.accounts.signup;
        if matches!(signup, SignUp::Domains(_)) && !signup.takes(&email) {
            let message = "must be at a domain whose addresses may sign up";
            return Err(Failure::Invalid(vec![FieldMessage::new("email", "domain", message)]));
        }
        let now = self.now();
        if !self.sends_mail() {
            let change = self.setting(user.id, vec![(accounts.email, Value::from(email.as_str()))], now);
            return self.store().commit(vec![change]).await.map(|_| true).map_err(|error| match error {
                Error::Refused { refusals, .. } => self.refused(actor, accounts.users, &refusals),
                error => failed(error),
            });
        }
        accounts.asked.begin(&email, address, now).map_err(Failure::TooMany)?;
        let taken = self.user_by_email(&email).await?.is_some();
        let enough = self.has_mails_enough(&email).await?;
        let real = !taken && !enough;
        let purpose = if real { Purpose::Email } else { Purpose::Void };
        let (secret, token) = self.issue(purpose, Some(user.id), &email, None, now)?;
        let words = Words {
            link: self.link(&format!("/account/email?token={secret}")),
            hours: Purpose::Email.hours(),
            email: email.clone(),
            new_email: email.clone(),
            ..Words::default()
        };
        let until = Purpose::Email.until(now);
        let draft = Draft { template: "confirm_email", to: &email, words, user: None, until, real };
        let mail = self.write_mail(&draft, now)?;
        self.store().commit(vec![token, mail]).await.map_err(failed)?;
        self.ring();
        Ok(false)
    }

    /// Makes the address that a link was sent to the account's, and tells the old one.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `token`.
    pub async fn confirm_email(&self, token: &str) -> Result<(), Failure> {
        let accounts = &self.inner.accounts;
        let token = self.token(Purpose::Email, token).await?;
        let user = self.user_by_id(token.user.ok_or_else(dead_link)?).await?.ok_or_else(dead_link)?;
        let old = self.email_of(&user);
        let now = self.now();
        let words = Words {
            link: self.link("/"),
            email: old.clone(),
            new_email: token.address.clone(),
            ..Words::default()
        };
        let mut mutations = vec![
            self.using(&token, now),
            self.setting(user.id, vec![(accounts.email, Value::from(token.address.as_str()))], now),
            self.notice("email_changed", &old, words, now)?,
        ];
        mutations.extend(self.showing(user.id, &token.address, now).await?);
        match self.store().commit(mutations).await {
            Ok(_) => {}
            // Used meanwhile, or the address has an account by now.
            Err(Error::Refused { .. }) => return Err(dead_link()),
            Err(error) => return Err(failed(error)),
        }
        self.ring();
        self.end_tokens(user.id).await
    }

    /// Whether the link with this token still works.
    ///
    /// # Errors
    /// [`Failure::Invalid`] where it does not.
    pub async fn look_at_link(&self, token: &str, is_sign_up: bool) -> Result<(), Failure> {
        let purpose = if is_sign_up { Purpose::SignUp } else { Purpose::Email };
        self.token(purpose, token).await.map(|_| ())
    }

    /// One's own sessions that live, the last used first.
    ///
    /// # Errors
    /// [`Failure::Unauthenticated`] for a visitor.
    pub async fn own_sessions(&self, actor: &Actor) -> Result<Vec<OwnSession>, Failure> {
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        let live = self.live_sessions(user.id).await?.into_iter().filter(|session| session.kind != KIND);
        let mut sessions: Vec<OwnSession> = live
            .map(|session| OwnSession {
                id: session.id,
                kind: session.kind,
                user_agent: session.user_agent,
                began_at: session.began_at,
                seen_at: session.seen_at,
                is_current: user.session == Some(session.id),
            })
            .collect();
        sessions.sort_by_key(|session| (!session.is_current, -session.seen_at));
        Ok(sessions)
    }

    /// What an account is signed in with: sessions, and tokens of programs.
    pub(super) async fn live_sessions(&self, user: Id) -> Result<Vec<LiveSession>, Failure> {
        let accounts = &self.inner.accounts;
        let fields = &accounts.session;
        let params = [("user".to_owned(), Value::from(user))];
        let set = self.rows(&accounts.sessions_of, &params).await?;
        let now = self.now();
        let session = |row: &Row| {
            let text = |field: FieldId| {
                set.shape.value(row, field).and_then(Value::as_text).unwrap_or_default().to_owned()
            };
            let time = |field: FieldId| match set.shape.value(row, field) {
                Some(Value::Datetime(at)) => *at,
                _ => 0,
            };
            Some(LiveSession {
                id: set.shape.value(row, FieldId::ID).and_then(Value::as_id)?,
                kind: text(fields.kind),
                user_agent: text(fields.user_agent),
                name: text(fields.name),
                scopes: text(fields.scopes),
                began_at: time(FieldId::CREATED_AT),
                seen_at: time(fields.seen_at),
                expires_at: time(fields.expires_at),
            })
        };
        let sessions = set.rows.iter().filter_map(|row| session(row));
        Ok(sessions.filter(|session| session.expires_at > now).collect())
    }

    /// Ends one of one's own sessions.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where it is none of one's own.
    pub async fn end_own_session(&self, actor: &Actor, id: Id) -> Result<(), Failure> {
        actor.user().map_or(Ok(()), |user| refuse_acting(user))?;
        let sessions = self.own_sessions(actor).await?;
        if !sessions.iter().any(|session| session.id == id) {
            return Err(Failure::NotFound);
        }
        self.delete_each(self.inner.accounts.sessions, vec![id]).await
    }

    /// Ends all of one's own sessions but the one that asks.
    ///
    /// # Errors
    /// [`Failure::Unauthenticated`] for a visitor.
    pub async fn end_other_sessions(&self, actor: &Actor) -> Result<(), Failure> {
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        refuse_acting(user)?;
        self.end_others(user.id, user.session).await
    }

    /// Deletes one's own account, with what `on_delete` says of that which refers to it.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where the site does not let one, [`Failure::Invalid`] about `password`, [`Failure::Conflict`].
    pub async fn delete_account(&self, actor: &Actor, password: &str, address: &str) -> Result<(), Failure> {
        if !self.site().settings.accounts.deletion {
            return Err(Failure::NotFound);
        }
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        self.confirm(user, password, address).await?;
        let now = self.now();
        let email = self.email_of(user);
        let words = Words { link: self.link("/"), email: email.clone(), ..Words::default() };
        let action = Action::Delete { id: user.id, if_version: None };
        let users = self.inner.accounts.users;
        let mutations =
            vec![Mutation::new(users, action, now), self.notice("account_deleted", &email, words, now)?];
        match self.store().commit(mutations).await {
            Ok(_) => {
                self.ring();
                Ok(())
            }
            Err(Error::Refused { refusals, .. }) => Err(self.refused(actor, users, &refusals)),
            Err(error) => Err(failed(error)),
        }
    }

    /// What signs one in is changed by the flows for it alone, which ask for the password: an open session is not the
    /// account.
    pub(crate) fn keep_own_credentials(&self, actor: &Actor, model: &Model, id: Id, proposal: &mut Proposal) {
        let accounts = &self.inner.accounts;
        let Some(user) = actor.user().filter(|user| model.id == accounts.users && user.id == id) else {
            return;
        };
        let api = &self.site().settings.api.path;
        for (field, page) in [(accounts.password, "password"), (accounts.email, "email")] {
            let changes = proposal.value(field).is_some_and(|value| user.value(field) != Some(value));
            if changes {
                let message = format!(
                    "is changed with the password that one has: at /account/{page}, or by POST {api}/auth/{page}"
                );
                proposal.messages.retain(|message| message.field != page);
                proposal.messages.push(FieldMessage::new(page, "needs_password", message));
            }
        }
    }

    /// Whether a change gives an account another password.
    pub(crate) fn sets_password(&self, model: &Model, proposal: &Proposal) -> bool {
        let accounts = &self.inner.accounts;
        model.id == accounts.users && proposal.value(accounts.password).is_some()
    }

    /// Asks for somebody's password again.
    pub(super) async fn confirm(&self, user: &User, password: &str, address: &str) -> Result<(), Failure> {
        let accounts = &self.inner.accounts;
        refuse_acting(user)?;
        if password.is_empty() && !self.has_own_password(user).await? {
            // Who has no password shows otherwise who he is.
            return if self.is_fresh(user) { Ok(()) } else { Err(Failure::Stale) };
        }
        let email = self.email_of(user);
        accounts.attempts.begin(&email, address, self.now()).map_err(Failure::TooMany)?;
        let verified = self.verified(&email, password).await;
        match verified {
            Ok(Some((found, _))) if found.id == user.id => {
                accounts.attempts.forget(&email, address);
                Ok(())
            }
            Ok(_) => Err(Failure::Invalid(vec![FieldMessage::new("password", "wrong_password", "is wrong")])),
            Err(failure) => {
                accounts.attempts.take_back(&email, address);
                Err(failure)
            }
        }
    }

    async fn has_own_password(&self, user: &User) -> Result<bool, Failure> {
        let stored = self.user_by_id(user.id).await?;
        let password = stored.as_ref().and_then(|user| user.value(self.inner.accounts.password));
        Ok(password.and_then(Value::as_text).is_some_and(|hash| !hash.is_empty()))
    }

    pub(super) fn email_of(&self, user: &User) -> String {
        user.value(self.inner.accounts.email).and_then(Value::as_text).unwrap_or_default().to_owned()
    }
}
