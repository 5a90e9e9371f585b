//! A password that was forgotten: a link by mail, and a new one.

use purlin_pages::mails::Words;
use purlin_schema::{FieldId, Id, Value};
use purlin_store::mutation::Action;
use purlin_store::{Error, Mutation};

use super::access_tokens::KIND;
use super::password::LONGEST_BYTES;
use super::tokens::{Purpose, dead_link};
use crate::actor::User;
use crate::mail::{Draft, NOTICE_MICROS};
use crate::records::failed;
use crate::{Engine, Failure, FieldMessage};

impl Engine {
    /// Whether passwords can be reset, and whatever else needs mail.
    #[must_use]
    pub fn sends_mail(&self) -> bool {
        self.site().settings.mail.is_on()
    }

    /// Sends a link for a new password, where there is an account with this address. Nothing tells whether there is:
    /// for one without, the same is read and written, and nothing is sent. `address` is the peer's.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where no mail can be sent, [`Failure::TooMany`].
    pub async fn ask_for_reset(&self, email: &str, address: &str) -> Result<(), Failure> {
        if !self.sends_mail() {
            return Err(Failure::NotFound);
        }
        let email = self.address_of(email)?;
        let now = self.now();
        self.inner.accounts.asked.begin(&email, address, now).map_err(Failure::TooMany)?;
        let user = self.user_by_email(&email).await?;
        let enough = self.has_mails_enough(&email).await?;
        let user = user.filter(|_| !enough);
        let purpose = if user.is_some() { Purpose::Reset } else { Purpose::Void };
        let (secret, token) = self.issue(purpose, user.as_ref().map(|user| user.id), &email, None, now)?;
        let mail = self.write_mail(
            &Draft {
                template: "reset",
                to: &email,
                words: Words {
                    link: self.link(&format!("/reset?token={secret}")),
                    hours: purpose.hours(),
                    email: email.clone(),
                    ..Words::default()
                },
                user: None,
                until: purpose.until(now),
                real: user.is_some(),
            },
            now,
        )?;
        self.store().commit(vec![token, mail]).await.map_err(failed)?;
        self.ring();
        Ok(())
    }

    /// Whether the link with this token still works.
    ///
    /// # Errors
    /// [`Failure::Invalid`] where it does not.
    pub async fn look_at_reset(&self, token: &str) -> Result<(), Failure> {
        self.token(Purpose::Reset, token).await.map(|_| ())
    }

    /// Sets a new password by the token of a link, and ends every session.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `token` or `password`.
    pub async fn reset_password(&self, token: &str, password: &str) -> Result<(), Failure> {
        let accounts = &self.inner.accounts;
        let token = self.token(Purpose::Reset, token).await?;
        let user = self.user_by_id(token.user.ok_or_else(dead_link)?).await?.ok_or_else(dead_link)?;
        // The link was sent to an address, and is for the account while it has that address.
        if user.value(accounts.email).and_then(Value::as_text) != Some(token.address.as_str()) {
            return Err(dead_link());
        }
        let hash = self.new_hash("password", password, &user).await?;
        let now = self.now();
        let mut mutations = vec![
            self.using(&token, now),
            self.setting(user.id, vec![(accounts.password, hash)], now),
            self.password_changed(&token.address, now)?,
        ];
        mutations.extend(self.showing(user.id, &token.address, now).await?);
        match self.store().commit(mutations).await {
            Ok(_) => {}
            Err(Error::Refused { .. }) => return Err(dead_link()),
            Err(error) => return Err(failed(error)),
        }
        self.ring();
        self.end_with_password(user.id, None).await
    }

    /// An e-mail address as accounts have it.
    pub(super) fn address_of(&self, email: &str) -> Result<String, Failure> {
        let users = self.model(self.inner.accounts.users);
        let field = users.field(self.inner.accounts.email);
        let refuse =
            |code: &str, message: &str| Failure::Invalid(vec![FieldMessage::new("email", code, message)]);
        let value =
            field.ty.from_text(field, email).map_err(|problem| refuse(problem.code, &problem.message))?;
        if let Some(problem) = field.ty.check(field, &value) {
            return Err(refuse(problem.code, &problem.message));
        }
        let email = value.as_text().filter(|email| !email.is_empty());
        email.map(str::to_owned).ok_or_else(|| refuse("required", "is required"))
    }

