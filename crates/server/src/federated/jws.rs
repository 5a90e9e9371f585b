//! Signatures of others' tokens (RFC 7515, RFC 7517, RFC 7518, RFC 8037), by public keys alone.
//!
//! A token names an algorithm, and only one that a public key verifies is known here: there is no `none`, and no secret
//! which a public key could be taken for. A key is for the algorithms of its kind. What a token says about where its key is
//! found (`jku`, `jwk`, `x5u`) is not looked at.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::{Map, Value};

/// A token is no longer than this, in bytes.
const LONGEST: usize = 32_768;
/// A provider has no more keys than this.
const MOST_KEYS: usize = 100;

/// A provider's public keys.
#[derive(Default)]
pub(super) struct Keys(Vec<Jwk>);

struct Jwk {
    id: Option<String>,
    algorithm: Option<String>,
    key: Key,
}

enum Key {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotSigned {
    #[error("the token is malformed")]
    Malformed,
    #[error("the token's algorithm is none that is taken")]
    Algorithm,
    #[error("no key of the provider has the token's name")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    Signature,
}

impl Keys {
    /// Reads a set of keys (RFC 7517 §5); what is no key for signatures, or of a kind that is not known, is left out.
    pub(super) fn read(set: &Value) -> Keys {
        let keys = set["keys"].as_array().into_iter().flatten();
        Keys(keys.take(MOST_KEYS).filter_map(Jwk::read).collect())
    }

    /// The claims of a token that one of these keys has signed.
    ///
    /// # Errors
    /// Why it is none of theirs.
    pub(super) fn claims(&self, token: &str) -> Result<Map<String, Value>, NotSigned> {
        if token.len() > LONGEST {
            return Err(NotSigned::Malformed);
        }
        let mut parts = token.split('.');
        let (Some(head), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotSigned::Malformed);
        };
        let object = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
            serde_json::from_slice::<Map<String, Value>>(&bytes).ok()
        };
        let header = object(head).ok_or(NotSigned::Malformed)?;
        // What must be understood and is not (RFC 7515 §4.1.11).
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(NotSigned::Malformed);
        }
        let algorithm = header.get("alg").and_then(Value::as_str).ok_or(NotSigned::Malformed)?;
        let id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.as_str()),
            Some(_) => return Err(NotSigned::Malformed),
        };
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| NotSigned::Malformed)?;
        if !ALGORITHMS.contains(&algorithm) {
            return Err(NotSigned::Algorithm);
        }
        let message = &token.as_bytes()[..head.len() + 1 + payload.len()];
        let mut named = self.0.iter().filter(|key| id.is_none() || key.id.as_deref() == id).peekable();
        if named.peek().is_none() {
            return Err(NotSigned::UnknownKey);
        }
        if !named.any(|key| key.has_signed(algorithm, message, &signature)) {
            return Err(NotSigned::Signature);
        }
        object(payload).ok_or(NotSigned::Malformed)
    }
}

const ALGORITHMS: &[&str] =
    &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519"];

