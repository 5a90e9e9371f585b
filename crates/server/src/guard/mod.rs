//! The third room: credentials become an actor.
//!
//! A request may carry a session in a cookie or in `Authorization: Bearer`. Where the header is given, the
//! cookie is not looked at; a bad token is refused and never falls back to anything.

pub mod cookies;

use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use purlin_engine::accounts::PREFIX;
use purlin_engine::{Actor, Engine};

use crate::answer::Problem;
use cookies::Cookies;

/// The longest token that is looked up.
const MAX_TOKEN_BYTES: usize = 256;

/// Who asks, and by what.
#[derive(Default)]
pub(crate) struct Identity {
    /// Who.
    pub(crate) actor: Actor,
    /// The session's secret, where there is one that is alive.
    pub(crate) token: Option<String>,
    /// Whether a cookie came that stands for nobody any more and is to be cleared.
    pub(crate) stale_cookie: bool,
}

impl Identity {
    /// Whether it is a personal access token, which is for the API alone.
    pub(crate) fn is_scoped(&self) -> bool {
        self.actor.user().is_some_and(|user| user.scopes.is_some())
    }

    /// The user's id for the log.
    pub(crate) fn user_id(&self) -> Option<String> {
        self.actor.user().map(|user| purlin_schema::Value::from(user.id).to_text())
    }
}

/// Finds out who asks.
///
/// # Errors
/// 401 for a bad token or another scheme; where the database fails.
pub(crate) async fn identify(
    engine: &Engine,
    request: &Parts,
    cookies: Cookies,
) -> Result<Identity, Problem> {
    let mut given = request.headers.get_all(header::AUTHORIZATION).iter();
    match (given.next(), given.next()) {
        (None, _) => {}
        (Some(one), None) => {
            let token = bearer(one).ok_or_else(bad_token)?;
            let actor = engine.resume(token).await?.ok_or_else(bad_token)?;
            return Ok(Identity { actor, token: Some(token.to_owned()), stale_cookie: false });
        }
        _ => return Err(bad_token()),
    }
    let Some(token) = cookies.session(&request.headers) else { return Ok(Identity::default()) };
    // What is made for programs is no cookie.
    let is_session = is_token(token) && !token.starts_with(PREFIX);
    let actor = if is_session { engine.resume(token).await? } else { None };
    Ok(match actor {
        Some(actor) => Identity { actor, token: Some(token.to_owned()), stale_cookie: false },
        None => Identity { stale_cookie: true, ..Identity::default() },
    })
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && is_token(token)).then_some(token)
}

/// Whether a text could be one of our tokens (RFC 6750 §2.1).
fn is_token(text: &str) -> bool {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'=')
    };
    !text.is_empty() && text.len() <= MAX_TOKEN_BYTES && text.bytes().all(plain)
}

/// A personal access token where there is no API.
pub(crate) fn for_the_api() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "bad_token", "a personal access token is for the API alone")
        .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""))
}

fn bad_token() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "bad_token", "the token in `Authorization` is not valid")
        .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_29_only_a_bearer_token_is_one() {
        let token = |text: &'static str| bearer(&HeaderValue::from_static(text)).map(str::to_owned);
        assert_eq!(token("Bearer abc"), Some("abc".into()));
        assert_eq!(token("bearer abc="), Some("abc=".into()));
        for bad in ["Bearer", "Bearer ", "Basic YTpi", "abc", "Bearer a b", "Bearer a\"b", "Bearer a,b"] {
            assert_eq!(token(bad), None, "{bad}");
        }
    }
}