    /// A link in a mail: what the owner wrote, never what a request says.
    pub(super) fn link(&self, path: &str) -> String {
        format!("{}{path}", self.site().settings.mail.links)
    }

    /// The hash of a new password that is good enough; `name` is what the message is about.
    pub(super) async fn new_hash(&self, name: &str, password: &str, user: &User) -> Result<Value, Failure> {
        let accounts = &self.inner.accounts;
        let users = self.model(accounts.users);
        let field = users.field(accounts.password);
        let refuse =
            |code: &str, message: &str| Failure::Invalid(vec![FieldMessage::new(name, code, message)]);
        if password.is_empty() {
            return Err(refuse("required", "is required"));
        }
        if password.len() > LONGEST_BYTES {
            return Err(refuse("too_long", "is too long"));
        }
        let value =
            field.ty.from_text(field, password).map_err(|problem| refuse(problem.code, &problem.message))?;
        if let Some(problem) = field.ty.check(field, &value) {
            return Err(refuse(problem.code, &problem.message));
        }
        let texts = user.row.values.iter().filter_map(Value::as_text);
        if let Some(message) = self.weakness(name, password, texts.map(str::to_owned).collect()).await? {
            return Err(Failure::Invalid(vec![message]));
        }
        Ok(Value::from(accounts.passwords.hash(password).await?))
    }

    /// A change of an account by the flows themselves, which have looked at who may.
    pub(super) fn setting(&self, user: Id, values: Vec<(FieldId, Value)>, now: i64) -> Mutation {
        let action =
            Action::Update { id: user, if_version: None, values, merges: Vec::new(), links: Vec::new() };
        Mutation::new(self.inner.accounts.users, action, now)
    }

    /// The mail that tells of a new password; where none can be sent, it is written and not sent.
    pub(super) fn password_changed(&self, address: &str, now: i64) -> Result<Mutation, Failure> {
        let words = Words { link: self.link("/reset"), email: address.to_owned(), ..Words::default() };
        self.notice("password_changed", address, words, now)
    }

    pub(super) fn notice(
        &self,
        template: &'static str,
        to: &str,
        words: Words,
        now: i64,
    ) -> Result<Mutation, Failure> {
        let real = self.sends_mail();
        self.write_mail(&Draft { template, to, words, user: None, until: now + NOTICE_MICROS, real }, now)
    }

    /// Ends what an old password may have opened: links, sessions but one, and tokens where the site says so.
    pub(crate) async fn end_with_password(&self, user: Id, but: Option<Id>) -> Result<(), Failure> {
        self.end_others(user, but).await?;
        if !self.site().settings.accounts.password_ends_tokens {
            return Ok(());
        }
        let tokens = self.tokens_of(user).await?;
        self.delete_each(self.inner.accounts.sessions, tokens.iter().map(|token| token.id).collect()).await
    }

    /// Ends the links and the sessions of an account, but one session. Personal access tokens stay.
    pub(crate) async fn end_others(&self, user: Id, but: Option<Id>) -> Result<(), Failure> {
        self.end_tokens(user).await?;
        let accounts = &self.inner.accounts;
        let kind = accounts.session.kind;
        let params = [("user".to_owned(), Value::from(user))];
        loop {
            let set = self.rows(&accounts.sessions_of, &params).await?;
            let sessions = set
                .rows
                .iter()
                .filter(|row| set.shape.value(row, kind).and_then(Value::as_text) != Some(KIND));
            let ids = sessions.filter_map(|row| set.shape.value(row, FieldId::ID)?.as_id());
            let ids: Vec<Id> = ids.filter(|id| Some(*id) != but).collect();
            if ids.is_empty() {
                return Ok(());
            }
            self.delete_each(accounts.sessions, ids).await?;
        }
    }
}
