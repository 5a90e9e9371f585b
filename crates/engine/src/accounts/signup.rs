//! Sign-up: at once, or, where mail can be sent, by a link that shows whose the address is.
//!
//! By mail, no account is made before the link was followed: what was entered waits in the token. So nobody keeps an
//! address or a name that is not his, no rule of a site ever sees somebody whose address is unknown, and an address that
//! has an account is answered as any other: the mail alone says so. The link asks for the password of the sign-up, so
//! that whoever owns the address does not open an account whose password a stranger chose.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purlin_pages::mails::Words;
use purlin_pages::view::{FieldView, FormView};
use purlin_schema::settings::SignUp as Who;
use purlin_schema::{FieldId, Id, Value};
use purlin_store::mutation::Action;
use purlin_store::{Error, Mutation};
use serde_json::{Map, json};

use super::password::Verdict;
use super::tokens::{Purpose, dead_link};
use super::{Arrival, Carrier, Entry, Way};
use crate::mail::Draft;
use crate::pages::{Mistaken, PageAnswer, PageRequest};
use crate::proposal::{Mode, Proposal};
use crate::records::{Fields, Limits, condition_of, failed};
use crate::{Actor, Engine, Failure, FieldMessage};

const FORM: &str = "signup";
/// Bytes of a path to go to afterwards; what is longer is forgotten.
const LONGEST_NEXT: usize = 2_000;
/// No record has it.
const NOWHERE: Id = Id::Int(-1);

/// What a sign-up led to.
pub enum SignedUp {
    /// The account exists, and how its sign-in ended.
    Now(Entry),
    /// A mail says how it goes on.
    ByMail,
}

/// An account whose address was shown to be its owner's.
pub struct Verified {
    /// How its sign-in ended.
    pub entry: Entry,
    /// Where its owner wanted to go when he signed up: a path of this site, as it was given.
    pub next: Option<String>,
}

/// What a sign-up on a page led to.
pub enum SignUp {
    /// It is accepted.
    Done(SignedUp),
    /// The form again, with messages.
    Again(PageAnswer),
}

/// Who signs up, from where.
#[derive(Clone, Copy)]
struct From<'from> {
    arrival: Arrival<'from>,
    /// Where to go afterwards.
    next: Option<&'from str>,
}

