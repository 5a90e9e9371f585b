//! The client: HTTP/1.1 over kept-alive connections, one thread each.
//!
//! It is our own because it looks at every answer: a server that answers errors fast must not win.
//! One thread a connection, blocking, is the lightest that can be, and costs the server nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::sites::Target;
use super::workloads::{Ask, Workload};
use crate::Outcome;

/// An answer that takes longer ends the run.
const PATIENCE: Duration = Duration::from_secs(15);

/// How much of a wrong answer an error shows.
const SHOWN_BYTES: usize = 600;

/// What came of a load.
#[derive(Default)]
pub(super) struct Load {
    /// One for each request, unsorted.
    pub(super) latencies_us: Vec<u32>,
    pub(super) elapsed: Duration,
    pub(super) body_bytes: u64,
}

impl Load {
    /// Counts another load in.
    pub(super) fn add(&mut self, other: Load) {
        self.latencies_us.extend(other.latencies_us);
        self.elapsed += other.elapsed;
        self.body_bytes += other.body_bytes;
    }
}

/// Loads a server for a time. The first answer that is not as expected ends it with an error.
pub(super) fn drive(target: &Target, workload: &Workload, time: Duration) -> Outcome<Load> {
    let start = Instant::now();
    let end = start + time;
    let clients: Vec<Outcome<(Vec<u32>, u64)>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workload.clients)
            .map(|seed| scope.spawn(move || client(target, workload, seed, end)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(Err("a client panicked".into()))).collect()
    });
    let mut load = Load { latencies_us: Vec::new(), elapsed: start.elapsed(), body_bytes: 0 };
    for client in clients {
        let (latencies_us, body_bytes) =
            client.map_err(|error| format!("{}, {}: {error}", target.name, workload.name))?;
        load.latencies_us.extend(latencies_us);
        load.body_bytes += body_bytes;
    }
    if load.latencies_us.is_empty() { Err("no request was answered".into()) } else { Ok(load) }
}

fn client(target: &Target, workload: &Workload, seed: usize, end: Instant) -> Outcome<(Vec<u32>, u64)> {
    let mut connection = Connection::open(target.address)?;
    let mut random = 0x9e37_79b9_7f4a_7c15 ^ ((seed as u64 + 1) << 32);
    let mut latencies_us = Vec::new();
    let mut body_bytes = 0;
    loop {
        let ask = (workload.ask)(next(&mut random));
        let before = Instant::now();
        if before >= end {
            return Ok((latencies_us, body_bytes));
        }
        let answer = connection.ask(&ask, &target.token)?;
        latencies_us.push(u32::try_from(before.elapsed().as_micros()).unwrap_or(u32::MAX));
        body_bytes += answer.body.len() as u64;
        answer.check(workload.status, &ask)?;
    }
}

/// An xorshift generator: which posts are read need not be more random.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 16
}

/// A connection that is kept for the next request.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    request: Vec<u8>,
    host: String,
}

/// An answer, in the connection's buffer.
pub(super) struct Answer<'a> {
    pub(super) status: &'a str,
    pub(super) body: &'a str,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> Outcome<Connection> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Connection { stream, buffer: vec![0; 1 << 17], request: Vec::new(), host: address.to_string() })
    }

    /// Sends a request and reads its answer to the end. Only a POST carries the token.
    pub(super) fn ask(&mut self, ask: &Ask, token: &str) -> Outcome<Answer<'_>> {
        let Connection { stream, buffer, request, host } = self;
        let Ask { method, path, body, .. } = ask;
        request.clear();
        write!(request, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n")?;
        if *method == "POST" {
            write!(request, "Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())?;
        }
        if *method == "POST" && !token.is_empty() {
            write!(request, "Authorization: Bearer {token}\r\n")?;
        }
        write!(request, "\r\n{body}")?;
        stream.write_all(request)?;
        read(stream, buffer)
    }
}

fn read<'a>(stream: &mut TcpStream, buffer: &'a mut Vec<u8>) -> Outcome<Answer<'a>> {
    let mut filled = 0;
    let (head_end, length) = loop {
        filled += read_some(stream, buffer, filled)?;
        let Some(head_end) = buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        break (head_end + 4, content_length(&buffer[..head_end])?);
    };
    while filled < head_end + length {
        filled += read_some(stream, buffer, filled)?;
    }
    if filled > head_end + length {
        return Err("the server sent more than it announced".into());
    }
    let status = std::str::from_utf8(&buffer[..head_end])?.get(9..12).ok_or("the answer is not HTTP")?;
    Ok(Answer { status, body: std::str::from_utf8(&buffer[head_end..filled])? })
}

fn read_some(stream: &mut TcpStream, buffer: &mut Vec<u8>, filled: usize) -> Outcome<usize> {
    if filled == buffer.len() {
        buffer.resize(filled * 2, 0);
    }
    match stream.read(&mut buffer[filled..])? {
        0 => Err("the server closed the connection".into()),
        count => Ok(count),
    }
}

fn content_length(head: &[u8]) -> Outcome<usize> {
    let head = std::str::from_utf8(head)?;
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let length = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let (_, length) = length.ok_or_else(|| format!("an answer without Content-Length:\n{head}"))?;
    Ok(length.trim().parse()?)
}

impl Answer<'_> {
    /// Whether this is what the request wanted.
    fn check(&self, status: &str, ask: &Ask) -> Outcome {
        if self.status == status && self.body.contains(&ask.expect) {
            return Ok(());
        }
        let Ask { method, path, expect, .. } = ask;
        let shown: String = self.body.chars().take(SHOWN_BYTES).collect();
        Err(format!("{method} {path} answered {} (wanted {status} and {expect}):\n{shown}", self.status)
            .into())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Asks a server that answers each request with the next of these, in two writes.
    fn ask(answers: &'static [&'static str]) -> Vec<Outcome> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            let mut request = [0; 1024];
            for answer in answers {
                let _ = stream.read(&mut request).unwrap();
                let (first, second) = answer.split_at(answer.len() / 2);
                stream.write_all(first.as_bytes()).unwrap();
                stream.write_all(second.as_bytes()).unwrap();
            }
        });
        let mut connection = Connection::open(address).unwrap();
        let wanted =
            Ask { method: "GET", path: "/".to_owned(), body: String::new(), expect: "right".to_owned() };
        let outcomes = answers.iter().map(|_| connection.ask(&wanted, "")?.check("200", &wanted)).collect();
        server.join().unwrap();
        outcomes
    }

    #[test]
    fn right_answers_pass_and_the_connection_is_kept() {
        const RIGHT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall right";
        assert!(ask(&[RIGHT, RIGHT, RIGHT]).iter().all(Result::is_ok));
    }

    #[test]
    fn wrong_answers_are_shown() {
        let outcomes = ask(&[
            "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 5\r\n\r\nright",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong",
        ]);
        let messages: Vec<String> = outcomes.into_iter().map(|o| o.unwrap_err().to_string()).collect();
        assert_eq!(messages[0], "GET / answered 500 (wanted 200 and right):\nright");
        assert_eq!(messages[1], "GET / answered 200 (wanted 200 and right):\nwrong");
    }

    #[test]
    fn an_answer_without_a_length_is_an_error() {
        let outcomes = ask(&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]);
        assert!(
            outcomes[0].as_ref().unwrap_err().to_string().starts_with("an answer without Content-Length")
        );
    }
}
