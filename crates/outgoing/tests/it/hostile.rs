//! Attack 38, and servers that would have a client wait, read or unpack without end.

use std::io::Write;
use std::time::{Duration, Instant};

use http::{Method, Request};
use purlin_outgoing::{Limits, Refused};
use tokio::io::AsyncWriteExt;

use crate::servers::{Liar, Server, client};

fn get(url: &str) -> Request<Vec<u8>> {
    Request::get(url).body(Vec::new()).expect("a request")
}

fn short() -> Limits {
    Limits { time: Duration::from_millis(500), ..Limits::default() }
}

#[tokio::test]
async fn attack_38_no_number_in_any_form_leads_to_this_machine() {
    let server = Server::saying("HTTP/1.1 200 OK\r\n\r\nsecret").await;
    let port = server.address.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0.0.0.0",
        "127.0.0.1.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[::ffff:0:127.0.0.1]",
        "[fe80::1]",
        "169.254.169.254",
        "0xa9fea9fe",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "168.63.129.16",
        "10.0.0.1",
        "192.168.0.1",
        "255.255.255.255",
        "224.0.0.1",
    ] {
        let (client, _) = client(Liar::default(), &[]);
        let request = Request::get(format!("http://{host}:{port}/")).body(Vec::new());
        // What is no URI at all cannot be asked for either.
        let Ok(request) = request else { continue };
        let error = client.send(request, short()).await.expect_err(host);
        assert!(matches!(error, Refused::Address { .. } | Refused::Url(_)), "{host}: {error:?}");
    }
    // Names in which digits and dots are written otherwise mean the same (UTS #46).
    for url in
        ["http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/", "http://１２７.0.0.1/", "http://%31%32%37.0.0.1/"]
    {
        let gate = purlin_outgoing::Gate::new(&[], std::sync::Arc::new(Liar::default()));
        let url = gate.url(url).expect("a URL");
        assert_eq!(url.host_str(), Some("127.0.0.1"), "and that is what is looked at");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn attack_38_a_name_that_leads_to_a_single_private_address_is_refused() {
    let server = Server::saying("HTTP/1.1 200 OK\r\n\r\nsecret").await;
    let port = server.address.port();
    for answer in [
        &["127.0.0.1"][..],
        &["93.184.216.34", "127.0.0.1"],
        &["127.0.0.1", "93.184.216.34"],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["169.254.169.254"],
    ] {
        let (client, resolver) = client(Liar::default().says("evil.test", &[answer]), &[]);
        let error =
            client.send(get(&format!("http://evil.test:{port}/")), short()).await.expect_err("refused");
        assert!(matches!(error, Refused::Address { .. }), "{answer:?}: {error:?}");
        assert_eq!(resolver.asked(), 1);
    }
    let (client, _) = client(Liar::default().says("empty.test", &[&[]]), &[]);
    for url in ["http://empty.test/", "http://absent.test/"] {
        assert!(matches!(client.send(get(url), short()).await, Err(Refused::Unresolved(_))), "{url}");
    }
    assert_eq!(server.connections(), 0);
}

/// Where a name means something else a moment later, the connection goes where the check looked.
#[tokio::test]
async fn attack_38_rebinding_gains_nothing() {
    let (good, evil) = (
        Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood").await,
        Server::saying("HTTP/1.1 200 OK\r\n\r\nevil").await,
    );
    // The good one stands for a public server: it alone is let through, by its port.
    let resolver = Liar::default().says("rebind.test", &[&["127.0.0.1"], &["127.0.0.2"], &["::1"]]);
    let (client, resolver) = client(resolver, &[good.allowed()]);
    let url = format!("http://rebind.test:{}/", good.address.port());
    assert_eq!(client.send(get(&url), Limits::default()).await.expect("an answer").body(), b"good");
    assert_eq!(resolver.asked(), 1, "the name is not resolved again to connect");
    let error = client.send(get(&url), short()).await.expect_err("it leads elsewhere now");
    assert!(matches!(error, Refused::Address { .. }), "{error:?}");
    assert_eq!((good.connections(), evil.connections()), (1, 0));
}

#[tokio::test]
async fn attack_38_each_hop_of_a_redirect_is_looked_at() {
    let secret = Server::saying("HTTP/1.1 200 OK\r\n\r\nsecret").await;
    let port = secret.address.port();
    for place in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://127.1:{port}/"),
        format!("//127.0.0.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://inner.test:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1:6379/_x".to_owned(),
        "http://a:b@example.com/".to_owned(),
        "http://example.com:25/".to_owned(),
    ] {
        for status in [301, 302, 303, 307, 308] {
            let server = Server::saying(format!(
                "HTTP/1.1 {status} X\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n"
            ))
            .await;
            let resolver = Liar::default().says("inner.test", &[&["127.0.0.1"]]);
            let (client, _) = client(resolver, &[server.allowed()]);
            let error = client.send(get(&format!("http://{}/", server.address)), Limits::default()).await;
            let error = error.expect_err(&place);
            assert!(matches!(error, Refused::Address { .. } | Refused::Url(_)), "{place}: {error:?}");
        }
    }
    assert_eq!(secret.connections(), 0);
}

#[tokio::test]
async fn attack_38_credentials_stay_with_their_origin() {
    let other = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let place = format!("http://{}/there", other.address);
    let first =
        Server::saying(format!("HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n")).await;
    let (client, _) = client(Liar::default(), &[first.allowed(), other.allowed()]);
    let mut request = get(&format!("http://{}/", first.address));
    for (name, value) in
        [("authorization", "Bearer s3cret"), ("cookie", "a=s3cret"), ("accept", "text/plain")]
    {
        request.headers_mut().insert(name, value.parse().expect("a value"));
    }
    let mut key = http::HeaderValue::from_static("s3cret");
    key.set_sensitive(true);
    request.headers_mut().insert("x-api-key", key);
    assert_eq!(client.send(request, Limits::default()).await.expect("an answer").body(), b"ok");
    assert_eq!(first.heads()[0].matches("s3cret").count(), 3);
    assert!(!other.heads()[0].contains("s3cret"), "{}", other.heads()[0]);
    assert!(other.heads()[0].contains("text/plain"), "{}", other.heads()[0]);
}

#[tokio::test]
async fn redirects_end_and_what_is_posted_goes_nowhere_else() {
    let endless = Server::saying("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n").await;
    let (client, _) = client(Liar::default(), &[endless.allowed()]);
    let url = format!("http://{}/", endless.address);
    let error = client.send(get(&url), Limits::default()).await.expect_err("it has no end");
    assert!(matches!(error, Refused::Redirect { why: "too often", .. }), "{error:?}");
    assert_eq!(endless.connections(), 4);
    let post = Request::builder()
        .method(Method::POST)
        .uri(&url)
        .body(b"client_secret=x".to_vec())
        .expect("a request");
    assert_eq!(client.send(post, Limits::default()).await.expect("the redirect itself").status(), 302);
    assert_eq!(endless.connections(), 5);
}

#[tokio::test]
async fn attack_38_other_protocols_and_ports_are_refused() {
    let (client, resolver) = client(Liar::default(), &[]);
    for url in [
        "ftp://example.com/",
        "ws://example.com/",
        "http://example.com:22/",
        "http://example.com:25/",
        "http://example.com:6379/",
        "http://example.com:11211/",
        "http://example.com:0/",
        "http://user@example.com/",
        "https://user:password@example.com/",
    ] {
        let error = client.send(get(url), short()).await.expect_err(url);
        assert!(matches!(error, Refused::Url(_)), "{url}: {error:?}");
        assert!(!error.to_string().contains("password@"), "{error}");
    }
    assert_eq!(resolver.asked(), 0);
}

/// Sends a head and then pieces for ever, each after a pause.
async fn dripping(head: &'static str, piece: &'static [u8], pause: Duration) -> Server {
    Server::doing(move |mut stream| async move {
        let _ = stream.write_all(head.as_bytes()).await;
        while stream.write_all(piece).await.is_ok() {
            tokio::time::sleep(pause).await;
        }
    })
    .await
}

#[tokio::test]
async fn an_endless_body_ends() {
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"] {
        let server = dripping(head, &[b'a'; 65_536], Duration::ZERO).await;
        let (client, _) = client(Liar::default(), &[server.allowed()]);
        let error = client.send(get(&format!("http://{}/", server.address)), Limits::default()).await;
        assert!(matches!(error, Err(Refused::TooLong(_))), "{head}: {error:?}");
    }
    let chunks =
        dripping("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"4\r\naaaa\r\n", Duration::ZERO)
            .await;
    let (client, _) = client(Liar::default(), &[chunks.allowed()]);
    let error = client
        .send(get(&format!("http://{}/", chunks.address)), Limits { body_bytes: 10_000, ..Limits::default() })
        .await;
    assert!(matches!(error, Err(Refused::TooLong(_))), "{error:?}");
}

#[tokio::test]
async fn a_slow_answer_ends() {
    let pause = Duration::from_millis(20);
    for head in ["", "HTTP/1.1 200 OK\r\nX-Slow: ", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"] {
        let server = dripping(head, b"a", pause).await;
        let (client, _) = client(Liar::default(), &[server.allowed()]);
        let began = Instant::now();
        let error =
            client.send(get(&format!("http://{}/", server.address)), short()).await.expect_err("it ends");
        assert!(matches!(error, Refused::TooSlow(_) | Refused::Unreachable { .. }), "{head}: {error:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{head}");
    }
}

#[tokio::test]
async fn an_endless_head_ends() {
    let server = dripping(
        "HTTP/1.1 200 OK\r\n",
        b"X-A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n",
        Duration::ZERO,
    )
    .await;
    let (client, _) = client(Liar::default(), &[server.allowed()]);
    let error = client.send(get(&format!("http://{}/", server.address)), Limits::default()).await;
    assert!(matches!(error, Err(Refused::Unreachable { .. })), "{error:?}");
}

#[tokio::test]
async fn a_gzip_bomb_goes_off_in_a_small_space() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let zeros = vec![0; 1 << 20];
    for _ in 0..32 {
        packer.write_all(&zeros).expect("memory");
    }
    let bomb = packer.finish().expect("memory");
    assert!(bomb.len() < 100_000, "it is small on the way: {}", bomb.len());
    let answer = |encoding: &str, body: &[u8]| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    for (encoding, body, long) in [
        ("gzip", bomb.as_slice(), true),
        ("gzip", b"no gzip at all", false),
        ("gzip", &bomb[..100], false),
        ("gzip, gzip", bomb.as_slice(), false),
        ("br", b"x", false),
        ("deflate", b"x", false),
    ] {
        let server = Server::saying(answer(encoding, body)).await;
        let (client, _) = client(Liar::default(), &[server.allowed()]);
        let error = client.send(get(&format!("http://{}/", server.address)), Limits::default()).await;
        match error {
            Err(Refused::TooLong(_)) => assert!(long, "{encoding}"),
            Err(Refused::Encoding(_)) => assert!(!long, "{encoding}"),
            other => panic!("{encoding}: {other:?}"),
        }
    }
}
