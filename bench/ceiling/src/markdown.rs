//! Markdown as sanitised HTML, kept once made.
//!
//! To render a post's 1.5 kB takes many times what the rest of its page takes, so nobody who cares does it for each
//! view. The alternatives were a second column (it doubles the table, and every create pays for a page that may
//! never be seen) and this: the HTML is kept in memory by the post's id and version, within a bound.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use minijinja::Value;

/// More posts than this are not kept at once: about 8 MB.
const KEPT_POSTS: usize = 4096;

#[derive(Default)]
pub(crate) struct Rendered {
    by_id: Mutex<HashMap<i64, (i64, Value)>>,
}

impl Rendered {
    /// The HTML of `source`, which is the body of post `id` at `version`, as a safe template value.
    pub(crate) fn get(&self, id: i64, version: i64, source: &str) -> Value {
        if let Some((kept, html)) = self.lock().get(&id)
            && *kept == version
        {
            return html.clone();
        }
        let html = Value::from_safe_string(render(source));
        let mut by_id = self.lock();
        if by_id.len() >= KEPT_POSTS {
            by_id.clear();
        }
        by_id.insert(id, (version, html.clone()));
        html
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<i64, (i64, Value)>> {
        // The map is whole after every statement, so a panic elsewhere leaves it usable.
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn render(source: &str) -> String {
    let mut html = String::with_capacity(source.len() * 3 / 2);
    let options = pulldown_cmark::Options::ENABLE_TABLES | pulldown_cmark::Options::ENABLE_STRIKETHROUGH;
    pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new_ext(source, options));
    ammonia::clean(&html)
}
