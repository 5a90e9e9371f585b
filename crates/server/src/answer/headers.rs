//! The headers that every answer has, errors and static files included.

use http::header::{self, Entry, HeaderMap, HeaderName};
use http::{HeaderValue, Response, StatusCode};

use crate::body::Body;
use crate::door::RequestId;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What a page may load: its own scripts and styles, pictures from anywhere over https, and nothing inline.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; \
     font-src 'self'; connect-src 'self'; media-src 'self'; manifest-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";
/// What is no page may load nothing.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// The content security policy of a page whose scripts carry a nonce.
#[must_use]
pub fn policy_with_nonce(nonce: &str) -> Option<HeaderValue> {
    let policy = PAGE_POLICY.replacen("script-src 'self'", &format!("script-src 'self' 'nonce-{nonce}'"), 1);
    HeaderValue::from_str(&policy).ok()
}

/// Puts on what every answer has; a header that is there already stays.
pub fn dress(response: &mut Response<Body>, id: RequestId, https: bool) {
    if response.status() == StatusCode::NOT_MODIFIED {
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
    let headers = response.headers_mut();
    // Room for all of them at once: growing step by step costs more than all the rest here.
    headers.reserve(12);
    let is_page = headers.get(header::CONTENT_TYPE).is_none_or(|ty| ty.as_bytes().starts_with(b"text/html"));
    let policy = if is_page { PAGE_POLICY } else { DATA_POLICY };
    default(headers, header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    default(headers, header::REFERRER_POLICY, "strict-origin-when-cross-origin");
    default(headers, header::X_FRAME_OPTIONS, "DENY");
    default(headers, OPENER_POLICY, "same-origin");
    default(headers, RESOURCE_POLICY, "same-origin");
    default(headers, PERMISSIONS_POLICY, "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
    if https {
        default(headers, header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    default(headers, header::CACHE_CONTROL, "private, no-cache");
    if let Ok(id) = HeaderValue::from_bytes(&id.digits()) {
        headers.insert(REQUEST_ID, id);
    }
}

fn default(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    if let Entry::Vacant(place) = headers.entry(name) {
        place.insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_goes_into_the_script_policy() {
        let policy = policy_with_nonce("abc").unwrap();
        assert!(policy.to_str().unwrap().contains("script-src 'self' 'nonce-abc';"));
        assert!(policy_with_nonce("a\nb").is_none());
    }

    #[test]
    fn attack_42_every_answer_is_dressed() {
        for ty in ["text/html; charset=utf-8", "application/json", "image/png"] {
            let mut response = crate::answer::answer(StatusCode::OK, ty, "x");
            dress(&mut response, RequestId::next(), true);
            let headers = response.headers();
            let policy = headers["content-security-policy"].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
            assert!(!policy.contains("unsafe"));
            assert_eq!(headers["x-content-type-options"], "nosniff");
            assert_eq!(headers["x-frame-options"], "DENY");
            assert!(headers.contains_key("strict-transport-security"));
            assert!(headers.contains_key("x-request-id"));
        }
    }
}
