//! A way to a server that breaks as networks do: it cuts, falls silent, refuses, loses answers, and comes back.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The text by which a statement is known that commits by itself.
pub const BY_ITSELF: &str = "commits by itself";

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
    /// Everything passes but what answers a `COMMIT`, or a statement with [`BY_ITSELF`]: in its place comes a reset.
    LosesCommits,
    /// Everything passes but each `COMMIT` under a name after so many, which is kept until the way is another one, also
    /// for a client that is gone.
    KeepsCommits(usize),
}

/// What was seen on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// `COMMIT`s on connections that have asked for the lock of a name.
    pub commits: usize,
    /// Questions for the lock of a name.
    pub locks: usize,
}

/// A listener on loopback that passes on what comes to a server, until it is dropped.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    way: watch::Sender<Way>,
    /// Connections that clients hold open.
    held: Arc<watch::Sender<usize>>,
    seen: Arc<watch::Sender<Seen>>,
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
        let seen = Arc::new(watch::Sender::new(Seen::default()));
        let task = tokio::spawn(listen(listener, target, way.clone(), (held.clone(), seen.clone())));
        Proxy { address, way, held, seen, task }
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

    /// What was seen so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        *self.seen.borrow()
    }

    /// Waits until so much was seen.
    pub async fn has_seen(&self, enough: impl FnMut(&Seen) -> bool) {
        let _ = self.seen.subscribe().wait_for(enough).await;
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
    (held, seen): (Arc<watch::Sender<usize>>, Arc<watch::Sender<Seen>>),
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
                let (way, held, seen) = (way.subscribe(), held.clone(), seen.clone());
                tokio::spawn(async move {
                    held.send_modify(|held| *held += 1);
                    carry(client, target, way, &seen).await;
                    held.send_modify(|held| *held -= 1);
                });
            }
        }
    }
}

/// Carries one connection to its end.
async fn carry(
    client: TcpStream,
    target: SocketAddr,
    mut way: watch::Receiver<Way>,
    seen: &watch::Sender<Seen>,
) {
    // What is dropped is reset, as by a machine that is gone.
    let _ = client.set_zero_linger();
    let (mut client_reads, mut client_writes) = client.into_split();
    let server = if *way.borrow() == Way::Resets { None } else { TcpStream::connect(target).await.ok() };
    let Some(server) = server else { return };
    let (mut server_reads, mut server_writes) = server.into_split();
    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let mut silent = false;
    let (mut committing, mut named) = (false, false);
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
                let commits = has(bytes, b"COMMIT");
                let by_itself = has(bytes, BY_ITSELF.as_bytes());
                committing |= now == Way::LosesCommits && (commits || by_itself);
                if has(bytes, b"GET_LOCK(") || has(bytes, b"pg_advisory_xact_lock(") {
                    named = true;
                    seen.send_modify(|seen| seen.locks += 1);
                }
                if commits && named {
                    seen.send_modify(|seen| seen.commits += 1);
                }
                if commits && named && matches!(now, Way::KeepsCommits(most) if seen.borrow().commits > most) {
                    let _ = way.wait_for(|way| !matches!(way, Way::KeepsCommits(_))).await;
                }
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

fn has(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|part| part == text)
}

fn some(read: std::io::Result<usize>, buffer: &[u8]) -> Option<&[u8]> {
    read.ok().filter(|count| *count > 0).map(|count| &buffer[..count])
}

async fn pass(bytes: &[u8], to: &mut OwnedWriteHalf, silent: bool) -> bool {
    silent || to.write_all(bytes).await.is_ok()
}
