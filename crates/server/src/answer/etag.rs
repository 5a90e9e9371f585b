//! Entity tags and the conditions that name them (RFC 9110 §8.8.3, §13.1).

use std::hash::{BuildHasher, Hasher};

use http::{HeaderMap, HeaderValue, header};

/// A strong tag of a body, after the version where what it shows has one: `"7-0123456789abcdef"`.
#[must_use]
pub fn of(version: Option<i64>, body: &[u8]) -> HeaderValue {
    // Its keys are fixed, so nodes of one build agree; a collision that somebody seeks fools his own cache alone.
    let mut hasher = foldhash::quality::FixedState::with_seed(0).build_hasher();
    hasher.write(body);
    let hash = hasher.finish();
    let text = match version {
        Some(version) => format!("\"{version}-{hash:016x}\""),
        None => format!("\"{hash:016x}\""),
    };
    HeaderValue::try_from(text).expect("digits in quotes are a header value")
}

/// Whether `If-None-Match` names this tag: the asker has it already.
#[must_use]
pub fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let bare = |text: &str| text.strip_prefix("W/").unwrap_or(text).to_owned();
    let Some(ours) = tag.to_str().ok().map(bare) else { return false };
    tags(headers, header::IF_NONE_MATCH).any(|theirs| theirs == "*" || bare(theirs) == ours)
}

/// What `If-Match` (or `If-None-Match: *`) asks of a record that is to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    None,
    /// That it is one of these versions; none can be met where the list is empty.
    Versions(Vec<i64>),
}

/// Reads the precondition of a write.
#[must_use]
pub fn precondition(headers: &HeaderMap) -> Precondition {
    if tags(headers, header::IF_NONE_MATCH).any(|tag| tag == "*") {
        return Precondition::Versions(Vec::new());
    }
    if !headers.contains_key(header::IF_MATCH) || tags(headers, header::IF_MATCH).any(|tag| tag == "*") {
        return Precondition::None;
    }
    let version = |tag: &str| tag.strip_prefix('"')?.strip_suffix('"')?.split_once('-')?.0.parse().ok();
    Precondition::Versions(tags(headers, header::IF_MATCH).filter_map(version).collect())
}

fn tags(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    // Our own tags hold no comma, and any other matches nothing, however it is cut.
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    #[test]
    fn tags_differ_by_version_and_body() {
        let tag = of(Some(7), b"a");
        assert!(tag.to_str().unwrap().starts_with("\"7-"));
        assert_ne!(tag, of(Some(8), b"a"));
        assert_ne!(tag, of(Some(7), b"b"));
        assert_eq!(tag, of(Some(7), b"a"));
    }

    #[test]
    fn a_known_tag_is_recognised() {
        let tag = HeaderValue::from_static("\"7-ab\"");
        for known in ["\"7-ab\"", "W/\"7-ab\"", "\"x\", \"7-ab\"", "*"] {
            assert!(is_known(&headers("if-none-match", known), &tag), "{known}");
        }
        for other in ["\"7-ac\"", "7-ab", ""] {
            assert!(!is_known(&headers("if-none-match", other), &tag), "{other}");
        }
    }

    #[test]
    fn preconditions_are_versions() {
        use Precondition::{None, Versions};
        assert_eq!(precondition(&HeaderMap::new()), None);
        assert_eq!(precondition(&headers("if-match", "*")), None);
        assert_eq!(precondition(&headers("if-match", "\"7-ab\", \"9-c\"")), Versions(vec![7, 9]));
        assert_eq!(precondition(&headers("if-match", "W/\"7-ab\"")), Versions(vec![]));
        assert_eq!(precondition(&headers("if-match", "junk")), Versions(vec![]));
        assert_eq!(precondition(&headers("if-none-match", "*")), Versions(vec![]));
    }
}
