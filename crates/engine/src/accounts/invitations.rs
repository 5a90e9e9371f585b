//! Invitations: an account for somebody whose address is known, with the role that whoever invites may give.
//!
//! An invitation is a link that goes to its address once and works for a week. What it gives is looked at again when it is
//! taken up: whoever lost the right meanwhile, or his account, has invited nobody.

use purlin_pages::mails::Words;
use purlin_pages::view::FormView;
use purlin_schema::model::Source;
use purlin_schema::roles::ADMIN;
use purlin_schema::settings::SignUp;
use purlin_schema::value::parse_uuid;
use purlin_schema::{FieldId, Id, Value};
use serde_json::{Map, json};

use super::tokens::{Purpose, Token, dead_link};
use super::{Arrival, Entry, Way};
use crate::mail::Draft;
use crate::pages::{Mistaken, PageAnswer, PageRequest};
use crate::records::{Fields, Limits, failed};
use crate::{Actor, Engine, Failure, FieldMessage};

/// The permission of those who may invite besides administrators.
pub const INVITE: &str = "users.invite";

const FORM: &str = "invitation";

/// Somebody who is invited.
pub struct Invitation {
    /// Its id.
    pub id: Id,
    /// To whom.
    pub email: String,
    /// The role that the account will have.
    pub role: String,
    /// Until when, in microseconds UTC.
    pub expires_at: i64,
}

/// An invitation that was just made.
pub struct Invited {
    /// What is listed of it.
    pub invitation: Invitation,
    /// The link, where no mail could bring it.
    pub link: Option<String>,
}

/// What taking up an invitation on a page led to.
pub enum TakenUp {
    /// The account is made and signed in.
    Done(Entry),
    /// The form again, with messages.
    Again(PageAnswer),
}

impl Engine {
    /// Whether somebody may invite.
    #[must_use]
    pub fn may_invite(&self, actor: &Actor) -> bool {
        let is_on = self.site().settings.accounts.signup != SignUp::Closed;
        is_on
            && match actor {
                Actor::Visitor => false,
                Actor::Owner => true,
                Actor::User(user) if user.scopes.is_some() || user.acting.is_some() => false,
                Actor::User(user) => actor.is_admin() || user.granted.has_permission(INVITE),
            }
    }

    /// The roles that somebody may give to whom he invites.
    #[must_use]
    pub fn roles_to_give(&self, actor: &Actor) -> Vec<String> {
        let users = self.model(self.inner.accounts.users);
        let choices = &users.field(self.inner.accounts.role).choices;
        choices.iter().filter(|role| self.may_give(actor, role)).cloned().collect()
    }

    fn may_give(&self, actor: &Actor, role: &str) -> bool {
        let roles = &self.site().settings.roles;
        match actor {
            Actor::Visitor => false,
            Actor::Owner => true,
            actor if actor.is_admin() => true,
            Actor::User(user) => role != ADMIN && user.granted.covers(roles.of(role)),
        }
    }