impl Jwk {
    fn read(key: &Value) -> Option<Jwk> {
        let text = |name: &str| key[name].as_str();
        if text("use").is_some_and(|used| used != "sig") {
            return None;
        }
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let point = |length: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            (x.len() == length && y.len() == length).then(|| [&[4], x.as_slice(), &y].concat())
        };
        let kind = match (text("kty")?, text("crv")) {
            ("RSA", _) => Key::Rsa { n: bytes("n")?, e: bytes("e")? },
            ("EC", Some("P-256")) => Key::P256(point(32)?),
            ("EC", Some("P-384")) => Key::P384(point(48)?),
            ("OKP", Some("Ed25519")) => Key::Ed25519(bytes("x")?),
            _ => return None,
        };
        let owned = |name: &str| text(name).map(str::to_owned);
        Some(Jwk { id: owned("kid"), algorithm: owned("alg"), key: kind })
    }

    fn has_signed(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        if self.algorithm.as_deref().is_some_and(|own| own != algorithm) {
            return false;
        }
        // Keys of less than 2048 bits sign nothing (RFC 7518 §3.3).
        let rsa = match algorithm {
            "RS256" => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
            "RS384" => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
            "RS512" => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
            "PS256" => Some(&signature::RSA_PSS_2048_8192_SHA256),
            "PS384" => Some(&signature::RSA_PSS_2048_8192_SHA384),
            "PS512" => Some(&signature::RSA_PSS_2048_8192_SHA512),
            _ => None,
        };
        let by = |with: &'static dyn signature::VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(with, key).verify(message, signature).is_ok()
        };
        match (&self.key, algorithm, rsa) {
            (Key::Rsa { n, e }, _, Some(with)) => {
                RsaPublicKeyComponents { n, e }.verify(with, message, signature).is_ok()
            }
            (Key::P256(point), "ES256", _) => by(&signature::ECDSA_P256_SHA256_FIXED, point),
            (Key::P384(point), "ES384", _) => by(&signature::ECDSA_P384_SHA384_FIXED, point),
            (Key::Ed25519(key), "EdDSA" | "Ed25519", _) => by(&signature::ED25519, key),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    fn encoded(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn ed25519() -> (Ed25519KeyPair, Keys) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key");
        let x = encoded(pair.public_key());
        let keys = Keys::read(&json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "a" }] }));
        (pair, keys)
    }

    fn token(pair: &Ed25519KeyPair, header: &Value) -> String {
        let message = format!("{}.{}", encoded(header.to_string()), encoded("{\"sub\":\"1\"}"));
        format!("{message}.{}", encoded(pair.sign(message.as_bytes())))
    }

    #[test]
    fn attack_29_only_a_key_s_own_signature_counts() {
        let (pair, keys) = ed25519();
        let good = token(&pair, &json!({ "alg": "EdDSA", "kid": "a" }));
        assert_eq!(keys.claims(&good).expect("it is signed")["sub"], "1");
        assert!(keys.claims(&token(&pair, &json!({ "alg": "EdDSA" }))).is_ok(), "a name is no must");
        for (header, why) in [
            (json!({ "alg": "none" }), NotSigned::Algorithm),
            (json!({ "alg": "None", "kid": "a" }), NotSigned::Algorithm),
            (json!({ "alg": "HS256", "kid": "a" }), NotSigned::Algorithm),
            (json!({ "alg": "RS256", "kid": "a" }), NotSigned::Signature),
            (json!({ "alg": "ES256", "kid": "a" }), NotSigned::Signature),
            (json!({ "alg": "EdDSA", "kid": "b" }), NotSigned::UnknownKey),
            (json!({ "alg": "EdDSA", "kid": 1 }), NotSigned::Malformed),
            (json!({ "alg": "EdDSA", "crit": ["exp"] }), NotSigned::Malformed),
            (json!({ "alg": ["EdDSA"] }), NotSigned::Malformed),
            (json!({}), NotSigned::Malformed),
        ] {
            assert_eq!(keys.claims(&token(&pair, &header)), Err(why), "{header}");
        }
        let [head, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else {
            panic!("three parts")
        };
        let other = encoded("{\"sub\":\"2\"}");
        for bad in [
            format!("{head}.{other}.{signature}"),
            format!("{head}.{payload}."),
            format!("{head}.{payload}"),
            format!("{head}.{payload}.{signature}.x"),
            format!("{head}.{payload}.{signature}="),
            format!("{}.{payload}.", encoded("{\"alg\":\"none\"}")),
            String::new(),
            "a".repeat(40_000),
        ] {
            assert!(keys.claims(&bad).is_err(), "{bad}");
        }
        assert_eq!(Keys::default().claims(&good), Err(NotSigned::UnknownKey));
    }

    #[test]
    fn a_point_of_a_curve_verifies() {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random)
            .expect("a key");
        let point = pair.public_key().as_ref();
        let (x, y) = (encoded(&point[1..33]), encoded(&point[33..]));
        let key = |more: Value| {
            let mut key = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
            key.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            Keys::read(&json!({ "keys": [key] }))
        };
        let message = format!("{}.{}", encoded("{\"alg\":\"ES256\"}"), encoded("{}"));
        let signature = pair.sign(&random, message.as_bytes()).expect("a signature");
        let token = format!("{message}.{}", encoded(signature));
        assert!(key(json!({})).claims(&token).is_ok() && key(json!({ "use": "sig" })).claims(&token).is_ok());
        assert!(key(json!({ "use": "enc" })).claims(&token).is_err(), "it is for something else");
        assert!(key(json!({ "alg": "ES384" })).claims(&token).is_err(), "it is for another algorithm");
        assert!(key(json!({ "x": encoded([1; 31]) })).claims(&token).is_err());
    }
}
