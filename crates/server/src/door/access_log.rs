//! One line a request.

use std::fmt;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderValue, StatusCode, header};

use super::RequestId;

/// What is kept of a request until its answer is known.
pub struct Line {
    method: http::Method,
    target: http::Uri,
    agent: Option<HeaderValue>,
}

impl Line {
    /// Of a request; nothing where nobody listens.
    #[must_use]
    pub fn of(request: &Parts) -> Option<Line> {
        tracing::enabled!(target: "purlin::access", tracing::Level::INFO).then(|| Line {
            method: request.method.clone(),
            target: request.uri.clone(),
            agent: request.headers.get(header::USER_AGENT).cloned(),
        })
    }

    /// Writes it. The query is left out: it may hold what nobody should read.
    pub fn write(
        &self,
        status: StatusCode,
        took: Duration,
        size_bytes: Option<u64>,
        user: Option<&str>,
        id: RequestId,
    ) {
        tracing::info!(
            target: "purlin::access",
            method = %Escaped(self.method.as_str().as_bytes()),
            path = %Escaped(self.target.path().as_bytes()),
            status = status.as_u16(),
            duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            size_bytes,
            user,
            agent = self.agent.as_ref().map(|agent| tracing::field::display(Escaped(agent.as_bytes()))),
            request_id = %id,
        );
    }
}

/// Bytes of a stranger as printable ASCII, at most 256 of them.
pub struct Escaped<'bytes>(pub &'bytes [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, cut) = if self.0.len() > 256 { (&self.0[..256], true) } else { (self.0, false) };
        let plain = |byte: &u8| (0x20..0x7f).contains(byte) && *byte != b'\\';
        if shown.iter().all(plain) {
            f.write_str(std::str::from_utf8(shown).unwrap_or_default())?;
        } else {
            write!(f, "{}", shown.escape_ascii())?;
        }
        if cut { f.write_str("...") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_16_nothing_a_stranger_sends_reaches_the_terminal() {
        assert_eq!(Escaped(b"/a b").to_string(), "/a b");
        assert_eq!(Escaped(b"\x1b[31m\nred\xff\\").to_string(), "\\x1b[31m\\nred\\xff\\\\");
        assert_eq!(Escaped(&[b'a'; 9000]).to_string().len(), 259);
    }
}
