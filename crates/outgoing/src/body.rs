//! An answer's body, as far as it is taken: before and after decompression.

use std::io::Read;

use flate2::read::GzDecoder;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use crate::Refused;

/// Reads a body to its end.
///
/// # Errors
/// [`Refused::TooLong`], [`Refused::Encoding`], [`Refused::Unreachable`] where the connection breaks off.
pub(crate) async fn read(
    host: &str,
    headers: &HeaderMap,
    body: Incoming,
    most_bytes: usize,
) -> Result<Vec<u8>, Refused> {
    let said = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if said.is_some_and(|length: u64| length > most_bytes as u64) {
        return Err(Refused::TooLong(host.to_owned()));
    }
    let collected =
        Limited::new(body, most_bytes).collect().await.map_err(|error| match error
            .downcast_ref::<http_body_util::LengthLimitError>(
        ) {
            Some(_) => Refused::TooLong(host.to_owned()),
            None => Refused::Unreachable { host: host.to_owned(), why: error.to_string() },
        })?;
    let bytes = collected.to_bytes();
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    match (encodings.next().map(http::HeaderValue::as_bytes), encodings.next()) {
        (None | Some(b"identity"), None) => Ok(bytes.into()),
        (Some(b"gzip" | b"x-gzip"), None) => unzip(host, &bytes, most_bytes),
        // What was not asked for, or packed twice.
        _ => Err(Refused::Encoding(host.to_owned())),
    }
}

/// Unpacks no more than is taken: a bomb goes off in a bounded space.
fn unzip(host: &str, packed: &[u8], most_bytes: usize) -> Result<Vec<u8>, Refused> {
    let mut plain = Vec::new();
    let most = most_bytes as u64;
    GzDecoder::new(packed)
        .take(most + 1)
        .read_to_end(&mut plain)
        .map_err(|_| Refused::Encoding(host.to_owned()))?;
    if plain.len() as u64 > most { Err(Refused::TooLong(host.to_owned())) } else { Ok(plain) }
}
