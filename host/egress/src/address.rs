//! Classifies addresses: a granted name must not lead into the network behind the host. Layer: numbers alone, no lookup; `guard` decides
//! about the connection.
//!
//! | reach | addresses | dialled |
//! | --- | --- | --- |
//! | [`Reach::Public`] | all others that are given out | if the origin is granted |
//! | [`Reach::Private`] | loopback, private networks, tunnels, documentation | if the grant allows private addresses too |
//! | [`Reach::Never`] | link-local, metadata services of clouds, multicast, reserved | never |
//!
//! An IPv6 address that contains an IPv4 one (mapped, NAT64, 6to4, Teredo, ISATAP) leads where the worse of the two does.
//!
//! ```
//! use forgeport_egress::address::{Reach, reach};
//! let of = |text: &str| reach(text.parse().unwrap());
//! assert_eq!(of("140.82.121.4"), Reach::Public);
//! assert_eq!(of("10.0.0.7"), Reach::Private("a private network"));
//! assert!(matches!(of("::ffff:169.254.169.254"), Reach::Never(_)));
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The reach of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// The internet.
    Public,
    /// This machine or a network behind it; a grant may allow it. The text says which.
    Private(&'static str),
    /// Addresses of no forge; no grant allows them. The text says why.
    Never(&'static str),
}

/// Blocks of IPv4 that are not the internet (IANA IPv4 Special-Purpose Address Registry).
const V4: [([u8; 4], u32, Reach); 19] = [
    // Metadata services first: some of them lie in blocks that may be allowed, or in public ones.
    ([169, 254, 0, 0], 16, Reach::Never("link-local, where clouds keep their metadata service")),
    ([100, 100, 100, 200], 32, Reach::Never("the metadata service of Alibaba Cloud")),
    ([168, 63, 129, 16], 32, Reach::Never("the host service of Azure")),
    ([192, 0, 0, 192], 32, Reach::Never("the metadata service of Oracle Cloud")),
    ([0, 0, 0, 0], 8, Reach::Never("no address of a host")),
    ([255, 255, 255, 255], 32, Reach::Never("broadcast")),
    ([224, 0, 0, 0], 4, Reach::Never("multicast")),
    ([240, 0, 0, 0], 4, Reach::Never("reserved")),
    ([127, 0, 0, 0], 8, Reach::Private("this machine")),
    ([10, 0, 0, 0], 8, Reach::Private("a private network")),
    ([172, 16, 0, 0], 12, Reach::Private("a private network")),
    ([192, 168, 0, 0], 16, Reach::Private("a private network")),
    ([100, 64, 0, 0], 10, Reach::Private("a provider's shared network")),
    ([198, 18, 0, 0], 15, Reach::Private("a network for benchmarks")),
    ([192, 0, 0, 0], 24, Reach::Private("a network for protocols")),
    ([192, 0, 2, 0], 24, Reach::Private("a network for documentation")),
    ([198, 51, 100, 0], 24, Reach::Private("a network for documentation")),
    ([203, 0, 113, 0], 24, Reach::Private("a network for documentation")),
    ([192, 88, 99, 0], 24, Reach::Private("a relay of 6to4")),
];

/// Blocks of IPv6 likewise (IANA IPv6 Special-Purpose Address Registry); those that contain an IPv4 address are looked into first.
const V6: [([u16; 8], u32, Reach); 15] = [
    ([0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254], 128, Reach::Never("the metadata service of AWS")),
    ([0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x23], 128, Reach::Never("the metadata service of AWS")),
    ([0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x254], 128, Reach::Never("the metadata service of Google Cloud")),
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, Reach::Never("no address of a host")),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, Reach::Never("link-local")),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, Reach::Never("multicast")),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, Reach::Private("this machine")),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, Reach::Private("a private network")),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, Reach::Private("a private network")),
    ([0x0100, 0, 0, 0, 0, 0, 0, 0], 64, Reach::Never("discarded")),
    ([0x0064, 0xff9b, 1, 0, 0, 0, 0, 0], 48, Reach::Private("a network's own NAT64")),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, Reach::Private("a network for protocols or a tunnel (Teredo)")),
    ([0x2001, 0x0db8, 0, 0, 0, 0, 0, 0], 32, Reach::Private("a network for documentation")),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, Reach::Private("a tunnel (6to4)")),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, Reach::Private("a network for documentation")),
];

/// The reach of an address, also of one that contains another.
#[must_use]
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

fn v4(address: Ipv4Addr) -> Reach {
    let bits = address.to_bits();
    let inside =
        |(base, length, _): &&([u8; 4], u32, Reach)| (bits ^ u32::from_be_bytes(*base)).leading_zeros() >= *length;
    V4.iter().find(inside).map_or(Reach::Public, |(.., reach)| *reach)
}

fn v6(address: Ipv6Addr) -> Reach {
    let bits = address.to_bits();
    let own = V6.iter().find(|(base, length, _)| (bits ^ Ipv6Addr::from(*base).to_bits()).leading_zeros() >= *length);
    let own = own.map(|(.., reach)| *reach);
    // The address that is contained in it counts too, and the worse of the two.
    match (own, held_v4(address)) {
        (Some(own), Some(held)) => own.max(v4(held)),
        (Some(own), None) => own,
        (None, Some(held)) => v4(held),
        // Only 2000::/3 is given out.
        (None, None) if bits >> 125 == 1 => Reach::Public,
        (None, None) => Reach::Never("not given out to anybody"),
    }
}

/// The IPv4 address that packets end at: mapped and compatible (RFC 4291), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC
/// 4380), ISATAP (RFC 5214).
fn held_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let parts = address.segments();
    let from = |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match parts {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => from(high, low),
        [0x64, 0xff9b, 0 | 1, _, _, _, high, low] => from(high, low),
        [0x2002, high, low, ..] => from(high, low),
        [0x2001, 0, _, _, _, _, high, low] => from(!high, !low),
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => from(high, low),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(text: &str) -> Reach {
        reach(text.parse().unwrap())
    }

    #[test]
    fn forges_on_the_internet_are_public() {
        for address in [
            "140.82.121.4",
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.169.0.1",
            "2606:50c0:8000::153",
            "2a04:4e42::223",
            "64:ff9b::8c52:7904",
            "::ffff:140.82.121.4",
        ] {
            assert_eq!(of(address), Reach::Public, "{address}");
        }
    }

    #[test]
    fn networks_behind_the_host_are_private_in_every_wrapping() {
        for address in [
            "127.0.0.1",
            "127.255.255.254",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "::1",
            "fc00::1",
            "fdff::1",
            "fec0::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "::10.1.2.3",
            "64:ff9b::7f00:1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::10.0.0.1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2002:8c52:7904::1",
            "2001:0:1:2:3:4:f5ff:fffe",
            "2001:db8::1",
            "2a00::5efe:10.0.0.1",
            "192.0.2.1",
        ] {
            assert!(matches!(of(address), Reach::Private(_)), "{address}: {:?}", of(address));
        }
    }

    #[test]
    fn metadata_services_and_what_is_no_host_are_never_dialled_in_any_wrapping() {
        for address in [
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "239.255.255.255",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "2001:0:1:2:3:4:5601:5601",
            "2a00::200:5efe:169.254.169.254",
            "::ffff:0.0.0.0",
            "64:ff9b::e000:1",
            "100::1",
            "4000::1",
            "8000::1",
            "::ffff:224.0.0.1",
        ] {
            assert!(matches!(of(address), Reach::Never(_)), "{address}: {:?}", of(address));
        }
    }
}
