//! Tokens: what stands behind a link in a mail.
//!
//! A token is random and goes out once; the database keeps its hash, its purpose and the address it was sent to. It
//! is used by deleting it in the transaction that does what it is for, so of two that come at once one finds it.

use std::sync::Arc;

use purlin_schema::expr::Comparison;
use purlin_schema::query::Limit;
use purlin_schema::{FieldId, Id, Input, ModelId, Models, Value};
use purlin_store::mutation::Action;
use purlin_store::{CompileError, Mutation, Prepared, Store};

use super::{field, hash_of, secret};
use crate::access::and;
use crate::expressions::{compared_to_now, field_is, whole_records};
use crate::{Engine, Failure, FieldMessage};

const MINUTE_MICROS: i64 = 60_000_000;

/// What a token is for. One of another purpose is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    SignUp,
    Reset,
    Email,
    /// The second step of a sign-in.
    SecondStep,
    /// A sign-in by mail, in the browser that asked for it.
    MailSignIn,
    /// An authenticator app that is being set up.
    App,
    /// That a sign-in by somebody else's word came back: so that it comes back once.
    State,
    /// An account for whom it was sent to.
    Invitation,
    /// Nothing: it is written so that an address without an account takes as long as one with.
    Void,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Purpose::SignUp => "signup",
            Purpose::Reset => "reset",
            Purpose::Email => "email",
            Purpose::SecondStep => "second_step",
            Purpose::App => "app",
            Purpose::MailSignIn => "mail_sign_in",
            Purpose::State => "state",
            Purpose::Invitation => "invitation",
            Purpose::Void => "void",
        }
    }

    /// How long it works.
    pub(super) fn minutes(self) -> u32 {
        match self {
            Purpose::SecondStep | Purpose::State => 10,
            Purpose::MailSignIn => 15,
            Purpose::App => 30,
            Purpose::Reset | Purpose::Void => 60,
            Purpose::SignUp | Purpose::Email => 24 * 60,
            Purpose::Invitation => 7 * 24 * 60,
        }
    }

    /// The same in hours, for mails.
    pub(super) fn hours(self) -> u32 {
        self.minutes() / 60
    }

    /// Until when one of now works, in microseconds UTC.
    pub(super) fn until(self, now: i64) -> i64 {
        now + i64::from(self.minutes()) * MINUTE_MICROS
    }
}

/// The queries and fields of tokens.
pub(super) struct Tokens {
    pub(super) model: ModelId,
    token_hash: FieldId,
    purpose: FieldId,
    pub(super) user: FieldId,
    address: FieldId,
    pub(super) data: FieldId,
    expires_at: FieldId,
    /// The live token with the hash `Param("token")` for `Param("purpose")`.
    find: Arc<Prepared>,
    /// The live ones for `Param("purpose")`.
    of_purpose: Arc<Prepared>,
    /// Those of the user `Param("user")`.
    of_user: Arc<Prepared>,
}

/// A token that was found.
pub(super) struct Token {
    pub(super) id: Id,
    pub(super) user: Option<Id>,
    pub(super) address: String,
    pub(super) data: String,
    pub(super) version: i64,
}

impl Tokens {
    pub(super) fn compile(models: &Models, store: &Store) -> Result<Tokens, CompileError> {
        let model = models.named("_tokens").ok_or_else(|| super::missing("_tokens"))?;
        let (token_hash, purpose) = (field(model, "token_hash")?, field(model, "purpose")?);
        let (user, expires_at) = (field(model, "user")?, field(model, "expires_at")?);
        let is = |id: FieldId, name: &str| field_is(model, model.field(id), Input::Param(name.to_owned()));
        let mut find = whole_records(model, is(token_hash, "token"), Limit::One);
        find.filter = and(find.filter.take(), Some(is(purpose, "purpose")));
        find.filter = and(find.filter.take(), Some(compared_to_now(model, expires_at, Comparison::Greater)));
        let mut of_purpose = whole_records(model, is(purpose, "purpose"), Limit::AtMost(500));
        of_purpose.filter =
            and(of_purpose.filter.take(), Some(compared_to_now(model, expires_at, Comparison::Greater)));
        Ok(Tokens {
            model: model.id,
            token_hash,
            purpose,
            user,
            address: field(model, "address")?,
            data: field(model, "data")?,
            expires_at,
            find: store.prepare(&find)?,
            of_purpose: store.prepare(&of_purpose)?,
            of_user: store.prepare(&whole_records(model, is(user, "user"), Limit::AtMost(200)))?,
        })
    }
}

impl Engine {
    /// A fresh token, and the mutation that writes it.
    pub(super) fn issue(
        &self,
        purpose: Purpose,
        user: Option<Id>,
        address: &str,
        data: Option<String>,
        now: i64,
    ) -> Result<(String, Mutation), Failure> {
        let secret = secret()?;
        let mutation = self.issued(&secret, purpose, user, address, data, now);
        Ok((secret, mutation))
    }

