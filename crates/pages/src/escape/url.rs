//! Addresses: what stands before a value in one decides what the value may be.

/// How far an address is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Url {
    /// So much of it as it stands in the template, perhaps nothing yet.
    Literal(String),
    /// Scheme, host and path are fixed: parts may follow.
    Fixed,
    /// `/` and a part: another slash would make a host of what follows.
    RootPart,
    /// `site.url`, without a slash after it.
    Origin,
    /// A whole address.
    Whole,
    /// Nothing may follow.
    Closed,
}

/// What an address that begins so can still become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// Nothing is written yet.
    Empty,
    /// Exactly `/`.
    Root,
    /// Where it leads is fixed up to parts of its path or query.
    Fixed,
    /// A host without a slash after it.
    Host,
    /// Nobody knows yet.
    Open,
}

impl Url {
    pub(super) const START: Url = Url::Literal(String::new());

    /// Takes in a character of the template; in a list of addresses a comma begins another.
    pub(super) fn feed(&mut self, c: char, list: bool) {
        if list && c == ',' {
            *self = Url::START;
            return;
        }
        match self {
            Url::Literal(text) => text.push(c),
            Url::Fixed | Url::Closed => {}
            Url::RootPart => *self = if matches!(c, '/' | '\\') { Url::Closed } else { Url::Fixed },
            Url::Origin => *self = if matches!(c, '/' | '?' | '#') { Url::Fixed } else { Url::Closed },
            Url::Whole if c.is_whitespace() => {}
            Url::Whole => *self = if matches!(c, '/' | '?' | '#' | '&') { Url::Fixed } else { Url::Closed },
        }
    }

    /// The same place, told by what may follow and not by how it came about.
    pub(super) fn settled(self) -> Url {
        match &self {
            Url::Literal(text) if start(text) == Start::Fixed => Url::Fixed,
            _ => self,
        }
    }
}

/// What an address that begins with this text can still become.
pub(super) fn start(text: &str) -> Start {
    let text = text.trim_start();
    if text.is_empty() {
        return Start::Empty;
    }
    if text == "/" {
        return Start::Root;
    }
    let lower = text.to_ascii_lowercase();
    let host = ["https://", "http://", "//"].iter().find_map(|scheme| lower.strip_prefix(scheme));
    if let Some(host) = host {
        return match host.find(['/', '?', '#']) {
            Some(end) if end > 0 && is_host(&host[..end]) => Start::Fixed,
            None if !host.is_empty() && is_host(host) => Start::Host,
            _ => Start::Open,
        };
    }
    if lower.starts_with("mailto:") || lower.starts_with("tel:") {
        return Start::Fixed;
    }
    if text.starts_with("/\\") || text.contains(|c: char| c.is_control()) {
        return Start::Open;
    }
    // A relative path is fixed once a slash, a question mark or a hash comes before any colon or entity.
    match text.find(['/', '?', '#', ':', '&', '\\']) {
        Some(at) if matches!(text.as_bytes()[at], b'/' | b'?' | b'#') => Start::Fixed,
        _ => Start::Open,
    }
}

fn is_host(host: &str) -> bool {
    host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fixed_is_told_from_what_is_open() {
        for fixed in [
            "/posts/",
            "/?a=",
            "#",
            "?q=",
            "posts/",
            "./a",
            "https://a.example/",
            "HTTPS://a.example?x=",
            "mailto:",
            "//a.example/",
        ] {
            assert_eq!(start(fixed), Start::Fixed, "{fixed}");
        }
        for open in [
            "java",
            "javascript:",
            "data:text/html,",
            "https:",
            "https://",
            "https:///",
            "&#106;",
            "a&colon;/",
            "/\\",
            "\\",
            "https://a&#46;b/",
        ] {
            assert_eq!(start(open), Start::Open, "{open}");
        }
        assert_eq!(start(" "), Start::Empty);
        assert_eq!(start("/"), Start::Root);
        assert_eq!(start("https://a.example"), Start::Host);
    }
}
