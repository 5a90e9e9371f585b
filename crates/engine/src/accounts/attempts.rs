//! Attempts: a limit on wrong passwords.
//!
//! Counted for the pair of account and address, for the account and for the address, each with its own
//! limit: a stranger cannot lock somebody out of his account from elsewhere with the first limit, nor try
//! many accounts or come from many addresses with the others. The memory is bounded.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

const WINDOW_MICROS: i64 = 15 * 60 * 1_000_000;
const MOST_PAIR: u32 = 10;
const MOST_ADDRESS: u32 = 20;
const MOST_ACCOUNT: u32 = 100;
const MOST_ENTRIES: usize = 100_000;

/// Wrong passwords of the last quarter of an hour.
#[derive(Default)]
pub(crate) struct Attempts {
    wrong: Mutex<HashMap<String, (u32, i64)>>,
}

impl Attempts {
    /// Counts an attempt before its password is looked at: many at once are as many as one after the other.
    ///
    /// # Errors
    /// Seconds to wait, where there were too many wrong passwords.
    pub(crate) fn begin(&self, account: &str, address: &str, now: i64) -> Result<(), u32> {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = keys(account, address);
        let waits = keys.iter().filter_map(|(key, most)| {
            let (count, since) = wrong.get(key)?;
            let left = since + WINDOW_MICROS - now;
            (*count >= *most && left > 0).then(|| u32::try_from(left / 1_000_000 + 1).unwrap_or(u32::MAX))
        });
        if let Some(seconds) = waits.max() {
            return Err(seconds);
        }
        if wrong.len() >= MOST_ENTRIES {
            wrong.retain(|_, (_, since)| *since + WINDOW_MICROS > now);
            if wrong.len() >= MOST_ENTRIES {
                wrong.clear();
            }
        }
        for (key, _) in keys {
            let entry = wrong.entry(key).or_insert((0, now));
            if entry.1 + WINDOW_MICROS <= now {
                *entry = (0, now);
            }
            entry.0 += 1;
        }
        Ok(())
    }

    /// Takes back an attempt that was not with a wrong password.
    pub(crate) fn take_back(&self, account: &str, address: &str) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, _) in keys(account, address) {
            if let Some((count, _)) = wrong.get_mut(&key) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    wrong.remove(&key);
                }
            }
        }
    }

    /// Forgets the wrong passwords of this account from this address: the right one was given.
    pub(crate) fn forget(&self, account: &str, address: &str) {
        self.take_back(account, address);
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let [(pair, _), ..] = keys(account, address);
        wrong.remove(&pair);
    }
}

fn keys(account: &str, address: &str) -> [(String, u32); 3] {
    let account: String = account.chars().take(254).collect();
    [
        (format!("{account}\0{address}"), MOST_PAIR),
        (format!("\0{address}"), MOST_ADDRESS),
        (format!("{account}\0"), MOST_ACCOUNT),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_wrong_password_of_a_pair_waits() {
        let attempts = Attempts::default();
        for _ in 0..MOST_PAIR {
            assert_eq!(attempts.begin("ada", "10.0.0.1", 0), Ok(()));
        }
        assert_eq!(attempts.begin("ada", "10.0.0.1", 0), Err(901));
        assert_eq!(attempts.begin("ada", "10.0.0.2", 0), Ok(()), "another address is not locked out");
        assert_eq!(attempts.begin("ada", "10.0.0.1", WINDOW_MICROS), Ok(()), "it ends");
    }

    #[test]
    fn one_address_cannot_try_many_accounts() {
        let attempts = Attempts::default();
        for account in 0..MOST_ADDRESS {
            assert_eq!(attempts.begin(&account.to_string(), "10.0.0.1", 0), Ok(()));
        }
        assert!(attempts.begin("another", "10.0.0.1", 0).is_err());
        assert!(attempts.begin("another", "10.0.0.2", 0).is_ok());
    }

    #[test]
    fn the_right_password_ends_the_count_of_its_pair_alone() {
        let attempts = Attempts::default();
        for account in 1..MOST_ADDRESS {
            attempts.begin(&account.to_string(), "10.0.0.1", 0).unwrap();
        }
        for _ in 0..100 {
            attempts.begin("ada", "10.0.0.1", 0).unwrap();
            attempts.forget("ada", "10.0.0.1");
        }
        attempts.begin("bob", "10.0.0.1", 0).unwrap();
        assert!(attempts.begin("ada", "10.0.0.1", 0).is_err(), "the address still waits");
    }
}