    /// The mutation that writes a token of this secret.
    pub(super) fn issued(
        &self,
        secret: &str,
        purpose: Purpose,
        user: Option<Id>,
        address: &str,
        data: Option<String>,
        now: i64,
    ) -> Mutation {
        let tokens = &self.inner.accounts.tokens;
        let values = vec![
            (tokens.token_hash, Value::from(hash_of(secret))),
            (tokens.purpose, Value::from(purpose.name())),
            (tokens.user, user.map(Value::from).unwrap_or_default()),
            (tokens.address, Value::from(address)),
            (tokens.data, data.map(Value::from).unwrap_or_default()),
            (tokens.expires_at, Value::Datetime(purpose.until(now))),
        ];
        let action = Action::Create { id: None, values, links: Vec::new() };
        Mutation::new(tokens.model, action, now)
    }

    /// What writes down that a state is spent, until it would end by itself: of two that come at once one is refused.
    pub(super) fn spending(&self, state: &str, until: i64, now: i64) -> Mutation {
        let tokens = &self.inner.accounts.tokens;
        let values = vec![
            (tokens.token_hash, Value::from(hash_of(state))),
            (tokens.purpose, Value::from(Purpose::State.name())),
            (tokens.address, Value::from("-")),
            (tokens.expires_at, Value::Datetime(until)),
        ];
        Mutation::new(tokens.model, Action::Create { id: None, values, links: Vec::new() }, now)
    }

    /// The live token of a secret.
    pub(super) async fn token(&self, purpose: Purpose, secret: &str) -> Result<Token, Failure> {
        let tokens = &self.inner.accounts.tokens;
        let params = [
            ("token".to_owned(), Value::from(hash_of(secret))),
            ("purpose".to_owned(), Value::from(purpose.name())),
        ];
        let set = self.rows(&tokens.find, &params).await?;
        let row = set.rows.first().ok_or_else(dead_link)?;
        let text = |field: FieldId| {
            set.shape.value(row, field).and_then(Value::as_text).unwrap_or_default().to_owned()
        };
        Ok(Token {
            id: set.shape.value(row, FieldId::ID).and_then(Value::as_id).ok_or_else(dead_link)?,
            user: set.shape.value(row, tokens.user).and_then(Value::as_id),
            address: text(tokens.address),
            data: text(tokens.data),
            version: set.shape.value(row, FieldId::VERSION).and_then(Value::as_int).unwrap_or_default(),
        })
    }

    /// Those for a purpose that live, each with its end in microseconds UTC.
    pub(super) async fn live_tokens(&self, purpose: Purpose) -> Result<Vec<(Token, i64)>, Failure> {
        let tokens = &self.inner.accounts.tokens;
        let params = [("purpose".to_owned(), Value::from(purpose.name()))];
        let set = self.rows(&tokens.of_purpose, &params).await?;
        let found = set.rows.iter().filter_map(|row| {
            let value = |field: FieldId| set.shape.value(row, field);
            let text = |field: FieldId| value(field).and_then(Value::as_text).unwrap_or_default().to_owned();
            let until = match value(tokens.expires_at) {
                Some(Value::Datetime(at)) => *at,
                _ => 0,
            };
            let token = Token {
                id: value(FieldId::ID).and_then(Value::as_id)?,
                user: value(tokens.user).and_then(Value::as_id),
                address: text(tokens.address),
                data: text(tokens.data),
                version: value(FieldId::VERSION).and_then(Value::as_int).unwrap_or_default(),
            };
            Some((token, until))
        });
        Ok(found.collect())
    }

    /// Uses a token up: where another was faster, the whole commit is refused.
    pub(super) fn using(&self, token: &Token, now: i64) -> Mutation {
        Mutation::new(
            self.inner.accounts.tokens.model,
            Action::Delete { id: token.id, if_version: None },
            now,
        )
    }

    /// Ends every link that somebody was sent.
    pub(super) async fn end_tokens(&self, user: Id) -> Result<(), Failure> {
        let tokens = &self.inner.accounts.tokens;
        let params = [("user".to_owned(), Value::from(user))];
        let set = self.rows(&tokens.of_user, &params).await?;
        let ids = set.rows.iter().filter_map(|row| set.shape.value(row, FieldId::ID)?.as_id());
        self.delete_each(tokens.model, ids.collect()).await
    }

    /// Deletes what may be gone already.
    pub(super) async fn delete_each(&self, model: ModelId, ids: Vec<Id>) -> Result<(), Failure> {
        for id in ids {
            let action = Action::Delete { id, if_version: None };
            match self.commit_one(&self.ask(&crate::Actor::Owner), model, action, Vec::new(), None).await {
                Ok(_) | Err(Failure::NotFound) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }
}

/// What a person is told of a link that does not work any more, whatever the reason.
pub(super) fn dead_link() -> Failure {
    let message = "this link was used already or is too old; ask for another";
    Failure::Invalid(vec![FieldMessage::new("token", "expired", message)])
}
