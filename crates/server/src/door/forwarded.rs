//! Who asks, where a proxy asks for him.
//!
//! Behind a proxy every request has the proxy's address, speaks plain http and perhaps names an inner host; the proxy
//! says in headers what it was asked itself. Everybody can write such headers, so they are believed only from peers that
//! the owner has named (`server.trusted_proxies`), and of a chain of proxies only as far as each next one is named
//! too: each appends whom *it* heard from, so that the first address from the right which is no trusted proxy's is the
//! asker's, and whatever stands left of it is his own invention. What a proxy tells in a way that the owner did not name
//! (`server.forwarded`) is not looked at: a proxy hands on what it does not know.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use purlin_schema::settings::{Forwarded, Network, ServerSettings};

use super::hosts::{Host, HostError};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Whose word on where a request comes from is believed, and how they give it.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    trusted: Box<[Network]>,
    forwarded: Forwarded,
}

/// Where a request comes from, as far as it can be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The asker's address.
    pub address: IpAddr,
    /// Whether the outermost trusted proxy was asked over https; nothing where none says.
    pub https: Option<bool>,
    /// The host that the outermost trusted proxy was asked for; nothing where none says.
    pub host: Option<Result<Host, HostError>>,
}

impl Sender {
    /// Who asks without a proxy.
    #[must_use]
    pub fn plain(peer: IpAddr) -> Sender {
        Sender { address: peer.to_canonical(), https: None, host: None }
    }
}

/// An address as what is counted by address takes it: of IPv6 the first 64 bits, for a household or a rented machine has
/// all that begin with them.
#[must_use]
pub fn place(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64));
            format!("{network}/64")
        }
    }
}

impl Proxies {
    /// Those of a site.
    #[must_use]
    pub fn new(settings: &ServerSettings) -> Proxies {
        Proxies::of(&settings.trusted_proxies, settings.forwarded)
    }

    /// Those of some networks, who tell in one way.
    #[must_use]
    pub fn of(trusted: &[Network], forwarded: Forwarded) -> Proxies {
        Proxies { trusted: trusted.into(), forwarded }
    }

    /// Where a request of a peer comes from.
    #[must_use]
    pub fn sender(&self, peer: IpAddr, headers: &HeaderMap) -> Sender {
        let sender = Sender::plain(peer);
        if !self.trusts(sender.address) {
            return sender;
        }
        match self.forwarded {
            Forwarded::Usual => self.usual(sender, headers),
            Forwarded::Standard => self.standard(sender, headers),
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    fn usual(&self, mut sender: Sender, headers: &HeaderMap) -> Sender {
        let mut depth = 0;
        for entry in from_the_right(headers, &FOR) {
            depth += 1;
            let Some(address) = address(entry) else { break };
            sender.address = address;
            if !self.trusts(address) {
                break;
            }
        }
        let count = from_the_right(headers, &FOR).count();
        // Where each proxy has appended its own, the asker's is as deep as his address; else the nearest proxy's word.
        let told = |name: &HeaderName| {
            let entries = || from_the_right(headers, name);
            let at = if entries().count() == count { depth.max(1) - 1 } else { 0 };
            entries().nth(at).filter(|text| !text.is_empty())
        };
        sender.https = told(&PROTO).and_then(is_https);
        sender.host = told(&HOST).map(|text| Host::parse(text).ok_or(HostError::Malformed));
        sender
    }

    fn standard(&self, mut sender: Sender, headers: &HeaderMap) -> Sender {
        let lines = headers.get_all(header::FORWARDED).iter();
        let elements: Option<Vec<Vec<Element<'_>>>> = lines.map(elements).collect();
        // An open quote swallows what the proxy wrote behind it. Whoever sends one would be taken for the proxy.
        let Some(elements) = elements else {
            sender.host = Some(Err(HostError::Forwarded));
            return sender;
        };
        let mut told = None;
        for element in elements.iter().flatten().rev() {
            told = Some(element);
            let Some(address) = element.by("for").and_then(address) else { break };
            sender.address = address;
            if !self.trusts(address) {
                break;
            }
        }
        if let Some(told) = told {
            sender.https = told.by("proto").and_then(is_https);
            sender.host = told.by("host").map(|text| Host::parse(text).ok_or(HostError::Malformed));
        }
        sender
    }
}

/// The entries of a header that is a list, the last first; those of several lines are one list.
fn from_the_right<'headers>(
    headers: &'headers HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'headers str> {
    let lines = headers.get_all(name).iter().rev();
    let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    // An entry that is no text says nothing, and those of the same line still do.
    entries.map(|entry| std::str::from_utf8(entry).unwrap_or_default().trim_matches([' ', '\t']))
}

/// An address with or without a port, one of IPv6 with or without its brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = |text: &str| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address: Option<IpAddr> = text.parse().ok().or_else(|| bare(text).map(IpAddr::V6));
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

fn is_https(proto: &str) -> Option<bool> {
    match () {
        () if proto.eq_ignore_ascii_case("https") => Some(true),
        () if proto.eq_ignore_ascii_case("http") => Some(false),
        () => None,
    }
}

/// What one proxy says: names and values (RFC 7239 §4).
struct Element<'line>(Vec<(&'line str, Cow<'line, str>)>);

impl Element<'_> {
    fn by(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }
}

/// What a line of `Forwarded` says, where all of it can be read.
fn elements(line: &HeaderValue) -> Option<Vec<Element<'_>>> {
    let mut rest = line.to_str().ok()?.trim();
    let (mut elements, mut is_new) = (Vec::new(), true);
    loop {
        let gap = rest.len() - rest.trim_start_matches([' ', '\t', ';', ',']).len();
        is_new |= rest[..gap].contains(',');
        rest = &rest[gap..];
        if rest.is_empty() {
            return Some(elements);
        }
        if is_new {
            elements.push(Element(Vec::new()));
            is_new = false;
        }
        let (name, after) = rest.split_once('=')?;
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return None;
        }
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => bare(after)?,
        };
        elements.last_mut()?.0.push((name, value));
        rest = after.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with([';', ',']) {
            return None;
        }
    }
}

