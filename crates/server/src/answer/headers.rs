//! The headers that every answer has, errors and static files included.

use std::sync::LazyLock;

use http::header::{self, HeaderMap, HeaderName};
use http::{HeaderValue, Response, StatusCode};

use purlin_engine::pages::Inline;

use crate::body::Body;
use crate::door::RequestId;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What a page may load: its own scripts and styles, pictures from anywhere over https, and nothing inline but what
/// it names.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; \
     font-src 'self'; connect-src 'self'; media-src 'self'; manifest-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";
/// What is no page may load nothing.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// The content security policy of a page with inline scripts or styles: those that are known by their hashes, and
/// those that carry a nonce. None where the usual one does.
#[must_use]
pub fn policy_with(nonce: Option<&str>, inline: Option<&Inline>) -> Option<HeaderValue> {
    if nonce.is_none() && inline.is_none() {
        return None;
    }
    let nonce = nonce.map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
    let (scripts, styles) =
        inline.map(|inline| (inline.scripts.as_str(), inline.styles.as_str())).unwrap_or_default();
    let policy = PAGE_POLICY
        .replacen("script-src 'self'", &format!("script-src 'self'{nonce}{scripts}"), 1)
        .replacen("style-src 'self'", &format!("style-src 'self'{styles}"), 1);
    HeaderValue::from_str(&policy).ok()
}

/// Puts on what every answer has; a header that is there already stays.
pub fn dress(response: &mut Response<Body>, id: RequestId, https: bool) {
    if response.status() == StatusCode::NOT_MODIFIED {
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
    let headers = response.headers_mut();
    let is_page = headers.get(header::CONTENT_TYPE).is_none_or(|ty| ty.as_bytes().starts_with(b"text/html"));
    // A copy of a map costs a third of filling one; the few that the answer has go into it.
    let own = std::mem::replace(headers, if is_page { PAGE.clone() } else { DATA.clone() });
    headers.extend(own);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if https && !headers.contains_key(header::STRICT_TRANSPORT_SECURITY) {
        let always = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, always);
    }
    if let Ok(id) = HeaderValue::from_bytes(&id.digits()) {
        headers.insert(REQUEST_ID, id);
    }
}

/// What a page has where it does not say otherwise.
static PAGE: LazyLock<HeaderMap> = LazyLock::new(|| defaults(PAGE_POLICY));
/// What everything else has.
static DATA: LazyLock<HeaderMap> = LazyLock::new(|| defaults(DATA_POLICY));

fn defaults(policy: &'static str) -> HeaderMap {
    // Room for those of the answer too: a copy has as much.
    let mut headers = HeaderMap::with_capacity(24);
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
        (PERMISSIONS_POLICY, "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        (header::CACHE_CONTROL, "private, no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inline_goes_into_the_policy() {
        let policy = policy_with(Some("abc"), None).unwrap();
        assert!(policy.to_str().unwrap().contains("script-src 'self' 'nonce-abc'; style-src 'self';"));
        let inline = Inline { scripts: " 'sha256-a' 'sha256-b'".into(), styles: " 'sha256-c'".into() };
        let policy = policy_with(None, Some(&inline)).unwrap();
        let expected = "script-src 'self' 'sha256-a' 'sha256-b'; style-src 'self' 'sha256-c';";
        assert!(policy.to_str().unwrap().contains(expected));
        assert!(policy_with(Some("a\nb"), None).is_none() && policy_with(None, None).is_none());
    }

    #[test]
    fn what_an_answer_says_itself_stays() {
        let mut response = crate::answer::answer(StatusCode::OK, "text/plain", "x");
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for cookie in ["a=1", "b=2"] {
            response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static(cookie));
        }
        dress(&mut response, RequestId::next(), false);
        let headers = response.headers();
        let all = |name| headers.get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(all(header::CACHE_CONTROL), ["no-store"]);
        assert_eq!(all(header::SET_COOKIE), ["a=1", "b=2"]);
        assert_eq!(all(header::CONTENT_TYPE), ["text/plain"]);
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
