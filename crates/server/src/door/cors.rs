//! Which other sites' pages may use the API (Fetch §3.2): those whose origins the owner has named, word for word.
//!
//! What a request says is compared with the list and never given back: the answer has the list's own text. The cookie comes
//! along only where the owner says so, and a page from elsewhere that may not have it is refused where it brings it.

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use purlin_schema::settings::CorsSettings;

use crate::answer;
use crate::body::Body;

/// What the API takes.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// What its clients send besides what every page may.
const TAKEN: &str = "Authorization, Content-Type, If-Match, If-None-Match, Purlin-Written";
/// What they read besides.
const SHOWN: &str = "ETag, Location, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Purlin-Written";

/// The list, as headers.
pub struct Cors {
    origins: Box<[HeaderValue]>,
    everybody: bool,
    credentials: bool,
    max_age: HeaderValue,
}

impl Cors {
    /// That of a site, where any other may use its API.
    #[must_use]
    pub fn of(settings: &CorsSettings) -> Option<Cors> {
        let origins = settings.origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
        settings.is_on().then(|| Cors {
            origins: origins.collect(),
            everybody: settings.everybody,
            credentials: settings.credentials,
            max_age: HeaderValue::from(settings.max_age.as_secs()),
        })
    }

    /// Whether an unsafe request of another site's page may come in: it is one of the list, and has no cookie unless it
    /// may.
    #[must_use]
    pub fn lets_in(&self, request: &Parts) -> bool {
        self.named(&request.headers).is_some()
            && (self.credentials || !request.headers.contains_key(header::COOKIE))
    }

    /// The answer to a browser that asks before it sends what a page would like to.
    #[must_use]
    pub fn preflight(&self, request: &Parts) -> Option<Response<Body>> {
        let asks = request.method == Method::OPTIONS
            && request.headers.contains_key(header::ORIGIN)
            && request.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        asks.then(|| {
            let mut response = answer::empty(StatusCode::NO_CONTENT);
            let headers = response.headers_mut();
            if self.named(&request.headers).is_some() {
                headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
                headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(TAKEN));
                headers.insert(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
            }
            response
        })
    }

    /// Says in an answer of the API whether the asker's page may read it.
    pub fn dress(&self, request: &HeaderMap, response: &mut HeaderMap) {
        if !self.everybody {
            // Also where no origin asks: what a cache keeps of one is not for another.
            response.append(header::VARY, HeaderValue::from_name(header::ORIGIN));
        }
        let Some(origin) = self.named(request) else { return };
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(SHOWN));
        if self.credentials {
            response.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }

    /// The list's own text for the one origin that a request names.
    fn named(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut given = headers.get_all(header::ORIGIN).iter();
        let (origin, None) = (given.next()?, given.next()) else { return None };
        let known = self.origins.iter().find(|known| *known == origin).cloned();
        known.or_else(|| self.everybody.then(|| HeaderValue::from_static("*")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origins: &[&str], credentials: bool) -> Cors {
        let named = origins.iter().filter(|origin| **origin != "*").map(|origin| (*origin).to_owned());
        let everybody = origins.contains(&"*");
        let max_age = std::time::Duration::from_secs(60);
        Cors::of(&CorsSettings { origins: named.collect(), everybody, credentials, max_age }).unwrap()
    }

    fn ask(method: &str, headers: &[(&'static str, &'static str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri("/api/posts");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn dressed(cors: &Cors, request: &Parts) -> HeaderMap {
        let mut headers = HeaderMap::new();
        cors.dress(&request.headers, &mut headers);
        headers
    }

    #[test]
    fn attack_10_an_origin_is_one_of_the_list_word_for_word() {
        let cors = cors(&["https://app.example.com"], true);
        for other in [
            "https://app.example.com.evil.net",
            "https://evil.net/https://app.example.com",
            "https://xapp.example.com",
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://APP.example.com",
            "https://app.example.com/",
            "null",
            "*",
            "",
        ] {
            let request = ask("POST", &[("origin", other)]);
            assert!(!dressed(&cors, &request).contains_key("access-control-allow-origin"), "{other}");
            assert!(!cors.lets_in(&request), "{other}");
            let asks = ask("OPTIONS", &[("origin", other), ("access-control-request-method", "DELETE")]);
            assert!(!cors.preflight(&asks).unwrap().headers().contains_key("access-control-allow-methods"));
        }
        let own = ("origin", "https://app.example.com");
        let two = ask("POST", &[own, own]);
        assert!(!cors.lets_in(&two) && !dressed(&cors, &two).contains_key("access-control-allow-origin"));
        let headers = dressed(&cors, &ask("POST", &[own]));
        assert_eq!(headers["access-control-allow-origin"], "https://app.example.com");
        assert_eq!(headers["access-control-allow-credentials"], "true");
        assert_eq!(headers["vary"], "origin");
        assert_eq!(dressed(&cors, &ask("GET", &[]))["vary"], "origin");
    }

    #[test]
    fn attack_10_a_cookie_comes_only_where_it_may() {
        let own = ("origin", "https://app.example.com");
        let with_cookie = ask("POST", &[own, ("cookie", "a=b")]);
        assert!(cors(&["https://app.example.com"], true).lets_in(&with_cookie));
        let without = cors(&["https://app.example.com"], false);
        assert!(!without.lets_in(&with_cookie) && without.lets_in(&ask("POST", &[own])));
        assert!(!dressed(&without, &with_cookie).contains_key("access-control-allow-credentials"));
        let everybody = cors(&["*"], false);
        assert!(!everybody.lets_in(&with_cookie) && everybody.lets_in(&ask("POST", &[own])));
        let headers = dressed(&everybody, &with_cookie);
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert!(!headers.contains_key("access-control-allow-credentials") && !headers.contains_key("vary"));
    }

    #[test]
    fn a_preflight_is_told_what_may_be_sent() {
        let cors = cors(&["https://app.example.com"], false);
        let origin = ("origin", "https://app.example.com");
        let asks = [
            origin,
            ("access-control-request-method", "PATCH"),
            ("access-control-request-headers", "x-evil"),
        ];
        let response = cors.preflight(&ask("OPTIONS", &asks)).unwrap();
        assert_eq!(response.status(), 204);
        assert!(response.headers()["access-control-allow-methods"].to_str().unwrap().contains("PATCH"));
        assert!(!response.headers()["access-control-allow-headers"].to_str().unwrap().contains("x-evil"));
        assert_eq!(response.headers()["access-control-max-age"], "60");
        assert!(cors.preflight(&ask("OPTIONS", &[origin])).is_none());
        assert!(cors.preflight(&ask("GET", &asks)).is_none());
    }
}
