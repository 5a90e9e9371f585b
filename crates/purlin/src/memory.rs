//! Giving memory back that nobody uses any more.
//!
//! Loading a site, packing its files and hashing a password take tens of megabytes for a moment. The allocator gives
//! freed memory back a second later, but looks at the clock only when a large block is freed: a server that nobody
//! asks anything would keep it all. So now and then one is, of which no byte is touched.

use std::hint::black_box;
use std::time::Duration;

/// How often. Each time costs some microseconds.
const INTERVAL: Duration = Duration::from_secs(2);

/// Larger than what the allocator keeps for the next one who asks.
const BLOCK_BYTES: usize = 4 << 20;

/// Runs as long as the server does.
pub(crate) async fn give_back() {
    let mut interval = tokio::time::interval(INTERVAL);
    loop {
        interval.tick().await;
        drop(black_box(Vec::<u8>::with_capacity(BLOCK_BYTES)));
    }
}
