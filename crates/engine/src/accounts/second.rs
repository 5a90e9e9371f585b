//! The second step of a sign-in: codes of an authenticator app (TOTP, RFC 6238) and recovery codes.
//!
//! A code works once. That of an app moves its factor's counter on, by a change of exactly the version that was read: of two that come
//! at the same instant, on whichever nodes, one is refused by the database. So is each wrong code counted, before it is
//! answered: a stranger who has the password has as many tries on ten nodes as on one. A recovery code is used by deleting its row.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use purlin_schema::query::Limit;
use purlin_schema::{FieldId, Id, Input, Model, ModelId, Models, Value};
use purlin_store::mutation::Action;
use purlin_store::{CompileError, Error, Mutation, Prepared, Store};
use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write as _;
use std::sync::Arc;
use totp_rs::{Builder, Secret, Totp};

use super::entry::{Arrival, Entry, Half, Owed};
use super::tokens::{Purpose, Token};
use super::{field, hash_of};
use crate::actor::User;
use crate::expressions::{field_is, whole_records};
use crate::records::failed;
use crate::{Actor, Engine, Failure, FieldMessage};

/// Wrong codes of an app that an account may be given within a span, whoever gives them.
const MOST_WRONG: i64 = 10;
const WRONG_MICROS: i64 = 15 * 60_000_000;
/// How often what another request was faster with is looked at again.
const MOST_TRIES: usize = 24;
const RECOVERY_CODES: usize = 10;
const RECOVERY_BYTES: usize = 10;
const RECOVERY_LETTERS: usize = 16;
const SECRET_BYTES: usize = 20;
/// Whoever has neither password nor factor shows that he is himself by a sign-in that is no older.
const FRESH_MICROS: i64 = 15 * 60_000_000;
/// White around a QR code, in modules.
const QUIET: usize = 4;

/// What an account has besides its password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Factors {
    /// Whether an authenticator app is set up.
    pub app: bool,
    /// Recovery codes that are left.
    pub recovery_codes: usize,
    /// Whether its role must have a second factor.
    pub is_required: bool,
}

/// By what somebody who is signed in shows that he is himself: either will do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Proof<'text> {
    /// His password; empty where he gives none.
    pub password: &'text str,
    /// A code of his app or a recovery code; likewise.
    pub code: &'text str,
}

/// An authenticator app that is to be set up.
pub struct NewApp {
    /// What it is confirmed with.
    pub token: String,
    /// The secret to type in, in Base32.
    pub secret: String,
    /// The same as an `otpauth:` address.
    pub uri: String,
    /// The same as a picture.
    pub qr: Qr,
}

/// A QR code.
pub struct Qr {
    /// Modules along a side, with the white around.
    pub size: usize,
    /// The dark modules, as the data of an SVG path.
    pub path: String,
}

/// The queries and fields of second factors.
pub(super) struct SecondFactors {
    factors: ModelId,
    user: FieldId,
    kind: FieldId,
    key: FieldId,
    secret: FieldId,
    counter: FieldId,
    wrong: FieldId,
    wrong_since: FieldId,
    used_at: FieldId,
    /// The factor with the key `Param("key")`.
    by_key: Arc<Prepared>,
    codes: ModelId,
    code_user: FieldId,
    code_hash: FieldId,
    /// The recovery code with the hash `Param("hash")`.
    by_hash: Arc<Prepared>,
    /// Those of the user `Param("user")`.
    codes_of: Arc<Prepared>,
}

impl SecondFactors {
    pub(super) fn compile(models: &Models, store: &Store) -> Result<SecondFactors, CompileError> {
        let named = |name: &str| models.named(name).ok_or_else(|| super::missing(name));
        let (factors, codes) = (named("_factors")?, named("_recovery_codes")?);
        let find = |model: &Model, name: &str, param: &str, limit: Limit| {
            let is = field_is(model, model.field(field(model, name)?), Input::Param(param.to_owned()));
            store.prepare(&whole_records(model, is, limit))
        };
        Ok(SecondFactors {
            factors: factors.id,
            user: field(factors, "user")?,
            kind: field(factors, "kind")?,
            key: field(factors, "key")?,
            secret: field(factors, "secret")?,
            counter: field(factors, "counter")?,
            wrong: field(factors, "wrong")?,
            wrong_since: field(factors, "wrong_since")?,
            used_at: field(factors, "used_at")?,
            by_key: find(factors, "key", "key", Limit::One)?,
            codes: codes.id,
            code_user: field(codes, "user")?,
            code_hash: field(codes, "code_hash")?,
            by_hash: find(codes, "code_hash", "hash", Limit::One)?,
            codes_of: find(codes, "user", "user", Limit::AtMost(100))?,
        })
    }
}

