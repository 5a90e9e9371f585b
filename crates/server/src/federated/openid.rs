//! OpenID Connect Core and Discovery 1.0, as far as a site needs them: the code flow with PKCE.
//!
//! The provider's document is believed only where it names the issuer that was asked for, and an id token only where it is
//! signed by one of that issuer's keys, for this site, for this very sign-in, and now.

use std::time::{Duration, Instant};

use purlin_engine::accounts::Claimed;
use purlin_outgoing::{Client, Url};
use purlin_schema::settings::Provider;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::ask::{self, Code, Disbelief};
use super::jws::{Keys, NotSigned};

/// How long what was discovered is believed.
const KNOWN: Duration = Duration::from_secs(3600);
/// How soon keys are asked for again, where a token names one that is not known; and a provider that did not answer.
const AGAIN: Duration = Duration::from_secs(10);
/// How far its clock and ours may be apart, in seconds.
const SKEW_SECONDS: i64 = 60;
/// A subject is no longer than this (OpenID Connect Core §2).
const LONGEST_SUBJECT: usize = 255;

/// What was discovered of a provider.
#[derive(Default)]
pub(super) struct Discovered {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<(Instant, std::sync::Arc<Metadata>)>,
    failed: Option<Instant>,
}

/// What a provider says about itself.
pub(super) struct Metadata {
    pub(super) authorize_url: String,
    token_url: String,
    user_url: Option<String>,
    basic: bool,
    /// Whether it names itself in what comes back (RFC 9207).
    pub(super) names_itself: bool,
    keys: Keys,
}

impl Discovered {
    /// What a provider says about itself, asked for at most once an hour.
    pub(super) async fn get(
        &self,
        client: &Client,
        issuer: &str,
    ) -> Result<std::sync::Arc<Metadata>, Disbelief> {
        self.get_after(client, issuer, KNOWN).await
    }

    async fn get_after(
        &self,
        client: &Client,
        issuer: &str,
        age: Duration,
    ) -> Result<std::sync::Arc<Metadata>, Disbelief> {
        // Whoever comes meanwhile waits here, and the provider is asked once.
        let mut state = self.state.lock().await;
        if let Some((at, known)) = &state.known
            && at.elapsed() < age
        {
            return Ok(known.clone());
        }
        if state.failed.is_some_and(|at| at.elapsed() < AGAIN) {
            return Err(Disbelief::Waiting);
        }
        match discover(client, issuer).await {
            Ok(metadata) => {
                let metadata = std::sync::Arc::new(metadata);
                *state = State { known: Some((Instant::now(), metadata.clone())), failed: None };
                Ok(metadata)
            }
            Err(error) => {
                state.failed = Some(Instant::now());
                Err(error)
            }
        }
    }
}

async fn discover(client: &Client, issuer: &str) -> Result<Metadata, Disbelief> {
    const WHAT: &str = "the discovery document";
    let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let document = ask::json(client, WHAT, &place, None).await?;
    let text = |name: &str| document[name].as_str();
    if text("issuer") != Some(issuer) {
        return Err(Disbelief::Wrong("the discovery document is another issuer's"));
    }
    // What is reached safely does not send anybody on an open wire.
    let url = |name: &str| {
        let url = Url::parse(text(name)?).ok()?;
        let fits = url.scheme() == "https" || (url.scheme() == "http" && issuer.starts_with("http://"));
        (fits && url.username().is_empty() && url.password().is_none()).then(|| url.to_string())
    };
    let needed = |name: &str| url(name).ok_or(Disbelief::Malformed(WHAT));
    let listed = |name: &str, word: &str| {
        document[name].as_array().map(|words| words.iter().any(|known| known.as_str() == Some(word)))
    };
    if listed("response_types_supported", "code") == Some(false) {
        return Err(Disbelief::Wrong("the provider does not know the code flow"));
    }
    let keys = ask::json(client, "the keys' document", &needed("jwks_uri")?, None).await?;
    Ok(Metadata {
        authorize_url: needed("authorization_endpoint")?,
        token_url: needed("token_endpoint")?,
        user_url: url("userinfo_endpoint"),
        basic: listed("token_endpoint_auth_methods_supported", "client_secret_basic").unwrap_or(true),
        names_itself: document["authorization_response_iss_parameter_supported"] == Value::Bool(true),
        keys: Keys::read(&keys),
    })
}

/// What an id token must say to be about this sign-in.
pub(super) struct Expected<'expected> {
    pub(super) issuer: &'expected str,
    pub(super) client_id: &'expected str,
    pub(super) nonce: &'expected str,
    pub(super) now_seconds: i64,
}

