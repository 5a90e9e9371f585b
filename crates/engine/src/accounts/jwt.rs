//! Statements about who is signed in (JWT, RFC 7519), for services that verify them by themselves.
//!
//! They are signed by Ed25519 keys (RFC 8037) that are derived from the site's signing keys: made with them, the same on every
//! node, replaced with them, and, while an old one is believed, published beside the new one. A statement is short-lived,
//! for it ends by nothing but its time; and it is no way in here: sessions and tokens alone are.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purlin_schema::Value;
use purlin_schema::value::write_json;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Map, json};
use sha2::{Digest, Sha256};

use super::secret;
use crate::{Actor, Engine, Failure};

/// What the keys are derived for.
const PURPOSE: &str = "jwt ed25519";

/// A statement.
pub struct Statement {
    /// In its compact form (RFC 7515 §7.1).
    pub token: String,
    /// When it ends, in microseconds UTC.
    pub expires_at: i64,
}

impl Engine {
    /// The public keys, the one in use first (RFC 7517 §5).
    ///
    /// # Errors
    /// [`Failure::NotFound`] where the site makes no statements.
    pub fn published_keys(&self) -> Result<serde_json::Value, Failure> {
        if !self.site().settings.accounts.jwt.is_on() {
            return Err(Failure::NotFound);
        }
        let keys: Result<Vec<_>, Failure> =
            self.statement_keys().iter().map(|seed| Ok(published(&pair(seed)?))).collect();
        Ok(json!({ "keys": keys? }))
    }

    /// A statement about whoever is signed in.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where the site makes none, [`Failure::Unauthenticated`] for a visitor.
    pub fn statement(&self, actor: &Actor) -> Result<Statement, Failure> {
        let settings = &self.site().settings;
        if !settings.accounts.jwt.is_on() {
            return Err(Failure::NotFound);
        }
        // What a token may do is no part of a statement, so a token of a narrow scope gets none.
        let user = actor.user().filter(|user| user.scopes.is_none()).ok_or(Failure::Unauthenticated)?;
        let users = self.site().models.users();
        let mut claims = Map::new();
        for name in &settings.accounts.jwt.claims {
            let Some(field) = users.field_named(name) else { continue };
            let mut written = Vec::new();
            write_json(user.value(field.id).unwrap_or(&Value::Null), field.big, &mut written);
            let value =
                serde_json::from_slice(&written).map_err(|error| Failure::Internal(error.to_string()))?;
            claims.insert(name.clone(), value);
        }
        let now = self.now() / 1_000_000;
        let lifetime = i64::try_from(settings.accounts.jwt.lifetime.as_secs()).unwrap_or(i64::MAX);
        let expires = now.saturating_add(lifetime);
        let audience = match settings.accounts.jwt.audience.as_slice() {
            [one] => json!(one),
            several => json!(several),
        };
        // Last, so that no field of a site stands in their place.
        for (name, value) in [
            ("iss", json!(settings.mail.links)),
            ("aud", audience),
            ("sub", json!(Value::from(user.id).to_text())),
            ("iat", json!(now)),
            ("exp", json!(expires)),
            ("jti", json!(secret()?)),
        ] {
            claims.insert(name.to_owned(), value);
        }
        let seeds = self.statement_keys();
        let pair = pair(seeds.first().ok_or_else(|| Failure::Internal("no signing key".to_owned()))?)?;
        let header = json!({ "typ": "JWT", "alg": "EdDSA", "kid": published(&pair)["kid"] });
        let encoded = |text: String| URL_SAFE_NO_PAD.encode(text);
        let message = format!(
            "{}.{}",
            encoded(header.to_string()),
            encoded(serde_json::Value::Object(claims).to_string())
        );
        let signature = URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes()));
        Ok(Statement { token: format!("{message}.{signature}"), expires_at: expires * 1_000_000 })
    }

    fn statement_keys(&self) -> Vec<[u8; 32]> {
        self.inner.options.secret.derived(PURPOSE)
    }
}

fn pair(seed: &[u8; 32]) -> Result<Ed25519KeyPair, Failure> {
    Ed25519KeyPair::from_seed_unchecked(seed).map_err(|error| Failure::Internal(error.to_string()))
}

/// A public key, called by its thumbprint (RFC 7638, RFC 8037 §2).
fn published(pair: &Ed25519KeyPair) -> serde_json::Value {
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    let thumbprint = Sha256::digest(format!("{{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"{x}\"}}"));
    json!({
        "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": URL_SAFE_NO_PAD.encode(thumbprint), "x": x,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and the thumbprint of RFC 8037, appendix A.
    #[test]
    fn a_key_is_called_as_the_standard_says() {
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").expect("base64");
        let key = published(&pair(&seed.try_into().expect("32 bytes")).expect("a key"));
        assert_eq!(key["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key["kid"], "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
