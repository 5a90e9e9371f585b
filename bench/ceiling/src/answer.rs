//! Answers: the headers that every one carries, and the entity tag.

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Response, StatusCode};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// An answer with a body and no entity tag.
pub(crate) fn plain(status: StatusCode, content_type: HeaderValue, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(12);
    headers.insert(CONTENT_TYPE, content_type);
    secure(headers);
    response
}

/// A page.
pub(crate) fn html(body: String) -> Response<Body> {
    let mut response = plain(StatusCode::OK, HTML, body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// A JSON answer to a GET, or 304 when the asker has it. `version` is the record's, where there is one record.
pub(crate) fn json(asked: &HeaderMap, version: Option<i64>, body: Vec<u8>) -> Response<Body> {
    let tag = entity_tag(version, &body);
    if asked.get(IF_NONE_MATCH).is_some_and(|have| *have == tag) {
        return not_modified(tag);
    }
    tagged_json(StatusCode::OK, tag, body)
}

/// A record that was just created.
pub(crate) fn created(version: i64, location: HeaderValue, body: Vec<u8>) -> Response<Body> {
    let mut response = tagged_json(StatusCode::CREATED, entity_tag(Some(version), &body), body);
    response.headers_mut().insert(axum::http::header::LOCATION, location);
    response
}

/// An error as `application/problem+json`.
pub(crate) fn problem(status: StatusCode, detail: &str) -> Response<Body> {
    let body = serde_json::json!({
        "type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(), "detail": detail,
    });
    plain(status, PROBLEM, body.to_string())
}

/// A static file, or 304 when the asker has it.
pub(crate) fn file(
    asked: &HeaderMap,
    content_type: HeaderValue,
    tag: HeaderValue,
    body: &'static [u8],
) -> Response<Body> {
    if asked.get(IF_NONE_MATCH).is_some_and(|have| *have == tag) {
        return not_modified(tag);
    }
    let mut response = plain(StatusCode::OK, content_type, body);
    let headers = response.headers_mut();
    headers.insert(ETAG, tag);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("none"));
    response
}

/// An entity tag of version and representation, as `"VERSION-HASH"`.
pub(crate) fn entity_tag(version: Option<i64>, body: &[u8]) -> HeaderValue {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut tag = Vec::with_capacity(40);
    tag.push(b'"');
    if let Some(version) = version {
        crate::json::write_int(&mut tag, version);
        tag.push(b'-');
    }
    let hash = hash(body);
    tag.extend((0..16).rev().map(|place| HEX[(hash >> (place * 4) & 15) as usize]));
    tag.push(b'"');
    HeaderValue::from_bytes(&tag).unwrap_or(HeaderValue::from_static("\"\""))
}

fn tagged_json(status: StatusCode, tag: HeaderValue, body: Vec<u8>) -> Response<Body> {
    let mut response = plain(status, JSON, body);
    let headers = response.headers_mut();
    headers.insert(ETAG, tag);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn not_modified(tag: HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response.headers_mut().insert(ETAG, tag);
    secure(response.headers_mut());
    response
}

fn secure(headers: &mut HeaderMap) {
    const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
    const POLICY: &str = "default-src 'self'; script-src 'self'; object-src 'none'; base-uri 'self'; \
        frame-ancestors 'self'; form-action 'self'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin"));
    headers.insert(OPENER, HeaderValue::from_static("same-origin"));
}

/// A hash for entity tags: folded multiplication in two lanes of sixteen bytes. It need not resist an attacker, who
/// could gain no more than a stale answer to himself. SipHash would take as long as the rest of a list's answer.
fn hash(bytes: &[u8]) -> u64 {
    const KEYS: [u64; 2] = [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db];
    let fold = |a: u64, b: u64| {
        let product = u128::from(a ^ KEYS[0]) * u128::from(b ^ KEYS[1]);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let mix = |state: u64, sixteen: &[u8]| {
        let word = |at: usize| sixteen[at..].first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight));
        fold(word(0) ^ state, word(8))
    };
    let mut lanes = [bytes.len() as u64, KEYS[0]];
    let mut chunks = bytes.chunks_exact(32);
    for chunk in &mut chunks {
        lanes = [mix(lanes[0], &chunk[..16]), mix(lanes[1], &chunk[16..])];
    }
    let mut rest = [0; 32];
    rest[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    fold(mix(lanes[0], &rest[..16]), mix(lanes[1], &rest[16..]))
}
