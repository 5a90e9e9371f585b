//! Accounts: sign-in and sessions; sign-up, passwords that were forgotten, and what one does with one's own account.
//!
//! A session is a random token that only its holder has; the database keeps its SHA-256. A cookie and a
//! Bearer token are the same thing carried differently. Who is signed in is looked up at every request, so
//! that signing out, a new role or a deleted account count at once.

mod access_tokens;
mod acting;
mod attempts;
mod by_mail;
mod entry;
mod federated;
mod groups;
mod identities;
mod invitations;
mod jwt;
mod own;
mod own_data;
mod password;
mod profile;
mod proof;
mod reset;
mod scopes;
mod second;
mod signup;
mod tokens;

pub use access_tokens::{AccessToken, NewToken, PREFIX};
pub use by_mail::AskedByMail;
pub use entry::{Arrival, Carrier, Entry, Half, Owed, SignedIn, Way};
pub use federated::{Federated, Refusal};
pub use identities::{Claimed, OwnIdentity};
pub use invitations::{INVITE, Invitation, Invited, TakenUp};
pub use jwt::Statement;
pub use own::OwnSession;
pub use password::Cost;
pub(crate) use scopes::looked_at;
pub use scopes::{Scopes, Verb};
pub use second::{Factors, NewApp, Proof, Qr};
pub use signup::{SignUp, SignedUp, Verified};

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purlin_schema::expr::Comparison;
use purlin_schema::query::{Include, Limit, Query, Select, Selected};
use purlin_schema::record::Related;
use purlin_schema::{FieldId, Id, Input, Model, ModelId, Models, Site, Value};
use purlin_store::mutation::{Action, Condition};
use purlin_store::{CompileError, Error, Guard, Mutation, Plan, Prepared, Step, Store};
use sha2::{Digest, Sha256};

use crate::access::and;
use crate::actor::User;
use crate::expressions::{compared_to_now, field_is, whole_records};
use crate::inputs::Ask;
use crate::proposal::Proposal;
use crate::records::failed;
use crate::{Actor, Engine, Failure, FieldMessage, Options};
use attempts::{Attempts, Most};
pub(crate) use password::Passwords;
use password::Verdict;

const TOKEN_BYTES: usize = 32;
const DAY_MICROS: i64 = 86_400_000_000;
/// A session's last use is written down when it is older than this, so that reading pages does not write.
const SEEN_MICROS: i64 = 3_600_000_000;

/// The queries and fields of accounts, found once.
pub(crate) struct Accounts {
    passwords: Passwords,
    attempts: Attempts,
    /// What strangers cause mails by.
    asked: Attempts,
    tokens: tokens::Tokens,
    second: second::SecondFactors,
    identities: identities::Identities,
    users: ModelId,
    email: FieldId,
    password: FieldId,
    role: FieldId,
    suspended: FieldId,
    /// The user `Param("id")`, without his password.
    user_without_password: Arc<Prepared>,
    sessions: ModelId,
    session: SessionFields,
    /// The user with the e-mail address `Param("email")`, with his password's hash.
    by_email: Arc<Prepared>,
    /// The session with the hash `Param("token")` that has not expired, and its user.
    resume: Plan,
    /// The sessions of the user `Param("user")`.
    sessions_of: Arc<Prepared>,
    /// Whether a user's password has the hash `Param("hash")`.
    has_password: Arc<Condition>,
    groups: groups::Groups,
}

struct SessionFields {
    token_hash: FieldId,
    user: FieldId,
    kind: FieldId,
    name: FieldId,
    scopes: FieldId,
    seen_at: FieldId,
    expires_at: FieldId,
    user_agent: FieldId,
    proved_at: FieldId,
    acts_as: FieldId,
}

