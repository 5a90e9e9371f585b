//! Writing text so that it stays text.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Bytes that are looked at together: as wide as the registers that every machine has.
const STRIDE: usize = 16;

/// Writes text so that it is inert in HTML and XML, in element text and in quoted attribute values.
pub(crate) fn write_html<W: Write + ?Sized>(out: &mut W, text: &str) -> fmt::Result {
    let bytes = text.as_bytes();
    let (mut start, mut at) = (0, 0);
    while at < bytes.len() {
        // Most text has nothing to escape, and a stretch of it is seen to have nothing without a branch for each byte.
        if let Some(stretch) = bytes[at..].first_chunk::<STRIDE>()
            && !stretch.iter().fold(false, |any, byte| any | is_special(*byte))
        {
            at += STRIDE;
            continue;
        }
        let end = bytes.len().min(at + STRIDE);
        while at < end {
            if let Some(entity) = entity(bytes[at]) {
                out.write_str(&text[start..at])?;
                out.write_str(entity)?;
                start = at + 1;
            }
            at += 1;
        }
    }
    out.write_str(&text[start..])
}

fn is_special(byte: u8) -> bool {
    (byte == b'&') | (byte == b'<') | (byte == b'>') | (byte == b'"') | (byte == b'\'')
}

fn entity(byte: u8) -> Option<&'static str> {
    // Every character to escape lies between `"` and `>`.
    if byte.wrapping_sub(b'"') > b'>' - b'"' {
        return None;
    }
    match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\'' => Some("&#39;"),
        _ => None,
    }
}

/// Writes text for XML: as for HTML, with the characters that XML 1.0 (§2.2) has no way to write replaced.
pub(crate) fn write_xml<W: Write + ?Sized>(out: &mut W, text: &str) -> fmt::Result {
    if !text.chars().any(not_in_xml) {
        return write_html(out, text);
    }
    let clean: String = text.chars().map(|c| if not_in_xml(c) { '\u{fffd}' } else { c }).collect();
    write_html(out, &clean)
}

fn not_in_xml(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// What is already HTML, made inert inside a quoted attribute or a `<title>`: its entities keep their meaning, but no
/// quote and no angle bracket is left.
pub(crate) fn flatten_markup(markup: &str) -> String {
    let mut out = String::with_capacity(markup.len() + 8);
    for c in markup.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// The text that a piece of markup shows, where it has only the entities that we write ourselves.
pub(crate) fn unescape(markup: &str) -> String {
    let mut out = String::with_capacity(markup.len());
    let mut rest = markup;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = [
            ("&amp;", "&"),
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#39;", "'"),
            ("&nbsp;", "\u{a0}"),
        ];
        match known.iter().find(|(entity, _)| rest.starts_with(entity)) {
            Some((entity, character)) => {
                out.push_str(character);
                rest = &rest[entity.len()..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// JSON that is inert inside a `<script>` element and an attribute: no `<`, `>`, `&`, `'` nor a line separator of
/// JavaScript is left in it.
pub(crate) fn json_for_html(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\'' => out.push_str("\\u0027"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            _ => out.push(c),
        }
    }
    out
}

/// Percent-encodes all but RFC 3986's unreserved characters: one segment of a path, or one value of a query.
pub(crate) fn percent(text: &str) -> String {
    const KEEP: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    // Of a text that stands for itself, as most do, this is one copy.
    Cow::from(percent_encoding::utf8_percent_encode(text, KEEP)).into_owned()
}

/// What a browser would take a URL's scheme to be (`javascript` of ` java\tscript:…`), in lower case.
pub(crate) fn scheme(url: &str) -> Option<String> {
    let mut scheme = String::new();
    // The URL standard strips leading controls and spaces, and tabs and newlines anywhere.
    let seen =
        url.trim_start_matches(|c: char| c <= ' ').chars().filter(|c| !matches!(c, '\t' | '\n' | '\r'));
    for c in seen {
        match c {
            ':' => return Some(scheme),
            'a'..='z' | 'A'..='Z' => scheme.push(c.to_ascii_lowercase()),
            '0'..='9' | '+' | '-' | '.' if !scheme.is_empty() => scheme.push(c),
            _ => return None,
        }
    }
    None
}

/// Whether following a URL leads to a page or a mail, and runs nothing.
pub(crate) fn is_harmless_url(url: &str) -> bool {
    match scheme(url) {
        None => true,
        Some(scheme) => matches!(scheme.as_str(), "http" | "https" | "mailto" | "tel"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        let mut out = String::new();
        write_html(&mut out, text).expect("a string takes everything");
        out
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(html(r#"<a href="x" title='y'>&"#), "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;");
        assert_eq!(html("plain / text"), "plain / text");
        let long = "é".repeat(STRIDE);
        for at in 0..=long.chars().count() {
            let (before, after) = long.split_at(2 * at);
            assert_eq!(html(&format!("{before}<{after}'")), format!("{before}&lt;{after}&#39;"));
        }
        assert_eq!(unescape(&html("<&'\">")), "<&'\">");
        assert_eq!(flatten_markup("<b>\"&amp;"), "&lt;b&gt;&quot;&amp;");
    }

    #[test]
    fn characters_that_xml_lacks_are_replaced() {
        let mut out = String::new();
        write_xml(&mut out, "a\u{b}<b").expect("a string takes everything");
        assert_eq!(out, "a\u{fffd}&lt;b");
    }

    #[test]
    fn a_scheme_is_seen_as_a_browser_sees_it() {
        assert_eq!(scheme("java\tscript:alert(1)").as_deref(), Some("javascript"));
        assert_eq!(scheme(" \u{1}JaVaScRiPt:x").as_deref(), Some("javascript"));
        assert_eq!(scheme("/a:b"), None);
        assert_eq!(scheme("posts/1"), None);
        assert!(is_harmless_url("https://a.example"));
        assert!(is_harmless_url("?a=b:c"));
        assert!(!is_harmless_url("data:text/html,x"));
        assert!(!is_harmless_url("\u{0}vbscript:x"));
    }

    #[test]
    fn a_url_part_is_one_part() {
        assert_eq!(percent("a/b?c#d &é"), "a%2Fb%3Fc%23d%20%26%C3%A9");
    }
}
