//! For which names this server answers.
//!
//! A request names the host it is for, and links, redirects and the cross-site check rest on that name. So
//! there must be exactly one, well-formed, and one of those that the owner expects: the host of `site.url`,
//! those of `server.hosts`, and loopback names while the server listens on loopback.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use http::request::Parts;
use http::{Uri, header};

use super::forwarded::Sender;

/// The names that requests may be for.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    names: HashSet<String>,
    loopback: bool,
}

/// A host as a request names it: lower case, without the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The name or address; an IPv6 address without its brackets.
    pub name: String,
    /// The port, where it is given.
    pub port: Option<u16>,
}

/// What is wrong with the host that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// There is none.
    #[error("the request names no host")]
    Missing,
    /// There are two.
    #[error("the request names its host more than once")]
    Several,
    /// It is not a host.
    #[error("the request's host is malformed")]
    Malformed,
    /// What a proxy says of it cannot be read.
    #[error("the request's `Forwarded` is malformed")]
    Forwarded,
    /// Nobody expects it.
    #[error("this server does not answer for that host; the owner can add it to `server.hosts`")]
    Unknown,
}

impl Hosts {
    /// The names of a site that listens on `listen`.
    #[must_use]
    pub fn new(site_url: Option<&str>, further: &[String], listen: SocketAddr) -> Hosts {
        let mut names: HashSet<String> =
            further.iter().filter_map(|name| Host::parse(name)).map(|host| host.name).collect();
        names.extend(site_url.and_then(host_of_url).map(|host| host.name));
        if !listen.ip().is_unspecified() {
            names.insert(listen.ip().to_string());
        }
        Hosts { names, loopback: listen.ip().is_loopback() }
    }

    /// Whether nobody can reach the site but by a name that is not known yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.loopback
    }

    /// The host that a request is for, where it is one that is expected; behind a proxy that says so, the one that it was
    /// asked for.
    ///
    /// # Errors
    /// Where it is not.
    pub fn check(&self, request: &Parts, sender: &Sender) -> Result<Host, HostError> {
        let host = named_by(request)?;
        let host = sender.host.clone().unwrap_or(Ok(host))?;
        if self.accepts(&host.name) { Ok(host) } else { Err(HostError::Unknown) }
    }

    fn accepts(&self, name: &str) -> bool {
        self.names.contains(name) || (self.loopback && is_loopback(name))
    }
}

/// The one host that a request names, well-formed but perhaps unknown.
///
/// # Errors
/// Where it names none, two, or something that is no host.
pub fn named_by(request: &Parts) -> Result<Host, HostError> {
    let mut headers = request.headers.get_all(header::HOST).iter();
    let header = headers.next();
    if headers.next().is_some() {
        return Err(HostError::Several);
    }
    let authority = request.uri.authority().map(http::uri::Authority::as_str);
    let text = match (authority, header) {
        (Some(authority), None) => authority,
        (None, Some(header)) => header.to_str().map_err(|_| HostError::Malformed)?,
        (Some(authority), Some(header)) if header.as_bytes().eq_ignore_ascii_case(authority.as_bytes()) => {
            authority
        }
        (Some(_), Some(_)) => return Err(HostError::Several),
        (None, None) => return Err(HostError::Missing),
    };
    Host::parse(text).ok_or(HostError::Malformed)
}

fn host_of_url(url: &str) -> Option<Host> {
    Host::parse(url.parse::<Uri>().ok()?.authority()?.as_str())
}

fn is_loopback(name: &str) -> bool {
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Host {
    /// Reads `name`, `name:port`, `[address]` or `[address]:port` (RFC 9110 §7.2, and of RFC 3986 §3.2.2 what
    /// DNS and IP know: no user, no percent-encoding).
    #[must_use]
    pub fn parse(text: &str) -> Option<Host> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, after) = rest.split_once(']')?;
                address.parse::<std::net::Ipv6Addr>().ok()?;
                (address, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
            }
            None => {
                let (name, port) = match text.split_once(':') {
                    Some((name, port)) => (name, Some(port)),
                    None => (text, None),
                };
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
                let labels = name.split('.').all(|label| !label.is_empty() && label.bytes().all(plain));
                if !labels || name.len() > 253 {
                    return None;
                }
                (name, port)
            }
        };
        let port = match port {
            Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            Some(_) => return None,
            None => None,
        };
        Some(Host { name: name.to_ascii_lowercase(), port })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(uri: &str, hosts: &[&str]) -> Parts {
        let mut request = http::Request::builder().uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn check(hosts: &Hosts, request: &Parts) -> Result<Host, HostError> {
        hosts.check(request, &Sender::plain([10, 0, 0, 1].into()))
    }

    fn site() -> Hosts {
        Hosts::new(
            Some("https://example.org"),
            &["www.example.org".into()],
            "127.0.0.1:8080".parse().unwrap(),
        )
    }

    #[test]
    fn expected_names_pass() {
        for host in [
            "example.org",
            "EXAMPLE.org",
            "www.example.org:8443",
            "localhost:8080",
            "127.0.0.1",
            "[::1]:8080",
        ] {
            assert!(check(&site(), &parts("/", &[host])).is_ok(), "{host}");
        }
        assert!(check(&site(), &parts("http://example.org/", &[])).is_ok());
        assert!(check(&site(), &parts("http://example.org/", &["example.org"])).is_ok());
    }

    #[test]
    fn attack_12_poisoned_hosts_are_refused() {
        use HostError::{Malformed, Missing, Several, Unknown};
        for (hosts, error) in [
            (&["good@evil"][..], Malformed),
            (&["evil/example.org"], Malformed),
            (&["example.org", "example.org"], Several),
            (&["example.org.evil.net"], Unknown),
            (&["evil.net"], Unknown),
            (&["example.org:80:80"], Malformed),
            (&["example.org:"], Malformed),
            (&["example.org:99999"], Malformed),
            (&["example.org "], Malformed),
            (&["exa%6dple.org"], Malformed),
            (&["example.org."], Malformed),
            (&["[::1"], Malformed),
            (&[""], Malformed),
            (&[], Missing),
        ] {
            assert_eq!(check(&site(), &parts("/", hosts)).unwrap_err(), error, "{hosts:?}");
        }
        assert_eq!(check(&site(), &parts("http://evil.net/", &["example.org"])).unwrap_err(), Several);
    }

    #[test]
    fn loopback_names_need_a_loopback_listener() {
        let public = Hosts::new(Some("https://example.org"), &[], "0.0.0.0:80".parse().unwrap());
        assert_eq!(check(&public, &parts("/", &["localhost"])).unwrap_err(), HostError::Unknown);
        assert!(Hosts::new(None, &[], "0.0.0.0:80".parse().unwrap()).is_empty());
    }

    proptest! {
        #[test]
        fn what_parses_prints_back(text in "\\PC{0,40}") {
            if let Some(host) = Host::parse(&text) {
                prop_assert!(!host.name.contains(['/', '@', '%', '\\', ' ', '?', '#']));
                prop_assert!(text.to_ascii_lowercase().contains(&host.name));
            }
        }
    }
}
