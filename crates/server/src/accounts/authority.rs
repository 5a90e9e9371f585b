//! Pages about who one is and who comes in: a fresh proof, acting as somebody else, invitations, one's own data.

use http::{HeaderValue, Response, StatusCode, header};
use purlin_engine::Failure;
use purlin_engine::accounts::{Arrival, Carrier, TakenUp};
use purlin_schema::value::format_datetime;
use purlin_schema::{Id, Value};
use serde_json::json;

use super::own::{Said, done};
use super::{entered, value_of};
use crate::answer::{self, Problem};
use crate::app::Asking;
use crate::body::{Body, RequestBody};
use crate::guard::Identity;
use crate::input::Pairs;
use crate::pages::{self, set_flash};
use crate::route::path::local;
use crate::route::{Account, HOME};

/// Where a fresh proof is asked for, on the way to somewhere.
///
/// # Errors
/// As a page.
pub(super) async fn confirm(
    asking: &Asking<'_>,
    identity: &Identity,
    form: Option<&Pairs>,
) -> Result<Response<Body>, Problem> {
    let query = asking.query()?;
    let next = form.and_then(|form| value_of(form, "next")).or_else(|| value_of(&query, "next"));
    let next = local(next.unwrap_or(HOME)).to_owned();
    let Some(form) = form else {
        return Said::default().with("next", &next).show(asking, identity, Account::Confirm).await;
    };
    let password = value_of(form, "password").unwrap_or_default();
    match asking.engine().prove_again(&identity.actor, password, &asking.place()).await {
        Ok(()) => Ok(answer::redirect(StatusCode::SEE_OTHER, &next)),
        Err(failure) => {
            Said::refused(failure)?.with("next", &next).show(asking, identity, Account::Confirm).await
        }
    }
}

/// Where an administrator begins to act as somebody else, and ends it.
///
/// # Errors
/// As a page.
pub(super) async fn act(
    asking: &Asking<'_>,
    identity: &Identity,
    form: Option<&Pairs>,
) -> Result<Response<Body>, Problem> {
    let (engine, actor) = (asking.engine(), &identity.actor);
    if let Some(form) = form
        && value_of(form, "end").is_some()
    {
        // One that has ended meanwhile has ended.
        return match engine.stop_acting(actor).await {
            Ok(()) | Err(Failure::NotFound) => Ok(done(asking, HOME, "You are yourself again.")),
            Err(failure) => Err(failure.into()),
        };
    }
    engine.may_act(actor)?;
    let email = form.and_then(|form| value_of(form, "email")).unwrap_or_default();
    let failure = match form {
        None if engine.require_fresh(actor).is_ok() => None,
        None => Some(Failure::Stale),
        Some(_) => match engine.act_as(actor, email).await {
            Ok(()) => return Ok(answer::redirect(StatusCode::SEE_OTHER, "/")),
            Err(failure) => Some(failure),
        },
    };
    let said = match failure {
        None => Said::default(),
        Some(Failure::Stale) => return Ok(stale(asking)),
        Some(failure) => Said::refused(failure)?.with("email", email),
    };
    said.show(asking, identity, Account::Act).await
}

/// The way to a fresh proof, and back to the page that wanted it.
pub(super) fn stale(asking: &Asking<'_>) -> Response<Body> {
    let next: String = form_urlencoded::byte_serialize(asking.path.as_bytes()).collect();
    answer::redirect(StatusCode::SEE_OTHER, &format!("/account/confirm?next={next}"))
}

/// The invitations that nobody has taken up yet, and a form for another.
///
/// # Errors
/// As a page.
pub(super) async fn invitations(
    asking: &Asking<'_>,
    identity: &Identity,
    form: Option<&Pairs>,
) -> Result<Response<Body>, Problem> {
    let (engine, actor) = (asking.engine(), &identity.actor);
    // Who may not invite has no such page, and whoever may shows first who he is.
    let listed = engine.invitations(actor).await?;
    if engine.require_fresh(actor).is_err() {
        return Ok(stale(asking));
    }
    let path = asking.path;
    let mut said = Said::default();
    let given = |name: &str| form.and_then(|form| value_of(form, name)).unwrap_or_default();
    if let Some(form) = form {
        if let Some(id) = value_of(form, "end") {
            let id = id.parse().map(Id::Int).map_err(|_| Problem::not_found())?;
            return match engine.take_back(actor, id).await {
                Ok(()) | Err(Failure::NotFound) => Ok(done(asking, path, "That invitation is taken back.")),
                Err(failure) => Err(failure.into()),
            };
        }
        match engine.invite(actor, given("email"), given("role"), &asking.place()).await {
            Ok(invited) => match invited.link {
                None => {
                    let say = format!("{} is invited.", invited.invitation.email);
                    return Ok(done(asking, path, &say));
                }
                Some(link) => said = said.with("link", &link).with("invited", &invited.invitation.email),
            },
            Err(failure) => said = Said::refused(failure)?.with("email", given("email")),
        }
    }
    let shown: serde_json::Value = listed
        .iter()
        .map(|one| {
            json!({
                "id": Value::from(one.id).to_text(),
                "email": one.email,
                "role": one.role,
                "ends": format_datetime(one.expires_at),
            })
        })
        .collect();
    said.extra.push(("invitations", shown));
    said.extra.push(("roles", json!(engine.roles_to_give(actor))));
    said.extra.push(("role", json!(if given("role").is_empty() { "user" } else { given("role") })));
    said.show(asking, identity, Account::Invitations).await
}

/// Where an invitation is taken up.
///
/// # Errors
/// As a page.
pub(super) async fn invitation(
    asking: &Asking<'_>,
    identity: &Identity,
    body: Option<RequestBody>,
) -> Result<Response<Body>, Problem> {
    let query = asking.query()?;
    let request = pages::request(asking, identity, &query, Vec::new());
    let engine = asking.engine();
    let Some(body) = body else {
        let token = value_of(&query, "token").unwrap_or_default();
        return match engine.invitation_page(&request, token).await {
            Ok(page) => pages::shown(asking, page, false),
            Err(failure) => Said::refused(failure)?.show(asking, identity, Account::Invitation).await,
        };
    };
    let form = asking.form(body).await?;
    let token = value_of(&form, "token").unwrap_or_default().to_owned();
    let (peer, agent) = (asking.place(), asking.user_agent());
    let arrival = Arrival { address: &peer, user_agent: &agent, carrier: Carrier::Cookie };
    match engine.take_up(&request, &token, &form, arrival).await {
        Ok(TakenUp::Done(entry)) => {
            let mut response = entered(asking, identity, &entry, "/").await?;
            set_flash(asking, &mut response, "Welcome. Your account is made, and you are signed in.");
            Ok(response)
        }
        Ok(TakenUp::Again(page)) => pages::shown(asking, page, false),
        Err(failure) => Said::refused(failure)?.show(asking, identity, Account::Invitation).await,
    }
}

/// One's own data as a file.
///
/// # Errors
/// As a page.
pub(crate) async fn export(asking: &Asking<'_>, identity: &Identity) -> Result<Response<Body>, Problem> {
    let own = asking.engine().own_data(&identity.actor).await?;
    let mut response = answer::answer(StatusCode::OK, "application/json", own);
    let name = HeaderValue::from_static("attachment; filename=\"my-data.json\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}