impl Engine {
    /// Takes a sign-up that was posted as a form; `address` is the peer's.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where sign-up is off, [`Failure::TooMany`].
    pub async fn sign_up(
        &self,
        request: PageRequest<'_>,
        pairs: &[(String, String)],
        address: &str,
        user_agent: &str,
    ) -> Result<SignUp, Failure> {
        let (next, pairs): (Vec<(String, String)>, _) =
            pairs.iter().cloned().partition(|(name, _)| name == "next");
        let after = next.first().map(|(_, path)| path.as_str()).filter(|path| path.len() <= LONGEST_NEXT);
        let from = From { arrival: Arrival { address, user_agent, carrier: Carrier::Cookie }, next: after };
        let instants = self.as_instants(&self.model(self.inner.accounts.users), None, &pairs);
        match self.register(request.actor, Fields::Form(&instants), from).await {
            Ok(done) => Ok(SignUp::Done(done)),
            Err(Failure::Invalid(messages)) => {
                let mistaken = Mistaken { name: FORM, pairs: &pairs, messages };
                let form = self.sign_up_form(&self.sign_up_fields()?, Some(&mistaken));
                Ok(SignUp::Again(
                    self.system_form("signup.html", &request, next_of(next), vec![form], 422).await?,
                ))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Takes a sign-up by API.
    ///
    /// # Errors
    /// As [`Engine::sign_up`], and [`Failure::Invalid`].
    pub async fn sign_up_by_api(
        &self,
        fields: &Map<String, serde_json::Value>,
        address: &str,
        user_agent: &str,
    ) -> Result<SignedUp, Failure> {
        let from = From { arrival: Arrival { address, user_agent, carrier: Carrier::Token }, next: None };
        self.register(&Actor::Visitor, Fields::Json(fields), from).await
    }

    /// The sign-up page.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where sign-up is off.
    pub async fn sign_up_page(
        &self,
        request: &PageRequest<'_>,
        extra: Vec<(String, serde_json::Value)>,
    ) -> Result<PageAnswer, Failure> {
        let form = self.sign_up_form(&self.sign_up_fields()?, None);
        self.system_form("signup.html", request, extra, vec![form], 200).await
    }

    /// Makes the account of a sign-up whose link was followed, and signs it in.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `token`, `password`, or what somebody else took meanwhile; [`Failure::TooMany`].
    pub async fn verify_sign_up(
        &self,
        token: &str,
        password: &str,
        arrival: Arrival<'_>,
    ) -> Result<Verified, Failure> {
        let accounts = &self.inner.accounts;
        let address = arrival.address;
        let now = self.now();
        let token = self.token(Purpose::SignUp, token).await?;
        accounts.attempts.begin(&token.address, address, now).map_err(Failure::TooMany)?;
        let mut data: Map<String, serde_json::Value> =
            serde_json::from_str(&token.data).map_err(|error| Failure::Internal(error.to_string()))?;
        let hash = data.remove("hash").unwrap_or_default();
        let tried = if password.len() > super::password::LONGEST_BYTES { "" } else { password };
        if accounts.passwords.verify(tried, hash.as_str()).await? == Verdict::Wrong {
            let message = "is not the one that you chose when you signed up";
            return Err(Failure::Invalid(vec![FieldMessage::new("password", "wrong_password", message)]));
        }
        accounts.attempts.forget(&token.address, address);
        let actor = Actor::Visitor;
        let ask = self.ask(&actor);
        let fields = self.sign_up_fields()?;
        let limits = self.sign_up_limits(&fields);
        let before = vec![self.using(&token, now)];
        let created = if let Some(serde_json::Value::Object(mut json)) = data.remove("json") {
            json.insert("password".to_owned(), password.into());
            self.create_after(before, &ask, accounts.users, Fields::Json(&json), limits).await
        } else {
            let pairs = data.remove("form").unwrap_or_default();
            let mut pairs: Vec<(String, String)> =
                serde_json::from_value(pairs).map_err(|error| Failure::Internal(error.to_string()))?;
            pairs.push(("password".to_owned(), password.to_owned()));
            self.create_after(before, &ask, accounts.users, Fields::Form(&pairs), limits).await
        };
        let id = match created {
            Err(Failure::NotFound) => return Err(dead_link()),
            created => created?.id,
        };
        self.note_address(id, &token.address, now).await?;
        let user = self.user_by_id(id).await?.ok_or(Failure::NotFound)?;
        let entry = self.complete_sign_in(&user, Way::SignUp, arrival, Vec::new()).await?;
        Ok(Verified { entry, next: data.get("next").and_then(|next| next.as_str()).map(str::to_owned) })
    }

    async fn register(&self, actor: &Actor, fields: Fields<'_>, from: From<'_>) -> Result<SignedUp, Failure> {
        let accounts = &self.inner.accounts;
        let taken = self.sign_up_fields()?;
        let limits = self.sign_up_limits(&taken);
        let users = self.model(accounts.users);
        let ask = self.ask(actor);
        let permissions = self.access().of(users.id, crate::access::Who::of(actor));
        let mut proposal = self.propose(&ask, &users, permissions, fields, Mode::Create, limits);
        self.check_in_memory(&ask, &users, &mut proposal, None);
        let email = proposal.value(accounts.email).and_then(Value::as_text).unwrap_or_default().to_owned();
        if !email.is_empty() && !self.site().settings.accounts.signup.takes(&email) {
            proposal.messages.push(FieldMessage::new("email", "domain", self.domains()));
        }
        if !proposal.messages.iter().any(|message| message.field == "password") {
            proposal.messages.extend(self.too_weak(actor, &users, &proposal).await?);
        }
        if !proposal.messages.is_empty() {
            return Err(Failure::Invalid(proposal.messages));
        }
        accounts.asked.begin(&email, from.arrival.address, ask.now).map_err(Failure::TooMany)?;
        if self.site().settings.accounts.verify {
            self.write_sign_up(&ask, proposal, fields, &email, from.next).await?;
            return Ok(SignedUp::ByMail);
        }
        let id = self.create_limited(&ask, accounts.users, fields, limits).await?.id;
        let user = self.user_by_id(id).await?.ok_or(Failure::NotFound)?;
        Ok(SignedUp::Now(self.complete_sign_in(&user, Way::SignUp, from.arrival, Vec::new()).await?))
    }

    /// Has a sign-up wait for its address. What is read and written is the same whether the address has an account.
    async fn write_sign_up(
        &self,
        ask: &crate::inputs::Ask<'_>,
        mut proposal: Proposal,
        fields: Fields<'_>,
        email: &str,
        next: Option<&str>,
    ) -> Result<(), Failure> {
        let users = self.model(self.inner.accounts.users);
        self.hash_passwords(ask.actor, &users, &mut proposal).await?;
        let hash = proposal.value(self.inner.accounts.password).cloned().unwrap_or_default();
        self.rehearse(ask, proposal, email).await?;
        let user = self.user_by_email(email).await?;
        let enough = self.has_mails_enough(email).await?;
        let purpose = if user.is_some() { Purpose::Void } else { Purpose::SignUp };
        let data = waiting(fields, hash.as_text().unwrap_or_default(), next);
        let (secret, token) = self.issue(purpose, None, email, Some(data), ask.now)?;
        let (template, path) = match user {
            Some(_) => ("account_exists", "/login".to_owned()),
            None => ("verify", format!("/verify?token={secret}")),
        };
        let hours = Purpose::SignUp.hours();
        let words = Words { link: self.link(&path), hours, email: email.to_owned(), ..Words::default() };
        let until = Purpose::SignUp.until(ask.now);
        let draft = Draft { template, to: email, words, user: None, until, real: !enough };
        let mail = self.write_mail(&draft, ask.now)?;
        self.store().commit(vec![token, mail]).await.map_err(failed)?;
        self.ring();
        Ok(())
    }

    /// Makes the account in a transaction that is always taken back, under an address that nobody has: tells what else is
    /// wrong with it (a name that is taken) and nothing about the address.
    async fn rehearse(
        &self,
        ask: &crate::inputs::Ask<'_>,
        mut proposal: Proposal,
        email: &str,
    ) -> Result<(), Failure> {
        let accounts = &self.inner.accounts;
        let users = self.model(accounts.users);
        let mut other = [0; 24];
        getrandom::fill(&mut other).map_err(|error| Failure::Internal(error.to_string()))?;
        let domain = email.rsplit_once('@').map_or("invalid", |(_, domain)| domain);
        let stand_in = format!("{}@{domain}", URL_SAFE_NO_PAD.encode(other));
        for (field, value) in &mut proposal.values {
            if *field == accounts.email {
                *value = Value::from(stand_in.as_str());
            }
        }
        let who = crate::access::Who::of(ask.actor);
        let permissions = self.access().of(users.id, who);
        let mut guards = proposal.guards(&users, permissions, self.access(), who);
        guards.extend(self.checks(&users));
        let inputs =
            ask.capture(guards.iter().filter_map(condition_of).flat_map(|condition| &condition.inputs));
        let action = Action::Create { id: None, values: proposal.values, links: proposal.links };
        let mut making = Mutation::new(users.id, action, ask.now);
        (making.guards, making.inputs) = (guards, inputs);
        let never = Action::Delete { id: NOWHERE, if_version: None };
        match self.store().commit(vec![making, Mutation::new(accounts.tokens.model, never, ask.now)]).await {
            Err(Error::Refused { at: 0, refusals }) => Err(self.refused(ask.actor, users.id, &refusals)),
            Err(Error::Refused { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
            Ok(_) => Err(Failure::Internal("a rehearsal was kept".to_owned())),
        }
    }

    /// What sign-up takes: e-mail, password, and what the site says or what a new user must have.
    pub(super) fn sign_up_fields(&self) -> Result<Vec<FieldId>, Failure> {
        match self.site().settings.accounts.signup.is_open() {
            true => Ok(self.fields_of_new_users()),
            false => Err(Failure::NotFound),
        }
    }

    /// What somebody says of himself when his account is made.
    pub(super) fn fields_of_new_users(&self) -> Vec<FieldId> {
        let settings = &self.site().settings.accounts;
        let accounts = &self.inner.accounts;
        let users = self.model(accounts.users);
        let more: Vec<FieldId> = match &settings.signup_fields {
            Some(names) => {
                names.iter().filter_map(|name| users.field_named(name)).map(|field| field.id).collect()
            }
            None => users
                .fields
                .iter()
                .filter(|field| {
                    !field.is_system() && field.required && field.default.is_none() && field.from.is_none()
                })
                .map(|field| field.id)
                .collect(),
        };
        let own = [accounts.email, accounts.password, accounts.role, accounts.suspended];
        let mut fields: Vec<FieldId> = more.into_iter().filter(|field| !own.contains(field)).collect();
        fields.extend([accounts.email, accounts.password]);
        fields
    }

    pub(super) fn sign_up_limits<'fields>(&self, fields: &'fields [FieldId]) -> Limits<'fields> {
        Limits {
            allowed: Some(fields),
            free: true,
            also_required: Some(self.inner.accounts.password),
            ..Limits::default()
        }
    }

    /// Whose addresses may sign up, in words.
    pub(super) fn domains(&self) -> String {
        match &self.site().settings.accounts.signup {
            Who::Domains(domains) => format!("must be an address at {}", domains.join(" or ")),
            _ => "is not taken".to_owned(),
        }
    }

    pub(super) fn sign_up_form(
        &self,
        fields: &[FieldId],
        mistaken: Option<&Mistaken<'_>>,
    ) -> (String, FormView) {
        let users = self.model(self.inner.accounts.users);
        let views = fields
            .iter()
            .map(|field| {
                let field = users.field(*field);
                FieldView {
                    name: field.name.clone(),
                    value: crate::pages::control_values(&users, field, None, mistaken),
                    options: Vec::new(),
                    messages: crate::pages::messages_of(mistaken, &field.name),
                    sentences: crate::pages::sentences_of(mistaken, &field.name),
                    required: field.id == self.inner.accounts.password,
                }
            })
            .collect();
        let shown: Vec<&str> = fields.iter().map(|field| users.field(*field).name.as_str()).collect();
        let messages = crate::pages::other_messages(mistaken, &users, &shown);
        (FORM.to_owned(), FormView { model: Some(users.id), record: None, fields: views, messages })
    }
}

/// What a sign-up by mail keeps until its link is followed: all but the password, of which it keeps the hash.
fn waiting(fields: Fields<'_>, hash: &str, next: Option<&str>) -> String {
    match fields {
        Fields::Json(map) => {
            let mut map = map.clone();
            map.remove("password");
            json!({ "hash": hash, "json": map, "next": next }).to_string()
        }
        Fields::Form(pairs) => {
            let pairs: Vec<_> = pairs.iter().filter(|(name, _)| name != "password").collect();
            json!({ "hash": hash, "form": pairs, "next": next }).to_string()
        }
        Fields::Values(_) => unreachable!("a sign-up comes as a form or as JSON"),
    }
}

/// Where to go afterwards, for the form to carry on.
fn next_of(pairs: Vec<(String, String)>) -> Vec<(String, serde_json::Value)> {
    pairs.into_iter().take(1).map(|(name, path)| (name, path.into())).collect()
}
