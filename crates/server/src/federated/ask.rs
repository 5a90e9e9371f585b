//! Asking a provider: JSON from it, a code for a token, and by what the site shows who it is.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderValue, Request, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use purlin_outgoing::{Client, Limits, Refused};
use purlin_schema::settings::{Proof, Provider};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Map, Value, json};

use super::jws::NotSigned;

/// A provider answers within this time, and with no more than these bytes.
const LIMITS: Limits =
    Limits { time: std::time::Duration::from_secs(8), body_bytes: 512 * 1024, redirects: 2 };
/// A statement about the site itself holds for so long.
const PROOF_SECONDS: i64 = 300;

/// Why a provider's answer is not believed. For the log: a person is told less.
#[derive(Debug, thiserror::Error)]
pub(super) enum Disbelief {
    #[error(transparent)]
    Unreached(#[from] Refused),
    #[error("{0} answers with status {1}")]
    Status(&'static str, u16),
    #[error("{0} does not answer in JSON as it should")]
    Malformed(&'static str),
    #[error("the provider says `{0}`")]
    Said(String),
    #[error(transparent)]
    Token(#[from] NotSigned),
    #[error("{0}")]
    Wrong(&'static str),
    #[error("the provider did not answer a moment ago")]
    Waiting,
}

/// What came for a code.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) id: Option<String>,
}

/// Asks for a JSON document; with a token where it is given.
pub(super) async fn json(
    client: &Client,
    what: &'static str,
    url: &str,
    token: Option<&str>,
) -> Result<Value, Disbelief> {
    let mut request = Request::get(url)
        .header(header::ACCEPT, "application/json")
        .body(Vec::new())
        .map_err(|_| Disbelief::Malformed(what))?;
    if let Some(token) = token {
        let mut value =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| Disbelief::Malformed(what))?;
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    let answer = client.send(request, LIMITS).await?;
    if answer.status() != 200 {
        return Err(Disbelief::Status(what, answer.status().as_u16()));
    }
    serde_json::from_slice(answer.body()).map_err(|_| Disbelief::Malformed(what))
}

const WHAT: &str = "the token endpoint";

/// A code, as it came back.
pub(super) struct Code<'code> {
    pub(super) code: &'code str,
    pub(super) verifier: &'code str,
    pub(super) redirect: &'code str,
}

/// Has a provider give tokens for a code (RFC 6749 §4.1.3, RFC 7636 §4.5). No redirect is followed: the site's secret is for
/// this address alone.
pub(super) async fn tokens(
    client: &Client,
    provider: &Provider,
    url: &str,
    basic: bool,
    code: &Code<'_>,
    now_seconds: i64,
) -> Result<Tokens, Disbelief> {
    let request = token_request(provider, url, basic, code, now_seconds)?;
    let answer = client.send(request, LIMITS).await?;
    let said: Map<String, Value> =
        serde_json::from_slice(answer.body()).map_err(|_| match answer.status().as_u16() {
            200 => Disbelief::Malformed(WHAT),
            status => Disbelief::Status(WHAT, status),
        })?;
    // GitHub says what is wrong with status 200.
    if let Some(error) = said.get("error") {
        let plain: String =
            error.to_string().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect();
        return Err(Disbelief::Said(plain));
    }
    if answer.status() != 200 {
        return Err(Disbelief::Status(WHAT, answer.status().as_u16()));
    }
    let text = |name: &str| said.get(name).and_then(Value::as_str).map(str::to_owned);
    let kind = text("token_type").unwrap_or_else(|| "bearer".to_owned());
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err(Disbelief::Wrong("the provider gives a token of another kind than Bearer"));
    }
    let access = text("access_token").ok_or(Disbelief::Malformed(WHAT))?;
    Ok(Tokens { access, id: text("id_token") })
}

fn token_request(
    provider: &Provider,
    url: &str,
    basic: bool,
    code: &Code<'_>,
    now_seconds: i64,
) -> Result<Request<Vec<u8>>, Disbelief> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([
        ("grant_type", "authorization_code"),
        ("code", code.code),
        ("redirect_uri", code.redirect),
        ("code_verifier", code.verifier),
    ]);
    let mut request = Request::post(url)
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    match &provider.proof {
        Proof::Secret(secret) if basic => {
            // Each is encoded as in a form before they are joined (RFC 6749 §2.3.1).
            let part = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let both = format!("{}:{}", part(&provider.client_id), part(secret.reveal()));
            request = request.header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(both)));
        }
        proof => {
            form.append_pair("client_id", &provider.client_id);
            match proof {
                Proof::None => {}
                Proof::Secret(secret) => {
                    form.append_pair("client_secret", secret.reveal());
                }
                Proof::Signed { team_id, key_id, private_key } => {
                    let signed = signed(provider, team_id, key_id, private_key.reveal(), now_seconds)?;
                    form.append_pair("client_secret", &signed);
                }
            }
        }
    }
    request.body(form.finish().into_bytes()).map_err(|_| Disbelief::Malformed(WHAT))
}

/// What Apple takes for a secret: a statement of the site about itself, signed by its key.
fn signed(
    provider: &Provider,
    team_id: &str,
    key_id: &str,
    pem: &str,
    now_seconds: i64,
) -> Result<String, Disbelief> {
    let unusable = || Disbelief::Wrong("`private_key` is no P-256 key in PKCS #8");
    let base: String = pem.lines().filter(|line| !line.starts_with('-')).map(str::trim).collect();
    let pkcs8 = STANDARD.decode(base).map_err(|_| unusable())?;
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &random)
        .map_err(|_| unusable())?;
    let header = json!({ "alg": "ES256", "kid": key_id });
    let claims = json!({
        "iss": team_id,
        "iat": now_seconds,
        "exp": now_seconds + PROOF_SECONDS,
        "aud": provider.authority(),
        "sub": provider.client_id,
    });
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", encoded(&header), encoded(&claims));
    let signature = pair.sign(&random, message.as_bytes()).map_err(|_| unusable())?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

#[cfg(test)]
mod tests {
    use purlin_schema::settings::{Protocol, Secret};
    use ring::signature::KeyPair;

    use super::super::jws::Keys;
    use super::*;

    #[test]
    fn a_statement_about_the_site_is_signed_by_its_key() {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pem =
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&pkcs8));
        let provider = Provider {
            name: "apple".to_owned(),
            label: "Apple".to_owned(),
            client_id: "org.example".to_owned(),
            proof: Proof::Signed {
                team_id: "TEAM".to_owned(),
                key_id: "KEY".to_owned(),
                private_key: Secret::new(pem.clone()),
            },
            scopes: Vec::new(),
            protocol: Protocol::OpenId { issuer: "https://appleid.apple.com".to_owned() },
            form_post: true,
            basic: None,
            trust_email: false,
        };
        let token = signed(&provider, "TEAM", "KEY", &pem, 1000).expect("a statement");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random)
            .expect("a key");
        let point = pair.public_key().as_ref();
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let keys = Keys::read(&json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "kid": "KEY", "x": encoded(&point[1..33]), "y": encoded(&point[33..]),
        }] }));
        let claims = keys.claims(&token).expect("it is signed");
        assert_eq!(
            (&claims["iss"], &claims["sub"], &claims["exp"]),
            (&json!("TEAM"), &json!("org.example"), &json!(1300))
        );
        assert_eq!(claims["aud"], "https://appleid.apple.com");
        assert!(signed(&provider, "TEAM", "KEY", "no key", 1000).is_err());
    }
}
