//! Where requests may go: what a URL may be, and to which of its host's addresses.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use purlin_schema::settings::Allowed;
use url::{Host, Url};

use crate::resolve::Resolve;
use crate::{Refused, address};

/// Ports that other protocols listen on which could take a request for their own (Fetch §2.9).
const BAD_PORTS: &[u16] = &[
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103,
    104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514,
    515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723,
    2049, 3659, 4045, 4190, 5060, 5061, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
    11211,
];
/// A URL is no longer than this, in bytes.
const LONGEST_URL: usize = 8_192;

/// What is let through: the public network, and what the owner names.
#[derive(Clone)]
pub struct Gate {
    allowed: Arc<[Allowed]>,
    resolver: Arc<dyn Resolve>,
}

impl Gate {
    /// A gate that asks this resolver, and lets through what the owner allows besides the public network.
    #[must_use]
    pub fn new(allowed: &[Allowed], resolver: Arc<dyn Resolve>) -> Gate {
        Gate { allowed: allowed.into(), resolver }
    }

    /// Reads a URL that may be asked.
    ///
    /// # Errors
    /// [`Refused::Url`].
    pub fn url(&self, text: &str) -> Result<Url, Refused> {
        if text.len() > LONGEST_URL {
            return Err(Refused::Url("is too long"));
        }
        let url = Url::parse(text).map_err(|_| Refused::Url("is no URL"))?;
        self.fits(&url)?;
        Ok(url)
    }

    /// Whether a URL is one that may be asked, its host aside.
    ///
    /// # Errors
    /// [`Refused::Url`].
    pub(crate) fn fits(&self, url: &Url) -> Result<(), Refused> {
        if url.as_str().len() > LONGEST_URL {
            return Err(Refused::Url("is too long"));
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Url("is neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Url("names a user or a password"));
        }
        let port = port_of(url);
        let named = url.host_str().is_some_and(|host| {
            let host = bare(host);
            self.allowed.iter().any(|allowed| allowed.names_port(port) && allowed.covers(host, None, port))
        });
        if BAD_PORTS.contains(&port) && !named {
            return Err(Refused::Url("has a port that is another protocol's"));
        }
        Ok(())
    }

    /// Resolves a URL's host, once, and gives the addresses to connect to; each of them may be.
    ///
    /// # Errors
    /// [`Refused::Unresolved`], and [`Refused::Address`] where a single one of them may not: a name with a private
    /// address among public ones is an attempt, or a mistake.
    pub(crate) async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, Refused> {
        let port = port_of(url);
        let (host, found) = match url.host() {
            Some(Host::Ipv4(address)) => (address.to_string(), vec![IpAddr::V4(address)]),
            Some(Host::Ipv6(address)) => (address.to_string(), vec![IpAddr::V6(address)]),
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                let found = self.resolver.resolve(name).await;
                (name.to_owned(), found.map_err(|_| Refused::Unresolved(name.to_owned()))?)
            }
            None => return Err(Refused::Url("has no host")),
        };
        for address in &found {
            let allowed = self.allowed.iter().any(|allowed| allowed.covers(&host, Some(*address), port));
            if let Some(what) = address::special(*address).filter(|_| !allowed) {
                return Err(Refused::Address { host, address: *address, what });
            }
        }
        if found.is_empty() {
            return Err(Refused::Unresolved(host));
        }
        Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }
}

fn port_of(url: &Url) -> u16 {
    url.port_or_known_default().unwrap_or_default()
}

fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.')
}
