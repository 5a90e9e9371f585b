//! One line a request.

use std::borrow::Cow;
use std::net::IpAddr;
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
        address: IpAddr,
        id: RequestId,
    ) {
        tracing::info!(
            target: "purlin::access",
            method = &*escaped(self.method.as_str().as_bytes()),
            path = &*escaped(self.target.path().as_bytes()),
            status = status.as_u16(),
            duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            size_bytes,
            user,
            address = %address,
            agent = self.agent.as_ref().map(|agent| escaped(agent.as_bytes())).as_deref(),
            request_id = std::str::from_utf8(&id.digits()).unwrap_or_default(),
        );
    }
}

/// Bytes of a stranger as printable ASCII, at most 256 of them.
pub(crate) fn escaped(bytes: &[u8]) -> Cow<'_, str> {
    let (shown, cut) = if bytes.len() > 256 { (&bytes[..256], "...") } else { (bytes, "") };
    let plain = |byte: &u8| (0x20..0x7f).contains(byte) && *byte != b'\\';
    match std::str::from_utf8(shown) {
        Ok(text) if cut.is_empty() && shown.iter().all(plain) => Cow::Borrowed(text),
        _ if shown.iter().all(plain) => Cow::Owned(String::from_utf8_lossy(shown).into_owned() + cut),
        _ => Cow::Owned(format!("{}{cut}", shown.escape_ascii())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_16_nothing_a_stranger_sends_reaches_the_terminal() {
        assert_eq!(escaped(b"/a b"), "/a b");
        assert_eq!(escaped(b"\x1b[31m\nred\xff\\"), "\\x1b[31m\\nred\\xff\\\\");
        assert_eq!(escaped(&[b'a'; 9000]).len(), 259);
    }
}
