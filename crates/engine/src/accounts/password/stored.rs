//! Hashes of passwords as they stand in the database: our own, and those that were brought along from elsewhere.
//!
//! | made by | looks like |
//! |---|---|
//! | Purlin, and whoever keeps to the PHC string format | `$argon2id$v=19$m=19456,t=2,p=1$…`, `$scrypt$ln=17,r=8,p=1$…`, `$pbkdf2-sha256$i=600000$…` |
//! | Django | `pbkdf2_sha256$…`, `pbkdf2_sha1$…`, `scrypt$…`, `argon2$argon2id$…`, `bcrypt_sha256$$2b$…`, `bcrypt$$2b$…` |
//! | PHP, Rails, Node and most others | `$2a$…`, `$2b$…`, `$2y$…` (bcrypt) |
//! | Werkzeug (Flask) | `pbkdf2:sha256:600000$…`, `scrypt:32768:8:1$…` |
//! | Passlib | `$pbkdf2-sha256$29000$…` |
//!
//! All but our own are replaced at the next sign-in. What one costs to verify is bounded: whoever brings a file along must
//! not stop the site by it.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params, PasswordVerifier};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

/// The most that a hash may ask for.
const MOST_MEMORY_KIB: u64 = 256 * 1024;
const MOST_PASSES: u32 = 32;
const MOST_LANES: u32 = 16;
const MOST_ROUNDS: u32 = 10_000_000;
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=16;
/// The hashes themselves.
const LEAST_BYTES: usize = 16;
const MOST_BYTES: usize = 128;

/// A stored hash.
pub(super) enum Stored<'text> {
    /// Argon2, of whichever kind; where it was peppered, it says with which.
    Argon2(Box<PasswordHash>),
    Bcrypt {
        hash: &'text str,
        /// Whether the password went through SHA-256 before, as Django does it.
        is_digest: bool,
    },
    Pbkdf2 {
        digest: Digests,
        rounds: u32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Scrypt {
        params: scrypt::Params,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
}

/// What PBKDF2 is made with.
#[derive(Clone, Copy)]
pub(super) enum Digests {
    Sha1,
    Sha256,
    Sha512,
}

impl Digests {
    fn named(name: &str) -> Option<Digests> {
        match name {
            "sha1" => Some(Digests::Sha1),
            "sha256" => Some(Digests::Sha256),
            "sha512" => Some(Digests::Sha512),
            _ => None,
        }
    }
}

impl<'text> Stored<'text> {
    /// A hash by its text.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence.
    pub(super) fn parse(text: &'text str) -> Result<Stored<'text>, &'static str> {
        const UNKNOWN: &str = "is no hash of a kind that is known: argon2, bcrypt, PBKDF2 or scrypt";
        if let Some(hash) = text.strip_prefix("bcrypt_sha256$") {
            return bcrypt_of(hash, true);
        }
        if let Some(hash) = text.strip_prefix("bcrypt$") {
            return bcrypt_of(hash, false);
        }
        if let Some(rest) = text.strip_prefix("argon2$") {
            return argon2_of(text.get(text.len() - rest.len() - 1..).unwrap_or_default());
        }
        if text.starts_with("$argon2") {
            return argon2_of(text);
        }
        if ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|known| text.starts_with(known)) {
            return bcrypt_of(text, false);
        }
        if let Some(rest) = text.strip_prefix("pbkdf2_") {
            return pbkdf2_of_django(rest);
        }
        if let Some(rest) = text.strip_prefix("pbkdf2:") {
            return pbkdf2_of_werkzeug(rest);
        }
        if let Some(rest) = text.strip_prefix("$pbkdf2") {
            return pbkdf2_of_phc(rest);
        }
        if let Some(rest) = text.strip_prefix("scrypt$") {
            return scrypt_of_django(rest);
        }
        if let Some(rest) = text.strip_prefix("scrypt:") {
            return scrypt_of_werkzeug(rest);
        }
        if let Some(rest) = text.strip_prefix("$scrypt$") {
            return scrypt_of_phc(rest);
        }
        Err(UNKNOWN)
    }

    /// Whether a password is the one of the hash; `argon2` is what verifies our own, with its pepper.
    pub(super) fn is_of(&self, password: &[u8], argon2: &Argon2<'_>) -> bool {
        match self {
            Stored::Argon2(hash) => argon2.verify_password(password, hash.as_ref()).is_ok(),
            Stored::Bcrypt { hash, is_digest: false } => bcrypt::verify(password, hash).unwrap_or(false),
            Stored::Bcrypt { hash, is_digest: true } => {
                bcrypt::verify(hex(&Sha256::digest(password)), hash).unwrap_or(false)
            }
            Stored::Pbkdf2 { digest, rounds, salt, hash } => {
                let mut made = vec![0; hash.len()];
                match digest {
                    Digests::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, *rounds, &mut made),
                    Digests::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, *rounds, &mut made),
                    Digests::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, *rounds, &mut made),
                }
                made.ct_eq(hash).into()
            }
            Stored::Scrypt { params, salt, hash } => {
                let mut made = vec![0; hash.len()];
                scrypt::scrypt(password, salt, params, &mut made).is_ok() && bool::from(made.ct_eq(hash))
            }
        }
    }

    /// Which pepper was used.
    pub(super) fn key_id(&self) -> Vec<u8> {
        match self {
            Stored::Argon2(hash) => {
                Params::try_from(hash.as_ref()).map(|params| params.keyid().to_vec()).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }
}

/// All of a hash that says what it costs: those of one kind take as long.
pub(super) fn kind_of(text: &str) -> &str {
    let end = match text.split('$').next() {
        // $2b$12$…
        Some("") if text.starts_with("$2") => 7,
        // $argon2id$v=19$m=…$, $scrypt$ln=…$, $pbkdf2-sha256$…$
        Some("") => text
            .match_indices('$')
            .nth(if text.starts_with("$argon2") { 3 } else { 2 })
            .map_or(0, |found| found.0),
        // bcrypt_sha256$$2b$12$…
        Some(named) if named.starts_with("bcrypt") => named.len() + 8,
        // argon2$argon2id$v=19$m=…$
        Some("argon2") => text.match_indices('$').nth(3).map_or(0, |found| found.0),
        // pbkdf2_sha256$600000$, scrypt$16384$
        Some(named) if named.starts_with("pbkdf2_") || named == "scrypt" => {
            text.match_indices('$').nth(1).map_or(0, |found| found.0)
        }
        Some(named) => named.len(),
        None => 0,
    };
    text.get(..end).unwrap_or(text)
}

fn argon2_of(text: &str) -> Result<Stored<'_>, &'static str> {
    const BAD: &str = "is no hash of argon2";
    let hash = PasswordHash::new(text).map_err(|_| BAD)?;
    let params = Params::try_from(&hash).map_err(|_| BAD)?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(BAD);
    }
    let fits = u64::from(params.m_cost()) <= MOST_MEMORY_KIB
        && params.t_cost() <= MOST_PASSES
        && params.p_cost() <= MOST_LANES;
    if fits { Ok(Stored::Argon2(Box::new(hash))) } else { Err(TOO_DEAR) }
}

