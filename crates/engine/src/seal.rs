//! Seals: texts that leave the server and come back, signed so that only ours are believed.
//!
//! A seal is HMAC-SHA256, cut to 128 bits, over a purpose and the text; a cursor can therefore not be used
//! as a flash message, nor one site's seal on another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const TAG_BYTES: usize = 16;

/// What a site signs with, and what it signed with before.
#[derive(Clone)]
pub struct Keys {
    /// What is signed with from now on.
    pub current: [u8; 32],
    /// What is still believed.
    pub old: Vec<[u8; 32]>,
}

impl From<[u8; 32]> for Keys {
    fn from(current: [u8; 32]) -> Keys {
        Keys { current, old: Vec::new() }
    }
}

impl Keys {
    /// A key for another purpose from each of them, the current one first: none tells anything about another.
    pub(crate) fn derived(&self, purpose: &str) -> Vec<[u8; 32]> {
        let keys = std::iter::once(&self.current).chain(&self.old);
        keys.map(|key| mac(key, purpose, b"a key").finalize().into_bytes().into()).collect()
    }
}

/// Signs and recognises texts.
pub(crate) struct Sealer {
    keys: Keys,
}

impl Sealer {
    pub(crate) fn new(keys: Keys) -> Sealer {
        Sealer { keys }
    }

    pub(crate) fn seal(&self, purpose: &str, text: &[u8]) -> String {
        let mut sealed = mac(&self.keys.current, purpose, text).finalize().into_bytes()[..TAG_BYTES].to_vec();
        sealed.extend_from_slice(text);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    pub(crate) fn unseal(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (tag, text) = bytes.split_at_checked(TAG_BYTES)?;
        let mut keys = std::iter::once(&self.keys.current).chain(&self.keys.old);
        let is_ours = keys.any(|key| mac(key, purpose, text).verify_truncated_left(tag).is_ok());
        is_ours.then(|| text.to_vec())
    }
}

fn mac(key: &[u8; 32], purpose: &str, text: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(&(purpose.len() as u64).to_be_bytes());
    mac.update(purpose.as_bytes());
    mac.update(text);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_for_one_purpose_one_text_and_one_site() {
        let sealer = Sealer::new([7; 32].into());
        let sealed = sealer.seal("cursor", b"text");
        assert_eq!(sealer.unseal("cursor", &sealed).as_deref(), Some(b"text".as_slice()));
        assert_eq!(sealer.unseal("flash", &sealed), None);
        assert_eq!(Sealer::new([8; 32].into()).unseal("cursor", &sealed), None);
        let mut forged = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(sealer.unseal("cursor", &URL_SAFE_NO_PAD.encode(forged)), None);
        assert_eq!(sealer.unseal("cursor", ""), None);
    }

    #[test]
    fn attack_29_a_key_that_was_replaced_is_believed_while_it_is_listed() {
        let sealed = Sealer::new([7; 32].into()).seal("cursor", b"text");
        let rotated = Sealer::new(Keys { current: [8; 32], old: vec![[9; 32], [7; 32]] });
        assert_eq!(rotated.unseal("cursor", &sealed).as_deref(), Some(b"text".as_slice()));
        assert_eq!(rotated.unseal("flash", &sealed), None);
        assert_ne!(rotated.seal("cursor", b"text"), sealed, "it signs with the new one");
        let later = Sealer::new(Keys { current: [8; 32], old: vec![[9; 32]] });
        assert_eq!(later.unseal("cursor", &sealed), None);
    }
}
