//! Ranges of addresses, as settings name them: `10.0.0.0/8`, `2001:db8::/32`, or one address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its first address.
    first: IpAddr,
    /// How many bits its addresses share.
    bits: u8,
}

impl Network {
    /// What `private` stands for: addresses that no router of the internet knows (RFC 1918, RFC 4193, RFC 3927, RFC 4291).
    pub const PRIVATE: &[Network] = &[
        Network::v4([10, 0, 0, 0], 8),
        Network::v4([172, 16, 0, 0], 12),
        Network::v4([192, 168, 0, 0], 16),
        Network::v4([169, 254, 0, 0], 16),
        Network::v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
        Network::v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    ];
    /// What `loopback` stands for: this machine.
    pub const LOOPBACK: &[Network] =
        &[Network::v4([127, 0, 0, 0], 8), Network::v6([0, 0, 0, 0, 0, 0, 0, 1], 128)];

    /// A network of IPv4.
    #[must_use]
    pub const fn v4(first: [u8; 4], bits: u8) -> Network {
        Network { first: IpAddr::V4(Ipv4Addr::new(first[0], first[1], first[2], first[3])), bits }
    }

    /// A network of IPv6.
    #[must_use]
    pub const fn v6(first: [u16; 8], bits: u8) -> Network {
        let [a, b, c, d, e, f, g, h] = first;
        Network { first: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)), bits }
    }

    /// Whether an address is of it. One of IPv4 that is written as IPv6 is the one of IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or_default();
                (first.to_bits() ^ address.to_bits()) & mask == 0
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or_default();
                (first.to_bits() ^ address.to_bits()) & mask == 0
            }
            _ => false,
        }
    }

    /// Whether every address there is, is of it.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.bits == 0
    }
}

/// What is wrong with a text that should name a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotANetwork {
    /// No address stands before the slash.
    Address,
    /// What follows the slash is no number of bits.
    Bits,
    /// The address has bits beyond those that are shared: most likely something else was meant.
    Beyond(Network),
}

impl std::fmt::Display for NotANetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotANetwork::Address => f.write_str("is no address"),
            NotANetwork::Bits => f.write_str("has a wrong number of bits after its slash"),
            NotANetwork::Beyond(network) => {
                write!(f, "has more bits than it shares: write `{network}`")
            }
        }
    }
}

impl std::error::Error for NotANetwork {}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Network, NotANetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let given: IpAddr = address.parse().map_err(|_| NotANetwork::Address)?;
        let most = if given.is_ipv4() { 32 } else { 128 };
        let digits = |bits: &str| bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits: u8 = match bits {
            None => most,
            Some(bits) if digits(bits) => bits.parse().map_err(|_| NotANetwork::Bits)?,
            Some(_) => return Err(NotANetwork::Bits),
        };
        if bits > most {
            return Err(NotANetwork::Bits);
        }
        let first = match given {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or_default();
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or_default();
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        };
        let network = Network { first, bits };
        if first == given { Ok(network) } else { Err(NotANetwork::Beyond(network)) }
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap_or_else(|error| panic!("{text} {error}"))
    }

    #[test]
    fn addresses_are_of_their_networks() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "2001:db8::1", "1.2.3.4"),
            ("2001:db8::/32", "2001:db8:ffff::", "2001:db9::"),
            ("127.0.0.0/8", "::ffff:127.0.0.1", "::1"),
            ("192.168.1.128/25", "192.168.1.128", "192.168.1.127"),
        ] {
            assert!(network(text).contains(inside.parse().expect("an address")), "{inside} in {text}");
            assert!(!network(text).contains(outside.parse().expect("an address")), "{outside} not in {text}");
        }
    }

    #[test]
    fn a_slip_in_a_network_is_told() {
        for (text, error) in [
            ("", NotANetwork::Address),
            ("proxy", NotANetwork::Address),
            ("10.0.0", NotANetwork::Address),
            ("10.0.0.0/", NotANetwork::Bits),
            ("10.0.0.0/33", NotANetwork::Bits),
            ("10.0.0.0/+8", NotANetwork::Bits),
            ("::/129", NotANetwork::Bits),
            ("10.1.2.3/8", NotANetwork::Beyond(network("10.0.0.0/8"))),
        ] {
            assert_eq!(text.parse::<Network>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_network_has_its_first_and_no_other_bits(bits in any::<u128>(), shared in 0_u8..=128, flipped in 0_u8..128) {
            let mask = u128::MAX.checked_shl(128 - u32::from(shared)).unwrap_or_default();
            let first = Ipv6Addr::from_bits(bits & mask);
            // One of IPv4 in disguise is of no network of IPv6.
            prop_assume!(first.to_ipv4_mapped().is_none());
            let network: Network = format!("{first}/{shared}").parse().expect("it is one");
            let other = Ipv6Addr::from_bits(first.to_bits() ^ (1 << (127 - flipped)));
            prop_assume!(other.to_ipv4_mapped().is_none());
            prop_assert!(network.contains(first.into()));
            prop_assert_eq!(network.contains(other.into()), flipped >= shared);
        }
    }
}
