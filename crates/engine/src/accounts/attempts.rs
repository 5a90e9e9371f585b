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
    /// Seconds to wait, where there were too many wrong passwords.
    pub(crate) fn refused(&self, account: &str, address: &str, now: i64) -> Option<u32> {
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        keys(account, address)
            .iter()
            .filter_map(|(key, most)| {
                let (count, since) = wrong.get(key)?;
                let left = since + WINDOW_MICROS - now;
                (*count >= *most && left > 0).then(|| u32::try_from(left / 1_000_000 + 1).unwrap_or(u32::MAX))
            })
            .max()
    }

    /// Counts a wrong password.
    pub(crate) fn count(&self, account: &str, address: &str, now: i64) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.len() >= MOST_ENTRIES {
            wrong.retain(|_, (_, since)| *since + WINDOW_MICROS > now);
            if wrong.len() >= MOST_ENTRIES {
                wrong.clear();
            }
        }
        for (key, _) in keys(account, address) {
            let entry = wrong.entry(key).or_insert((0, now));
            if entry.1 + WINDOW_MICROS <= now {
                *entry = (0, now);
            }
            entry.0 += 1;
        }
    }

    /// Forgets the wrong passwords of this account from this address: the right one was given.
    pub(crate) fn forget(&self, account: &str, address: &str) {
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
            assert_eq!(attempts.refused("ada", "10.0.0.1", 0), None);
            attempts.count("ada", "10.0.0.1", 0);
        }
        assert_eq!(attempts.refused("ada", "10.0.0.1", 0), Some(901));
        assert_eq!(attempts.refused("ada", "10.0.0.2", 0), None, "another address is not locked out");
        assert_eq!(attempts.refused("ada", "10.0.0.1", WINDOW_MICROS), None, "it ends");
    }

    #[test]
    fn one_address_cannot_try_many_accounts() {
        let attempts = Attempts::default();
        for account in 0..MOST_ADDRESS {
            attempts.count(&account.to_string(), "10.0.0.1", 0);
        }
        assert!(attempts.refused("another", "10.0.0.1", 0).is_some());
        assert!(attempts.refused("another", "10.0.0.2", 0).is_none());
    }

    #[test]
    fn the_right_password_ends_the_count_of_its_pair_alone() {
        let attempts = Attempts::default();
        for _ in 0..MOST_ADDRESS {
            attempts.count("ada", "10.0.0.1", 0);
        }
        attempts.forget("ada", "10.0.0.1");
        assert!(attempts.refused("ada", "10.0.0.1", 0).is_some(), "the address still waits");
    }
}
