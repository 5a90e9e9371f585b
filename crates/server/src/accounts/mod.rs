//! The pages of accounts: sign-in, sign-up and sign-out here; links in mails and one's own account beside.

mod authority;
mod by_mail;
mod device;
mod mail;
mod own;
mod second;
mod tokens;

pub(crate) use authority::export;

use form_urlencoded::byte_serialize;
use http::{HeaderValue, Method, Response, StatusCode, header};
use purlin_engine::accounts::{Arrival, Carrier, Entry, SignUp, SignedIn, SignedUp};
use purlin_engine::pages::PageAnswer;
use purlin_engine::{Failure, Flash};
use serde_json::json;

use crate::answer::{self, Problem, html};
use crate::app::{Asking, allow};
use crate::body::{Body, RequestBody};
use crate::federated;
use crate::guard::Identity;
use crate::input::Pairs;
use crate::pages;
use crate::route::path::local;
use crate::route::{Account, SECOND_STEP};

/// Answers a request to an account page.
///
/// # Errors
/// As a page.
pub(crate) async fn answer(
    asking: &Asking<'_>,
    identity: &Identity,
    account: Account,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    if !account.is_on(asking.engine().site()) {
        return Err(Problem::not_found());
    }
    let allowed = match account {
        Account::Logout | Account::With(_) => "POST, OPTIONS",
        Account::Export => "GET, HEAD, OPTIONS",
        _ => "GET, HEAD, POST, OPTIONS",
    };
    match (account, asking.method()) {
        (_, &Method::OPTIONS) => Ok(allow(allowed)),
        (Account::Login, &Method::GET | &Method::HEAD) => login_page(asking, identity).await,
        (Account::Login, &Method::POST) => login(asking, identity, body).await,
        (Account::MailSignIn, &Method::GET | &Method::HEAD) => by_mail::page(asking, identity).await,
        (Account::MailSignIn, &Method::POST) => by_mail::posted(asking, identity, body).await,
        (Account::SecondStep, &Method::GET | &Method::HEAD) => second::step_page(asking, identity).await,
        (Account::SecondStep, &Method::POST) => second::step(asking, identity, body).await,
        (Account::SignUp, &Method::GET | &Method::HEAD) => sign_up_page(asking, identity).await,
        (Account::SignUp, &Method::POST) => sign_up(asking, identity, body).await,
        (Account::Logout, &Method::POST) => logout(asking, identity).await,
        (Account::With(at), &Method::POST) => federated::begin(asking, identity, at, body).await,
        (Account::Logout | Account::With(_), _) => Err(Problem::method_not_allowed(allowed)),
        (Account::Back(at), &Method::GET | &Method::HEAD | &Method::POST) => {
            Box::pin(federated::back(asking, identity, at, body)).await
        }
        (Account::Finish, &Method::GET | &Method::HEAD) => federated::finish_page(asking, identity).await,
        (Account::Finish, &Method::POST) => federated::finish(asking, identity, body).await,
        (Account::Identities, &Method::GET | &Method::HEAD) => {
            federated::identities_page(asking, identity).await
        }
        (Account::Identities, &Method::POST) => federated::identities_posted(asking, identity, body).await,
        (Account::Verify, &Method::GET | &Method::HEAD) => mail::verify_page(asking, identity).await,
        (Account::Verify, &Method::POST) => mail::verify(asking, identity, body).await,
        (Account::Reset, &Method::GET | &Method::HEAD) => mail::reset_page(asking, identity).await,
        (Account::Reset, &Method::POST) => mail::reset(asking, identity, body).await,
        (Account::Invitation, &Method::GET | &Method::HEAD) => {
            authority::invitation(asking, identity, None).await
        }
        (Account::Invitation, &Method::POST) => authority::invitation(asking, identity, Some(body)).await,
        (Account::Export, &Method::POST) => Err(Problem::method_not_allowed(allowed)),
        (_, &Method::GET | &Method::HEAD) => own::page(asking, identity, account).await,
        (_, &Method::POST) => own::posted(asking, identity, account, body).await,
        _ => Err(Problem::method_not_allowed(allowed)),
    }
}

/// Where a sign-in on a page leads to: with a session to `next`, a local path; without one to the second step.
pub(crate) async fn entered(
    asking: &Asking<'_>,
    identity: &Identity,
    entry: &Entry,
    next: &str,
) -> Result<Response<Body>, Problem> {
    match entry {
        Entry::Whole(session) => {
            let mut response = answer::redirect(StatusCode::SEE_OTHER, next);
            signed_in(asking, identity, session, &mut response).await?;
            Ok(response)
        }
        Entry::Half(half) => {
            let after: String = byte_serialize(next.as_bytes()).collect();
            let mut response =
                answer::redirect(StatusCode::SEE_OTHER, &format!("{SECOND_STEP}?next={after}"));
            let cookie = asking.cookies.set_half(&half.token, half.lives_seconds);
            let cookie = cookie.ok_or_else(|| Problem::internal("a token is no cookie value"))?;
            response.headers_mut().append(header::SET_COOKIE, cookie);
            Ok(response)
        }
    }
}

/// Gives an answer the new session's cookie, and ends the session that the asker had before: neither a planted
/// cookie nor an old one lives on.
pub(crate) async fn signed_in(
    asking: &Asking<'_>,
    identity: &Identity,
    session: &SignedIn,
    response: &mut Response<Body>,
) -> Result<(), Problem> {
    if let Some(old) = &identity.token {
        asking.engine().sign_out(old).await?;
    }
    let cookie = asking.cookies.set_session(&session.token);
    let cookie = cookie.ok_or_else(|| Problem::internal("a session's token is no cookie value"))?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    if asking.cookies.half(&asking.parts.headers).is_some()
        && let Some(cookie) = asking.cookies.clear_half()
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(())
}

