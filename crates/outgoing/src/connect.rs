//! A connection to an address that was checked, and one exchange over it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::Refused;

/// Bytes of an answer's head.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Lines of an answer's head.
const MAX_HEADERS: usize = 200;
/// For one address to take the connection; then the next one is tried.
const CONNECT: Duration = Duration::from_secs(5);
/// So many addresses of a name are tried.
const MOST_TRIES: usize = 4;

/// Sends a request to one of these addresses, the first that takes a connection.
///
/// # Errors
/// [`Refused::Unreachable`].
pub(crate) async fn exchange(
    url: &Url,
    addresses: &[SocketAddr],
    tls: &Arc<ClientConfig>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, Refused> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let unreachable = |why: String| Refused::Unreachable { host: host.clone(), why };
    let stream = connect(addresses).await.map_err(|error| unreachable(whole(&error)))?;
    if url.scheme() != "https" {
        return speak(stream, request).await.map_err(unreachable);
    }
    let name = match url.host() {
        Some(Host::Domain(name)) => {
            ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(|error| error.to_string())
        }
        Some(Host::Ipv4(address)) => Ok(ServerName::from(std::net::IpAddr::V4(address))),
        Some(Host::Ipv6(address)) => Ok(ServerName::from(std::net::IpAddr::V6(address))),
        None => Err("no host".to_owned()),
    };
    let name = name.map_err(unreachable)?;
    let stream = TlsConnector::from(tls.clone())
        .connect(name, stream)
        .await
        .map_err(|error| unreachable(error.to_string()))?;
    speak(stream, request).await.map_err(unreachable)
}

async fn connect(addresses: &[SocketAddr]) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::other("no address");
    for address in addresses.iter().take(MOST_TRIES) {
        match tokio::time::timeout(CONNECT, TcpStream::connect(*address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_elapsed) => last = std::io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// One request over a connection that nothing else uses; it ends with the answer's body.
async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, String> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| whole(&error))?;
    // Ends by itself when the answer was read or let go of.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(|error| whole(&error))
}

/// An error with its causes.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// TLS by the authorities that the system trusts, or, where it names none, those that browsers do.
pub(crate) fn trust() -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    trusting(roots)
}

/// TLS by these authorities.
pub(crate) fn trusting(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has both versions");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