    /// Invites somebody.
    ///
    /// # Errors
    /// [`Failure::NotFound`] for who may not, [`Failure::Stale`], [`Failure::Invalid`] about `email` or `role`,
    /// [`Failure::TooMany`].
    pub async fn invite(
        &self,
        actor: &Actor,
        email: &str,
        role: &str,
        address: &str,
    ) -> Result<Invited, Failure> {
        if !self.may_invite(actor) {
            return Err(if matches!(actor, Actor::Visitor) {
                Failure::Unauthenticated
            } else {
                Failure::NotFound
            });
        }
        self.require_fresh(actor)?;
        let email = self.address_of(email)?;
        let users = self.model(self.inner.accounts.users);
        let refuse = |field: &str, code: &str, message: &str| {
            Err(Failure::Invalid(vec![FieldMessage::new(field, code, message)]))
        };
        if !users.field(self.inner.accounts.role).choices.iter().any(|known| known == role) {
            return refuse("role", "unknown", "is none of the site's");
        }
        if !self.may_give(actor, role) {
            return refuse("role", "too_high", "has more rights than you may give");
        }
        if self.user_by_email(&email).await?.is_some() {
            return refuse("email", "unique", "has an account already");
        }
        let now = self.now();
        if !matches!(actor, Actor::Owner) {
            self.inner.accounts.asked.begin(&email, address, now).map_err(Failure::TooMany)?;
        }
        let by = actor.user().map(|user| Value::from(user.id).to_text());
        let data = json!({ "role": role, "by": by }).to_string();
        let (secret, token) = self.issue(Purpose::Invitation, None, &email, Some(data), now)?;
        let link = self.link(&format!("/invitation?token={secret}"));
        let (hours, until) = (Purpose::Invitation.hours(), Purpose::Invitation.until(now));
        let words = Words { link: link.clone(), hours, email: email.clone(), ..Words::default() };
        let real = self.sends_mail();
        let draft = Draft { template: "invitation", to: &email, words, user: None, until, real };
        let mail = self.write_mail(&draft, now)?;
        let outcomes = self.store().commit(vec![token, mail]).await.map_err(failed)?;
        self.ring();
        let event = json!({ "email": [null, email], "role": [null, role] });
        self.note_event("invited", None, event).await;
        let id = outcomes.first().map(|outcome| outcome.id);
        let id = id.ok_or_else(|| Failure::Internal("a commit without outcome".to_owned()))?;
        let invitation = Invitation { id, email, role: role.to_owned(), expires_at: until };
        Ok(Invited { invitation, link: (!real).then_some(link) })
    }