/// Who a code is about.
pub(super) async fn claimed(
    client: &Client,
    discovered: &Discovered,
    provider: &Provider,
    expected: &Expected<'_>,
    code: &Code<'_>,
) -> Result<Claimed, Disbelief> {
    let metadata = discovered.get(client, expected.issuer).await?;
    let now = expected.now_seconds;
    let basic = provider.basic.unwrap_or(metadata.basic);
    let tokens = ask::tokens(client, provider, &metadata.token_url, basic, code, now).await?;
    let id_token = tokens.id.ok_or(Disbelief::Wrong("the provider gives no id token"))?;
    let claims = match metadata.keys.claims(&id_token) {
        // It may have made new keys since.
        Err(NotSigned::UnknownKey) => {
            discovered.get_after(client, expected.issuer, AGAIN).await?.keys.claims(&id_token)?
        }
        claims => claims?,
    };
    let subject = subject_of(&claims, expected)?.to_owned();
    let mut said = claims;
    if let (None, Some(url)) = (said.get("email"), &metadata.user_url) {
        let more = ask::json(client, "the userinfo endpoint", url, Some(&tokens.access)).await?;
        // It may be about somebody else (OpenID Connect Core §5.3.2).
        if more["sub"].as_str() != Some(subject.as_str()) {
            return Err(Disbelief::Wrong("the userinfo endpoint speaks of somebody else"));
        }
        if let Value::Object(more) = more {
            said.extend(more);
        }
    }
    let text = |name: &str| said.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(Claimed {
        provider: provider.name.clone(),
        authority: provider.authority().to_owned(),
        subject,
        email: text("email"),
        email_verified: provider.trust_email || said.get("email_verified").is_some_and(is_true),
        fullname: text("name"),
    })
}

/// Apple writes it as a text.
pub(super) fn is_true(value: &Value) -> bool {
    *value == Value::Bool(true) || value.as_str() == Some("true")
}

/// Checks the claims of an id token (OpenID Connect Core §3.1.3.7), and gives whom it is about.
fn subject_of<'claims>(
    claims: &'claims Map<String, Value>,
    expected: &Expected<'_>,
) -> Result<&'claims str, Disbelief> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let wrong = |what| Err(Disbelief::Wrong(what));
    if text("iss") != Some(expected.issuer) {
        return wrong("the id token is another issuer's");
    }
    let own = |audience: &Value| audience.as_str() == Some(expected.client_id);
    let (is_own, is_shared) = match claims.get("aud") {
        Some(Value::Array(audiences)) => (audiences.iter().any(own), audiences.len() > 1),
        Some(audience) => (own(audience), false),
        None => (false, false),
    };
    if !is_own {
        return wrong("the id token is for another site");
    }
    match claims.get("azp") {
        Some(party) if party.as_str() != Some(expected.client_id) => {
            return wrong("the id token was given to another site");
        }
        None if is_shared => return wrong("the id token does not say to whom of several it was given"),
        _ => {}
    }
    let Some(ends) = claims.get("exp").and_then(seconds) else { return wrong("the id token has no end") };
    let Some(made) = claims.get("iat").and_then(seconds) else {
        return wrong("the id token has no beginning");
    };
    if ends <= expected.now_seconds - SKEW_SECONDS {
        return wrong("the id token is over");
    }
    let begins = match claims.get("nbf") {
        Some(begins) => seconds(begins).ok_or(Disbelief::Wrong("the id token begins at no time"))?,
        None => made,
    };
    if made.max(begins) > expected.now_seconds + SKEW_SECONDS {
        return wrong("the id token is of the future");
    }
    if text("nonce") != Some(expected.nonce) {
        return wrong("the id token is of another sign-in");
    }
    match text("sub") {
        Some(subject) if !subject.is_empty() && subject.len() <= LONGEST_SUBJECT => Ok(subject),
        _ => wrong("the id token is about nobody"),
    }
}

fn seconds(value: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a time with a fraction is cut to seconds")]
    value
        .as_i64()
        .or_else(|| value.as_f64().filter(|seconds| seconds.abs() < 1e15).map(|seconds| seconds as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const EXPECTED: Expected<'_> =
        Expected { issuer: "https://id.example", client_id: "site", nonce: "n", now_seconds: 1000 };

    fn checked(change: &Value) -> Result<String, String> {
        let mut claims = json!({
            "iss": "https://id.example", "aud": "site", "exp": 1300, "iat": 1000, "nonce": "n", "sub": "ann",
        });
        let all = claims.as_object_mut().expect("an object");
        for (name, value) in change.as_object().expect("an object") {
            match value {
                Value::Null => all.remove(name),
                value => all.insert(name.clone(), value.clone()),
            };
        }
        subject_of(all, &EXPECTED).map(str::to_owned).map_err(|error| error.to_string())
    }

    #[test]
    fn attack_29_an_id_token_is_about_this_sign_in_or_nothing() {
        for good in [
            json!({}),
            json!({ "aud": ["site"] }),
            json!({ "aud": ["site", "other"], "azp": "site" }),
            json!({ "exp": 941, "iat": 1059 }),
            json!({ "exp": 1300.5 }),
        ] {
            assert_eq!(checked(&good).as_deref(), Ok("ann"), "{good}");
        }
        for bad in [
            json!({ "iss": "https://id.example/" }),
            json!({ "iss": "https://evil.example" }),
            json!({ "iss": null }),
            json!({ "aud": "other" }),
            json!({ "aud": ["other"] }),
            json!({ "aud": null }),
            json!({ "aud": [["site"]] }),
            json!({ "aud": ["site", "other"] }),
            json!({ "azp": "other" }),
            json!({ "azp": 1 }),
            json!({ "exp": 940 }),
            json!({ "exp": null }),
            json!({ "exp": "1300" }),
            json!({ "iat": null }),
            json!({ "iat": 1061 }),
            json!({ "nbf": 1061 }),
            json!({ "nbf": "x" }),
            json!({ "nonce": "m" }),
            json!({ "nonce": null }),
            json!({ "nonce": ["n"] }),
            json!({ "sub": "" }),
            json!({ "sub": null }),
            json!({ "sub": 7 }),
            json!({ "sub": "a".repeat(256) }),
        ] {
            assert!(checked(&bad).is_err(), "{bad}");
        }
    }
}
