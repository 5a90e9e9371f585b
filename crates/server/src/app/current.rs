//! An engine with what is made of its settings once, and what is noted of each request.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use purlin_engine::{Actor, Engine};

use crate::answer::Problem;
use crate::answer::headers::{Dressing, Family};
use crate::door::rates::{Asked, Rates, Standing};
use crate::door::{Cors, Hosts, Proxies, Sender};
use crate::federated::Providers;
use crate::guard::cookies::Cookies;
use crate::reports::Reports;

/// An engine and what is made of its settings once.
pub(crate) struct Current {
    pub(crate) engine: Arc<Engine>,
    pub(crate) hosts: Hosts,
    pub(super) proxies: Proxies,
    pub(super) rates: Option<Rates>,
    pub(super) cors: Option<Cors>,
    pub(super) reports: Option<Reports>,
    pub(crate) providers: Providers,
    pub(crate) dressing: Dressing,
    https: bool,
    pub(crate) max_body_bytes: usize,
    pub(super) timeout: Duration,
}

/// What the log says about a request besides its answer.
#[derive(Default)]
pub(super) struct Noted {
    pub(super) user: Option<String>,
    pub(super) standing: Standing,
    /// Whether what goes by account is counted.
    is_counted: bool,
    pub(super) family: Family,
}

impl Current {
    pub(super) fn of(engine: Arc<Engine>) -> Current {
        let settings = &engine.site().settings;
        let url = settings.site.url.as_deref();
        Current {
            hosts: Hosts::new(url, &settings.server.hosts, settings.server.listen),
            proxies: Proxies::new(&settings.server),
            rates: Rates::of(&settings.limits),
            cors: Cors::of(&settings.cors),
            providers: Providers::of(engine.site()),
            reports: settings.csp.reports.then(Reports::new),
            dressing: Dressing::of(settings),
            https: url.is_some_and(|url| url.starts_with("https://")),
            max_body_bytes: settings.server.max_body_bytes,
            timeout: settings.server.timeout,
            engine,
        }
    }

    /// Counts a request by the limits of its route.
    pub(super) fn count(
        &self,
        parts: &Parts,
        path: &str,
        address: IpAddr,
        actor: Option<&Actor>,
        noted: &mut Noted,
    ) -> Result<(), Problem> {
        let Some(rates) = &self.rates else { return Ok(()) };
        // A site's own routes are tried first; what they do not know goes on, and counts once.
        if actor.is_some() && std::mem::replace(&mut noted.is_counted, true) {
            return Ok(());
        }
        let asked = Asked { method: parts.method.as_str(), path, address, now: self.engine.now() };
        rates.count(&asked, actor, &mut noted.standing)
    }

    /// The cookies are for https where the site is there, or where a proxy was asked so.
    pub(super) fn cookies(&self, sender: &Sender) -> Cookies {
        Cookies { https: self.https || sender.https == Some(true) }
    }
}
