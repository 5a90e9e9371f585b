//! Statements about who somebody is, for those who verify them elsewhere.

use std::time::Duration;

/// `[accounts.jwt]`; off where `audience` is not set.
#[derive(Clone, Debug)]
pub struct JwtSettings {
    /// `audience`: for whom they are (RFC 7519 §4.1.3).
    pub audience: Vec<String>,
    /// `lifetime`: how long one holds.
    pub lifetime: Duration,
    /// `claims`: fields of `users` that stand in them, besides the id.
    pub claims: Vec<String>,
}

impl JwtSettings {
    /// Whether any are made.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.audience.is_empty()
    }
}
