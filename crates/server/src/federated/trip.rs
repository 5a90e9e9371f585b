//! What a browser keeps while it is at a provider, and until an account is made: sealed, in a cookie.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purlin_engine::Engine;
use purlin_engine::accounts::Claimed;
use purlin_schema::Id;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long a browser may be away, in seconds.
pub(super) const SECONDS: u64 = 600;
/// How long the form waits that makes an account, in seconds.
pub(super) const FINISH_SECONDS: u64 = 1_800;
/// A path to go to afterwards is no longer than this, in bytes: the cookie has to fit.
const LONGEST_NEXT: usize = 1_000;

const TRIP: &str = "sign-in trip";
const FINISH: &str = "sign-up by a provider";

/// A browser's way to a provider and back.
#[derive(Serialize, Deserialize)]
pub(super) struct Trip {
    /// Which provider.
    pub(super) provider: String,
    /// What comes back with the browser.
    pub(super) state: String,
    /// What comes back in the id token.
    pub(super) nonce: String,
    /// What the code is good for nobody without (RFC 7636).
    pub(super) verifier: String,
    /// Where it leads.
    pub(super) next: String,
    /// Whose account is to be linked.
    pub(super) user: Option<String>,
    /// When it ends, in microseconds UTC.
    pub(super) until: i64,
}

impl Trip {
    /// A way to a provider; `user` where his account is to be linked.
    pub(super) fn new(provider: &str, next: &str, user: Option<Id>, now: i64) -> Result<Trip, String> {
        let next = if next.len() > LONGEST_NEXT { "/" } else { next };
        Ok(Trip {
            provider: provider.to_owned(),
            state: random()?,
            nonce: random()?,
            verifier: random()?,
            next: next.to_owned(),
            user: user.map(|user| purlin_schema::Value::from(user).to_text()),
            until: now + i64::try_from(SECONDS).unwrap_or_default() * 1_000_000,
        })
    }

    /// What the provider is told of the verifier.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }

    /// As a cookie.
    pub(super) fn sealed(&self, engine: &Engine) -> String {
        engine.seal(TRIP, serde_json::to_string(self).unwrap_or_default().as_bytes())
    }

    /// From a cookie, while it lasts.
    pub(super) fn unsealed(engine: &Engine, sealed: &str) -> Option<Trip> {
        let trip: Trip = serde_json::from_slice(&engine.unseal(TRIP, sealed)?).ok()?;
        (trip.until > engine.now()).then_some(trip)
    }
}

/// An account that is to be made.
#[derive(Serialize, Deserialize)]
pub(super) struct Finish {
    /// For whom.
    pub(super) claimed: Claimed,
    /// Where it leads.
    pub(super) next: String,
    until: i64,
}

impl Finish {
    pub(super) fn new(claimed: Claimed, next: &str, now: i64) -> Finish {
        let until = now + i64::try_from(FINISH_SECONDS).unwrap_or_default() * 1_000_000;
        Finish { claimed, next: next.to_owned(), until }
    }

    /// As a cookie, where it fits into one.
    pub(super) fn sealed(mut self, engine: &Engine) -> Option<String> {
        let long = |text: &String| text.len() > 300;
        self.claimed.fullname = self.claimed.fullname.filter(|name| !long(name));
        let sealed = engine.seal(FINISH, serde_json::to_string(&self).ok()?.as_bytes());
        (sealed.len() < 3_800).then_some(sealed)
    }

    pub(super) fn unsealed(engine: &Engine, sealed: &str) -> Option<Finish> {
        let finish: Finish = serde_json::from_slice(&engine.unseal(FINISH, sealed)?).ok()?;
        (finish.until > engine.now()).then_some(finish)
    }
}

fn random() -> Result<String, String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
