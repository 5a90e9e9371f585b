//! A real listener, spoken to byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use axum::routing::get;
use purlin_server::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::site::Site;

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
    _site: Site,
}

async fn serve(config: Config, max_connections: usize) -> Server {
    let site = Site::with(config, &[]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) };
    let task = tokio::spawn(purlin_server::serve(site.app.clone(), listener, max_connections, shutdown));
    Server { address, stop, task, _site: site }
}

/// Sends bytes and reads until the server closes the connection.
async fn raw(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection stayed open after {bytes:?}: {}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn attack_36_ambiguous_framing_is_refused() {
    let server = serve(Config::default(), 100).await;
    let good =
        raw(server.address, "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert!(good.starts_with("HTTP/1.1 200 ") && good.ends_with("ok\n"), "{good}");
    for head in [
        "content-length: 4\r\ncontent-length: 5",
        "content-length: 4, 5",
        "content-length: -1",
        "content-length: +4",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: xchunked",
        "x-folded: a\r\n b",
        "x space: a",
        "x-nul: a\0b",
        " host: localhost",
    ] {
        let request = format!("POST /healthz HTTP/1.1\r\nhost: localhost\r\n{head}\r\n\r\nabcd");
        let answer = raw(server.address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{head:?}");
    }
    // Both lengths: whichever counts, what follows is no second request.
    for both in
        ["content-length: 4\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 4"]
    {
        let request = format!(
            "POST /healthz HTTP/1.1\r\nhost: localhost\r\n{both}\r\n\r\n0\r\n\r\nGET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n"
        );
        let answer = raw(server.address, &request).await;
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{both:?}: {answer}");
        assert!(answer.starts_with("HTTP/1.1 4"), "{both:?}: {answer}");
    }
}

#[tokio::test]
async fn heads_are_bounded_on_the_wire() {
    let server = serve(Config::default(), 100).await;
    let many: String = (0..200).map(|at| format!("x-{at}: 1\r\n")).collect();
    let answer = raw(server.address, &format!("GET / HTTP/1.1\r\nhost: localhost\r\n{many}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let long =
        format!("GET /{} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", "a".repeat(10_000));
    assert!(raw(server.address, &long).await.starts_with("HTTP/1.1 414 "));
}

#[tokio::test]
async fn attack_21_a_body_without_end_is_refused_on_the_wire() {
    let server = serve(Config::default(), 100).await;
    let head = "POST /api/auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let answer = raw(server.address, &format!("{head}content-length: 99999999999\r\n\r\n{{")).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn http2_is_spoken() {
    let server = serve(Config::default(), 100).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    stream.write_all(b"\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4, "the first frame is SETTINGS");
}

#[tokio::test]
async fn what_is_under_way_is_finished() {
    let (begun, was_begun) = tokio::sync::watch::channel(false);
    let (go, may_go) = tokio::sync::watch::channel(false);
    let router = axum::Router::new().route(
        "/work",
        get(move || {
            let (begun, mut may_go) = (begun.clone(), may_go.clone());
            async move {
                begun.send_replace(true);
                let _ = may_go.wait_for(|go| *go).await;
                "done"
            }
        }),
    );
    let server = serve(Config { router: Some(router), ..Config::default() }, 100).await;
    let working = tokio::spawn(raw(server.address, "GET /work HTTP/1.1\r\nhost: localhost\r\n\r\n"));
    let mut was_begun = was_begun;
    was_begun.wait_for(|begun| *begun).await.unwrap();
    server.stop.send(()).unwrap();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go.send_replace(true);
    let answer = working.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("done"), "{answer}");
    server.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_waits_for_its_place() {
    let server = serve(Config::default(), 1).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut buffer = [0; 64];
    assert!(first.read(&mut buffer).await.unwrap() > 0);
    let second = tokio::spawn(raw(
        server.address,
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
    ));
    tokio::task::yield_now().await;
    assert!(!second.is_finished());
    drop(first);
    assert!(second.await.unwrap().starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn attack_41_slow_clients_are_let_go() {
    let server = serve(Config::default(), 100).await;
    for begun in [
        "",
        "G",
        "PRI * HT",
        "GET / HTTP/1.1\r\nhost: local",
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        // Time runs ahead whenever everybody waits.
        tokio::time::pause();
        let mut answer = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(120), stream.read_to_end(&mut answer)).await;
        tokio::time::resume();
        assert!(closed.is_ok(), "{begun:?} stayed open");
    }
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /api/auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::pause();
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(120), stream.read_to_end(&mut answer)).await;
    assert!(closed.is_ok() && answer.starts_with(b"HTTP/1.1 503 "), "{}", String::from_utf8_lossy(&answer));
}
