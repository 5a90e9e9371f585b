//! Accounts by API: sign-in, sign-out, who one is.

use http::{HeaderValue, Response, StatusCode, header};
use purlin_engine::accounts::{Carrier, SignedIn};
use purlin_engine::{Actor, Failure, FieldMessage};
use purlin_schema::value::{write_json, write_json_string};
use serde_json::{Map, Value};

use super::JSON;
use crate::accounts::signed_in;
use crate::answer::{self, Problem, json};
use crate::app::Asking;
use crate::body::{Body, RequestBody};
use crate::door::limits;
use crate::guard::Identity;
use crate::input;

pub(super) async fn login(
    asking: &Asking<'_>,
    identity: &Identity,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let body = limits::read(body, asking.current.max_body_bytes).await?;
    let fields = input::json_object(asking.parts, &body, &[JSON])?;
    let [email, password] = credentials(&fields)?;
    let peer = asking.peer.to_string();
    let session =
        match asking.engine().sign_in(email, password, &peer, Carrier::Token, &asking.user_agent()).await {
            Ok(session) => session,
            Err(Failure::Unauthenticated) => return Err(wrong()),
            Err(failure) => return Err(failure.into()),
        };
    let mut out = br#"{"token":"#.to_vec();
    write_json_string(&session.token, &mut out);
    out.extend_from_slice(br#","user":"#);
    write_user(&mut out, asking, &session).await?;
    out.push(b'}');
    let mut response = answer::answer(StatusCode::OK, JSON, out);
    signed_in(asking, identity, &session, &mut response).await?;
    Ok(response)
}

pub(super) async fn logout(asking: &Asking<'_>, identity: &Identity) -> Result<Response<Body>, Problem> {
    if let Some(token) = &identity.token {
        asking.engine().sign_out(token).await?;
    }
    let mut response = answer::empty(StatusCode::NO_CONTENT);
    if let Some(cookie) = asking.current.cookies.clear_session() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

pub(super) async fn me(asking: &Asking<'_>, identity: &Identity) -> Result<Response<Body>, Problem> {
    let mut out = Vec::with_capacity(512);
    write_actor(&mut out, asking, &identity.actor).await?;
    Ok(answer::answer(StatusCode::OK, JSON, out))
}

async fn write_user(out: &mut Vec<u8>, asking: &Asking<'_>, session: &SignedIn) -> Result<(), Problem> {
    write_actor(out, asking, &Actor::User(session.user.clone())).await
}

/// Writes a user as he may read himself.
async fn write_actor(out: &mut Vec<u8>, asking: &Asking<'_>, actor: &Actor) -> Result<(), Problem> {
    let user = actor.user().ok_or_else(Problem::unauthenticated)?;
    let engine = asking.engine();
    let models = &engine.site().models;
    match engine.get(actor, models.users().id, user.id, &[]).await {
        Ok(found) => json::write_record(out, models, &found.shape, &found.row),
        // A site may keep users from reading even themselves.
        Err(Failure::NotFound) => {
            out.extend_from_slice(br#"{"id":"#);
            write_json(&user.id.into(), false, out);
            out.push(b'}');
        }
        Err(failure) => return Err(failure.into()),
    }
    Ok(())
}

/// The two texts of a sign-in, and nothing else.
fn credentials(fields: &Map<String, Value>) -> Result<[&str; 2], Problem> {
    let mut errors = Vec::new();
    let mut message = |field: &str, code: &str, message: &str| {
        errors.push(FieldMessage {
            field: field.to_owned(),
            code: code.to_owned(),
            message: message.to_owned(),
        });
    };
    let [email, password] = ["email", "password"].map(|name| match fields.get(name) {
        Some(Value::String(text)) => text.as_str(),
        Some(_) => {
            message(name, "wrong_type", "must be text");
            ""
        }
        None => {
            message(name, "required", "is required");
            ""
        }
    });
    for name in fields.keys().filter(|name| !matches!(name.as_str(), "email" | "password")) {
        message(name, "unknown_field", "there is no such field");
    }
    if errors.is_empty() { Ok([email, password]) } else { Err(Failure::Invalid(errors).into()) }
}

fn wrong() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "wrong_credentials", "the e-mail address or the password is wrong")
        .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}
