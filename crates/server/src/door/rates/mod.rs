//! How often somebody may ask for a route: `[limits.routes]`.
//!
//! What goes by address is counted before anything else is done for a request, what goes by account when it is known
//! who asks. Answers say what is left (draft-ietf-httpapi-ratelimit-headers); where several limits hold, of the one
//! that ends first.

mod table;

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use purlin_engine::Actor;
use purlin_schema::Id;
use purlin_schema::settings::{LimitBy, LimitSettings, Network, PathPart, RouteLimit};

use crate::answer::Problem;
use crate::route::RouteInfo;
use table::{Left, MANY, Table};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The limits of a site's routes, and what everybody has used of them.
pub struct Rates {
    limits: Box<[(RouteLimit, Policy)]>,
    exempt: Box<[Network]>,
    table: Table,
}

/// How a limit is told: the name that it has in both headers, and what it allows.
struct Policy {
    name: String,
    header: HeaderValue,
}

/// What is left to an asker of the limit that ends first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing(Option<(usize, Left)>);

/// Who asks, as it is counted.
#[derive(Hash)]
enum Who {
    V4(u32),
    /// The first 64 bits: a household.
    V6(u64),
    Account(Id),
}

/// A request, as it is counted.
pub struct Asked<'request> {
    /// Its method.
    pub method: &'request str,
    /// Its decoded path.
    pub path: &'request str,
    /// Where it comes from.
    pub address: IpAddr,
    /// When, in microseconds.
    pub now: i64,
}

impl Rates {
    /// Those of a site, where there are any.
    #[must_use]
    pub fn of(settings: &LimitSettings) -> Option<Rates> {
        let limits: Box<[_]> =
            settings.routes.iter().map(|limit| (limit.clone(), Policy::of(limit))).collect();
        (!limits.is_empty()).then(|| Rates {
            limits,
            exempt: settings.exempt.as_slice().into(),
            table: Table::new(MANY),
        })
    }

    /// The limits that cover no route, by their names: most likely a slip of the pen.
    pub fn idle(&self, routes: &[RouteInfo]) -> impl Iterator<Item = &str> {
        let is_idle = move |limit: &RouteLimit| !routes.iter().any(|route| may_cover(limit, route));
        self.limits.iter().filter(move |(limit, _)| is_idle(limit)).map(|(limit, _)| limit.name.as_str())
    }

    /// Counts a request: before anybody knows who asks (`actor` is none) by what goes by address, and then by what goes
    /// by account.
    ///
    /// # Errors
    /// 429 where there were too many.
    pub fn count(
        &self,
        asked: &Asked<'_>,
        actor: Option<&Actor>,
        standing: &mut Standing,
    ) -> Result<(), Problem> {
        let by = if actor.is_some() { LimitBy::Account } else { LimitBy::Address };
        let covers = |limit: &RouteLimit| limit.by == by && limit.covers(asked.method, asked.path);
        for (at, (limit, _)) in self.limits.iter().enumerate().filter(|(_, (limit, _))| covers(limit)) {
            if self.exempt.iter().any(|network| network.contains(asked.address)) {
                return Ok(());
            }
            let now = u64::try_from(asked.now).unwrap_or_default();
            let who = Who::of(actor, asked.address);
            let rate = limit.rate;
            let window = u64::try_from(rate.window_micros()).unwrap_or(u64::MAX);
            match self.table.take((at, who), rate.count, window, now) {
                Ok(left) => standing.note(at, left),
                Err(wait_seconds) => {
                    *standing = Standing(Some((at, Left { requests: 0, reset_seconds: wait_seconds })));
                    return Err(Problem::too_many("requests", "too_many_requests", wait_seconds));
                }
            }
        }
        Ok(())
    }

    /// Says in an answer what is left.
    pub fn dress(&self, standing: Standing, headers: &mut HeaderMap) {
        let Some((at, left)) = standing.0 else { return };
        let Some((_, policy)) = self.limits.get(at) else { return };
        let text = format!("\"{}\";r={};t={}", policy.name, left.requests, left.reset_seconds);
        if let Ok(text) = HeaderValue::try_from(text) {
            headers.insert(LIMIT, text);
            headers.insert(POLICY, policy.header.clone());
        }
    }
}

/// Whether some request of a route is one that a limit covers.
fn may_cover(limit: &RouteLimit, route: &RouteInfo) -> bool {
    if !limit.methods.is_empty()
        && !route.methods.iter().any(|method| limit.methods.iter().any(|known| known == method))
    {
        return false;
    }
    let mut parts = route.path.split('/').filter(|part| !part.is_empty());
    for known in &limit.path {
        match (known, parts.next()) {
            (_, Some(part)) if part.starts_with("[...") => return true,
            (PathPart::Is(known), Some(part)) if known == part || part.starts_with('[') => {}
            (PathPart::Any, Some(_)) => {}
            _ => return false,
        }
    }
    limit.and_below || parts.next().is_none_or(|part| part.starts_with("[..."))
}

/// A limit of the server's own, on what strangers may send.
pub(crate) struct Few {
    table: Table,
    each: u32,
    all: u32,
}

impl Few {
    /// So many in a minute, of each address and all together.
    pub(crate) fn a_minute((each, all): (u32, u32)) -> Few {
        Few { table: Table::new(64), each, all }
    }

    /// Counts one of an address.
    ///
    /// # Errors
    /// 429 where there were too many.
    pub(crate) fn count(&self, address: IpAddr, now: i64, what: &str) -> Result<(), Problem> {
        const MINUTE_MICROS: u64 = 60_000_000;
        let now = u64::try_from(now).unwrap_or_default();
        let each = self.table.take(Who::of(None, address), self.each, MINUTE_MICROS, now);
        let taken = each.and_then(|_| self.table.take("all", self.all, MINUTE_MICROS, now));
        taken.map(|_| ()).map_err(|wait_seconds| Problem::too_many(what, "too_many_requests", wait_seconds))
    }
}

impl Standing {
    /// Keeps the one that ends first.
    fn note(&mut self, at: usize, left: Left) {
        if self.0.is_none_or(|(_, known)| left.requests < known.requests) {
            self.0 = Some((at, left));
        }
    }
}

impl Who {
    fn of(actor: Option<&Actor>, address: IpAddr) -> Who {
        match (actor.and_then(Actor::user), address.to_canonical()) {
            (Some(user), _) => Who::Account(user.id),
            (None, IpAddr::V4(address)) => Who::V4(address.to_bits()),
            (None, IpAddr::V6(address)) => Who::V6((address.to_bits() >> 64) as u64),
        }
    }
}

impl Policy {
    fn of(limit: &RouteLimit) -> Policy {
        // A string of structured fields is printable ASCII (RFC 9651 §3.3.3).
        let plain = |letter: char| {
            if matches!(letter, ' '..='~') && !matches!(letter, '"' | '\\') { letter } else { '_' }
        };
        let name: String = limit.name.chars().map(plain).collect();
        let text = format!("\"{name}\";q={};w={}", limit.rate.count, limit.rate.window.as_secs());
        let header = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        Policy { name, header }
    }
}
