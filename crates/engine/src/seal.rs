//! Seals: texts that leave the server and come back, signed so that only ours are believed.
//!
//! A seal is HMAC-SHA256, cut to 128 bits, over a purpose and the text; a cursor can therefore not be used
//! as a flash message, nor one site's seal on another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const TAG_BYTES: usize = 16;

/// Signs and recognises texts.
pub(crate) struct Sealer {
    secret: [u8; 32],
}

impl Sealer {
    pub(crate) fn new(secret: [u8; 32]) -> Sealer {
        Sealer { secret }
    }

    pub(crate) fn seal(&self, purpose: &str, text: &[u8]) -> String {
        let mut sealed = self.mac(purpose, text).finalize().into_bytes()[..TAG_BYTES].to_vec();
        sealed.extend_from_slice(text);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    pub(crate) fn unseal(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (tag, text) = bytes.split_at_checked(TAG_BYTES)?;
        self.mac(purpose, text).verify_truncated_left(tag).ok()?;
        Some(text.to_vec())
    }

    fn mac(&self, purpose: &str, text: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes keys of any length");
        mac.update(&(purpose.len() as u64).to_be_bytes());
        mac.update(purpose.as_bytes());
        mac.update(text);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_for_one_purpose_one_text_and_one_site() {
        let sealer = Sealer::new([7; 32]);
        let sealed = sealer.seal("cursor", b"text");
        assert_eq!(sealer.unseal("cursor", &sealed).as_deref(), Some(b"text".as_slice()));
        assert_eq!(sealer.unseal("flash", &sealed), None);
        assert_eq!(Sealer::new([8; 32]).unseal("cursor", &sealed), None);
        let mut forged = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(sealer.unseal("cursor", &URL_SAFE_NO_PAD.encode(forged)), None);
        assert_eq!(sealer.unseal("cursor", ""), None);
    }
}
