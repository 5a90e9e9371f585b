//! Which encoding of a file an asker takes (RFC 9110 §12.5.3).

use http::{HeaderMap, header};

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// `gzip`.
    Gzip,
    /// `br`.
    Brotli,
}

impl Encoding {
    /// Its name in `Content-Encoding`.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Encoding::Identity => None,
            Encoding::Gzip => Some("gzip"),
            Encoding::Brotli => Some("br"),
        }
    }
}

/// What an asker takes: his weight for each, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Of `br`.
    pub brotli: u16,
    /// Of `gzip`.
    pub gzip: u16,
}

impl Accepted {
    /// Reads `Accept-Encoding`; what is malformed counts as not accepted.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Accepted {
        let (mut brotli, mut gzip, mut any) = (None, None, 0);
        let values = headers.get_all(header::ACCEPT_ENCODING);
        for item in
            values.into_iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','))
        {
            let (name, weight) = weighted(item);
            match name {
                name if name.eq_ignore_ascii_case("br") => brotli = Some(weight),
                name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                    gzip = Some(weight);
                }
                "*" => any = weight,
                _ => {}
            }
        }
        Accepted { brotli: brotli.unwrap_or(any), gzip: gzip.unwrap_or(any) }
    }

    /// The encodings to try, best first; the identity is always taken at last.
    #[must_use]
    pub fn in_order(self) -> [Option<Encoding>; 2] {
        let brotli = (self.brotli > 0).then_some(Encoding::Brotli);
        let gzip = (self.gzip > 0).then_some(Encoding::Gzip);
        if self.gzip > self.brotli { [gzip, brotli] } else { [brotli, gzip] }
    }
}

/// A name and its `q`, in thousandths: 1000 where absent, 0 where malformed.
#[must_use]
pub fn weighted(item: &str) -> (&str, u16) {
    let mut parts = item.split(';');
    let name = parts.next().unwrap_or_default().trim();
    let mut weight = 1000;
    for parameter in parts {
        if let Some((key, value)) = parameter.split_once('=')
            && key.trim().eq_ignore_ascii_case("q")
        {
            weight = thousandths(value.trim()).unwrap_or(0);
        }
    }
    (name, weight)
}

fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn best(accept: &str) -> [Option<Encoding>; 2] {
        let headers =
            HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_str(accept).unwrap())]);
        Accepted::of(&headers).in_order()
    }

    #[test]
    fn the_best_that_is_accepted_comes_first() {
        use Encoding::{Brotli, Gzip};
        assert_eq!(best("gzip, deflate, br, zstd"), [Some(Brotli), Some(Gzip)]);
        assert_eq!(best("gzip;q=1.0, br;q=0.5"), [Some(Gzip), Some(Brotli)]);
        assert_eq!(best("br;q=0, gzip"), [Some(Gzip), None]);
        assert_eq!(best("*"), [Some(Brotli), Some(Gzip)]);
        assert_eq!(best("*;q=0"), [None, None]);
        assert_eq!(best("identity"), [None, None]);
        assert_eq!(best(""), [None, None]);
        assert_eq!(best("br;q=2, gzip;q=abc"), [None, None]);
    }

    proptest! {
        #[test]
        fn anything_can_be_sent(accept in "[ -~]{0,60}") {
            let _ = best(&accept);
        }
    }
}
