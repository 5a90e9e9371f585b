//! Somebody with a browser: requests to a site in this process, with cookies kept between them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use http::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt;
use purlin_server::{App, RequestBody};

/// The host that tests ask for.
pub const HOST_NAME: &str = "127.0.0.1:8080";

/// Somebody with a browser.
#[derive(Clone)]
pub struct Client {
    app: App,
    cookies: BTreeMap<String, String>,
    /// Headers of every request; `origin` and `host` are a browser's unless they stand here.
    pub headers: Vec<(String, String)>,
    /// Where it sits; on this machine where that is not said.
    pub peer: Option<IpAddr>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Client {
    /// Somebody who has not been here before.
    #[must_use]
    pub fn new(app: App) -> Client {
        Client { app, cookies: BTreeMap::new(), headers: Vec::new(), peer: None }
    }

    /// Sends a request.
    ///
    /// # Panics
    /// Where the method, the path or a header is none.
    pub async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = Request::builder().method(method).uri(path).header(HOST, HOST_NAME);
        let own: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let given = || own.iter().chain(headers);
        if !given().any(|(name, _)| name.eq_ignore_ascii_case("origin")) {
            request = request.header(ORIGIN, format!("http://{HOST_NAME}"));
        }
        if !self.cookies.is_empty() && !given().any(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
            let cookies: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, cookies.join("; "));
        }
        let mut request = request.body(RequestBody::from(body.to_owned())).expect("a request");
        for (name, value) in given() {
            let name: HeaderName = name.parse().expect("a header's name");
            let value = HeaderValue::from_str(value).expect("a header's value");
            if name == HOST {
                request.headers_mut().insert(name, value);
            } else if value != "-" {
                request.headers_mut().append(name, value);
            }
        }
        let response = match self.peer {
            Some(peer) => self.app.handle_from(request, peer).await,
            None => self.app.handle(request).await,
        };
        let (parts, body) = response.into_parts();
        self.remember(&parts.headers);
        let body = body.collect().await.expect("a body").to_bytes().to_vec();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    /// `GET`.
    pub async fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, &[], "").await
    }

    /// Sends JSON.
    pub async fn json(&mut self, method: &str, path: &str, body: &serde_json::Value) -> Reply {
        self.send(method, path, &[(CONTENT_TYPE.as_str(), "application/json")], &body.to_string()).await
    }

    /// Posts a form, as a browser does.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send("POST", path, &[(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")], &body).await
    }

    /// Signs in on the sign-in page.
    ///
    /// # Panics
    /// Where that is refused.
    pub async fn sign_in(&mut self, email: &str, password: &str) {
        let reply = self.post("/login", &[("email", email), ("password", password)]).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.text());
    }

    /// The cookies that are kept, by name.
    #[must_use]
    pub fn cookies(&self) -> &BTreeMap<String, String> {
        &self.cookies
    }

    /// Plants a cookie.
    pub fn plant(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    fn remember(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all(SET_COOKIE) {
            let text = cookie.to_str().unwrap_or_default();
            let pair = text.split(';').next().unwrap_or_default();
            let Some((name, value)) = pair.split_once('=') else { continue };
            if value.is_empty() || text.to_ascii_lowercase().contains("max-age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Reply {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// A header as text; empty where it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