/// A value without quotes, and what follows. An address of IPv6 or a port would need them; not everybody knows.
fn bare(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let is_in = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:[]".contains(&byte);
    let end = text.bytes().position(|byte| !is_in(byte)).unwrap_or(text.len());
    (end > 0).then(|| (Cow::Borrowed(&text[..end]), &text[end..]))
}

/// What stands up to the closing quote, and what follows that.
fn unquoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text.as_bytes()[end] == b'"' {
        return Some((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((Cow::Owned(value), &text[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            letter => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn proxies(forwarded: Forwarded) -> Proxies {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|text| text.parse().unwrap());
        Proxies::of(&trusted, forwarded)
    }

    fn sender(forwarded: Forwarded, peer: &str, headers: &[(&'static str, &str)]) -> Sender {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        proxies(forwarded).sender(peer.parse().unwrap(), &map)
    }

    fn usual(headers: &[(&'static str, &str)]) -> Sender {
        sender(Forwarded::Usual, PROXY, headers)
    }

    fn standard(line: &str) -> Sender {
        sender(Forwarded::Standard, PROXY, &[("forwarded", line)])
    }

    fn is_for(address: &str) -> Sender {
        Sender::plain(address.parse().unwrap())
    }

    #[test]
    fn attack_13_a_stranger_says_nothing() {
        let headers = [
            ("x-forwarded-for", "10.0.0.2"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.net"),
            ("forwarded", "for=10.0.0.2;proto=https;host=evil.net"),
        ];
        for way in [Forwarded::Usual, Forwarded::Standard] {
            assert_eq!(sender(way, "192.0.2.1", &headers), is_for("192.0.2.1"));
            let nobody = Proxies::of(&[], way);
            let map = HeaderMap::from_iter([(FOR, HeaderValue::from_static("10.0.0.2"))]);
            assert_eq!(nobody.sender(PROXY.parse().unwrap(), &map), is_for(PROXY));
        }
        assert_eq!(sender(Forwarded::Usual, "::ffff:192.0.2.1", &headers), is_for("192.0.2.1"));
    }

    #[test]
    fn attack_13_only_the_way_that_was_named_is_believed() {
        assert_eq!(usual(&[("forwarded", "for=192.0.2.9;proto=https")]), is_for(PROXY));
        let headers = [("x-forwarded-for", "192.0.2.9"), ("x-forwarded-proto", "https")];
        assert_eq!(sender(Forwarded::Standard, PROXY, &headers), is_for(PROXY));
    }

    #[test]
    fn attack_13_what_stands_left_of_the_asker_is_his_invention() {
        for (list, address) in [
            ("192.0.2.9", "192.0.2.9"),
            ("127.0.0.1, 192.0.2.9", "192.0.2.9"),
            ("10.0.0.7, 192.0.2.9, 10.0.0.2", "192.0.2.9"),
            ("1.1.1.1,192.0.2.9 ,10.0.0.3,10.0.0.2", "192.0.2.9"),
            ("10.0.0.7, 10.0.0.2", "10.0.0.7"),
            ("192.0.2.9:4711, fd00::1", "192.0.2.9"),
            ("2001:db8::9, [fd00::1]:80", "2001:db8::9"),
            ("::ffff:192.0.2.9", "192.0.2.9"),
            // Whatever a proxy that is trusted writes and cannot be read is no reason to believe what stands before it.
            ("192.0.2.9, unknown", PROXY),
            ("é, 192.0.2.9", "192.0.2.9"),
            ("192.0.2.9, ", PROXY),
            ("192.0.2.9, unknown, 10.0.0.2", "10.0.0.2"),
            ("", PROXY),
        ] {
            assert_eq!(usual(&[("x-forwarded-for", list)]).address, is_for(address).address, "{list}");
        }
        let lines = [("x-forwarded-for", "10.0.0.9"), ("x-forwarded-for", "192.0.2.9, 10.0.0.2")];
        assert_eq!(usual(&lines).address, is_for("192.0.2.9").address);
    }

    #[test]
    fn the_proxy_says_how_it_was_asked() {
        let told = usual(&[
            ("x-forwarded-for", "192.0.2.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "Example.org:8443"),
        ]);
        assert_eq!(told.https, Some(true));
        assert_eq!(told.host, Some(Ok(Host { name: "example.org".into(), port: Some(8443) })));
        // Two proxies that append: the outer one's word is the one that counts.
        let told = usual(&[
            ("x-forwarded-for", "1.1.1.1, 192.0.2.9, 10.0.0.2"),
            ("x-forwarded-proto", "gopher, https, http"),
            ("x-forwarded-host", "evil.net, example.org, inner"),
        ]);
        assert_eq!(told.https, Some(true));
        assert_eq!(told.host.unwrap().unwrap().name, "example.org");
        // One that appends to what a stranger sent alone: the nearest proxy's word.
        let told = usual(&[("x-forwarded-for", "192.0.2.9"), ("x-forwarded-proto", "https, http")]);
        assert_eq!(told.https, Some(false));
        let told = usual(&[("x-forwarded-host", "good@evil"), ("x-forwarded-proto", "javascript")]);
        assert_eq!((told.https, told.host), (None, Some(Err(HostError::Malformed))));
    }

    #[test]
    fn the_standard_header_says_the_same() {
        for (line, address, https) in [
            ("for=192.0.2.9;proto=https", "192.0.2.9", Some(true)),
            ("For=\"192.0.2.9:4711\";Proto=HTTP;by=10.0.0.1", "192.0.2.9", Some(false)),
            ("for=1.1.1.1, for=\"[2001:db8::9]:80\" ; proto=https , for=10.0.0.2", "2001:db8::9", Some(true)),
            ("for=[2001:db8::9]", "2001:db8::9", None),
            ("for=\"\\192.0.2.9\"", "192.0.2.9", None),
            ("for=192.0.2.9, for=_hidden;proto=https", PROXY, Some(true)),
            ("for=192.0.2.9, for=unknown", PROXY, None),
            ("for=192.0.2.9;for=10.0.0.2", PROXY, None),
            ("for=192.0.2.9, , ", "192.0.2.9", None),
            ("for=1.1.1.1;, ;for=192.0.2.9;", "192.0.2.9", None),
            ("", PROXY, None),
        ] {
            let told = standard(line);
            assert_eq!((told.address, told.https), (is_for(address).address, https), "{line}");
        }
        assert_eq!(standard("host=\"example.org:80\"").host.unwrap().unwrap().port, Some(80));
        assert_eq!(standard("host=\"a,b\"").host, Some(Err(HostError::Malformed)));
    }

    #[test]
    fn attack_31_a_household_counts_once() {
        let place = |text: &str| place(text.parse().unwrap());
        assert_eq!(place("192.0.2.9"), "192.0.2.9");
        assert_eq!(place("::ffff:192.0.2.9"), "192.0.2.9");
        assert_eq!(place("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(place("2001:db8:1:2:ffff::"), place("2001:db8:1:2::1"));
    }

    #[test]
    fn attack_13_an_open_quote_makes_nobody_a_proxy() {
        for line in [
            "for=\"1.1.1.1, for=192.0.2.9",
            "for=\"1.1.1.1, for=\"[2001:db8::9]\"",
            "x=\"\\, for=192.0.2.9",
            "for=1.1.1.1 for=192.0.2.9",
            "=1.1.1.1, for=192.0.2.9",
            "for=, for=192.0.2.9",
            "for=1.1.1.1; for",
        ] {
            assert_eq!(standard(line).host, Some(Err(HostError::Forwarded)), "{line}");
        }
    }
}
