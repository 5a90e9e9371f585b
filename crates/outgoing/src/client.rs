//! The client: a request passes the gate, and so does each hop of a redirect.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;
use purlin_schema::settings::OutgoingSettings;
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use crate::connect::{exchange, trust, trusting};
use crate::{Gate, Refused, System, body};

/// How much of an answer is taken.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For everything from the name to the last byte, redirects included.
    pub time: Duration,
    /// Bytes of the body, as they come and after decompression.
    pub body_bytes: usize,
    /// How many redirects are followed; only of GET and HEAD. Without, one is the answer.
    pub redirects: u8,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { time: Duration::from_secs(10), body_bytes: 1 << 20, redirects: 3 }
    }
}

/// Headers that a caller may not set: they are the connection's.
const CONNECTIONS_OWN: &[HeaderName] = &[
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::UPGRADE,
    header::ACCEPT_ENCODING,
    header::EXPECT,
];

/// The authorities of the system are read once.
static SYSTEM: OnceLock<Arc<ClientConfig>> = OnceLock::new();

/// Sends requests on behalf of a site. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    gate: Gate,
    tls: Option<Arc<ClientConfig>>,
}

impl Client {
    /// By the settings of a site and the system's resolver.
    #[must_use]
    pub fn of(settings: &OutgoingSettings) -> Client {
        Client::through(Gate::new(&settings.allow, Arc::new(System)))
    }

    /// Through a gate of one's own.
    #[must_use]
    pub fn through(gate: Gate) -> Client {
        Client { gate, tls: None }
    }

    /// Believes these authorities and no others.
    #[must_use]
    pub fn believing(self, roots: RootCertStore) -> Client {
        Client { tls: Some(trusting(roots)), ..self }
    }

    /// Sends a request. Of its headers those that are the connection's are written here.
    ///
    /// # Errors
    /// Why there is no answer. Any status is one.
    pub async fn send(
        &self,
        request: Request<Vec<u8>>,
        limits: Limits,
    ) -> Result<Response<Vec<u8>>, Refused> {
        let url = self.gate.url(&request.uri().to_string())?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let sent = tokio::time::timeout(limits.time, self.follow(url, request, limits)).await;
        sent.unwrap_or_else(|_elapsed| Err(Refused::TooSlow(host)))
    }

    async fn follow(
        &self,
        mut url: Url,
        request: Request<Vec<u8>>,
        limits: Limits,
    ) -> Result<Response<Vec<u8>>, Refused> {
        let (parts, body) = request.into_parts();
        let mut headers = parts.headers;
        for name in CONNECTIONS_OWN {
            headers.remove(name);
        }
        let follows = matches!(parts.method, Method::GET | Method::HEAD) && limits.redirects > 0;
        let mut hops = 0;
        loop {
            let addresses = self.gate.addresses(&url).await?;
            let request = written(&parts.method, &url, &headers, body.clone())?;
            let tls = self.tls.as_ref().unwrap_or_else(|| SYSTEM.get_or_init(trust));
            let response = exchange(&url, &addresses, tls, request).await?;
            let host = url.host_str().unwrap_or_default();
            if !(follows && is_redirect(response.status())) {
                let (parts, incoming) = response.into_parts();
                let body = body::read(host, &parts.headers, incoming, limits.body_bytes).await?;
                return Ok(Response::from_parts(parts, body));
            }
            hops += 1;
            if hops > limits.redirects {
                return Err(Refused::Redirect { host: host.to_owned(), why: "too often" });
            }
            let next = self.next(&url, response.headers())?;
            if next.origin() != url.origin() {
                forget_credentials(&mut headers);
            }
            url = next;
        }
    }

    /// Where a redirect leads. Its URL passes the gate as the first one did.
    fn next(&self, url: &Url, headers: &HeaderMap) -> Result<Url, Refused> {
        let host = || url.host_str().unwrap_or_default().to_owned();
        let refuse = |why| Refused::Redirect { host: host(), why };
        let place = headers.get(header::LOCATION).and_then(|place| place.to_str().ok());
        let mut next = url.join(place.ok_or_else(|| refuse("nowhere"))?).map_err(|_| refuse("nowhere"))?;
        next.set_fragment(None);
        self.gate.fits(&next)?;
        if url.scheme() == "https" && next.scheme() != "https" {
            return Err(refuse("from https to plain http"));
        }
        Ok(next)
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// What shows who asks is for one origin alone.
fn forget_credentials(headers: &mut HeaderMap) {
    let secret: Vec<HeaderName> = headers
        .iter()
        .filter(|(name, value)| {
            let own = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION, header::REFERER];
            // A caller marks what else is one.
            own.contains(name) || value.is_sensitive()
        })
        .map(|(name, _)| name.clone())
        .collect();
    for name in secret {
        headers.remove(name);
    }
}

/// A request as it goes over the wire.
fn written(
    method: &Method,
    url: &Url,
    headers: &HeaderMap,
    body: Vec<u8>,
) -> Result<Request<Full<Bytes>>, Refused> {
    let wrong = |_| Refused::Url("cannot be asked for");
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut request = Request::builder().method(method).uri(path).body(Full::from(body)).map_err(wrong)?;
    *request.headers_mut() = headers.clone();
    let host = HeaderValue::from_str(authority).map_err(|_| Refused::Url("has no host"))?;
    request.headers_mut().insert(header::HOST, host);
    request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    if !request.headers().contains_key(header::USER_AGENT) {
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("Purlin"));
    }
    Ok(request)
}
