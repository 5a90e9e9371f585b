//! Attempts: a limit on wrong passwords, and on mails that strangers cause.
//!
//! Counted for the pair of account and address, for the account and for the address, each with its own
//! limit: a stranger cannot lock somebody out of his account from elsewhere with the first limit, nor try
//! many accounts or come from many addresses with the others. Of the pair, the later half waits longer each time. The
//! memory is bounded.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use purlin_schema::settings::{LimitSettings, Rate};

const MOST_ENTRIES: usize = 100_000;

/// How many attempts there may be.
#[derive(Clone, Copy)]
pub(crate) struct Most {
    pair: Rate,
    address: Rate,
    account: Rate,
    /// Whether each of the later ones has to wait longer than the one before.
    grows: bool,
}

impl Most {
    /// Of wrong passwords.
    pub(crate) fn wrong_passwords(limits: &LimitSettings) -> Most {
        Most {
            pair: limits.wrong_passwords,
            address: limits.wrong_passwords_address,
            account: limits.wrong_passwords_account,
            grows: true,
        }
    }

    /// Of mails that strangers cause.
    pub(crate) fn mails() -> Most {
        Most { grows: false, ..Most::wrong_passwords(&LimitSettings::default()) }
    }
}

/// The attempts of late.
pub(crate) struct Attempts {
    most: Most,
    counts: Mutex<HashMap<String, Count>>,
}

struct Count {
    attempts: u32,
    since: i64,
    last: i64,
}

impl Attempts {
    pub(crate) fn new(most: Most) -> Attempts {
        Attempts { most, counts: Mutex::default() }
    }

    /// Counts an attempt before its password is looked at: many at once are as many as one after the other.
    ///
    /// # Errors
    /// Seconds to wait, where there were too many.
    pub(crate) fn begin(&self, account: &str, address: &str, now: i64) -> Result<(), u32> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = keys(account, address);
        let rates = [self.most.pair, self.most.address, self.most.account];
        let waits = keys.iter().zip(rates).enumerate().filter_map(|(at, (key, rate))| {
            let count = counts.get(key)?;
            let end = count.since + rate.window_micros();
            let until = match count.attempts {
                attempts if attempts >= rate.count => end,
                // Of the pair alone: nobody else has to wait for what a stranger does.
                attempts if at == 0 && self.most.grows => count.last + delay_micros(attempts, rate.count),
                _ => return None,
            };
            let left = until.min(end) - now;
            (left > 0).then(|| u32::try_from((left + 999_999) / 1_000_000).unwrap_or(u32::MAX))
        });
        if let Some(seconds) = waits.max() {
            return Err(seconds);
        }
        let window = rates.iter().map(|rate| rate.window_micros()).max().unwrap_or_default();
        if counts.len() >= MOST_ENTRIES {
            counts.retain(|_, count| count.since + window > now);
            if counts.len() >= MOST_ENTRIES {
                counts.clear();
            }
        }
        for (key, rate) in keys.into_iter().zip(rates) {
            let count = counts.entry(key).or_insert(Count { attempts: 0, since: now, last: now });
            if count.since + rate.window_micros() <= now {
                *count = Count { attempts: 0, since: now, last: now };
            }
            count.attempts += 1;
            count.last = now;
        }
        Ok(())
    }

    /// Takes back an attempt that was not with a wrong password.
    pub(crate) fn take_back(&self, account: &str, address: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys(account, address) {
            if let Some(count) = counts.get_mut(&key) {
                count.attempts = count.attempts.saturating_sub(1);
                if count.attempts == 0 {
                    counts.remove(&key);
                }
            }
        }
    }

    /// Forgets the wrong passwords of this account from this address: the right one was given.
    pub(crate) fn forget(&self, account: &str, address: &str) {
        self.take_back(account, address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let [pair, ..] = keys(account, address);
        counts.remove(&pair);
    }
}

