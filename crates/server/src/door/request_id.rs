//! A name for each request, in its answer, its errors and the log.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A request's name: the time in milliseconds, then 80 bits that no other request of any process has. It is
/// no secret, so it need not be unguessable; what a client sends as its own is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(u128);

impl RequestId {
    /// The next.
    #[must_use]
    pub fn next() -> RequestId {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        static SEED: OnceLock<[u64; 2]> = OnceLock::new();
        let [seed, salt] = SEED.get_or_init(|| {
            let mut bytes = [0; 16];
            // Without randomness (no such system is known) names repeat between processes and nothing breaks.
            let _ = getrandom::fill(&mut bytes);
            let bits = u128::from_le_bytes(bytes);
            [bits as u64, (bits >> 64) as u64]
        });
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let low = u128::from(mix(count ^ seed)) | (u128::from(mix(count.wrapping_add(*salt)) & 0xffff) << 64);
        RequestId((time << 80) | low)
    }

    /// As 32 hexadecimal digits.
    #[must_use]
    pub fn digits(self) -> [u8; 32] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        std::array::from_fn(|at| HEX[(self.0 >> (124 - 4 * at) & 15) as usize])
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// SplitMix64's last step: a permutation, so different counts stay different.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_are_alike() {
        let ids: HashSet<[u8; 32]> = (0..10_000).map(|_| RequestId::next().digits()).collect();
        assert_eq!(ids.len(), 10_000);
        let id = RequestId::next();
        assert_eq!(id.to_string().as_bytes(), id.digits());
    }
}