impl Accounts {
    pub(crate) fn compile(site: &Site, store: &Store, options: &Options) -> Result<Accounts, CompileError> {
        let passwords = Passwords::new(options.password_cost, &site.settings.accounts.passwords)
            .map_err(|message| CompileError { message, span: 0..0 })?;
        let models = &*site.models;
        let users = models.users();
        let sessions = models.named("_sessions").ok_or_else(|| missing("_sessions"))?;
        let session = SessionFields {
            token_hash: field(sessions, "token_hash")?,
            user: field(sessions, "user")?,
            kind: field(sessions, "kind")?,
            name: field(sessions, "name")?,
            scopes: field(sessions, "scopes")?,
            seen_at: field(sessions, "seen_at")?,
            expires_at: field(sessions, "expires_at")?,
            user_agent: field(sessions, "user_agent")?,
            proved_at: field(sessions, "proved_at")?,
            acts_as: field(sessions, "acts_as")?,
        };
        let email = field(users, "email")?;
        let password = field(users, "password")?;
        let role = field(users, "role")?;
        let suspended = field(users, "suspended")?;
        let mut without = one(users, FieldId::ID, Input::Param("id".to_owned()));
        without.select = columns(users, Some(password));
        let user_without_password = store.prepare(&without)?;
        let mut by_email = one(users, email, Input::Param("email".to_owned()));
        by_email.select = columns(users, None);
        let by_email = store.prepare(&by_email)?;
        let groups = groups::Groups::compile(site, session.user, store)?;
        let resume = resume_plan(models, sessions, &session, password, &groups, store)?;
        let of_user = field_is(sessions, sessions.field(session.user), Input::Param("user".to_owned()));
        let sessions_of = store.prepare(&whole_records(sessions, of_user, Limit::AtMost(200)))?;
        let hash = field_is(users, users.field(password), Input::Param("hash".to_owned()));
        let has_password = store.condition(users.id, &hash)?;
        Ok(Accounts {
            passwords,
            attempts: Attempts::new(Most::wrong_passwords(&site.settings.limits)),
            asked: Attempts::new(Most::mails()),
            tokens: tokens::Tokens::compile(models, store)?,
            second: second::SecondFactors::compile(models, store)?,
            identities: identities::Identities::compile(models, store)?,
            sessions_of,
            has_password,
            groups,
            users: users.id,
            email,
            password,
            role,
            suspended,
            user_without_password,
            sessions: sessions.id,
            session,
            by_email,
            resume,
        })
    }
}

/// One query: the live session of a token, with its user.
fn resume_plan(
    models: &Models,
    sessions: &Model,
    fields: &SessionFields,
    password: FieldId,
    groups: &groups::Groups,
    store: &Store,
) -> Result<Plan, CompileError> {
    let users = models.users();
    let mut session = one(sessions, fields.token_hash, Input::Param("token".to_owned()));
    session.select = columns(sessions, Some(fields.token_hash));
    session.filter =
        and(session.filter.take(), Some(compared_to_now(sessions, fields.expires_at, Comparison::Greater)));
    let user = sessions.field(fields.user).reference.as_ref().ok_or_else(|| missing("a session's user"))?;
    let query = Query { select: columns(users, Some(password)), ..Query::of(users.id) };
    session.include = vec![Include { relation: user.relation, query }];
    let name = "session".to_owned();
    let found = Step { name, query: store.prepare(&session)?, must_exist: true };
    Ok(Plan { steps: [found].into_iter().chain(groups.step()).collect() })
}

fn one(model: &Model, field: FieldId, input: Input) -> Query {
    let mut query = Query::of(model.id);
    query.limit = Limit::One;
    query.filter = Some(field_is(model, model.field(field), input));
    query
}

fn columns(model: &Model, but: Option<FieldId>) -> Select {
    let wanted = model.fields.iter().filter(|field| field.has_column() && Some(field.id) != but);
    Select::Fields(wanted.map(|field| Selected { field: field.id, guard: None }).collect())
}

