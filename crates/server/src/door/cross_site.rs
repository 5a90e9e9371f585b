//! Whether an unsafe request comes from the site's own pages.
//!
//! Browsers say where a request comes from: `Sec-Fetch-Site`, or in plain http and old ones `Origin`. No page
//! of another site can forge either, so forms need no hidden token and pages with forms stay cacheable. What
//! carries `Authorization` is no browser's own doing and is left to CORS.

use http::request::Parts;
use http::{HeaderMap, Method, Uri, header};

use super::hosts::Host;

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrossSite {
    /// A page of another site sent it.
    #[error("this request comes from another site")]
    Foreign,
    /// It has a cookie, but does not say where it comes from.
    #[error(
        "a request with a cookie that changes something must say where it comes from: send `Origin`, or `Authorization: Bearer` instead of the cookie"
    )]
    Unsaid,
}

/// Refuses an unsafe request that another site's page may have caused. Where it is known whether the site was asked over
/// `https`, a page of the same host over the other one is another site's.
///
/// # Errors
/// Why.
pub fn check(request: &Parts, host: &Host, https: Option<bool>) -> Result<(), CrossSite> {
    let headers = &request.headers;
    if is_safe(&request.method) || headers.contains_key(header::AUTHORIZATION) {
        return Ok(());
    }
    match only(headers, "sec-fetch-site") {
        Given::Once(b"same-origin" | b"none") => return Ok(()),
        Given::Not => {}
        _ => return Err(CrossSite::Foreign),
    }
    match only(headers, "origin") {
        Given::Once(origin) if is_own(origin, host, https) => Ok(()),
        Given::Not if headers.contains_key(header::COOKIE) => Err(CrossSite::Unsaid),
        Given::Not => Ok(()),
        _ => Err(CrossSite::Foreign),
    }
}

/// Whether a method changes nothing (RFC 9110 §9.2.1).
#[must_use]
pub fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

enum Given<'headers> {
    Not,
    Once(&'headers [u8]),
    Often,
}

fn only<'headers>(headers: &'headers HeaderMap, name: &str) -> Given<'headers> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Given::Not,
        (Some(value), None) => Given::Once(value.as_bytes()),
        _ => Given::Often,
    }
}

/// Whether an origin is the request's own: same host and port, an absent port being the scheme's.
fn is_own(origin: &[u8], host: &Host, https: Option<bool>) -> bool {
    let Some(uri) = std::str::from_utf8(origin).ok().and_then(|text| text.parse::<Uri>().ok()) else {
        return false;
    };
    let default_port = match (uri.scheme_str(), https) {
        (Some("http"), None | Some(false)) => 80,
        // A page that was loaded safely is no worse for it, whatever the last proxy of several says.
        (Some("https"), _) => 443,
        _ => return false,
    };
    let Some(theirs) = uri.authority().and_then(|authority| Host::parse(authority.as_str())) else {
        return false;
    };
    // Without a port, ours is the default of a scheme that a proxy may have taken off: the origin's own.
    theirs.name == host.name && theirs.port.unwrap_or(default_port) == host.port.unwrap_or(default_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(method: &str, headers: &[(&str, &str)]) -> Result<(), CrossSite> {
        let mut request = http::Request::builder().method(method).uri("/login");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let parts = request.body(()).unwrap().into_parts().0;
        check(&parts, &Host { name: "example.org".into(), port: Some(8080) }, None)
    }

    #[test]
    fn attack_10_plain_http_is_another_site_than_https() {
        let ask = |origin: &'static str, https| {
            let request = http::Request::builder().method("POST").header("origin", origin);
            let parts = request.body(()).unwrap().into_parts().0;
            check(&parts, &Host { name: "example.org".into(), port: None }, https)
        };
        assert_eq!(ask("http://example.org", Some(true)), Err(CrossSite::Foreign));
        assert_eq!(ask("https://example.org", Some(false)), Ok(()));
        assert_eq!(ask("https://example.org", Some(true)), Ok(()));
        assert_eq!(ask("http://example.org", Some(false)), Ok(()));
        assert_eq!(ask("https://example.org", None), Ok(()));
    }

    #[test]
    fn attack_10_other_sites_are_refused() {
        for method in ["POST", "PUT", "PATCH", "DELETE", "PURGE"] {
            for headers in [
                &[("sec-fetch-site", "cross-site")][..],
                &[("sec-fetch-site", "same-site")],
                &[("sec-fetch-site", "cross-site"), ("origin", "http://example.org:8080")],
                &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")],
                &[("origin", "null")],
                &[("origin", "http://evil.net")],
                &[("origin", "http://example.org")],
                &[("origin", "http://example.org:8080.evil.net")],
                &[("origin", "ftp://example.org:8080")],
                &[("origin", "http://example.org:8080"), ("origin", "http://evil.net")],
            ] {
                assert_eq!(ask(method, headers), Err(CrossSite::Foreign), "{method} {headers:?}");
            }
            assert_eq!(ask(method, &[("cookie", "a=b")]), Err(CrossSite::Unsaid));
        }
    }

    #[test]
    fn own_pages_and_programs_pass() {
        for headers in [
            &[("sec-fetch-site", "same-origin"), ("cookie", "a=b")][..],
            &[("sec-fetch-site", "none")],
            &[("origin", "http://example.org:8080"), ("cookie", "a=b")],
            &[("authorization", "Bearer x"), ("origin", "http://evil.net"), ("cookie", "a=b")],
            &[],
        ] {
            assert_eq!(ask("POST", headers), Ok(()), "{headers:?}");
        }
        assert_eq!(ask("GET", &[("sec-fetch-site", "cross-site")]), Ok(()));
    }
}
