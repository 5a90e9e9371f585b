//! Passwords: argon2id on a small bounded pool.
//!
//! A hash takes 19 MiB and some 20 ms of a core on purpose; sixty-four at once would take 790 MB and stop the
//! site. So only a few are made at a time, a few dozen wait, and whoever comes after is told to come back.
//!
//! What is stored may be older than the settings, or come from elsewhere ([`stored`]): it is verified, and replaced when its
//! owner signs in. As such hashes take another time to verify, every answer waits until the slowest kind that was met would be
//! done, so that neither an account nor what kind of hash it has shows in the time. (It waits without a thread.)

mod stored;
mod strength;

pub(super) use strength::weakness;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, KeyId, Params, ParamsBuilder, PasswordHasher, Version};
use purlin_schema::settings::PasswordSettings;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::Failure;
use stored::{Stored, kind_of};

const AT_ONCE: usize = 2;
const MOST_WAITING: usize = 64;
/// Longer passwords are refused before they are hashed.
pub(crate) const LONGEST_BYTES: usize = 1_024;
/// Nobody waits longer for the sake of equal times.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Kinds of hashes whose times are remembered.
const MOST_KINDS: usize = 32;
/// Bytes of a pepper's name, which a hash that was made with it carries.
const KEY_ID_BYTES: usize = 6;

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
    recipe: Arc<Recipe>,
    turns: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// How hashes are made, and how long they take.
struct Recipe {
    params: Params,
    pepper: Option<Pepper>,
    old_peppers: Vec<Pepper>,
    /// The hash of no password, verified where an address is unknown, so that it takes as long. Made by the first
    /// sign-in, whosever it is: a start is not kept waiting for it.
    decoy: OnceLock<String>,
    /// The least time that a hash of each kind was verified in.
    times: Mutex<Vec<(String, Duration)>>,
}

/// A secret that is hashed along with every password and is not in the database.
struct Pepper {
    id: KeyId,
    secret: Vec<u8>,
}

impl Pepper {
    fn of(secret: &str) -> Result<Pepper, String> {
        let id = &Sha256::digest(format!("pepper {secret}").as_bytes())[..KEY_ID_BYTES];
        let id = KeyId::new(id).map_err(|error| error.to_string())?;
        Ok(Pepper { id, secret: secret.as_bytes().to_vec() })
    }
}

/// What was found out about a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is another one.
    Wrong,
    /// It is the one.
    Right,
    /// It is the one, and its hash is weaker than those that are made now.
    RightAndStale,
}

