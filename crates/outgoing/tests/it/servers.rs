//! Servers on this machine that answer as they are told, and resolvers that say what they are told.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use purlin_outgoing::{Client, Gate, Resolve};
use purlin_schema::settings::{Allowed, Place};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that hands each connection to a function, and counts them and what was asked.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// A server that answers each request with these bytes and closes.
    pub(crate) async fn saying(answer: impl Into<Vec<u8>>) -> Server {
        let answer = Arc::new(answer.into());
        Server::doing(move |mut stream| {
            let answer = answer.clone();
            async move {
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    /// A server that does this with each connection whose request's head was read.
    pub(crate) async fn doing<F>(act: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> Server
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = Server { address, connections: Arc::default(), heads: Arc::default() };
        let (connections, heads) = (server.connections.clone(), server.heads.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let head = read_head(&mut stream).await;
                heads.lock().expect("nobody panics").push(head);
                tokio::spawn(act(stream));
            }
        });
        server
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The heads of what was asked, in order.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("nobody panics").clone()
    }

    /// Its address as the owner would allow it.
    pub(crate) fn allowed(&self) -> Allowed {
        Allowed {
            place: Place::Network(self.address.ip().to_string().parse().expect("an address")),
            port: Some(self.address.port()),
        }
    }
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.is_ok_and(|read| read > 0) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// A resolver that says for each name one list after the other, and the last for ever.
#[derive(Default)]
pub(crate) struct Liar {
    answers: HashMap<String, Vec<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Liar {
    pub(crate) fn says(mut self, name: &str, answers: &[&[&str]]) -> Liar {
        let read = |list: &&[&str]| list.iter().map(|address| address.parse().expect("an address")).collect();
        self.answers.insert(name.to_owned(), answers.iter().map(read).collect());
        self
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolve for Liar {
    fn resolve<'ask>(
        &'ask self,
        name: &'ask str,
    ) -> std::pin::Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'ask>> {
        let at = self.asked.fetch_add(1, Ordering::SeqCst);
        let found = self.answers.get(name).and_then(|answers| answers.get(at).or_else(|| answers.last()));
        let found = found.cloned().ok_or_else(|| io::Error::other("no such name"));
        Box::pin(std::future::ready(found))
    }
}

/// A client that asks this resolver, and may go to these places besides the public network.
pub(crate) fn client(resolver: Liar, allowed: &[Allowed]) -> (Client, Arc<Liar>) {
    let resolver = Arc::new(resolver);
    (Client::through(Gate::new(allowed, resolver.clone())), resolver)
}
