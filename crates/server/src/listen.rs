//! The listener: connections in, bounded in number, in time and in what each may hold.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::app::App;
use crate::body::RequestBody;
use crate::door::limits::{MAX_HEADER_BYTES, MAX_HEADERS, MAX_TARGET_BYTES};
use wire::Wire;

mod wire;

/// For the head of a request to arrive; between two of them too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// For requests under way when the server stops.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(25);
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 128;
/// After a listener's error that is nobody's fault (no file handle left).
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` is ready, then finishes what is under way and returns.
///
/// # Errors
/// Where the listener's address cannot be told.
pub async fn serve(
    app: App,
    listener: TcpListener,
    max_connections: usize,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    listener.local_addr()?;
    let max_connections = max_connections.clamp(1, Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(max_connections));
    let (closing, _) = watch::channel(false);
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        if let Some((stream, peer, place)) = accepted {
            tokio::spawn(connection(app.clone(), stream, peer, place, closing.subscribe()));
        }
    }
    drop(listener);
    app.close();
    closing.send_replace(true);
    let all = u32::try_from(max_connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(CLOSING_TIMEOUT, places.acquire_many(all)).await.is_err() {
        tracing::warn!(
            "some requests did not end in {} seconds; they are cut off",
            CLOSING_TIMEOUT.as_secs()
        );
    }
    Ok(())
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            // One that went away before it was taken is not worth a word.
            if error.kind() != io::ErrorKind::ConnectionAborted {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(PAUSE).await;
            }
            None
        }
    }
}

async fn connection(
    app: App,
    stream: TcpStream,
    peer: SocketAddr,
    _place: OwnedSemaphorePermit,
    mut closing: watch::Receiver<bool>,
) {
    // Answers are written whole, so waiting for more of them to send together would only delay.
    let _ = stream.set_nodelay(true);
    let mut wire = Wire::new(stream);
    let opened = tokio::select! {
        opened = tokio::time::timeout(HEAD_TIMEOUT, wire.is_http2()) => opened,
        _ = closing.wait_for(|closing| *closing) => return,
    };
    let Ok(Ok(is_http2)) = opened else { return };
    let service = service_fn(move |request| answer(app.clone(), request, peer.ip()));
    let io = TokioIo::new(wire);
    // What goes wrong with a connection (a reset, a time-out, a malformed head) is the peer's doing.
    if is_http2 {
        let mut connection = pin!(http2().serve_connection(io, service));
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = closing.wait_for(|closing| *closing) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    } else {
        let mut connection = pin!(http1().serve_connection(io, service));
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = closing.wait_for(|closing| *closing) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}

async fn answer(
    app: App,
    request: Request<Incoming>,
    peer: IpAddr,
) -> Result<http::Response<crate::Body>, std::convert::Infallible> {
    Ok(app.handle_from(request.map(RequestBody::Wire), peer).await)
}

fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEADER_BYTES + MAX_TARGET_BYTES + 8 * 1024);
    builder
}

fn http2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size((MAX_HEADER_BYTES + MAX_TARGET_BYTES) as u32)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}