/// An app as it is stored.
struct App {
    id: Id,
    version: i64,
    secret: String,
    /// The last step of which a code was taken.
    counter: i64,
    wrong: i64,
    wrong_since: i64,
}

impl Engine {
    /// What one's own account has besides its password.
    ///
    /// # Errors
    /// [`Failure::Unauthenticated`] for a visitor.
    pub async fn own_factors(&self, actor: &Actor) -> Result<Factors, Failure> {
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        let factors = self.factors_of(user.id).await?;
        Ok(Factors { is_required: self.must_have_factor(user).await?, ..factors })
    }

    /// What an account has besides its password.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn factors_of(&self, user: Id) -> Result<Factors, Failure> {
        let app = self.app_of(user).await?.is_some();
        let recovery_codes = self.recovery_codes_of(user).await?.len();
        Ok(Factors { app, recovery_codes, is_required: false })
    }

    /// Begins to set up an app: nothing holds before it is confirmed by a code.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `password` or `code`, [`Failure::Conflict`] where there is one, [`Failure::TooMany`].
    pub async fn begin_app(&self, actor: &Actor, proof: Proof<'_>, address: &str) -> Result<NewApp, Failure> {
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        if self.app_of(user.id).await?.is_some() {
            return Err(has_app());
        }
        self.prove(user, proof, address).await?;
        let secret = new_secret()?;
        let (token, issued) = self.issue(
            Purpose::App,
            Some(user.id),
            &self.email_of(user),
            Some(secret.to_base32()),
            self.now(),
        )?;
        self.store().commit(vec![issued]).await.map_err(failed)?;
        self.new_app(user, token, &secret)
    }

    /// An app that is being set up, to be shown again.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `token`.
    pub async fn look_at_app(&self, actor: &Actor, token: &str) -> Result<NewApp, Failure> {
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        let found = self.own_token(user, token).await?;
        self.new_app(user, token.to_owned(), &stored_secret(&found.data)?)
    }

    /// Sets up an app whose code is right; gives fresh recovery codes, which are shown once.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `token` or `code`, [`Failure::Conflict`] where another was faster.
    pub async fn confirm_app(&self, actor: &Actor, token: &str, code: &str) -> Result<Vec<String>, Failure> {
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        let found = self.own_token(user, token).await?;
        let (mut mutations, codes) = self.set_up(user, &found.data, code).await?;
        mutations.insert(0, self.using(&found, self.now()));
        mutations.push(self.factor_notice("second_step_on", user)?);
        match self.store().commit(mutations).await {
            Ok(_) => {
                self.ring();
                Ok(codes)
            }
            Err(Error::Refused { .. }) => Err(has_app()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Removes one's own app and recovery codes.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `password` or `code`, [`Failure::Conflict`] where the role must have a factor,
    /// [`Failure::NotFound`] where there is none.
    pub async fn remove_app(&self, actor: &Actor, proof: Proof<'_>, address: &str) -> Result<(), Failure> {
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        if self.app_of(user.id).await?.is_none() {
            return Err(Failure::NotFound);
        }
        if self.must_have_factor(user).await? {
            return Err(Failure::Conflict("your role has to have a second step".to_owned()));
        }
        self.prove(user, proof, address).await?;
        self.remove_factors(user.id).await?;
        let notice = self.factor_notice("second_step_off", user)?;
        self.store().commit(vec![notice]).await.map_err(failed)?;
        self.ring();
        Ok(())
    }

    /// Removes every second factor of an account, as the owner of the site does for whoever lost his; gives whether there was one.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn remove_factors(&self, user: Id) -> Result<bool, Failure> {
        let second = &self.inner.accounts.second;
        let app = self.app_of(user).await?;
        let codes = self.recovery_codes_of(user).await?;
        let had = app.is_some() || !codes.is_empty();
        self.delete_each(second.factors, app.into_iter().map(|app| app.id).collect()).await?;
        self.delete_each(second.codes, codes).await?;
        Ok(had)
    }

    /// Replaces one's own recovery codes.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `password` or `code`, [`Failure::NotFound`] where there is no second factor.
    pub async fn new_recovery_codes(
        &self,
        actor: &Actor,
        proof: Proof<'_>,
        address: &str,
    ) -> Result<Vec<String>, Failure> {
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        if self.app_of(user.id).await?.is_none() {
            return Err(Failure::NotFound);
        }
        self.prove(user, proof, address).await?;
        let (made, codes) = self.make_recovery_codes(user.id)?;
        let old = self.recovery_codes_of(user.id).await?;
        self.store().commit(made).await.map_err(failed)?;
        self.delete_each(self.inner.accounts.second.codes, old).await?;
        Ok(codes)
    }

    /// What a sign-in that lacks its second step asks for; of one whose account has to set up an app, that app.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `second_token` where it is over.
    pub async fn look_at_half(&self, token: &str) -> Result<(Owed, Option<NewApp>), Failure> {
        let (half, user) = self.half(token).await?;
        if half.data.is_empty() {
            return Ok((Owed::Factor, None));
        }
        let app = self.new_app(&user, token.to_owned(), &stored_secret(&half.data)?)?;
        Ok((Owed::SetUp, Some(app)))
    }

    /// The same of one that was just begun.
    ///
    /// # Errors
    /// As [`Engine::look_at_half`].
    pub async fn app_of_half(&self, half: &Half) -> Result<Option<NewApp>, Failure> {
        Ok(self.look_at_half(&half.token).await?.1)
    }

    /// Takes the second step: a code of the app, a recovery code, or, where an app is set up by it, its first code. Then there are
    /// recovery codes too, which are shown once.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `code`, or about `second_token` where the sign-in is over; [`Failure::TooMany`].
    pub async fn second_step(
        &self,
        token: &str,
        code: &str,
        arrival: Arrival<'_>,
    ) -> Result<(Entry, Vec<String>), Failure> {
        for _ in 0..MOST_TRIES {
            let (half, user) = self.half(token).await?;
            let mut before = vec![self.using(&half, self.now())];
            let mut shown = Vec::new();
            if half.data.is_empty() {
                before.push(self.code_used(&user, code).await?);
            } else {
                let (made, codes) = self.set_up(&user, &half.data, code).await?;
                before.extend(made);
                shown = codes;
            }
            match self.finish_sign_in(&user, arrival, before).await {
                // The token or the code was used meanwhile, or a wrong one was counted: it is looked at again.
                Err(Failure::NotFound) => {}
                done => return done.map(|session| (Entry::Whole(session), shown)),
            }
        }
        Err(Failure::Unavailable("too many codes at once".to_owned()))
    }

    /// Whether an account owes its second step to a sign-in.
    pub(super) async fn owed_by(&self, user: &User) -> Result<Option<Owed>, Failure> {
        if self.app_of(user.id).await?.is_some() {
            return Ok(Some(Owed::Factor));
        }
        Ok(self.must_have_factor(user).await?.then_some(Owed::SetUp))
    }

    /// The secret of an app that a sign-in has to set up.
    pub(super) fn secret_to_set_up() -> Result<String, Failure> {
        Ok(new_secret()?.to_base32())
    }

    /// Whether one of an account's roles, by itself or by a group, must have a second factor.
    async fn must_have_factor(&self, user: &User) -> Result<bool, Failure> {
        let roles = &self.site().settings.accounts.second_factor;
        if roles.is_empty() {
            return Ok(false);
        }
        let granted = self.granted_to(user.id, &user.role).await?;
        Ok(roles.iter().any(|role| granted.has_role(role)))
    }

    async fn half(&self, token: &str) -> Result<(Token, User), Failure> {
        let over = || {
            let message = "this sign-in is over or took too long; begin again";
            Failure::Invalid(vec![FieldMessage::new("second_token", "expired", message)])
        };
        let half = match self.token(Purpose::SecondStep, token).await {
            Err(Failure::Invalid(_)) => return Err(over()),
            half => half?,
        };
        let user = self.user_by_id(half.user.ok_or_else(over)?).await?.ok_or_else(over)?;
        Ok((half, user))
    }

    async fn own_token(&self, user: &User, token: &str) -> Result<Token, Failure> {
        let found = self.token(Purpose::App, token).await?;
        if found.user == Some(user.id) { Ok(found) } else { Err(super::tokens::dead_link()) }
    }

    /// Shows that somebody who is signed in is himself.
    async fn prove(&self, user: &User, proof: Proof<'_>, address: &str) -> Result<(), Failure> {
        super::proof::refuse_acting(user)?;
        if !proof.code.trim().is_empty() {
            for _ in 0..MOST_TRIES {
                let used = self.code_used(user, proof.code).await?;
                match self.store().commit(vec![used]).await {
                    Ok(_) => return Ok(()),
                    Err(Error::Refused { .. }) => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            return Err(wrong_code());
        }
        if proof.password.is_empty() && self.has_nothing_to_show(user).await? {
            let mut began = self.live_sessions(user.id).await?.into_iter();
            let began =
                began.find(|session| Some(session.id) == user.session).map(|session| session.began_at);
            if began.is_some_and(|began| began + FRESH_MICROS > self.now()) {
                return Ok(());
            }
            let message = "is none: sign out and in again, and do this within a quarter of an hour";
            return Err(Failure::Invalid(vec![FieldMessage::new("password", "sign_in_again", message)]));
        }
        self.confirm(user, proof.password, address).await
    }

    /// Whether an account has neither a password nor an app.
    async fn has_nothing_to_show(&self, user: &User) -> Result<bool, Failure> {
        let stored = self.user_by_id(user.id).await?.ok_or(Failure::Unauthenticated)?;
        let password = stored.value(self.inner.accounts.password).and_then(Value::as_text);
        Ok(password.is_none() && self.app_of(user.id).await?.is_none())
    }

    /// The mutation that uses up a code which is right. Where it is refused, something came in between: look again.
    async fn code_used(&self, user: &User, code: &str) -> Result<Mutation, Failure> {
        let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
        let code = code.to_ascii_uppercase();
        if code.len() == RECOVERY_LETTERS {
            return self.recovery_code_used(user, &code).await;
        }
        for _ in 0..MOST_TRIES {
            let app = self.app_of(user.id).await?.ok_or_else(wrong_code)?;
            let now = self.now();
            let is_over = app.wrong_since + WRONG_MICROS <= now;
            if app.wrong >= MOST_WRONG && !is_over {
                let left = app.wrong_since + WRONG_MICROS - now;
                return Err(Failure::TooMany(u32::try_from(left / 1_000_000 + 1).unwrap_or(u32::MAX)));
            }
            let second = &self.inner.accounts.second;
            let totp = totp_of(&stored_secret(&app.secret)?)?;
            let seconds = u64::try_from(now / 1_000_000).unwrap_or_default();
            let step = totp.check(&code, seconds).and_then(|step| i64::try_from(step).ok());
            let change = |values| {
                let (merges, links) = (Vec::new(), Vec::new());
                let action =
                    Action::Update { id: app.id, if_version: Some(app.version), values, merges, links };
                Mutation::new(second.factors, action, now)
            };
            if let Some(step) = step.filter(|step| *step > app.counter) {
                return Ok(change(vec![
                    (second.counter, Value::Int(step)),
                    (second.wrong, Value::Int(0)),
                    (second.used_at, Value::Datetime(now)),
                ]));
            }
            let (wrong, since) = if is_over { (1, now) } else { (app.wrong + 1, app.wrong_since) };
            let counted =
                change(vec![(second.wrong, Value::Int(wrong)), (second.wrong_since, Value::Datetime(since))]);
            match self.store().commit(vec![counted]).await {
                Ok(_) => return Err(wrong_code()),
                Err(Error::Refused { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(Failure::Unavailable("too many codes at once".to_owned()))
    }

    async fn recovery_code_used(&self, user: &User, code: &str) -> Result<Mutation, Failure> {
        let second = &self.inner.accounts.second;
        let params = [("hash".to_owned(), Value::from(recovery_hash(user.id, code)))];
        let set = self.rows(&second.by_hash, &params).await?;
        let row = set.rows.first().ok_or_else(wrong_code)?;
        let id = set.shape.value(row, FieldId::ID).and_then(Value::as_id).ok_or_else(wrong_code)?;
        Ok(Mutation::new(second.codes, Action::Delete { id, if_version: None }, self.now()))
    }

    /// What makes an app and its recovery codes, where the code is right.
    async fn set_up(
        &self,
        user: &User,
        secret: &str,
        code: &str,
    ) -> Result<(Vec<Mutation>, Vec<String>), Failure> {
        let second = &self.inner.accounts.second;
        let now = self.now();
        let digits: String = code.chars().filter(char::is_ascii_digit).take(64).collect();
        let seconds = u64::try_from(now / 1_000_000).unwrap_or_default();
        let step = totp_of(&stored_secret(secret)?)?.check(&digits, seconds);
        let step = step.and_then(|step| i64::try_from(step).ok()).ok_or_else(wrong_code)?;
        let values = vec![
            (second.user, Value::from(user.id)),
            (second.kind, Value::from("app")),
            (second.key, Value::from(app_key(user.id))),
            (second.secret, Value::from(secret)),
            (second.counter, Value::Int(step)),
            (second.wrong, Value::Int(0)),
            (second.wrong_since, Value::Datetime(now)),
            (second.used_at, Value::Datetime(now)),
        ];
        let action = Action::Create { id: None, values, links: Vec::new() };
        let mut mutations = vec![Mutation::new(second.factors, action, now)];
        // What is left of an app that was there before opens nothing.
        let old = self.recovery_codes_of(user.id).await?;
        let old = old.into_iter().map(|id| Action::Delete { id, if_version: None });
        mutations.extend(old.map(|action| Mutation::new(second.codes, action, now)));
        let (made, codes) = self.make_recovery_codes(user.id)?;
        mutations.extend(made);
        Ok((mutations, codes))
    }

    fn make_recovery_codes(&self, user: Id) -> Result<(Vec<Mutation>, Vec<String>), Failure> {
        let second = &self.inner.accounts.second;
        let mut codes = Vec::with_capacity(RECOVERY_CODES);
        let mut mutations = Vec::with_capacity(RECOVERY_CODES);
        for _ in 0..RECOVERY_CODES {
            let code = Secret::new(random::<RECOVERY_BYTES>()?.into()).to_base32();
            let values = vec![
                (second.code_user, Value::from(user)),
                (second.code_hash, Value::from(recovery_hash(user, &code))),
            ];
            let action = Action::Create { id: None, values, links: Vec::new() };
            mutations.push(Mutation::new(second.codes, action, self.now()));
            let parts: Vec<&str> = (0..RECOVERY_LETTERS / 4).map(|at| &code[at * 4..at * 4 + 4]).collect();
            codes.push(parts.join("-").to_ascii_lowercase());
        }
        Ok((mutations, codes))
    }

    async fn app_of(&self, user: Id) -> Result<Option<App>, Failure> {
        let second = &self.inner.accounts.second;
        let params = [("key".to_owned(), Value::from(app_key(user)))];
        let set = self.rows(&second.by_key, &params).await?;
        let Some(row) = set.rows.first() else { return Ok(None) };
        let value = |field: FieldId| set.shape.value(row, field);
        let int = |field: FieldId| value(field).and_then(Value::as_int).unwrap_or_default();
        let Some(id) = value(FieldId::ID).and_then(Value::as_id) else { return Ok(None) };
        let wrong_since = match value(second.wrong_since) {
            Some(Value::Datetime(at)) => *at,
            _ => 0,
        };
        Ok(Some(App {
            id,
            version: int(FieldId::VERSION),
            secret: value(second.secret).and_then(Value::as_text).unwrap_or_default().to_owned(),
            counter: int(second.counter),
            wrong: int(second.wrong),
            wrong_since,
        }))
    }

    async fn recovery_codes_of(&self, user: Id) -> Result<Vec<Id>, Failure> {
        let params = [("user".to_owned(), Value::from(user))];
        let set = self.rows(&self.inner.accounts.second.codes_of, &params).await?;
        Ok(set.rows.iter().filter_map(|row| set.shape.value(row, FieldId::ID)?.as_id()).collect())
    }

    fn new_app(&self, user: &User, token: String, secret: &Secret) -> Result<NewApp, Failure> {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (site, email) = (encoded(&self.site().settings.site.name), encoded(&self.email_of(user)));
        let secret = secret.to_base32();
        let uri = format!("otpauth://totp/{site}:{email}?secret={secret}&issuer={site}");
        let qr = qr_of(&uri)?;
        Ok(NewApp { token, secret, uri, qr })
    }

    fn factor_notice(&self, template: &'static str, user: &User) -> Result<Mutation, Failure> {
        let email = self.email_of(user);
        let words = purlin_pages::mails::Words {
            link: self.link("/account/second"),
            email: email.clone(),
            ..Default::default()
        };
        self.notice(template, &email, words, self.now())
    }
}

/// One app an account: its key is unique.
fn app_key(user: Id) -> String {
    format!("app {}", Value::from(user).to_text())
}

fn recovery_hash(user: Id, code: &str) -> String {
    hash_of(&format!("{} {code}", Value::from(user).to_text()))
}

fn random<const COUNT: usize>() -> Result<[u8; COUNT], Failure> {
    let mut bytes = [0; COUNT];
    getrandom::fill(&mut bytes).map_err(|error| Failure::Internal(error.to_string()))?;
    Ok(bytes)
}

fn new_secret() -> Result<Secret, Failure> {
    Ok(Secret::new(random::<SECRET_BYTES>()?.into()))
}

fn stored_secret(text: &str) -> Result<Secret, Failure> {
    Secret::try_from_base32(text).map_err(|_| Failure::Internal("a stored secret is none".to_owned()))
}

fn totp_of(secret: &Secret) -> Result<Totp, Failure> {
    let built = Builder::new().with_secret(secret.clone()).build();
    built.map_err(|error| Failure::Internal(error.to_string()))
}

fn wrong_code() -> Failure {
    Failure::Invalid(vec![FieldMessage::new("code", "wrong_code", "is wrong, or was used already")])
}

fn has_app() -> Failure {
    Failure::Conflict("there is an authenticator app already; remove it first".to_owned())
}

fn qr_of(text: &str) -> Result<Qr, Failure> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L)
        .map_err(|error| Failure::Internal(error.to_string()))?;
    let width = code.width();
    let mut path = String::new();
    for (row, line) in code.to_colors().chunks(width).enumerate() {
        let mut at = 0;
        while at < width {
            let run = line[at..].iter().take_while(|color| **color == line[at]).count();
            if line[at] == Color::Dark {
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", at + QUIET, row + QUIET);
            }
            at += run;
        }
    }
    Ok(Qr { size: width + 2 * QUIET, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let totp = totp_of(&Secret::new(b"12345678901234567890".to_vec().into())).unwrap();
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(totp.check(code, seconds), Some(seconds / 30));
            assert_eq!(totp.check(code, seconds + 90), None);
            assert_eq!(totp.check("123456", seconds), None);
        }
    }

    #[test]
    fn a_picture_has_white_around_and_three_corners() {
        let qr = qr_of("otpauth://totp/a:b?secret=ABC&issuer=a").unwrap();
        assert!(qr.size >= 21 + 2 * QUIET);
        assert!(qr.path.starts_with("M4 4h7v1h-7z"), "{}", qr.path);
        assert!(qr.path.bytes().all(|byte| byte.is_ascii_digit() || b"Mhvz- ".contains(&byte)));
    }
}
