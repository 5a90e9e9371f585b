//! A connection's bytes: which protocol they begin, and how long it may be silent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// How an HTTP/2 connection begins (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long a connection may move no byte in either direction; longer than any request may take.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// A connection that ends when it is silent for too long.
///
/// The clock is only looked at when a byte moved, and the timer only set when it rang: a busy connection
/// costs the timer nothing.
pub(super) struct Wire {
    stream: TcpStream,
    /// What was read to find out the protocol and is not yet given on.
    begun: Vec<u8>,
    given: usize,
    moved: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Wire {
        Wire {
            stream,
            begun: Vec::new(),
            given: 0,
            moved: Instant::now(),
            alarm: Box::pin(sleep(IDLE_TIMEOUT)),
        }
    }

    /// Reads until it is plain whether the peer speaks HTTP/2.
    pub(super) async fn is_http2(&mut self) -> io::Result<bool> {
        let mut buffer = [0; PREFACE.len()];
        loop {
            let room = PREFACE.len() - self.begun.len();
            let count = self.stream.read(&mut buffer[..room]).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.begun.extend_from_slice(&buffer[..count]);
            if !PREFACE.starts_with(&self.begun) {
                return Ok(false);
            }
            if self.begun.len() == PREFACE.len() {
                return Ok(true);
            }
        }
    }

    /// Ready with an error when nothing moved for too long.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            ready!(self.alarm.as_mut().poll(context));
            let end = self.moved + IDLE_TIMEOUT;
            if Instant::now() >= end {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.alarm.as_mut().reset(end);
        }
    }

    /// What reading or writing gave; where it gave nothing yet, whether that has lasted too long.
    fn watched<T>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.moved = Instant::now();
            return result;
        }
        self.poll_silence(context).map(Err)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let begun = &this.begun[this.given..];
        if !begun.is_empty() {
            let count = begun.len().min(buffer.remaining());
            buffer.put_slice(&begun[..count]);
            this.given += count;
            return Poll::Ready(Ok(()));
        }
        let result = Pin::new(&mut this.stream).poll_read(context, buffer);
        this.watched(context, result)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.watched(context, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.watched(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
