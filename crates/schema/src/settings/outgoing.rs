//! Where requests on behalf of a site may go besides the public network.

use std::net::IpAddr;

use super::Network;

/// `[outgoing]`.
#[derive(Clone, Debug, Default)]
pub struct OutgoingSettings {
    /// `allow`: hosts and addresses that are not public and that requests may go to all the same.
    pub allow: Vec<Allowed>,
}

/// What the owner lets requests to: a name as it stands in the URL, an address or a network; perhaps at one port alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Where.
    pub place: Place,
    /// At which port; at any where it is not said.
    pub port: Option<u16>,
}

/// See [`Allowed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A host's name, in small letters: wherever it leads.
    Name(String),
    /// Addresses: whichever name leads there.
    Network(Network),
}

impl Allowed {
    /// Whether a request for this host that would be sent to this address is let through. Without an address, whether the
    /// host is named itself.
    #[must_use]
    pub fn covers(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        let here = match &self.place {
            Place::Name(name) => name == host,
            Place::Network(network) => {
                let address = address.or_else(|| host.parse().ok());
                address.is_some_and(|address| network.contains(address))
            }
        };
        here && self.port.is_none_or(|own| own == port)
    }

    /// Whether it is about this very port.
    #[must_use]
    pub fn names_port(&self, port: u16) -> bool {
        self.port == Some(port)
    }
}