impl Recipe {
    fn argon2<'pepper>(&self, pepper: Option<&'pepper Pepper>) -> Argon2<'pepper> {
        let params = self.params.clone();
        let plain = || Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        match pepper {
            None => plain(),
            Some(pepper) => {
                Argon2::new_with_secret(&pepper.secret, Algorithm::Argon2id, Version::V0x13, params.clone())
                    .unwrap_or_else(|_| plain())
            }
        }
    }

    fn hash(&self, password: &[u8]) -> Result<String, String> {
        let hashed = self.argon2(self.pepper.as_ref()).hash_password(password);
        hashed.map(|hash| hash.to_string()).map_err(|error| error.to_string())
    }

    /// Whether a password is that of a hash, and how long it must have taken.
    fn verify(&self, password: &[u8], hash: Option<&str>) -> (Verdict, Instant) {
        let decoy = self.decoy.get_or_init(|| self.hash(b"nobody's").unwrap_or_default());
        let text = hash.unwrap_or(decoy);
        let began = Instant::now();
        // What is no hash takes as long as no account does.
        let (text, parsed) = match Stored::parse(text) {
            Ok(parsed) => (text, Some(parsed)),
            Err(_) => (decoy.as_str(), Stored::parse(decoy).ok()),
        };
        let is_known = hash.is_some_and(|hash| hash == text);
        let right = parsed.as_ref().is_some_and(|stored| {
            let id = stored.key_id();
            let pepper =
                self.pepper.iter().chain(&self.old_peppers).find(|pepper| pepper.id.as_bytes() == id);
            stored.is_of(password, &self.argon2(pepper))
        });
        let until = began + self.at_least(kind_of(text), began.elapsed());
        let verdict = match right && is_known {
            false => Verdict::Wrong,
            true if parsed.is_some_and(|stored| self.is_stale(&stored)) => Verdict::RightAndStale,
            true => Verdict::Right,
        };
        (verdict, until)
    }

    /// Notes how long a hash of a kind took, and gives what the slowest kind takes at least.
    fn at_least(&self, kind: &str, took: Duration) -> Duration {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        match times.iter().position(|(known, _)| known == kind) {
            Some(at) => times[at].1 = took.min(times[at].1),
            None if times.len() < MOST_KINDS => times.push((kind.to_owned(), took)),
            None => {}
        }
        let slowest = times.iter().map(|(_, least)| *least).max().unwrap_or_default();
        slowest.min(LONGEST_WAIT)
    }

    /// Whether a hash is to be replaced: of another algorithm, cheaper than those of now, or with another pepper.
    fn is_stale(&self, stored: &Stored<'_>) -> bool {
        let Stored::Argon2(hash) = stored else { return true };
        let Ok(params) = Params::try_from(hash.as_ref()) else { return true };
        let pepper = self.pepper.as_ref().map_or(&[][..], |pepper| pepper.id.as_bytes());
        hash.algorithm.as_str() != Algorithm::Argon2id.as_str()
            || params.m_cost() < self.params.m_cost()
            || params.t_cost() < self.params.t_cost()
            || params.keyid() != pepper
    }
}

impl Passwords {
    /// `cost` is what holds where the settings say nothing.
    pub(crate) fn new(cost: Cost, settings: &PasswordSettings) -> Result<Passwords, String> {
        let pepper = settings.pepper.as_ref().map(|secret| Pepper::of(secret.reveal())).transpose()?;
        let old_peppers = settings.old_peppers.iter().map(|secret| Pepper::of(secret.reveal()));
        let mut builder = ParamsBuilder::new();
        builder.m_cost(settings.memory_kib.unwrap_or(cost.memory_kib));
        builder.t_cost(settings.passes.unwrap_or(cost.passes)).p_cost(1);
        if let Some(pepper) = &pepper {
            builder.keyid(pepper.id);
        }
        let recipe = Recipe {
            params: builder.build().map_err(|error| error.to_string())?,
            pepper,
            old_peppers: old_peppers.collect::<Result<_, _>>()?,
            decoy: OnceLock::new(),
            times: Mutex::default(),
        };
        Ok(Passwords {
            recipe: Arc::new(recipe),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
        })
    }

    /// The hash of a password, in the PHC string format.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, Failure> {
        let recipe = self.recipe.clone();
        let password = password.to_owned();
        self.in_turn(move || recipe.hash(password.as_bytes())).await?.map_err(Failure::Internal)
    }

    /// Whether a password is the one of a hash; with no hash it takes as long and is wrong.
    pub(crate) async fn verify(&self, password: &str, hash: Option<&str>) -> Result<Verdict, Failure> {
        let recipe = self.recipe.clone();
        let hash = hash.map(str::to_owned);
        let password = password.to_owned();
        let (verdict, until) =
            self.in_turn(move || recipe.verify(password.as_bytes(), hash.as_deref())).await?;
        tokio::time::sleep_until(until.into()).await;
        Ok(verdict)
    }

    /// What is wrong with a hash that is brought along, as the end of a sentence.
    ///
    /// # Errors
    /// That.
    pub(crate) fn check_hash(text: &str) -> Result<(), &'static str> {
        Stored::parse(text).map(|_| ())
    }

    /// Does what takes a core for a while, a few at a time.
    pub(super) async fn in_turn<T: Send + 'static>(
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
mod tests;