pub(crate) fn field(model: &Model, name: &str) -> Result<FieldId, CompileError> {
    model.field_named(name).map(|field| field.id).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> CompileError {
    CompileError { message: format!("accounts need {name}"), span: 0..0 }
}

impl Engine {
    /// Signs in with a password. Takes the same time for known and unknown addresses.
    ///
    /// # Errors
    /// [`Failure::Unauthenticated`] for a wrong password or address, [`Failure::TooMany`].
    pub async fn sign_in(&self, email: &str, password: &str, arrival: Arrival<'_>) -> Result<Entry, Failure> {
        let accounts = &self.inner.accounts;
        let email = email.trim().to_lowercase();
        let address = arrival.address;
        let now = self.now();
        accounts.attempts.begin(&email, address, now).map_err(Failure::TooMany)?;
        match self.verified(&email, password).await {
            Ok(Some((user, verdict))) => {
                accounts.attempts.forget(&email, address);
                let entry = match self.complete_sign_in(&user, Way::Password, arrival, Vec::new()).await {
                    // Another sign-in of the same moment put a better hash in the place of the one that was verified.
                    Err(Failure::Unauthenticated) => match self.verified(&email, password).await? {
                        Some((user, _)) => {
                            self.complete_sign_in(&user, Way::Password, arrival, Vec::new()).await
                        }
                        None => Err(Failure::Unauthenticated),
                    },
                    entry => entry,
                }?;
                if verdict == Verdict::RightAndStale {
                    self.hash_anew(&user, password).await;
                }
                Ok(entry)
            }
            Ok(None) => {
                let said: String = email.chars().filter(|c| !c.is_control()).take(254).collect();
                self.note_event("sign_in_failed", None, serde_json::json!({ "email": [null, said] })).await;
                Err(Failure::Unauthenticated)
            }
            Err(failure) => {
                accounts.attempts.take_back(&email, address);
                Err(failure)
            }
        }
    }

    /// The user with this address and this password, and what is to be said of its hash.
    async fn verified(&self, email: &str, password: &str) -> Result<Option<(User, Verdict)>, Failure> {
        let accounts = &self.inner.accounts;
        let user = self.user_by_email(email).await?;
        let hash = user.as_ref().and_then(|user| user.value(accounts.password)).and_then(Value::as_text);
        let tried = if password.len() > password::LONGEST_BYTES { "" } else { password };
        let verdict = accounts.passwords.verify(tried, hash).await?;
        let right = verdict != Verdict::Wrong && tried == password;
        Ok(user.filter(|user| right && !self.is_suspended(user)).map(|user| (user, verdict)))
    }

    /// Puts a hash as they are made now into the place of the one by which somebody just signed in, if it is still there. That it
    /// cannot be done is no reason to turn him away.
    async fn hash_anew(&self, user: &User, password: &str) {
        let accounts = &self.inner.accounts;
        let done = async {
            let hash = Value::from(accounts.passwords.hash(password).await?);
            let params = [("hash".to_owned(), user.value(accounts.password).cloned().unwrap_or_default())];
            let ask = Ask { params: &params, ..self.ask(&Actor::Owner) };
            let mut mutation = self.setting(user.id, vec![(accounts.password, hash)], ask.now);
            mutation.inputs = ask.capture(accounts.has_password.inputs.iter());
            mutation.guards = vec![Guard::Stored(accounts.has_password.clone())];
            match self.store().commit(vec![mutation]).await {
                Ok(_) | Err(Error::Refused { .. }) => Ok(()),
                Err(error) => Err(failed(error)),
            }
        };
        if let Err(error) = done.await {
            tracing::warn!(%error, "a password was not hashed anew");
        }
    }

    /// Whether the database answers: a session that nobody has is looked for.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn ready(&self) -> Result<(), Failure> {
        self.resume("readiness").await.map(|_| ())
    }

    /// Who a session's secret stands for; `None` where there is no such session or it has expired.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn resume(&self, token: &str) -> Result<Option<Actor>, Failure> {
        let accounts = &self.inner.accounts;
        let params = [("token".to_owned(), Value::from(hash_of(token)))];
        let ask = Ask { params: &params, ..self.ask(&Actor::Visitor) };
        let asked = purlin_store::Ask { inputs: &ask, steps: &[] };
        let answer = self.store().read(&accounts.resume, asked).await.map_err(failed)?;
        if answer.missing.is_some() {
            return Ok(None);
        }
        let [session, groups @ ..] = answer.sets.as_slice() else { return Ok(None) };
        let Some(session_row) = session.rows.first() else { return Ok(None) };
        let (Some(Related::One(Some(user))), Some(users)) =
            (session_row.related.first(), session.shape.relations.first())
        else {
            return Ok(None);
        };
        let text = |field: FieldId| {
            session.shape.value(session_row, field).and_then(Value::as_text).unwrap_or_default()
        };
        let is_token = text(accounts.session.kind) == access_tokens::KIND;
        let scopes = is_token.then(|| Scopes::stored(&self.site().models, text(accounts.session.scopes)));
        let session_id = session.shape.value(session_row, FieldId::ID).and_then(Value::as_id);
        if let Some(Value::Datetime(seen)) = session.shape.value(session_row, accounts.session.seen_at)
            && *seen + SEEN_MICROS < ask.now
            && let Some(id) = session_id
        {
            self.touch(id, is_token, ask.now).await;
        }
        let user = self.user_of(users.shape.clone(), user.clone(), session_id);
        let Some(user) = user.filter(|user| !self.is_suspended(user)) else { return Ok(None) };
        let granted = accounts.groups.granted(&self.site().settings.roles, &user.role, groups.first());
        let proved_at = match session.shape.value(session_row, accounts.session.proved_at) {
            Some(Value::Datetime(at)) => Some(*at),
            _ => None,
        };
        let user = User { scopes, granted, proved_at, ..user };
        let user = match session.shape.value(session_row, accounts.session.acts_as).and_then(Value::as_id) {
            // Rare, and every request would carry room for it.
            Some(other) => Box::pin(self.as_other(user, other)).await?,
            None => user,
        };
        Ok(Some(Actor::User(Arc::new(user))))
    }

    /// Ends the session of this secret.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn sign_out(&self, token: &str) -> Result<(), Failure> {
        let Some(Actor::User(user)) = self.resume(token).await? else { return Ok(()) };
        let Some(session) = user.session else { return Ok(()) };
        let action = Action::Delete { id: session, if_version: None };
        let ask = self.ask(&Actor::Owner);
        match self.commit_one(&ask, self.inner.accounts.sessions, action, Vec::new(), None).await {
            Ok(_) | Err(Failure::NotFound) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Replaces passwords by their hashes in what is about to be written.
    pub(crate) async fn hash_passwords(
        &self,
        actor: &Actor,
        model: &Model,
        proposal: &mut Proposal,
    ) -> Result<(), Failure> {
        if let Some(message) = self.too_weak(actor, model, proposal).await? {
            return Err(Failure::Invalid(vec![message]));
        }
        for (field, value) in &mut proposal.values {
            if model.field(*field).ty.name() == "password"
                && let Value::Text(text) = value
            {
                if text.len() > password::LONGEST_BYTES {
                    let message = FieldMessage::new(&model.field(*field).name, "too_long", "is too long");
                    return Err(Failure::Invalid(vec![message]));
                }
                *value = Value::from(self.inner.accounts.passwords.hash(text).await?);
            }
        }
        Ok(())
    }

    /// What is wrong with a password that somebody chooses for an account. What the site's owner writes is his to answer for.
    async fn too_weak(
        &self,
        actor: &Actor,
        model: &Model,
        proposal: &Proposal,
    ) -> Result<Option<FieldMessage>, Failure> {
        let accounts = &self.inner.accounts;
        let is_chosen = model.id == accounts.users && !matches!(actor, Actor::Owner);
        match proposal.value(accounts.password).and_then(Value::as_text).filter(|_| is_chosen) {
            Some(password) if password.len() <= password::LONGEST_BYTES => {
                let near = proposal.values.iter().filter(|(field, _)| *field != accounts.password);
                let near = near.filter_map(|(_, value)| value.as_text().map(str::to_owned)).collect();
                self.weakness("password", password, near).await
            }
            _ => Ok(None),
        }
    }

    /// What is wrong with a password that is easy to guess for whoever knows what stands near it.
    async fn weakness(
        &self,
        name: &str,
        password: &str,
        mut near: Vec<String>,
    ) -> Result<Option<FieldMessage>, Failure> {
        let least = self.site().settings.accounts.passwords.strength;
        if least == 0 {
            return Ok(None);
        }
        near.push(self.site().settings.site.name.clone());
        let password = password.to_owned();
        let passwords = &self.inner.accounts.passwords;
        let weak = passwords.in_turn(move || password::weakness(&password, &near, least)).await?;
        Ok(weak.map(|message| FieldMessage::new(name, "too_weak", message)))
    }

    /// Notes that a session was used. That it cannot be noted is no reason to refuse what was asked.
    async fn touch(&self, session: Id, is_token: bool, now: i64) {
        let accounts = &self.inner.accounts;
        let days = i64::from(self.site().settings.accounts.session_days);
        let mut values = vec![(accounts.session.seen_at, Value::Datetime(now))];
        // A session lives on while it is used; a token ends on its day.
        if !is_token {
            values.push((accounts.session.expires_at, Value::Datetime(now + days * DAY_MICROS)));
        }
        let action =
            Action::Update { id: session, if_version: None, values, merges: Vec::new(), links: Vec::new() };
        let mutation = Mutation::new(accounts.sessions, action, now);
        if let Err(error) = self.store().commit(vec![mutation]).await {
            tracing::warn!(%error, "a session's last use was not noted");
        }
    }

    async fn user_by_email(&self, email: &str) -> Result<Option<User>, Failure> {
        let params = [("email".to_owned(), Value::from(email))];
        let ask = Ask { params: &params, ..self.ask(&Actor::Owner) };
        let step =
            Step { name: "user".to_owned(), query: self.inner.accounts.by_email.clone(), must_exist: false };
        let plan = Plan { steps: vec![step] };
        let asked = purlin_store::Ask { inputs: &ask, steps: &[] };
        let answer = self.store().read(&plan, asked).await.map_err(failed)?;
        let Some(set) = answer.sets.first() else { return Ok(None) };
        Ok(set.rows.first().and_then(|row| self.user_of(set.shape.clone(), row.clone(), None)))
    }

    async fn user_by_id(&self, id: Id) -> Result<Option<User>, Failure> {
        let users = self.model(self.inner.accounts.users);
        let prepared = self.prepare(&crate::expressions::whole_record(&users))?;
        let found = self.find(&Actor::Owner, &prepared, id).await?;
        Ok(found.and_then(|found| self.user_of(found.shape, found.row, None)))
    }

    fn user_of(
        &self,
        shape: Arc<purlin_schema::Shape>,
        row: Arc<purlin_schema::Row>,
        session: Option<Id>,
    ) -> Option<User> {
        let id = shape.value(&row, FieldId::ID).and_then(Value::as_id)?;
        let role: Box<str> =
            shape.value(&row, self.inner.accounts.role).and_then(Value::as_text).unwrap_or("user").into();
        let granted = self.site().settings.roles.of(&role).clone();
        Some(User { id, role, granted, shape, row, session, proved_at: None, acting: None, scopes: None })
    }
}

/// A fresh secret for a session or a link.
fn secret() -> Result<String, Failure> {
    let mut secret = [0; TOKEN_BYTES];
    getrandom::fill(&mut secret).map_err(|error| Failure::Internal(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(secret))
}

/// What the database keeps of a token.
fn hash_of(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}
