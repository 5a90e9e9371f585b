//! The pages of one's own account: password, address, sessions, the end of it.

use http::{Response, StatusCode};
use purlin_engine::{Failure, FieldMessage};
use purlin_schema::value::format_datetime;
use purlin_schema::{Id, Value};
use serde_json::json;

use super::{authority, device, second, tokens, value_of};
use crate::answer::{self, Problem, html};
use crate::app::Asking;
use crate::body::{Body, RequestBody};
use crate::guard::Identity;
use crate::input::Pairs;
use crate::pages::{self, set_flash};
use crate::route::{Account, HOME};

/// What a page of an account shows besides its form.
#[derive(Default)]
pub(super) struct Said {
    pub(super) extra: Vec<(&'static str, serde_json::Value)>,
    problem: Option<Problem>,
}

impl Said {
    /// What is wrong with what was posted.
    ///
    /// # Errors
    /// What is no mistake in it.
    pub(super) fn refused(failure: Failure) -> Result<Said, Problem> {
        let problem = match failure {
            Failure::Invalid(messages) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message_of(&messages))
            }
            failure @ (Failure::TooMany(_) | Failure::Conflict(_)) => Problem::from(failure),
            failure => return Err(failure.into()),
        };
        let extra = vec![("message", json!(html::sentence(&problem.detail)))];
        Ok(Said { extra, problem: Some(problem) })
    }

    pub(super) fn given(mut self, name: &'static str, value: serde_json::Value) -> Said {
        self.extra.push((name, value));
        self
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Said {
        self.extra.push((name, json!(value)));
        self
    }

    /// The page.
    pub(super) async fn show(
        self,
        asking: &Asking<'_>,
        identity: &Identity,
        account: Account,
    ) -> Result<Response<Body>, Problem> {
        let query = asking.query()?;
        let (flash, had_flash) = pages::flash(asking);
        let request = pages::request(asking, identity, &query, flash);
        let settings = &asking.engine().site().settings;
        let mut extra = vec![
            ("mail".to_owned(), json!(settings.mail.is_on())),
            ("deletion".to_owned(), json!(settings.accounts.deletion)),
            ("providers".to_owned(), crate::federated::listed(asking.engine().site())),
            ("api_tokens".to_owned(), json!(settings.accounts.tokens)),
        ];
        if self.problem.is_none() {
            extra.push(("message".to_owned(), json!("")));
        }
        extra.extend(self.extra.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let mut page = asking.engine().system_page(account.template(), &request, extra).await?;
        let Some(problem) = self.problem else { return pages::shown(asking, page, had_flash) };
        page.status = problem.status.as_u16();
        Ok(problem.dress(pages::shown(asking, page, had_flash)?))
    }
}

/// What is wrong, as the end of one sentence.
pub(super) fn message_of(messages: &[FieldMessage]) -> String {
    let told = messages.iter().map(|message| {
        let what = match message.field.as_str() {
            "password" => "the password ",
            "code" => "the code ",
            "name" => "the name ",
            "scopes" => "what it may do ",
            "days" => "the number of days ",
            "new_password" => "the new password ",
            "email" => "the address ",
            _ => "",
        };
        format!("{what}{}", message.message)
    });
    told.collect::<Vec<_>>().join("; ")
}

/// Answers a GET of a page that only somebody who is signed in has.
pub(super) async fn page(
    asking: &Asking<'_>,
    identity: &Identity,
    account: Account,
) -> Result<Response<Body>, Problem> {
    let query = asking.query()?;
    let mut said = Said::default();
    let token = value_of(&query, "token").filter(|_| account == Account::Email);
    if let Some(token) = token {
        // Whoever has the link need not be signed in where he reads his mail.
        match asking.engine().look_at_link(token, false).await {
            Ok(()) => said.extra.push(("token", json!(token))),
            Err(failure) => said = Said::refused(failure)?,
        }
        return said.show(asking, identity, account).await;
    }
    if identity.actor.user().is_none() {
        return pages::refused(asking, Failure::Unauthenticated);
    }
    match account {
        Account::Home => return home(asking, identity, None).await,
        Account::Email => {
            said.extra.push(("sent", json!(value_of(&query, "sent").is_some())));
            said.extra.push(("old_email", json!(email_of(asking, identity))));
        }
        Account::Sessions => said.extra.push(("sessions", sessions(asking, identity).await?)),
        Account::Tokens => return tokens::show(asking, identity, said, &[]).await,
        Account::Second => return second::show(asking, identity, said).await,
        Account::Confirm => return authority::confirm(asking, identity, None).await,
        Account::Act => return authority::act(asking, identity, None).await,
        Account::Invitations => return authority::invitations(asking, identity, None).await,
        Account::Export => return authority::export(asking, identity).await,
        _ => {}
    }
    said.show(asking, identity, account).await
}

/// Answers what was posted to such a page.
pub(super) async fn posted(
    asking: &Asking<'_>,
    identity: &Identity,
    account: Account,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let form = asking.form(body).await?;
    if account == Account::Email
        && let Some(token) = value_of(&form, "token")
    {
        return match asking.engine().confirm_email(token).await {
            Ok(()) => Ok(done(asking, HOME, "Your address is changed.")),
            Err(failure) => Said::refused(failure)?.show(asking, identity, account).await,
        };
    }
    if identity.actor.user().is_none() {
        return pages::refused(asking, Failure::Unauthenticated);
    }
    match account {
        Account::Home => home(asking, identity, Some(&form)).await,
        Account::Sessions => end_sessions(asking, identity, &form).await,
        Account::Tokens => tokens::posted(asking, identity, &form).await,
        Account::Second => second::posted(asking, identity, &form).await,
        Account::Confirm => authority::confirm(asking, identity, Some(&form)).await,
        Account::Act => authority::act(asking, identity, Some(&form)).await,
        Account::Invitations => authority::invitations(asking, identity, Some(&form)).await,
        _ => match change(asking, identity, account, &form).await {
            Ok(response) => Ok(response),
            Err(Failure::Stale) => Ok(authority::stale(asking)),
            Err(failure) => {
                let mut said = Said::refused(failure)?;
                if account == Account::Email {
                    let old = json!(email_of(asking, identity));
                    said = said.with("email", value_of(&form, "email").unwrap_or_default());
                    said.extra.push(("old_email", old));
                }
                said.show(asking, identity, account).await
            }
        },
    }
}

async fn change(
    asking: &Asking<'_>,
    identity: &Identity,
    account: Account,
    form: &Pairs,
) -> Result<Response<Body>, Failure> {
    let given = |name: &str| value_of(form, name).unwrap_or_default();
    let (engine, actor, peer) = (asking.engine(), &identity.actor, asking.place());
    match account {
        Account::Password => {
            engine.change_password(actor, given("password"), given("new_password"), &peer).await?;
            Ok(done(asking, HOME, "Your password is changed, and every other device is signed out."))
        }
        Account::Email => {
            if engine.change_email(actor, given("password"), given("email"), &peer).await? {
                return Ok(done(asking, HOME, "Your address is changed."));
            }
            Ok(answer::redirect(StatusCode::SEE_OTHER, "/account/email?sent=1"))
        }
        _ => {
            engine.delete_account(actor, given("password"), &peer).await?;
            let mut response = done(asking, "/", "Your account is deleted.");
            if let Some(cookie) = asking.cookies.clear_session() {
                response.headers_mut().append(http::header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
    }
}

async fn end_sessions(
    asking: &Asking<'_>,
    identity: &Identity,
    form: &Pairs,
) -> Result<Response<Body>, Problem> {
    match value_of(form, "session").unwrap_or_default() {
        "others" => asking.engine().end_other_sessions(&identity.actor).await?,
        id => {
            let id = id.parse().map(Id::Int).map_err(|_| Problem::not_found())?;
            // One that has ended meanwhile has ended.
            match asking.engine().end_own_session(&identity.actor, id).await {
                Ok(()) | Err(Failure::NotFound) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
    }
    Ok(done(asking, Account::Sessions.path(), "Signed out there."))
}

async fn home(
    asking: &Asking<'_>,
    identity: &Identity,
    form: Option<&Pairs>,
) -> Result<Response<Body>, Problem> {
    let query = asking.query()?;
    let (flash, had_flash) = pages::flash(asking);
    let request = pages::request(asking, identity, &query, flash);
    let settings = &asking.engine().site().settings.accounts;
    let extra = vec![
        ("email".to_owned(), json!(email_of(asking, identity))),
        ("deletion".to_owned(), json!(settings.deletion)),
        ("providers".to_owned(), crate::federated::listed(asking.engine().site())),
        ("api_tokens".to_owned(), json!(settings.tokens)),
        ("invites".to_owned(), json!(asking.engine().may_invite(&identity.actor))),
        ("acts".to_owned(), json!(asking.engine().may_act(&identity.actor).is_ok())),
    ];
    match asking.engine().account_page(&request, extra, form.map(Vec::as_slice)).await? {
        Some(page) => pages::shown(asking, page, had_flash),
        None => Ok(done(asking, HOME, "Saved.")),
    }
}

async fn sessions(asking: &Asking<'_>, identity: &Identity) -> Result<serde_json::Value, Problem> {
    let sessions = asking.engine().own_sessions(&identity.actor).await?;
    let shown = sessions.iter().map(|session| {
        json!({
            "id": Value::from(session.id).to_text(),
            "device": device::named(&session.user_agent),
            "began": format_datetime(session.began_at),
            "seen": format_datetime(session.seen_at),
            "current": session.is_current,
        })
    });
    Ok(shown.collect())
}

fn email_of(asking: &Asking<'_>, identity: &Identity) -> String {
    let users = asking.engine().site().models.users();
    let field = users.field_named("email").map(|field| field.id);
    let value = field.and_then(|field| identity.actor.user()?.value(field).cloned());
    value.map(|value| value.to_text()).unwrap_or_default()
}

pub(super) fn done(asking: &Asking<'_>, to: &str, say: &str) -> Response<Body> {
    let mut response = answer::redirect(StatusCode::SEE_OTHER, to);
    set_flash(asking, &mut response, say);
    response
}