const TOO_DEAR: &str = "would take too long or too much memory to verify";

fn bcrypt_of(hash: &str, is_digest: bool) -> Result<Stored<'_>, &'static str> {
    const BAD: &str = "is no hash of bcrypt";
    let cost: u32 = hash.get(4..6).and_then(|cost| cost.parse().ok()).ok_or(BAD)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/' | b'$');
    if hash.len() != 60 || !hash.starts_with("$2") || !hash.bytes().all(plain) {
        return Err(BAD);
    }
    if BCRYPT_COSTS.contains(&cost) { Ok(Stored::Bcrypt { hash, is_digest }) } else { Err(TOO_DEAR) }
}

fn pbkdf2(
    digest: Digests,
    rounds: &str,
    salt: Vec<u8>,
    hash: Vec<u8>,
) -> Result<Stored<'static>, &'static str> {
    let rounds: u32 = rounds.parse().map_err(|_| BAD_PBKDF2)?;
    if rounds == 0 || salt.is_empty() || !(LEAST_BYTES..=MOST_BYTES).contains(&hash.len()) {
        return Err(BAD_PBKDF2);
    }
    if rounds <= MOST_ROUNDS { Ok(Stored::Pbkdf2 { digest, rounds, salt, hash }) } else { Err(TOO_DEAR) }
}

const BAD_PBKDF2: &str = "is no hash of PBKDF2";

/// `sha256$600000$salt$base64`
fn pbkdf2_of_django(rest: &str) -> Result<Stored<'static>, &'static str> {
    let [digest, rounds, salt, hash] = split(rest, '$').ok_or(BAD_PBKDF2)?;
    let digest = Digests::named(digest).ok_or(BAD_PBKDF2)?;
    let hash = STANDARD.decode(hash).map_err(|_| BAD_PBKDF2)?;
    pbkdf2(digest, rounds, salt.as_bytes().to_vec(), hash)
}