/// The pair, the address, the account.
fn keys(account: &str, address: &str) -> [String; 3] {
    let account: String = account.chars().take(254).collect();
    [format!("{account}\0{address}"), format!("\0{address}"), format!("{account}\0")]
}

/// How long the next one waits after so many: from half of the most on a second, and twice as long each time.
fn delay_micros(attempts: u32, most: u32) -> i64 {
    let late = attempts.checked_sub((most / 2).max(1));
    late.map_or(0, |late| 1_000_000_i64 << late.min(20))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const WINDOW: i64 = 15 * 60 * SECOND;

    fn attempts() -> Attempts {
        Attempts::new(Most::wrong_passwords(&LimitSettings::default()))
    }

    /// Without the growing delay.
    fn at_once() -> Attempts {
        Attempts::new(Most::mails())
    }

    #[test]
    fn attack_31_the_eleventh_wrong_password_of_a_pair_waits() {
        let attempts = at_once();
        for _ in 0..10 {
            assert_eq!(attempts.begin("ada", "10.0.0.1", 0), Ok(()));
        }
        assert_eq!(attempts.begin("ada", "10.0.0.1", 0), Err(900));
        assert_eq!(attempts.begin("ada", "10.0.0.2", 0), Ok(()), "another address is not locked out");
        assert_eq!(attempts.begin("ada", "10.0.0.1", WINDOW), Ok(()), "it ends");
    }

    #[test]
    fn attack_31_each_late_one_waits_longer() {
        let attempts = attempts();
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..10 {
            while let Err(seconds) = attempts.begin("ada", "10.0.0.1", now) {
                waits.push(seconds);
                now += i64::from(seconds) * SECOND;
            }
        }
        assert_eq!(waits, [1, 2, 4, 8, 16]);
        assert_eq!(attempts.begin("ada", "10.0.0.1", now), Err(900 - 31));
        assert_eq!(attempts.begin("ada", "10.0.0.2", now), Ok(()), "nobody else waits for that");
        assert_eq!(attempts.begin("bob", "10.0.0.1", now), Ok(()));
    }

    #[test]
    fn attack_31_one_address_cannot_try_many_accounts() {
        let attempts = attempts();
        for account in 0..20 {
            assert_eq!(attempts.begin(&account.to_string(), "10.0.0.1", 0), Ok(()));
        }
        assert!(attempts.begin("another", "10.0.0.1", 0).is_err());
        assert!(attempts.begin("another", "10.0.0.2", 0).is_ok());
    }

    #[test]
    fn the_right_password_ends_the_count_of_its_pair_alone() {
        let attempts = attempts();
        for account in 1..20 {
            attempts.begin(&account.to_string(), "10.0.0.1", 0).unwrap();
        }
        for _ in 0..100 {
            attempts.begin("ada", "10.0.0.1", 0).unwrap();
            attempts.forget("ada", "10.0.0.1");
        }
        attempts.begin("bob", "10.0.0.1", 0).unwrap();
        assert!(attempts.begin("ada", "10.0.0.1", 0).is_err(), "the address still waits");
    }

    #[test]
    fn an_owner_says_how_many() {
        let rate = |count| Rate { count, window: std::time::Duration::from_secs(60) };
        let limits = LimitSettings {
            wrong_passwords: rate(2),
            wrong_passwords_address: rate(3),
            ..LimitSettings::default()
        };
        let attempts = Attempts::new(Most::wrong_passwords(&limits));
        assert_eq!(attempts.begin("ada", "10.0.0.1", 0), Ok(()));
        assert_eq!(attempts.begin("ada", "10.0.0.1", SECOND), Ok(()));
        assert_eq!(attempts.begin("ada", "10.0.0.1", 2 * SECOND), Err(58));
        assert_eq!(attempts.begin("bob", "10.0.0.1", 2 * SECOND), Ok(()));
        assert_eq!(attempts.begin("cem", "10.0.0.1", 2 * SECOND), Err(58));
    }
}