async fn login_page(asking: &Asking<'_>, identity: &Identity) -> Result<Response<Body>, Problem> {
    let query = asking.query()?;
    let next = next_of(&query);
    if identity.actor.user().is_some() {
        return Ok(answer::redirect(StatusCode::SEE_OTHER, next));
    }
    let (flash, had_flash) = pages::flash(asking);
    let page = login_html(asking, identity, flash, &query, Tried { next, email: "", message: None }).await?;
    pages::shown(asking, page, had_flash)
}

async fn login(
    asking: &Asking<'_>,
    identity: &Identity,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let query = asking.query()?;
    let form = asking.form(body).await?;
    let next = value_of(&form, "next").map_or_else(|| next_of(&query), local);
    let email = value_of(&form, "email").unwrap_or_default();
    let password = value_of(&form, "password").unwrap_or_default();
    let (peer, agent) = (asking.place(), asking.user_agent());
    let arrival = Arrival { address: &peer, user_agent: &agent, carrier: Carrier::Cookie };
    let problem = match asking.engine().sign_in(email, password, arrival).await {
        Ok(entry) => return entered(asking, identity, &entry, next).await,
        Err(Failure::Unauthenticated) => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "wrong_credentials",
            "the e-mail address or the password is wrong",
        ),
        Err(failure @ Failure::TooMany(_)) => Problem::from(failure),
        Err(failure) => return Err(failure.into()),
    };
    let message = Some(html::sentence(&problem.detail));
    let mut page = login_html(asking, identity, Vec::new(), &query, Tried { next, email, message }).await?;
    page.status = problem.status.as_u16();
    Ok(problem.dress(pages::shown(asking, page, false)?))
}

/// The sign-in page again, after a sign-in by a provider that failed.
pub(crate) async fn login_again(
    asking: &Asking<'_>,
    identity: &Identity,
    next: &str,
    status: StatusCode,
    told: String,
) -> Result<Response<Body>, Problem> {
    let tried = Tried { next, email: "", message: Some(told) };
    let mut page = login_html(asking, identity, Vec::new(), &Vec::new(), tried).await?;
    page.status = status.as_u16();
    let mut response = pages::shown(asking, page, false)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What stands in the sign-in form.
struct Tried<'text> {
    next: &'text str,
    email: &'text str,
    message: Option<String>,
}

async fn login_html(
    asking: &Asking<'_>,
    identity: &Identity,
    flash: Vec<Flash>,
    query: &Pairs,
    tried: Tried<'_>,
) -> Result<PageAnswer, Problem> {
    let request = pages::request(asking, identity, query, flash);
    let extra = vec![
        ("next".to_owned(), json!(tried.next)),
        ("email".to_owned(), json!(tried.email)),
        ("message".to_owned(), json!(tried.message)),
        ("providers".to_owned(), federated::listed(asking.engine().site())),
        ("signup".to_owned(), json!(asking.engine().site().settings.accounts.signup.is_open())),
        ("mail".to_owned(), json!(asking.engine().sends_mail())),
        ("mail_sign_in".to_owned(), json!(asking.engine().site().settings.accounts.mail_sign_in)),
    ];
    Ok(asking.engine().system_page("login.html", &request, extra).await?)
}

async fn sign_up_page(asking: &Asking<'_>, identity: &Identity) -> Result<Response<Body>, Problem> {
    let query = asking.query()?;
    if identity.actor.user().is_some() {
        return Ok(answer::redirect(StatusCode::SEE_OTHER, next_of(&query)));
    }
    let request = pages::request(asking, identity, &query, Vec::new());
    let providers = federated::listed(asking.engine().site());
    let extra = vec![("next".to_owned(), json!(next_of(&query))), ("providers".to_owned(), providers)];
    let page = asking.engine().sign_up_page(&request, extra).await?;
    pages::shown(asking, page, false)
}

async fn sign_up(
    asking: &Asking<'_>,
    identity: &Identity,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let query = asking.query()?;
    let mut form = asking.form(body).await?;
    let next =
        value_of(&form, "next").map_or_else(|| next_of(&query).to_owned(), |next| local(next).to_owned());
    form.retain(|(name, _)| name != "next");
    form.push(("next".to_owned(), next.clone()));
    let request = pages::request(asking, identity, &query, Vec::new());
    match asking.engine().sign_up(request, &form, &asking.place(), &asking.user_agent()).await? {
        SignUp::Done(SignedUp::ByMail) => Ok(answer::redirect(StatusCode::SEE_OTHER, "/verify")),
        SignUp::Done(SignedUp::Now(entry)) => entered(asking, identity, &entry, &next).await,
        SignUp::Again(page) => pages::shown(asking, page, false),
    }
}

async fn logout(asking: &Asking<'_>, identity: &Identity) -> Result<Response<Body>, Problem> {
    if let Some(token) = &identity.token {
        asking.engine().sign_out(token).await?;
    }
    let mut response = answer::redirect(StatusCode::SEE_OTHER, "/");
    if let Some(cookie) = asking.cookies.clear_session() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

pub(crate) fn next_of(query: &Pairs) -> &str {
    local(value_of(query, "next").unwrap_or("/"))
}

pub(crate) fn value_of<'pairs>(pairs: &'pairs Pairs, name: &str) -> Option<&'pairs str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}
