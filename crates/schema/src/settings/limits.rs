//! `[limits]`: how often somebody may ask.

use std::time::Duration;

use super::Network;

/// `[limits]`.
#[derive(Clone, Debug)]
pub struct LimitSettings {
    /// `[limits.routes]`, in the order of the file.
    pub routes: Vec<RouteLimit>,
    /// `exempt`: addresses for which the limits of routes do not hold.
    pub exempt: Vec<Network>,
    /// `wrong_passwords`: of one address for one account.
    pub wrong_passwords: Rate,
    /// `wrong_passwords_address`: of one address.
    pub wrong_passwords_address: Rate,
    /// `wrong_passwords_account`: for one account.
    pub wrong_passwords_account: Rate,
}

impl Default for LimitSettings {
    fn default() -> LimitSettings {
        let quarter = |count| Rate { count, window: Duration::from_secs(15 * 60) };
        LimitSettings {
            routes: Vec::new(),
            exempt: Vec::new(),
            wrong_passwords: quarter(10),
            wrong_passwords_address: quarter(20),
            wrong_passwords_account: quarter(100),
        }
    }
}

/// So many within a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many; at least one.
    pub count: u32,
    /// Within which time; at least a second.
    pub window: Duration,
}

impl Rate {
    /// The time in microseconds.
    #[must_use]
    pub fn window_micros(self) -> i64 {
        i64::try_from(self.window.as_micros()).unwrap_or(i64::MAX)
    }
}

/// How often each asker may ask for some routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteLimit {
    /// As it is written: `POST /contact`.
    pub name: String,
    /// The methods; all of them where none is named.
    pub methods: Vec<String>,
    /// The parts of the path.
    pub path: Vec<PathPart>,
    /// Whether whatever begins so is meant.
    pub and_below: bool,
    /// How often.
    pub rate: Rate,
    /// Who counts as one asker.
    pub by: LimitBy,
}

/// A part of a path between slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPart {
    /// This one.
    Is(String),
    /// Any, as `[slug]`.
    Any,
}

/// Who counts as one asker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitBy {
    /// An address; of IPv6 its first 64 bits.
    #[default]
    Address,
    /// Whoever is signed in; an address where nobody is.
    Account,
}

impl RouteLimit {
    /// Whether a request is meant; `path` is decoded.
    #[must_use]
    pub fn covers(&self, method: &str, path: &str) -> bool {
        // HEAD answers as GET does.
        let method = if method == "HEAD" { "GET" } else { method };
        if !self.methods.is_empty() && !self.methods.iter().any(|known| known == method) {
            return false;
        }
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        for known in &self.path {
            match (known, parts.next()) {
                (PathPart::Is(known), Some(part)) if known == part => {}
                (PathPart::Any, Some(_)) => {}
                _ => return false,
            }
        }
        self.and_below || parts.next().is_none()
    }
}
