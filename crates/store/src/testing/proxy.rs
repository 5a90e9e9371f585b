//! A way to a server that breaks as networks do: it cuts, falls silent, refuses, loses answers, and comes back.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Everything passes.
    Open,
    /// Nobody listens, and what was open is reset.
    Gone,
    /// Connections are taken and reset at once, as is what was open.
    Resets,
    /// Connections are taken, and nothing passes in either direction; those that saw it never come back to life.
    Silent,
    /// Everything passes but what answers a `COMMIT`: in its place comes a reset.
    LosesCommits,
}

/// A listener on loopback that passes on what comes to a server, until it is dropped.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    way: watch::Sender<Way>,
    /// Connections that clients hold open.
    held: Arc<watch::Sender<usize>>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port before the server of a URL.
    ///
    /// # Panics
    /// Where the URL names no IP address with a port.
    pub async fn before(url: &str) -> Proxy {
        let target: SocketAddr = place(url).parse().expect("an address with a port");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (way, held) = (watch::Sender::new(Way::Open), Arc::new(watch::Sender::new(0)));
        let task = tokio::spawn(listen(listener, target, way.clone(), held.clone()));
        Proxy { address, way, held, task }
    }

    /// The URL by which the server is reached through this, in the clear: a commit must be seen to be lost.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let separator = if url.contains('?') { '&' } else { '?' };
        let through = url.replacen(place(url), &self.address.to_string(), 1);
        format!("{through}{separator}sslmode=disable")
    }

    /// Changes the way.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Waits until clients hold no more than so many connections.
    pub async fn holds_at_most(&self, most: usize) {
        let _ = self.held.subscribe().wait_for(|held| *held <= most).await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// `127.0.0.1:5432` of a URL.
fn place(url: &str) -> &str {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    let end = after.find('/').unwrap_or(after.len());
    after[..end].rsplit('@').next().unwrap_or_default()
}

async fn listen(
    listener: TcpListener,
    target: SocketAddr,
    way: watch::Sender<Way>,
    held: Arc<watch::Sender<usize>>,
) {
    let address = listener.local_addr().expect("an address");
    let mut listener = Some(listener);
    let mut changes = way.subscribe();
    loop {
        let now = *changes.borrow_and_update();
        if now == Way::Gone {
            listener = None;
        } else if listener.is_none() {
            listener = Some(TcpListener::bind(address).await.expect("the port that was ours"));
        }
        let next = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            taken = next => if let Ok((client, _)) = taken {
                let (way, held) = (way.subscribe(), held.clone());
                tokio::spawn(async move {
                    held.send_modify(|held| *held += 1);
                    carry(client, target, way).await;
                    held.send_modify(|held| *held -= 1);
                });
            }
        }
    }
}

/// Carries one connection to its end.
async fn carry(client: TcpStream, target: SocketAddr, mut way: watch::Receiver<Way>) {
    // What is dropped is reset, as by a machine that is gone.
    let _ = client.set_zero_linger();
    let (mut client_reads, mut client_writes) = client.into_split();
    let server = if *way.borrow() == Way::Resets { None } else { TcpStream::connect(target).await.ok() };
    let Some(server) = server else { return };
    let (mut server_reads, mut server_writes) = server.into_split();
    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let mut silent = false;
    let mut committing = false;
    loop {
        let now = *way.borrow_and_update();
        silent |= now == Way::Silent;
        if matches!(now, Way::Gone | Way::Resets) {
            return;
        }
        tokio::select! {
            biased;
            changed = way.changed() => if changed.is_err() { return },
            read = client_reads.read(&mut up) => {
                let Some(bytes) = some(read, &up) else { return };
                committing |= now == Way::LosesCommits && bytes.windows(6).any(|six| six == b"COMMIT");
                if !pass(bytes, &mut server_writes, silent).await { return }
            }
            read = server_reads.read(&mut down), if !silent => {
                let Some(bytes) = some(read, &down) else { return };
                // Whatever follows a commit is taken for its answer; the server has done it by then.
                if committing || !pass(bytes, &mut client_writes, silent).await { return }
            }
        }
    }
}

fn some(read: std::io::Result<usize>, buffer: &[u8]) -> Option<&[u8]> {
    read.ok().filter(|count| *count > 0).map(|count| &buffer[..count])
}

async fn pass(bytes: &[u8], to: &mut OwnedWriteHalf, silent: bool) -> bool {
    silent || to.write_all(bytes).await.is_ok()
}
