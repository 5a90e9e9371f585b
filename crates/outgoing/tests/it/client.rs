//! What the client does where nobody lies.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use purlin_outgoing::{Gate, Limits, Refused};
use purlin_schema::settings::{Allowed, Place};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::RootCertStore;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::servers::{Liar, Server, client};

fn get(url: &str) -> Request<Vec<u8>> {
    Request::get(url).body(Vec::new()).expect("a request")
}

#[tokio::test]
async fn a_request_is_answered() {
    let server = Server::saying("HTTP/1.1 201 Created\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello").await;
    let (client, resolver) = client(Liar::default().says("app.test", &[&["127.0.0.1"]]), &[server.allowed()]);
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://app.test:{}/a/b?c=d", server.address.port()))
        .header("authorization", "Bearer x")
        .header("host", "evil.test")
        .body(b"body".to_vec())
        .expect("a request");
    let answer = client.send(request, Limits::default()).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.body().as_slice()), (201, b"hello".as_slice()));
    assert_eq!(answer.headers()["x-a"], "b");
    let head = server.heads().pop().expect("a request").to_lowercase();
    assert!(head.starts_with("post /a/b?c=d http/1.1\r\n"), "{head}");
    for line in [
        &format!("host: app.test:{}", server.address.port()),
        "authorization: bearer x",
        "content-length: 4",
        "accept-encoding: gzip",
    ] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
    }
    assert!(!head.contains("evil"), "{head}");
    assert_eq!(resolver.asked(), 1, "and not once more for the connection");
}

#[tokio::test]
async fn what_is_packed_is_unpacked() {
    use std::io::Write;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(&[b'a'; 5000]).expect("memory");
    let packed = packer.finish().expect("memory");
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", packed.len())
            .into_bytes();
    answer.extend_from_slice(&packed);
    let server = Server::saying(answer).await;
    let (client, _) = client(Liar::default(), &[server.allowed()]);
    let answer = client.send(get(&format!("http://{}/", server.address)), Limits::default()).await;
    assert_eq!(answer.expect("an answer").body(), &[b'a'; 5000]);
}

#[tokio::test]
async fn the_owner_names_where_else_requests_may_go() {
    let server = Server::saying("HTTP/1.1 204 No Content\r\n\r\n").await;
    let port = server.address.port();
    let place = |place, port| Allowed { place, port };
    let name = || Place::Name("id.intern".to_owned());
    let network = || Place::Network("127.0.0.0/8".parse().expect("a network"));
    for (url, allowed, lets) in [
        ("http://id.intern", place(name(), None), true),
        ("http://ID.intern.", place(name(), None), true),
        ("http://id.intern", place(name(), Some(port)), true),
        ("http://id.intern", place(name(), Some(1)), false),
        ("http://other.intern", place(name(), None), false),
        ("http://127.0.0.1", place(name(), None), false),
        ("http://127.0.0.1", place(network(), None), true),
        ("http://2130706433", place(network(), None), true),
        ("http://other.intern", place(network(), None), true),
        ("http://id.intern", place(Place::Network("10.0.0.0/8".parse().expect("a network")), None), false),
    ] {
        let resolver =
            Liar::default().says("id.intern", &[&["127.0.0.1"]]).says("other.intern", &[&["127.0.0.1"]]);
        let (client, _) = client(resolver, std::slice::from_ref(&allowed));
        let answer = client.send(get(&format!("{url}:{port}/")), Limits::default()).await;
        match answer {
            Ok(answer) => assert!(lets && answer.status() == 204, "{url} {allowed:?}"),
            Err(Refused::Address { .. }) => assert!(!lets, "{url} {allowed:?}"),
            Err(error) => panic!("{url}: {error}"),
        }
    }
}

#[tokio::test]
async fn tls_is_checked_by_name_and_authority() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["id.intern".to_owned()]).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key))
        .expect("TLS");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            let _ = stream.shutdown().await;
        }
    });
    let allowed = [Allowed { place: Place::Network("127.0.0.1".parse().expect("an address")), port: None }];
    let resolver =
        || Liar::default().says("id.intern", &[&["127.0.0.1"]]).says("other.intern", &[&["127.0.0.1"]]);
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).expect("an authority");
    let stranger = client(resolver(), &allowed).0;
    let knowing = client(resolver(), &allowed).0.believing(roots);
    let limits = Limits { time: Duration::from_secs(20), ..Limits::default() };
    let own = format!("https://id.intern:{port}/");
    assert_eq!(knowing.send(get(&own), limits).await.expect("an answer").body(), b"ok");
    for (client, url) in [
        (&stranger, own),
        (&knowing, format!("https://other.intern:{port}/")),
        (&knowing, format!("https://127.0.0.1:{port}/")),
    ] {
        let error = client.send(get(&url), limits).await.expect_err(&url);
        assert!(matches!(error, Refused::Unreachable { .. }), "{url}: {error}");
    }
}

#[test]
fn a_gate_says_what_it_lets_through_before_anything_is_asked() {
    let gate = Gate::new(&[], Arc::new(Liar::default()));
    assert_eq!(gate.url("https://example.com/a b").expect("a URL").as_str(), "https://example.com/a%20b");
    assert!(gate.url("ftp://example.com/").is_err());
}
