//! How much a request may bring.

use http::request::Parts;
use http::{StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Bytes};

use crate::answer::Problem;
use crate::body::RequestBody;

/// The longest request target, in bytes.
pub const MAX_TARGET_BYTES: usize = 8 * 1024;
/// The most headers.
pub const MAX_HEADERS: usize = 100;
/// The most bytes of all headers together.
pub const MAX_HEADER_BYTES: usize = 32 * 1024;

/// Refuses a request whose target or headers are too big, or whose framing is ambiguous.
///
/// # Errors
/// 414, 431 or 400.
pub fn check(request: &Parts) -> Result<(), Problem> {
    let target = request.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > MAX_TARGET_BYTES {
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "uri_too_long", "the address is too long"));
    }
    let headers = &request.headers;
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        return Err(Problem::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers_too_large",
            "the request has too many or too long headers",
        ));
    }
    if headers.contains_key(header::TRANSFER_ENCODING) && headers.contains_key(header::CONTENT_LENGTH) {
        return Err(Problem::bad_request(
            "bad_framing",
            "both Content-Length and Transfer-Encoding are given",
        ));
    }
    Ok(())
}

/// Reads a body whole, up to a number of bytes.
///
/// # Errors
/// 413 for a longer one, as soon as that is known; 400 for one that breaks off.
pub async fn read(mut body: RequestBody, max_bytes: usize) -> Result<Bytes, Problem> {
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(too_large(max_bytes));
    }
    let mut first = Bytes::new();
    let mut all: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::bad_request("body_broke_off", "the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + all.len() + data.len() > max_bytes {
            return Err(too_large(max_bytes));
        }
        if all.is_empty() && first.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&first);
                first = Bytes::new();
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { Bytes::from(all) })
}

fn too_large(max_bytes: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        format!("the body is larger than {max_bytes} bytes"),
    )
    .closing()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_are_bounded() {
        assert_eq!(read(RequestBody::from("1234"), 4).await.unwrap(), "1234");
        let refused = read(RequestBody::from("12345"), 4).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    }
}