    /// The invitations that nobody has taken up.
    ///
    /// # Errors
    /// [`Failure::NotFound`] for who may not invite.
    pub async fn invitations(&self, actor: &Actor) -> Result<Vec<Invitation>, Failure> {
        if !self.may_invite(actor) {
            return Err(if matches!(actor, Actor::Visitor) {
                Failure::Unauthenticated
            } else {
                Failure::NotFound
            });
        }
        let tokens = self.live_tokens(Purpose::Invitation).await?;
        let invitation = |(token, expires_at): (Token, i64)| {
            let role = role_of(&token);
            // Of what is higher than his own he is told nothing.
            self.may_give(actor, &role).then_some(Invitation {
                id: token.id,
                email: token.address,
                role,
                expires_at,
            })
        };
        Ok(tokens.into_iter().filter_map(invitation).collect())
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where there is none such that he may see.
    pub async fn take_back(&self, actor: &Actor, id: Id) -> Result<(), Failure> {
        let invitations = self.invitations(actor).await?;
        if !invitations.iter().any(|invitation| invitation.id == id) {
            return Err(Failure::NotFound);
        }
        self.delete_each(self.inner.accounts.tokens.model, vec![id]).await
    }

    /// To whom an invitation went, by the token of its link.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `token`.
    pub async fn look_at_invitation(&self, token: &str) -> Result<String, Failure> {
        Ok(self.invitation(token).await?.address)
    }

    /// The page on which an invitation is taken up.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `token`.
    pub async fn invitation_page(
        &self,
        request: &PageRequest<'_>,
        token: &str,
    ) -> Result<PageAnswer, Failure> {
        let invitation = self.invitation(token).await?;
        let fields = self.taken_by_invitation();
        self.show_invitation(request, token, &invitation.address, &fields, None).await
    }

    /// Takes up an invitation by what was posted to that page.
    ///
    /// # Errors
    /// [`Failure::Invalid`] about `token` alone.
    pub async fn take_up(
        &self,
        request: &PageRequest<'_>,
        token: &str,
        pairs: &[(String, String)],
        arrival: Arrival<'_>,
    ) -> Result<TakenUp, Failure> {
        let pairs: Vec<(String, String)> =
            pairs.iter().filter(|(name, _)| name != "token").cloned().collect();
        match self.make_invited(token, Fields::Form(&pairs), arrival).await {
            Ok(session) => Ok(TakenUp::Done(session)),
            Err(Failure::Invalid(messages)) if messages.iter().all(|message| message.field != "token") => {
                let invitation = self.invitation(token).await?;
                let fields = self.taken_by_invitation();
                let mistaken = Mistaken { name: FORM, pairs: &pairs, messages };
                let page = self
                    .show_invitation(request, token, &invitation.address, &fields, Some(&mistaken))
                    .await?;
                Ok(TakenUp::Again(page))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Takes up an invitation by API.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub async fn take_up_by_api(
        &self,
        token: &str,
        fields: &Map<String, serde_json::Value>,
        arrival: Arrival<'_>,
    ) -> Result<Entry, Failure> {
        self.make_invited(token, Fields::Json(fields), arrival).await
    }

    async fn make_invited(
        &self,
        secret: &str,
        fields: Fields<'_>,
        arrival: Arrival<'_>,
    ) -> Result<Entry, Failure> {
        let accounts = &self.inner.accounts;
        let token = self.invitation(secret).await?;
        let taken = self.taken_by_invitation();
        let set = [
            (accounts.email, Source::Literal(Value::from(token.address.as_str()))),
            (accounts.role, Source::Literal(Value::from(role_of(&token)))),
        ];
        let limits = Limits { set: &set, ..self.sign_up_limits(&taken) };
        let actor = Actor::Visitor;
        let ask = self.ask(&actor);
        let before = vec![self.using(&token, ask.now)];
        let id = match self.create_after(before, &ask, accounts.users, fields, limits).await {
            Err(Failure::NotFound) => return Err(dead_link()),
            Err(Failure::Invalid(mut messages)) => {
                // The address is no field of the form: that somebody has it by now makes the link useless.
                if messages.iter().any(|message| message.field == "email") {
                    return Err(dead_link());
                }
                messages.retain(|message| message.field != "role");
                return Err(Failure::Invalid(messages));
            }
            made => made?.id,
        };
        let user = self.user_by_id(id).await?.ok_or(Failure::NotFound)?;
        self.complete_sign_in(&user, Way::Invitation, arrival, Vec::new()).await
    }

    /// The live invitation of a secret, if whoever made it might still do so.
    async fn invitation(&self, secret: &str) -> Result<Token, Failure> {
        let token = self.token(Purpose::Invitation, secret).await?;
        let data: serde_json::Value = serde_json::from_str(&token.data).unwrap_or_default();
        let Some(by) = data.get("by").and_then(|by| by.as_str()) else { return Ok(token) };
        let by =
            by.parse().map(Id::Int).ok().or_else(|| parse_uuid(by).map(Id::Uuid)).ok_or_else(dead_link)?;
        let inviter =
            self.user_by_id(by).await?.filter(|user| !self.is_suspended(user)).ok_or_else(dead_link)?;
        let granted = self.granted_to(inviter.id, &inviter.role).await?;
        let inviter = crate::actor::User { granted, ..inviter };
        let actor = Actor::User(std::sync::Arc::new(inviter));
        if self.may_invite(&actor) && self.may_give(&actor, &role_of(&token)) {
            Ok(token)
        } else {
            Err(dead_link())
        }
    }

    /// What whoever takes up an invitation says of himself: all of a sign-up but the address.
    fn taken_by_invitation(&self) -> Vec<FieldId> {
        let mut fields = self.fields_of_new_users();
        fields.retain(|field| *field != self.inner.accounts.email);
        fields
    }

    async fn show_invitation(
        &self,
        request: &PageRequest<'_>,
        token: &str,
        address: &str,
        fields: &[FieldId],
        mistaken: Option<&Mistaken<'_>>,
    ) -> Result<PageAnswer, Failure> {
        let (_, form): (String, FormView) = self.sign_up_form(fields, mistaken);
        let extra = vec![("token".to_owned(), json!(token)), ("email".to_owned(), json!(address))];
        let status = if mistaken.is_some() { 422 } else { 200 };
        self.system_form("invitation.html", request, extra, vec![(FORM.to_owned(), form)], status).await
    }
}

fn role_of(token: &Token) -> String {
    let data: serde_json::Value = serde_json::from_str(&token.data).unwrap_or_default();
    data.get("role").and_then(|role| role.as_str()).unwrap_or("user").to_owned()
}
