//! Personal access tokens by API: making, listing and ending one's own.

use http::{Method, Response, StatusCode};
use purlin_engine::accounts::{AccessToken, NewToken};
use purlin_schema::Id;
use purlin_schema::value::{format_datetime, write_json, write_json_string};
use serde_json::{Map, Value};

use super::{Given, JSON};
use crate::answer::{self, Problem, json};
use crate::app::Asking;
use crate::body::{Body, RequestBody};
use crate::door::limits;
use crate::guard::Identity;
use crate::input;
use crate::route::Auth;

/// Whether somebody may come to an account's routes: with a personal access token only to see who he is, and to end it.
pub(super) fn may(identity: &Identity, auth: Auth, method: &Method) -> bool {
    let looks = matches!(*method, Method::GET | Method::HEAD);
    !identity.is_scoped() || auth == Auth::Logout || (auth == Auth::Me && looks)
}

/// Lists one's own tokens, or makes one.
///
/// # Errors
/// As a problem.
pub(super) async fn answer(
    asking: &Asking<'_>,
    identity: &Identity,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    if asking.method() != Method::POST {
        let tokens = asking.engine().own_tokens(&identity.actor).await?;
        let mut out = br#"{"items":"#.to_vec();
        json::write_list(&mut out, &tokens, |out, token| write(out, token, None));
        out.push(b'}');
        return Ok(answer::answer(StatusCode::OK, JSON, out));
    }
    if identity.actor.user().is_none() {
        return Err(Problem::unauthenticated());
    }
    let body = limits::read(body, asking.current.max_body_bytes).await?;
    let fields = input::json_object(asking.parts, &body, &[JSON])?;
    let (password, new) = asked(&fields)?;
    let place = asking.place();
    let (secret, token) = asking.engine().make_own_token(&identity.actor, password, &new, &place).await?;
    let mut out = Vec::with_capacity(512);
    write(&mut out, &token, Some(&secret));
    Ok(answer::answer(StatusCode::CREATED, JSON, out))
}

/// Ends one of one's own.
///
/// # Errors
/// As a problem.
pub(super) async fn end(asking: &Asking<'_>, identity: &Identity, id: Id) -> Result<Response<Body>, Problem> {
    let user = identity.actor.user().ok_or_else(Problem::unauthenticated)?;
    asking.engine().end_token(user.id, id).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `{"name", "scopes", "password"}` and perhaps `"days"`.
fn asked(fields: &Map<String, Value>) -> Result<(&str, NewToken<'_>), Problem> {
    let mut given = Given::of(fields);
    let [name, scopes, password] = ["name", "scopes", "password"].map(|name| given.text(name));
    let days = given.whole("days");
    given.end()?;
    Ok((password, NewToken { name, scopes, days }))
}

/// Writes a token; the secret only when it was made.
fn write(out: &mut Vec<u8>, token: &AccessToken, secret: Option<&str>) {
    out.extend_from_slice(br#"{"id":"#);
    write_json(&token.id.into(), false, out);
    if let Some(secret) = secret {
        out.extend_from_slice(br#","token":"#);
        write_json_string(secret, out);
    }
    for (name, text) in [("name", &token.name), ("scopes", &token.scopes)] {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        write_json_string(text, out);
    }
    let times = [
        ("created_at", Some(token.created_at)),
        ("seen_at", token.seen_at),
        ("expires_at", Some(token.expires_at)),
    ];
    for (name, at) in times {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        match at {
            Some(at) => write_json_string(&format_datetime(at), out),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.push(b'}');
}
