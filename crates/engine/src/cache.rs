//! Prepared queries that requests built, kept by what they were built from.
//!
//! Parsing a filter takes ten times as long as answering it; the same lists are asked for again and again.
//! The cache is bounded by entries and bytes and forgets everything when it is full: a stranger who sends ever
//! new filters costs others one parse each, and no memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use purlin_store::Prepared;

const MOST: usize = 2_048;

/// The texts of the statements, and of what was asked, together.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// What knows how much memory it takes.
pub(crate) trait Weighed {
    /// About how many bytes.
    fn size_bytes(&self) -> usize;
}

impl Weighed for Prepared {
    fn size_bytes(&self) -> usize {
        Prepared::size_bytes(self)
    }
}

/// Prepared queries by the canonical text of what was asked.
pub(crate) struct Cache<T> {
    known: Mutex<Known<T>>,
}

struct Known<T> {
    by_text: HashMap<String, Arc<T>>,
    size_bytes: usize,
}

impl<T> Default for Cache<T> {
    fn default() -> Cache<T> {
        Cache { known: Mutex::new(Known { by_text: HashMap::new(), size_bytes: 0 }) }
    }
}

impl<T: Weighed> Cache<T> {
    /// The query for this text; made where it is not known, without holding anybody else up.
    pub(crate) fn get_or<E>(
        &self,
        text: &str,
        make: impl FnOnce() -> Result<Arc<T>, E>,
    ) -> Result<Arc<T>, E> {
        let found = self.known.lock().unwrap_or_else(PoisonError::into_inner).by_text.get(text).cloned();
        if let Some(found) = found {
            return Ok(found);
        }
        let made = make()?;
        let size_bytes = text.len() + made.size_bytes();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.by_text.len() >= MOST || known.size_bytes + size_bytes > MOST_BYTES {
            known.by_text.clear();
            known.size_bytes = 0;
        }
        if known.by_text.insert(text.to_owned(), made.clone()).is_none() {
            known.size_bytes += size_bytes;
        }
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Long;

    impl Weighed for Long {
        fn size_bytes(&self) -> usize {
            MOST_BYTES / 4
        }
    }

    #[test]
    fn attack_24_long_queries_do_not_pile_up() {
        let cache = Cache::<Long>::default();
        for number in 0..1_000 {
            let made = cache.get_or(&number.to_string(), || Ok::<_, ()>(Arc::new(Long)));
            assert!(made.is_ok());
            assert!(cache.known.lock().unwrap().by_text.len() <= 4);
        }
        assert!(cache.get_or("999", || Err(())).is_ok(), "what was asked last is known");
    }
}
