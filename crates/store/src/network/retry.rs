//! When a transaction that lost to another is performed again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Times that a transaction is performed again.
const TRIES: u32 = 12;
const FIRST: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(250);

/// How long to wait before the next try, after so many; nothing where there have been enough. The span doubles, and of
/// each a random part is waited, so that those who met do not meet again.
pub(crate) fn pause(tries: u32) -> Option<Duration> {
    if tries >= TRIES {
        return None;
    }
    let span = FIRST.saturating_mul(1 << tries).min(LONGEST);
    // The standard library's only source of randomness: each state has keys of its own.
    let random = RandomState::new().build_hasher().finish();
    let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    Some(Duration::from_micros(random % micros.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let all: Vec<Duration> = (0..).map_while(pause).collect();
        assert_eq!(all.len(), TRIES as usize);
        assert!(all[0] < FIRST && all.iter().all(|pause| *pause < LONGEST), "{all:?}");
    }
}
