//! What the handlers ask of a database, and rows as they read them. Each database answers in its own words, so that neither
//! pays for the other.

use std::error::Error;

use minijinja::Value;

use crate::api::{Asked, NewPost, Written};
use crate::markdown::Rendered;

/// What went wrong, for whoever looks into it: askers are told that the database failed.
pub(crate) type Fault = Box<dyn Error + Send + Sync>;

/// A database.
pub(crate) trait Backend: Send + Sync + Sized + 'static {
    /// A post's version and its JSON.
    fn one(&self, id: i64) -> impl Future<Output = Result<Option<(i64, Vec<u8>)>, Fault>> + Send;

    /// A page of posts with their authors, as JSON.
    fn list(&self, asked: &Asked<'_>) -> impl Future<Output = Result<Vec<u8>, Fault>> + Send;

    /// The user who holds a token and may write, by its SHA-256.
    fn author(&self, hash: &[u8]) -> impl Future<Output = Result<Option<i64>, Fault>> + Send;

    /// Writes a post, and returns when it is durable. A slug that is taken gets `-2`, `-3`…
    fn create(&self, post: NewPost) -> impl Future<Output = Result<Written, Fault>> + Send;

    /// The newest posts with authors and counts, for the index page.
    fn newest(&self) -> impl Future<Output = Result<Vec<Value>, Fault>> + Send;

    /// A post and its comments, of one snapshot.
    fn post(
        &self,
        rendered: &Rendered,
        slug: &str,
    ) -> impl Future<Output = Result<Option<[Value; 2]>, Fault>> + Send;
}

/// A row, whose values are read where the database's library holds them.
pub(crate) trait Cells {
    /// A whole number.
    fn int(&self, at: usize) -> Result<i64, Fault>;

    /// An instant in microseconds since 1970.
    fn time(&self, at: usize) -> Result<Option<i64>, Fault>;

    /// A text as UTF-8.
    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, Fault>;

    /// A text.
    fn text(&self, at: usize) -> Result<&str, Fault> {
        Ok(std::str::from_utf8(self.bytes(at)?.unwrap_or_default())?)
    }
}
