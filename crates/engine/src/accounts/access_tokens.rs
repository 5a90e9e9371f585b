//! Personal access tokens: how programs use the API in somebody's name.
//!
//! One is a session of the kind `api`: found by its hash as any other, ended as any other, but made by hand, with a name,
//! scopes and a day on which it ends. Its secret is shown once.

use purlin_schema::{Id, Value};
use purlin_store::Mutation;
use purlin_store::mutation::Action;

use super::scopes::Scopes;
use super::{DAY_MICROS, hash_of, secret};
use crate::records::failed;
use crate::{Actor, Engine, Failure, FieldMessage};

/// What every one begins with, so that people and scanners of leaked secrets know it.
pub const PREFIX: &str = "pur_";
/// The kind of its session.
pub(super) const KIND: &str = "api";
/// How long one lives where nothing is said.
const USUAL_DAYS: u32 = 90;
const MOST_DAYS: u32 = 3_650;
const MOST: usize = 50;
const LONGEST_NAME: usize = 100;
const LONGEST_SCOPES: usize = 2_000;

/// A token as its owner sees it afterwards.
pub struct AccessToken {
    /// Its id.
    pub id: Id,
    /// What its owner calls it.
    pub name: String,
    /// What it may do, as it was written.
    pub scopes: String,
    /// When it was made, in microseconds UTC.
    pub created_at: i64,
    /// When it was last used, within the hour; `None` where it never was.
    pub seen_at: Option<i64>,
    /// When it ends.
    pub expires_at: i64,
}

/// What is asked for.
pub struct NewToken<'text> {
    /// What its owner calls it.
    pub name: &'text str,
    /// What it may do: see [`Scopes::parse`].
    pub scopes: &'text str,
    /// For how many days; 90 where nothing is said.
    pub days: Option<i64>,
}

impl Engine {
    /// Makes a token for one's own account, and gives its secret. The password is asked for: a token is as good as the
    /// account for what it may do.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where the site has none, [`Failure::Invalid`] about `password`, `name`, `scopes` or `days`,
    /// [`Failure::TooMany`].
    pub async fn make_own_token(
        &self,
        actor: &Actor,
        password: &str,
        new: &NewToken<'_>,
        address: &str,
    ) -> Result<(String, AccessToken), Failure> {
        if !self.site().settings.accounts.tokens {
            return Err(Failure::NotFound);
        }
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        self.confirm(user, password, address).await?;
        self.make_token(user.id, new).await
    }

    /// Makes a token for an account, as the owner of the site does.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `name`, `scopes` or `days`.
    pub async fn make_token(&self, user: Id, new: &NewToken<'_>) -> Result<(String, AccessToken), Failure> {
        let days = check(new, &self.site().models)?;
        if self.tokens_of(user).await?.len() >= MOST {
            let message = format!("is the {}th; an account has {MOST} tokens at most", MOST + 1);
            return Err(Failure::Invalid(vec![FieldMessage::new("name", "too_many", message)]));
        }
        let secret = format!("{PREFIX}{}", secret()?);
        let accounts = &self.inner.accounts;
        let session = &accounts.session;
        let now = self.now();
        let expires_at = now + days * DAY_MICROS;
        let scopes = new.scopes.split_whitespace().collect::<Vec<_>>().join(" ");
        let values = vec![
            (session.token_hash, Value::from(hash_of(&secret))),
            (session.user, Value::from(user)),
            // Never used is as old as it is.
            (session.seen_at, Value::Datetime(now)),
            (session.expires_at, Value::Datetime(expires_at)),
            (session.kind, Value::from(KIND)),
            (session.name, Value::from(new.name.trim())),
            (session.scopes, Value::from(scopes.as_str())),
        ];
        let action = Action::Create { id: None, values, links: Vec::new() };
        let mutation = Mutation::new(accounts.sessions, action, now);
        let outcome = self.store().commit(vec![mutation]).await.map_err(failed)?;
        let id = outcome.first().map(|outcome| outcome.id);
        let id = id.ok_or_else(|| Failure::Internal("a commit without outcome".to_owned()))?;
        let name = new.name.trim().to_owned();
        Ok((secret, AccessToken { id, name, scopes, created_at: now, seen_at: None, expires_at }))
    }

    /// One's own tokens that live, the newest first.
    ///
    /// # Errors
    /// [`Failure::Unauthenticated`] for a visitor.
    pub async fn own_tokens(&self, actor: &Actor) -> Result<Vec<AccessToken>, Failure> {
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        self.tokens_of(user.id).await
    }

    /// An account's tokens that live, the newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn tokens_of(&self, user: Id) -> Result<Vec<AccessToken>, Failure> {
        let live = self.live_sessions(user).await?.into_iter().filter(|session| session.kind == KIND);
        let mut tokens: Vec<AccessToken> = live
            .map(|session| AccessToken {
                id: session.id,
                name: session.name,
                scopes: session.scopes,
                created_at: session.began_at,
                seen_at: (session.seen_at > session.began_at).then_some(session.seen_at),
                expires_at: session.expires_at,
            })
            .collect();
        tokens.sort_by_key(|token| -token.created_at);
        Ok(tokens)
    }

    /// Ends one of an account's tokens.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where it is none of that account's.
    pub async fn end_token(&self, user: Id, id: Id) -> Result<(), Failure> {
        if !self.tokens_of(user).await?.iter().any(|token| token.id == id) {
            return Err(Failure::NotFound);
        }
        self.delete_each(self.inner.accounts.sessions, vec![id]).await
    }
}

/// What is wrong with what is asked for, all at once; else for how many days.
fn check(new: &NewToken<'_>, models: &purlin_schema::Models) -> Result<i64, Failure> {
    let mut messages = Vec::new();
    let name = new.name.trim();
    if name.is_empty() {
        messages.push(FieldMessage::new("name", "required", "is required"));
    } else if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        let message = format!("must be one line of {LONGEST_NAME} characters at most");
        messages.push(FieldMessage::new("name", "too_long", message));
    }
    if new.scopes.len() > LONGEST_SCOPES {
        messages.push(FieldMessage::new("scopes", "too_long", "is too long"));
    } else if let Err(message) = Scopes::parse(models, new.scopes) {
        messages.push(FieldMessage::new("scopes", "bad_scope", message));
    }
    let days = new.days.unwrap_or(i64::from(USUAL_DAYS));
    if !(1..=i64::from(MOST_DAYS)).contains(&days) {
        let message = format!("must be from 1 to {MOST_DAYS}");
        messages.push(FieldMessage::new("days", "out_of_range", message));
    }
    if messages.is_empty() { Ok(days) } else { Err(Failure::Invalid(messages)) }
}
