//! How much of each limit each asker has used, in memory that does not grow.
//!
//! Generic cell rate algorithm: of each asker one moment is kept, that at which all that he used is his again. A request
//! moves it on by its share of the window, and is refused where that would be more than a window ahead. So as many
//! as the limit says may come at once, and after that they come evenly.
//!
//! The table is an array of small sets, each with a lock of its own; where a set is full, whoever has used least gives way.
//! A flood of addresses can therefore make neither memory nor a way out for whoever asks much.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

/// Askers in a set.
const WAYS: usize = 8;
/// Sets for a site's routes; with [`WAYS`] slots of 16 bytes each, a megabyte.
pub(super) const MANY: usize = 8192;

/// What each asker has used.
pub(super) struct Table {
    sets: Box<[Mutex<[Slot; WAYS]>]>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    key: u64,
    /// When all is his again, in microseconds; 0 where nobody is here.
    free_at: u64,
}

/// What is left to an asker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// So many requests.
    pub(super) requests: u32,
    /// In so many seconds all are.
    pub(super) reset_seconds: u32,
}

impl Table {
    pub(super) fn new(sets: usize) -> Table {
        let sets = (0..sets.max(1)).map(|_| Mutex::new([Slot::default(); WAYS])).collect();
        Table { sets, hasher: RandomState::new() }
    }

    /// Takes one request of a limit of `count` a window, by `who`.
    ///
    /// # Errors
    /// The seconds to wait, where none is left.
    pub(super) fn take(&self, who: impl Hash, count: u32, window_micros: u64, now: u64) -> Result<Left, u32> {
        let share = (window_micros / u64::from(count)).max(1);
        // Strangers choose addresses; the random keys of the hasher keep them from choosing each other's slots.
        let key = self.hasher.hash_one(who);
        let set = usize::try_from(key >> 32).unwrap_or_default() % self.sets.len();
        let mut slots = self.sets[set].lock().unwrap_or_else(PoisonError::into_inner);
        let known = slots.iter_mut().find(|slot| slot.key == key && slot.free_at > 0);
        // A clock that was set back would keep somebody waiting for as long.
        let used_until = known.as_ref().map_or(now, |slot| slot.free_at.clamp(now, now + window_micros));
        let then = used_until + share;
        if then > now + window_micros {
            return Err(seconds(then - window_micros - now).max(1));
        }
        let slot = match known {
            Some(slot) => slot,
            None => slots
                .iter_mut()
                .min_by_key(|slot| slot.free_at)
                .unwrap_or_else(|| unreachable!("a set has slots")),
        };
        *slot = Slot { key, free_at: then };
        let left = (now + window_micros - then) / share;
        Ok(Left { requests: u32::try_from(left).unwrap_or(u32::MAX), reset_seconds: seconds(then - now) })
    }
}

fn seconds(micros: u64) -> u32 {
    u32::try_from(micros.div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;
    const MINUTE: u64 = 60 * SECOND;

    #[test]
    fn as_many_at_once_and_then_evenly() {
        let table = Table::new(MANY);
        for at in 0..6 {
            let left = table.take("ann", 6, MINUTE, 100 * SECOND).unwrap();
            assert_eq!(left, Left { requests: 5 - at, reset_seconds: 10 * (at + 1) });
        }
        assert_eq!(table.take("ann", 6, MINUTE, 100 * SECOND), Err(10));
        assert_eq!(table.take("ann", 6, MINUTE, 105 * SECOND), Err(5));
        assert_eq!(table.take("bob", 6, MINUTE, 100 * SECOND).unwrap().requests, 5, "another has his own");
        assert_eq!(table.take("ann", 6, MINUTE, 110 * SECOND).unwrap().requests, 0);
        assert_eq!(table.take("ann", 6, MINUTE, 110 * SECOND), Err(10));
        assert_eq!(table.take("ann", 6, MINUTE, 170 * SECOND).unwrap().requests, 5);
    }

    #[test]
    fn a_clock_set_back_keeps_nobody_out_for_long() {
        let table = Table::new(MANY);
        for _ in 0..6 {
            table.take("ann", 6, MINUTE, 1000 * MINUTE).unwrap();
        }
        assert_eq!(table.take("ann", 6, MINUTE, MINUTE), Err(10));
        assert!(table.take("ann", 6, MINUTE, 2 * MINUTE).is_err(), "the refused one changed nothing");
    }

    #[test]
    fn a_flood_of_askers_frees_nobody_who_used_much() {
        let table = Table::new(MANY);
        for _ in 0..100 {
            table.take("greedy", 100, MINUTE, SECOND).unwrap();
        }
        for at in 0..1_000_000_u32 {
            assert!(table.take(at, 100, MINUTE, SECOND).is_ok());
        }
        assert!(table.take("greedy", 100, MINUTE, SECOND).is_err());
        assert!(table.take("greedy", 100, MINUTE, 2 * SECOND).is_ok());
    }

    #[test]
    fn many_at_once_are_as_many_as_one_after_the_other() {
        let table = Table::new(MANY);
        let taken: usize = std::thread::scope(|scope| {
            let take = || (0..1000).filter(|_| table.take("ann", 500, MINUTE, SECOND).is_ok()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 500);
    }
}
