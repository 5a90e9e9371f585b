//! Passwords: argon2id on a small bounded pool.
//!
//! A hash takes 19 MiB and some 20 ms of a core on purpose; sixty-four at once would take 790 MB and stop the
//! site. So only a few are made at a time, a few dozen wait, and whoever comes after is told to come back.

use std::sync::{Arc, OnceLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::Failure;

const AT_ONCE: usize = 2;
const MOST_WAITING: usize = 64;
/// Longer passwords are refused before they are hashed.
pub(crate) const LONGEST_BYTES: usize = 1_024;

/// The cost of hashing a password with argon2id.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
}

impl Cost {
    /// What OWASP recommends.
    pub const STANDARD: Cost = Cost { memory_kib: 19_456, passes: 2 };
    /// For tests alone.
    pub const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };
}

/// Hashes and verifies passwords.
#[derive(Clone)]
pub(crate) struct Passwords {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// The hash of no password, verified where an address is unknown, so that it takes as long. Made by the first
    /// sign-in, whosever it is: a start is not kept waiting for it.
    decoy: Arc<OnceLock<String>>,
}

impl Passwords {
    pub(crate) fn new(cost: Cost) -> Result<Passwords, String> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|error| error.to_string())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        Ok(Passwords {
            argon2,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
            decoy: Arc::default(),
        })
    }

    /// The hash of a password, in the PHC string format.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, Failure> {
        let argon2 = self.argon2.clone();
        let password = password.to_owned();
        self.in_turn(move || argon2.hash_password(password.as_bytes()).map(|hash| hash.to_string()))
            .await?
            .map_err(|error| Failure::Internal(error.to_string()))
    }

    /// Whether a password is the one of a hash; with no hash it takes as long and is wrong.
    pub(crate) async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, Failure> {
        let argon2 = self.argon2.clone();
        let (hash, decoy) = (hash.map(str::to_owned), self.decoy.clone());
        let password = password.to_owned();
        self.in_turn(move || {
            let decoy = decoy.get_or_init(|| {
                let hashed = argon2.hash_password(b"nobody's").map(|hash| hash.to_string());
                hashed.unwrap_or_default()
            });
            let tried = PasswordHash::new(hash.as_ref().unwrap_or(decoy))
                .is_ok_and(|hash| argon2.verify_password(password.as_bytes(), &hash).is_ok());
            tried && hash.is_some()
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let busy = || Failure::Unavailable("too many sign-ins at once".to_owned());
        let _place = self.waiting.clone().try_acquire_owned().map_err(|_| busy())?;
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| busy())?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|error| Failure::Internal(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_recognised_and_no_other() {
        let passwords = Passwords::new(Cost::CHEAP).unwrap();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("wrong horse", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("nobody's", None).await.unwrap());
        assert!(!passwords.verify("x", Some("not a hash")).await.unwrap());
        assert_ne!(hash, passwords.hash("correct horse").await.unwrap());
    }
}
