//! The REST API of every model with access rules, and of accounts.

mod auth;
mod authority;
mod given;
mod jwt;
mod negotiate;
mod records;
mod second;
mod tokens;

use http::{Method, Response};

use crate::answer::Problem;
use crate::app::{Asking, allow};
use crate::body::{Body, RequestBody};
use crate::guard::Identity;
use crate::route::{ApiTarget, Auth};
pub(crate) use jwt::keys;

use given::Given;

/// What the API answers with.
pub(crate) const JSON: &str = "application/json";

/// Answers a request to the API.
///
/// # Errors
/// As a problem.
pub(crate) async fn answer(
    asking: &Asking<'_>,
    identity: &Identity,
    target: ApiTarget,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let allowed = match target {
        ApiTarget::Collection(_) => "GET, HEAD, POST, OPTIONS",
        ApiTarget::Record(..) => "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
        ApiTarget::Auth(Auth::Me | Auth::Sessions) => "GET, HEAD, DELETE, OPTIONS",
        ApiTarget::Auth(Auth::Session(_) | Auth::Token(_) | Auth::Invitation(_)) => "DELETE, OPTIONS",
        ApiTarget::Auth(Auth::Tokens | Auth::Invitations) => "GET, HEAD, POST, OPTIONS",
        ApiTarget::Auth(Auth::Act) => "POST, DELETE, OPTIONS",
        ApiTarget::Auth(Auth::Export) => "GET, HEAD, OPTIONS",
        ApiTarget::Auth(Auth::Second) => "GET, HEAD, OPTIONS",
        ApiTarget::Auth(_) => "POST, OPTIONS",
        ApiTarget::Nothing => return Err(Problem::not_found()),
    };
    if !allowed.split(", ").any(|method| method == asking.method().as_str()) {
        return Err(Problem::method_not_allowed(allowed));
    }
    if asking.method() == Method::OPTIONS {
        return Ok(allow(allowed));
    }
    negotiate::check(&asking.parts.headers)?;
    match target {
        ApiTarget::Collection(model) if asking.method() == Method::POST => {
            Box::pin(records::create(asking, identity, model, body)).await
        }
        ApiTarget::Collection(model) => records::list(asking, identity, model).await,
        ApiTarget::Record(model, id) => match *asking.method() {
            Method::PUT => {
                Box::pin(records::write(asking, identity, (model, id), records::Way::Replace, body)).await
            }
            Method::PATCH => {
                Box::pin(records::write(asking, identity, (model, id), records::Way::Patch, body)).await
            }
            Method::DELETE => Box::pin(records::delete(asking, identity, (model, id))).await,
            _ => records::get(asking, identity, (model, id)).await,
        },
        ApiTarget::Auth(auth) if !tokens::may(identity, auth, asking.method()) => {
            Err(Problem::out_of_scope("account"))
        }
        ApiTarget::Auth(Auth::Tokens) => Box::pin(tokens::answer(asking, identity, body)).await,
        ApiTarget::Auth(Auth::Token(id)) => Box::pin(tokens::end(asking, identity, id)).await,
        ApiTarget::Auth(auth) if auth.is_second() => {
            Box::pin(second::answer(asking, identity, auth, body)).await
        }
        ApiTarget::Auth(Auth::Jwt) => Box::pin(jwt::answer(asking, identity, body)).await,
        ApiTarget::Auth(
            auth @ (Auth::Confirm
            | Auth::Act
            | Auth::Invitations
            | Auth::Invitation(_)
            | Auth::AcceptInvitation
            | Auth::Export),
        ) => Box::pin(authority::answer(asking, identity, auth, body)).await,
        ApiTarget::Auth(auth) => Box::pin(auth::answer(asking, identity, auth, body)).await,
        ApiTarget::Nothing => Err(Problem::not_found()),
    }
}
