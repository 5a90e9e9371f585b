//! The page on which somebody links providers to his account and unlinks them.

use http::{HeaderValue, Response, StatusCode, header};
use purlin_engine::Failure;
use purlin_engine::accounts::Claimed;
use purlin_schema::Value;
use purlin_schema::settings::Provider;
use purlin_schema::value::format_datetime;
use serde_json::json;

use crate::accounts::value_of;
use crate::answer::{self, Problem, html};
use crate::app::Asking;
use crate::body::{Body, RequestBody};
use crate::guard::Identity;
use crate::pages::{self, set_flash};

const HERE: &str = "/account/identities";

/// Answers a GET of the page.
///
/// # Errors
/// As a page.
pub(crate) async fn page(asking: &Asking<'_>, identity: &Identity) -> Result<Response<Body>, Problem> {
    if identity.actor.user().is_none() {
        return pages::refused(asking, Failure::Unauthenticated);
    }
    show(asking, identity, None).await
}

/// Answers what was posted to it.
///
/// # Errors
/// As a page.
pub(crate) async fn posted(
    asking: &Asking<'_>,
    identity: &Identity,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    if identity.actor.user().is_none() {
        return pages::refused(asking, Failure::Unauthenticated);
    }
    let form = asking.form(body).await?;
    let engine = asking.engine();
    let password = value_of(&form, "password").unwrap_or_default();
    let confirmed = engine.confirm_again(&identity.actor, password, &asking.place()).await;
    if let Err(failure) = confirmed {
        return again(asking, identity, failure).await;
    }
    if let Some(name) = value_of(&form, "link") {
        let providers = &engine.site().settings.accounts.providers;
        let at = providers.iter().position(|provider| provider.name == name);
        let at = at.ok_or_else(Problem::not_found)?;
        return Box::pin(super::leave(asking, identity, at, HERE, true)).await;
    }
    let id = value_of(&form, "unlink").and_then(|text| text.parse().ok()).map(purlin_schema::Id::Int);
    match engine.unlink_identity(&identity.actor, id.ok_or_else(Problem::not_found)?).await {
        Ok(()) => Ok(said(asking, "It is unlinked.")),
        Err(Failure::Conflict(why)) => {
            again(asking, identity, Failure::Conflict(format!("this {why}"))).await
        }
        Err(failure) => again(asking, identity, failure).await,
    }
}

/// Joins what a provider says to the account that began the trip, where that is still who is signed in.
pub(super) async fn link(
    asking: &Asking<'_>,
    identity: &Identity,
    provider: &Provider,
    user: &str,
    claimed: &Claimed,
) -> Result<Response<Body>, Problem> {
    let is_same = identity.actor.user().is_some_and(|now| Value::from(now.id).to_text() == user);
    if !is_same {
        return pages::refused(asking, Failure::Unauthenticated);
    }
    match asking.engine().link_identity(&identity.actor, claimed).await {
        Ok(()) => Ok(said(asking, &format!("{} is linked.", provider.label))),
        Err(failure) => again(asking, identity, failure).await,
    }
}

fn said(asking: &Asking<'_>, text: &str) -> Response<Body> {
    let mut response = answer::redirect(StatusCode::SEE_OTHER, HERE);
    set_flash(asking, &mut response, text);
    response
}

async fn again(
    asking: &Asking<'_>,
    identity: &Identity,
    failure: Failure,
) -> Result<Response<Body>, Problem> {
    let (status, told) = match failure {
        Failure::Invalid(messages) => {
            let wrong = messages.iter().any(|message| message.field == "password");
            let told = messages.first().map(|message| message.message.clone()).unwrap_or_default();
            (StatusCode::UNPROCESSABLE_ENTITY, if wrong { format!("the password {told}") } else { told })
        }
        Failure::Conflict(why) => (StatusCode::CONFLICT, why),
        failure @ Failure::TooMany(_) => {
            let problem = Problem::from(failure);
            let told = html::sentence(&problem.detail);
            return Ok(problem.dress(show(asking, identity, Some((problem.status, told))).await?));
        }
        failure => return Err(failure.into()),
    };
    show(asking, identity, Some((status, html::sentence(&told)))).await
}

/// The page, perhaps with what went wrong.
pub(super) async fn show(
    asking: &Asking<'_>,
    identity: &Identity,
    wrong: Option<(StatusCode, String)>,
) -> Result<Response<Body>, Problem> {
    let engine = asking.engine();
    let accounts = &engine.site().settings.accounts;
    let own = engine.own_identities(&identity.actor).await?;
    let linked: Vec<serde_json::Value> = own
        .iter()
        .map(|identity| {
            let label = accounts.provider(&identity.provider).map(|provider| provider.label.as_str());
            json!({
                "id": Value::from(identity.id).to_text(),
                "provider": label.unwrap_or(&identity.provider),
                "account": identity.account,
                "since": format_datetime(identity.since),
                "seen": identity.seen_at.map(format_datetime),
            })
        })
        .collect();
    let asks_password = engine.asks_password(&identity.actor).await?;
    let extra = vec![
        ("identities".to_owned(), json!(linked)),
        ("providers".to_owned(), super::listed(engine.site())),
        ("asks_password".to_owned(), json!(asks_password)),
        ("message".to_owned(), json!(wrong.as_ref().map(|(_, told)| told.as_str()).unwrap_or_default())),
    ];
    let query = asking.query()?;
    let (flash, had_flash) = pages::flash(asking);
    let request = pages::request(asking, identity, &query, flash);
    let mut page = engine.system_page("account/identities.html", &request, extra).await?;
    if let Some((status, _)) = wrong {
        page.status = status.as_u16();
    }
    let mut response = pages::shown(asking, page, had_flash)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}
