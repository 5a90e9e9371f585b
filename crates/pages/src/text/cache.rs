//! Markdown is rendered once, not at each view: rendered texts are kept by what they were rendered from.
//!
//! The key is a hash of the source; the source is kept beside what was made of it and compared, so that a collision costs
//! a rendering and nothing else: comparing is a twentieth of a hash that nobody could prepare a collision for. The cache
//! is bounded in bytes and in shards, so that readers seldom meet; within a shard the entries that nobody asked for
//! since the hand last passed go first (a "clock").

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::quality::RandomState;

const SHARDS: usize = 16;

/// Rendered texts by their sources.
pub(crate) struct RichCache {
    key: RandomState,
    shards: [Mutex<Shard>; SHARDS],
    shard_bytes: usize,
}

#[derive(Default)]
struct Shard {
    entries: HashMap<u64, Entry, RandomState>,
    hand: VecDeque<u64>,
    bytes: usize,
}

struct Entry {
    kind: u32,
    source: Box<str>,
    text: Arc<str>,
    asked: bool,
}

impl RichCache {
    /// A cache that holds at most so many bytes of rendered text.
    pub(crate) fn new(max_bytes: usize) -> RichCache {
        RichCache {
            key: RandomState::default(),
            shards: std::array::from_fn(|_| Mutex::default()),
            shard_bytes: max_bytes / SHARDS,
        }
    }

    /// What `make` makes of `source`, perhaps made earlier. `kind` tells apart what is made of the same source.
    pub(crate) fn get(&self, kind: u32, source: &str, make: impl FnOnce(&str) -> String) -> Arc<str> {
        let key = self.key(kind, source);
        // A panic in another thread left at worst a count that is off.
        let shard = || self.shards[key as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = shard().entries.get_mut(&key)
            && entry.kind == kind
            && *entry.source == *source
        {
            entry.asked = true;
            return entry.text.clone();
        }
        let entry = Entry { kind, source: source.into(), text: make(source).into(), asked: false };
        let text = entry.text.clone();
        if weight(&entry) <= self.shard_bytes / 4 {
            shard().put(key, entry, self.shard_bytes);
        }
        text
    }

    fn key(&self, kind: u32, source: &str) -> u64 {
        let mut hasher = self.key.build_hasher();
        hasher.write_u32(kind);
        hasher.write(source.as_bytes());
        hasher.finish()
    }
}

impl Shard {
    fn put(&mut self, key: u64, entry: Entry, max_bytes: usize) {
        self.bytes += weight(&entry);
        if let Some(old) = self.entries.insert(key, entry) {
            // Two renderings of one source raced, or two sources collide; the hand has the key already.
            self.bytes -= weight(&old);
            return;
        }
        self.hand.push_back(key);
        while self.bytes > max_bytes {
            let Some(candidate) = self.hand.pop_front() else { break };
            match self.entries.get_mut(&candidate) {
                Some(entry) if entry.asked => {
                    entry.asked = false;
                    self.hand.push_back(candidate);
                }
                _ => {
                    if let Some(gone) = self.entries.remove(&candidate) {
                        self.bytes -= weight(&gone);
                    }
                }
            }
        }
    }
}

/// Bytes that an entry takes, with its place in the map and under the hand.
fn weight(entry: &Entry) -> usize {
    entry.source.len() + entry.text.len() + 96
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_made_once() {
        let cache = RichCache::new(1 << 20);
        let first = cache.get(0, "a", |source| format!("<p>{source}</p>"));
        let second = cache.get(0, "a", |_| panic!("it was made already"));
        assert_eq!(first, second);
        assert_eq!(&*cache.get(1, "a", |_| "other".to_owned()), "other");
    }

    #[test]
    fn it_never_outgrows_its_bound() {
        let cache = RichCache::new(64 * 1024);
        for number in 0..10_000 {
            cache.get(0, &number.to_string(), |_| "x".repeat(200));
        }
        for shard in &cache.shards {
            let shard = shard.lock().expect("nobody panicked");
            assert!(shard.bytes <= 4 * 1024, "{} bytes", shard.bytes);
            assert_eq!(shard.entries.len(), shard.hand.len());
            assert_eq!(shard.bytes, shard.entries.values().map(weight).sum::<usize>());
        }
    }

    #[test]
    fn what_is_asked_for_stays() {
        let cache = RichCache::new(64 * 1024);
        cache.get(0, "front page", |_| "made".to_owned());
        for number in 0..10_000 {
            cache.get(0, &number.to_string(), |_| "x".repeat(200));
            cache.get(0, "front page", |_| panic!("it was thrown away"));
        }
    }
}
