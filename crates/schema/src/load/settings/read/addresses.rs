//! Settings that name addresses.

use super::{Raw, list};
use crate::settings::{Forwarded, Network};

/// Addresses and networks, and the words `loopback` and `private` for those that these are.
pub(in super::super) fn networks(raw: &Raw) -> Result<Vec<Network>, String> {
    let mut networks = Vec::new();
    for text in list(raw)? {
        match text.as_str() {
            "loopback" => networks.extend(Network::LOOPBACK),
            "private" => networks.extend(Network::PRIVATE),
            text => networks.push(text.parse().map_err(|error| {
                format!(
                    "has `{text}`, which {error}; there are addresses (\"192.0.2.7\"), networks (\"10.0.0.0/8\"), \
                     \"loopback\" and \"private\""
                )
            })?),
        }
    }
    Ok(networks)
}

/// Which of its two ways a proxy tells by what it forwards.
pub(in super::super) fn forwarded(raw: &Raw) -> Result<Forwarded, String> {
    match raw.text().unwrap_or_default() {
        "x-forwarded" => Ok(Forwarded::Usual),
        "forwarded" => Ok(Forwarded::Standard),
        _ => Err("must be \"x-forwarded\" (X-Forwarded-For, -Proto, -Host) or \"forwarded\" (RFC 7239), whichever the proxy writes".to_owned()),
    }
}