/// `sha256:600000$salt$hexadecimal`
fn pbkdf2_of_werkzeug(rest: &str) -> Result<Stored<'static>, &'static str> {
    let [method, salt, hash] = split(rest, '$').ok_or(BAD_PBKDF2)?;
    let [digest, rounds] = split(method, ':').ok_or(BAD_PBKDF2)?;
    let digest = Digests::named(digest).ok_or(BAD_PBKDF2)?;
    pbkdf2(digest, rounds, salt.as_bytes().to_vec(), unhex(hash).ok_or(BAD_PBKDF2)?)
}

/// `-sha256$i=600000,l=32$salt$hash`, and Passlib's `-sha256$29000$salt$hash`; without a digest it is SHA-1.
fn pbkdf2_of_phc(rest: &str) -> Result<Stored<'static>, &'static str> {
    let [digest, params, salt, hash] = split(rest, '$').ok_or(BAD_PBKDF2)?;
    let digest = if digest.is_empty() { "sha1" } else { digest.strip_prefix('-').unwrap_or_default() };
    let digest = Digests::named(digest).ok_or(BAD_PBKDF2)?;
    let rounds = params.split(',').find_map(|param| param.strip_prefix("i=")).unwrap_or(params);
    let (salt, hash) = (base64ish(salt).ok_or(BAD_PBKDF2)?, base64ish(hash).ok_or(BAD_PBKDF2)?);
    pbkdf2(digest, rounds, salt, hash)
}

const BAD_SCRYPT: &str = "is no hash of scrypt";

fn scrypt(
    log_n: u32,
    r: &str,
    p: &str,
    salt: Vec<u8>,
    hash: Vec<u8>,
) -> Result<Stored<'static>, &'static str> {
    let (r, p): (u32, u32) = (r.parse().map_err(|_| BAD_SCRYPT)?, p.parse().map_err(|_| BAD_SCRYPT)?);
    if salt.is_empty() || !(LEAST_BYTES..=MOST_BYTES).contains(&hash.len()) || !(1..=24).contains(&log_n) {
        return Err(BAD_SCRYPT);
    }
    let memory_kib = (u64::from(r) << log_n) / 8;
    if memory_kib > MOST_MEMORY_KIB || p > MOST_LANES {
        return Err(TOO_DEAR);
    }
    let log_n = u8::try_from(log_n).map_err(|_| BAD_SCRYPT)?;
    let params = scrypt::Params::new(log_n, r, p).map_err(|_| BAD_SCRYPT)?;
    Ok(Stored::Scrypt { params, salt, hash })
}

/// The exponent of a power of two.
fn log_of(n: &str) -> Option<u32> {
    let n: u64 = n.parse().ok()?;
    n.is_power_of_two().then(|| n.trailing_zeros())
}

/// `16384$salt$8$5$base64`
fn scrypt_of_django(rest: &str) -> Result<Stored<'static>, &'static str> {
    let [n, salt, r, p, hash] = split(rest, '$').ok_or(BAD_SCRYPT)?;
    let hash = STANDARD.decode(hash).map_err(|_| BAD_SCRYPT)?;
    scrypt(log_of(n).ok_or(BAD_SCRYPT)?, r, p, salt.as_bytes().to_vec(), hash)
}

/// `32768:8:1$salt$hexadecimal`
fn scrypt_of_werkzeug(rest: &str) -> Result<Stored<'static>, &'static str> {
    let [method, salt, hash] = split(rest, '$').ok_or(BAD_SCRYPT)?;
    let [n, r, p] = split(method, ':').ok_or(BAD_SCRYPT)?;
    let hash = unhex(hash).ok_or(BAD_SCRYPT)?;
    scrypt(log_of(n).ok_or(BAD_SCRYPT)?, r, p, salt.as_bytes().to_vec(), hash)
}

/// `ln=17,r=8,p=1$salt$hash`
fn scrypt_of_phc(rest: &str) -> Result<Stored<'static>, &'static str> {
    let [params, salt, hash] = split(rest, '$').ok_or(BAD_SCRYPT)?;
    let of = |name: &str| params.split(',').find_map(|param| param.strip_prefix(name)).ok_or(BAD_SCRYPT);
    let log_n: u32 = of("ln=")?.parse().map_err(|_| BAD_SCRYPT)?;
    let (salt, hash) = (base64ish(salt).ok_or(BAD_SCRYPT)?, base64ish(hash).ok_or(BAD_SCRYPT)?);
    scrypt(log_n, of("r=")?, of("p=")?, salt, hash)
}

fn split<const COUNT: usize>(text: &str, at: char) -> Option<[&str; COUNT]> {
    text.split(at).collect::<Vec<_>>().try_into().ok()
}

/// Base64 without padding; Passlib writes `.` for `+`.
fn base64ish(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text.trim_end_matches('=').replace('.', "+")).ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}
