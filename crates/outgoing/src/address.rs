//! Which addresses are the public network's, by the registries of special-purpose addresses (RFC 6890 and what came after).
//!
//! The check is an allow-list where that is possible: of IPv6 only what is assigned for the world (2000::/3) is public.
//! Addresses that carry an IPv4 address are judged by it where they reach it by a gateway, and refused otherwise.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 networks that no request of a site goes to, with what they are.
const SPECIAL_V4: &[(Ipv4Addr, u8, &str)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, "this machine"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared by a carrier's customers"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "this machine"),
    // The metadata of most clouds are at 169.254.169.254.
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    // Oracle's metadata are at 192.0.0.192.
    (Ipv4Addr::new(192, 0, 0, 0), 24, "of a protocol"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a relay of 6to4"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    // 255.255.255.255 among them.
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved or broadcast"),
    // Public by its number, and what an Azure machine asks about itself.
    (Ipv4Addr::new(168, 63, 129, 16), 32, "the metadata of a host"),
];

/// IPv6 networks within 2000::/3 that no request of a site goes to.
const SPECIAL_V6: &[(Ipv6Addr, u8, &str)] = &[
    // Teredo, ORCHID, AMT and whatever else is a protocol's.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "of a protocol"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "for documentation"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "an IPv4 address by 6to4"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "for documentation"),
];

/// The gateways between IPv6 and the IPv4 of the world (RFC 6052): where a name has IPv4 addresses alone, these are what an
/// IPv6-only machine gets.
const NAT64: (Ipv6Addr, u8) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// What an address is instead of a public one; nothing where it is public.
#[must_use]
pub fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let found = SPECIAL_V4.iter().find(|(network, length, _)| {
        let shift = 32 - u32::from(*length);
        u32::from(address) >> shift == u32::from(*network) >> shift
    });
    found.map(|(.., what)| *what)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    if within(address, NAT64.0, NAT64.1) {
        let [.., high, low] = address.segments();
        return special_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    }
    if address.is_loopback() || address.is_unspecified() {
        return Some("this machine");
    }
    if address.to_ipv4_mapped().is_some() {
        return Some("an IPv4 address in disguise");
    }
    if !within(address, Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3) {
        return Some("not of the public network");
    }
    let [.., group, marker, _, _] = address.segments();
    if matches!(group, 0 | 0x0200) && marker == 0x5efe {
        return Some("an IPv4 address by ISATAP");
    }
    let found = SPECIAL_V6.iter().find(|(network, length, _)| within(address, *network, *length));
    found.map(|(.., what)| *what)
}

fn within(address: Ipv6Addr, network: Ipv6Addr, length: u8) -> bool {
    let shift = 128 - u32::from(length);
    u128::from(address) >> shift == u128::from(network) >> shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_38_only_public_addresses_are_public() {
        for bad in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:127.0.0.1",
            "::127.0.0.1",
            "::8.8.8.8",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:0:53aa:64c::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "2606:4700::5efe:10.0.0.1",
            "2606:4700::200:5efe:10.0.0.1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fd12:3456::1",
            "fe80::1",
            "fe80::1:2:3",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ] {
            let address: IpAddr = bad.parse().expect(bad);
            assert!(special(address).is_some(), "{bad}");
        }
    }

    #[test]
    fn what_is_public_is_let_through() {
        for good in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "2001:4860:4860::8888",
            "2001:200::1",
            "64:ff9b::8.8.8.8",
            "2003::1",
        ] {
            let address: IpAddr = good.parse().expect(good);
            assert_eq!(special(address), None, "{good}");
        }
    }

    proptest::proptest! {
        #[test]
        fn attack_38_whatever_std_calls_local_is_special(bits: u32) {
            let address = Ipv4Addr::from(bits);
            let local = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_broadcast() || address.is_documentation() || address.is_multicast()
                || address.is_unspecified();
            proptest::prop_assert!(!local || special(address.into()).is_some());
            // What an IPv4 address is, it is behind a gateway too; in any other disguise it is refused.
            let [a, b, c, d] = address.octets().map(u16::from);
            let (high, low) = ((a << 8) | b, (c << 8) | d);
            let behind = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low);
            proptest::prop_assert_eq!(special(behind.into()), special(address.into()));
            for disguise in [
                address.to_ipv6_mapped(),
                address.to_ipv6_compatible(),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ] {
                proptest::prop_assert!(special(disguise.into()).is_some());
            }
        }
    }
}
