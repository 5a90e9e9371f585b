//! Paths: decoded once, by one rule, and refused where two readers could understand them differently.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What a path keeps unencoded (RFC 3986 §3.3, less what HTML or a header could trip over).
const IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Decodes a path; none where it is malformed or could be read in two ways: a control character, a
/// backslash, an encoded slash, a `.` or `..` between slashes, an empty part in the middle, no UTF-8.
#[must_use]
pub fn decoded(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.starts_with('/') {
        return None;
    }
    let simple = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.');
    if !raw.bytes().all(simple) {
        let mut rest = raw;
        while let Some(at) = rest.find('%') {
            let digits = rest.as_bytes().get(at + 1..at + 3)?;
            if !digits.iter().all(u8::is_ascii_hexdigit) || digits.eq_ignore_ascii_case(b"2f") {
                return None;
            }
            rest = &rest[at + 3..];
        }
    }
    let path = percent_decode_str(raw).decode_utf8().ok()?;
    if path.contains(|letter: char| letter == '\\' || letter.is_control()) {
        return None;
    }
    let inner = path[1..].strip_suffix('/').unwrap_or(&path[1..]);
    let ambiguous = |part: &str| part.is_empty() || part == "." || part == "..";
    if !inner.is_empty() && inner.split('/').any(ambiguous) {
        return None;
    }
    if path == "//" { None } else { Some(path) }
}

/// Whether a path spells something in hexadecimal that it need not (`%2E` for `.`): files are not found so.
#[must_use]
pub fn is_disguised(raw: &str) -> bool {
    raw.as_bytes().windows(3).any(|three| {
        three[0] == b'%'
            && std::str::from_utf8(&three[1..])
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'~'))
    })
}

/// A decoded path, percent-encoded again.
#[must_use]
pub fn encoded(path: &str) -> String {
    utf8_percent_encode(path, IN_PATH).to_string()
}

/// Where a sign-in may lead back to: a path of this site, else the front page. It must begin with one slash
/// that no other slash or backslash follows, and hold no control character, encoded or not.
#[must_use]
pub fn local(next: &str) -> &str {
    let bytes = next.as_bytes();
    let starts_well = bytes.first() == Some(&b'/') && !matches!(bytes.get(1), Some(b'/' | b'\\'));
    let plain =
        bytes.iter().all(|byte| (0x21..0x7f).contains(byte) && !matches!(byte, b'\\' | b'"' | b'<' | b'>'));
    let decoded = percent_decode_str(next).collect::<Vec<u8>>();
    let inert = !decoded.iter().any(u8::is_ascii_control);
    let starts_well_decoded = !matches!(decoded.get(1), Some(b'/' | b'\\'));
    if starts_well && plain && inert && starts_well_decoded && next.len() <= 2048 { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_decoded_once() {
        for (raw, path) in [
            ("/", "/"),
            ("/posts/a-b", "/posts/a-b"),
            ("/posts/", "/posts/"),
            ("/caf%C3%A9", "/café"),
            ("/a%252e%252e", "/a%2e%2e"),
            ("/a+b", "/a+b"),
            ("/a..b/.x", "/a..b/.x"),
        ] {
            assert_eq!(decoded(raw).as_deref(), Some(path));
        }
    }

    #[test]
    fn attack_17_no_spelling_leads_out() {
        for raw in [
            "",
            "a",
            "//",
            "//a",
            "/a//b",
            "/..",
            "/../a",
            "/a/..",
            "/a/../b",
            "/./a",
            "/a/.",
            "/%2e%2e/a",
            "/%2E",
            "/a/%2e%2e%2fb",
            "/..%2fsite.toml",
            "/a%2fb",
            "/a%2Fb",
            "/..\\a",
            "/a%5cb",
            "/a%00",
            "/a%0a",
            "/a%7f",
            "/%",
            "/%4",
            "/%zz",
            "/%ff",
            "/%c0%ae",
            "/a//",
            "/%80",
        ] {
            assert_eq!(decoded(raw), None, "{raw}");
        }
    }

    #[test]
    fn attack_18_disguised_spellings_are_seen() {
        assert!(is_disguised("/style%2Ecss") && is_disguised("/%73tyle.css"));
        assert!(!is_disguised("/caf%C3%A9.css") && !is_disguised("/a%20b") && !is_disguised("/a"));
    }

    #[test]
    fn attack_14_next_stays_here() {
        for next in [
            "//evil",
            "/\\evil",
            "/%09/evil",
            "https:evil",
            "https://evil",
            "evil",
            "",
            "/a\nb",
            "/\t/evil",
            "/a b",
            "\\\\evil",
            "/%5cevil",
            "/%2fevil",
            "/%0d%0aset-cookie:x",
            "javascript:alert(1)",
            " /a",
            "/é",
        ] {
            assert_eq!(local(next), "/", "{next}");
        }
        for next in ["/", "/posts/1?a=b&c=%20d#x", "/caf%C3%A9", "/a//b"] {
            assert_eq!(local(next), next);
        }
    }

    proptest! {
        #[test]
        fn what_decodes_encodes_back(path in "/[^/\\\\\\p{Cc}.]{1,20}(/[^/\\\\\\p{Cc}.]{1,20}){0,3}") {
            let raw = encoded(&path);
            let back = decoded(&raw);
            prop_assert_eq!(back.as_deref(), Some(path.as_str()));
        }

        #[test]
        fn next_is_a_header_value_and_a_local_path(next in "\\PC{0,40}") {
            let to = local(&next);
            prop_assert!(to.starts_with('/') && !to.starts_with("//") && !to.contains('\\'));
            prop_assert!(http::HeaderValue::from_str(to).is_ok());
        }
    }
}
