//! Prepared queries that requests built, kept by what they were built from.
//!
//! Parsing a filter takes ten times as long as answering it; the same lists are asked for again and again.
//! The cache is bounded by entries and forgets everything when it is full: a stranger who sends ever new
//! filters costs others one parse each, and no memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

const MOST: usize = 2_048;

/// Prepared queries by the canonical text of what was asked.
pub(crate) struct Cache<T> {
    by_text: Mutex<HashMap<String, Arc<T>>>,
}

impl<T> Default for Cache<T> {
    fn default() -> Cache<T> {
        Cache { by_text: Mutex::default() }
    }
}

impl<T> Cache<T> {
    /// The query for this text; made where it is not known, without holding anybody else up.
    pub(crate) fn get_or<E>(
        &self,
        text: &str,
        make: impl FnOnce() -> Result<Arc<T>, E>,
    ) -> Result<Arc<T>, E> {
        let known = self.by_text.lock().unwrap_or_else(PoisonError::into_inner).get(text).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let made = make()?;
        let mut by_text = self.by_text.lock().unwrap_or_else(PoisonError::into_inner);
        if by_text.len() >= MOST {
            by_text.clear();
        }
        by_text.insert(text.to_owned(), made.clone());
        Ok(made)
    }
}
