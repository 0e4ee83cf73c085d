//! The address of a machine in the network of the fleet: Tailscale, or another network that the machines share.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::impl_text_traits;
use crate::violation::Invalid;

/// The IPv4 or IPv6 address of one machine in its canonical form, from Tailscale or from another network of the fleet.
/// Loopback, link-local, multicast and reserved addresses are refused, because they don't identify a machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TailscaleIp(String);

impl TailscaleIp {
    /// The maximum number of characters.
    pub const MAX_CHARS: usize = 39;
    /// The format, as an ECMA-262 regular expression.
    pub const PATTERN: &'static str = concat!(
        "^((([1-9]|[1-9][0-9]|1[01][0-9]|12[0-68-9]|1[3-5][0-9]|16[0-8]|1[7-9][0-9]|2[01][0-9]|22[0-3])",
        r"\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])|169\.(25[0-35]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))",
        r"(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){2}",
        "|([23][0-9A-Fa-f]{3}|[Ff][CDcd][0-9A-Fa-f]{2})((:[0-9A-Fa-f]{1,4}){7}|(:[0-9A-Fa-f]{1,4}){0,6}::",
        "|:(:[0-9A-Fa-f]{1,4}){1,6}|:[0-9A-Fa-f]{1,4}:(:[0-9A-Fa-f]{1,4}){1,5}",
        "|(:[0-9A-Fa-f]{1,4}){2}:(:[0-9A-Fa-f]{1,4}){1,4}|(:[0-9A-Fa-f]{1,4}){3}:(:[0-9A-Fa-f]{1,4}){1,3}",
        "|(:[0-9A-Fa-f]{1,4}){4}:(:[0-9A-Fa-f]{1,4}){1,2}|(:[0-9A-Fa-f]{1,4}){5}::[0-9A-Fa-f]{1,4}))$",
    );

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TailscaleIp {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        // An IPv6 address that ends like an IPv4 address is refused: it can also be written without dots.
        let plain = !(text.contains(':') && text.contains('.'));
        let address = text.parse().ok().filter(|_| plain);
        let address = address.ok_or(Invalid::new("must be an IPv4 or IPv6 address, without port or zone"))?;
        let one_machine = match address {
            IpAddr::V4(address) => is_host_v4(address),
            IpAddr::V6(address) => is_host_v6(address),
        };
        if !one_machine {
            return Err(Invalid::new("must be the address of one machine: not loopback, link-local or multicast"));
        }
        Ok(Self(address.to_string()))
    }
}

/// Whether the address belongs to class A, B or C and is not this host, loopback or link-local.
fn is_host_v4(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    (1..=223).contains(&first) && !address.is_loopback() && !address.is_link_local()
}

/// Whether the address is global unicast or unique local.
fn is_host_v6(address: Ipv6Addr) -> bool {
    let [first, ..] = address.octets();
    first >> 5 == 0b001 || address.is_unique_local()
}

impl_text_traits!(TailscaleIp, TailscaleIp::PATTERN, TailscaleIp::MAX_CHARS);

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [&str; 12] = [
        "100.64.0.1",
        "100.127.255.254",
        "192.168.1.7",
        "10.0.0.0",
        "169.253.255.255",
        "169.255.0.1",
        "fd7a:115c:a1e0::1",
        "fd7a:115c:a1e0:ab12:4843:cd96:625d:1a2b",
        "2001:db8::",
        "2001:db8:1:2:3:4:5::",
        "FC00::A",
        "3fff:1:2:3:4:5::7",
    ];

    const BAD: [&str; 37] = [
        "",
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "100.64.0.256",
        "100.64.0.01",
        "100.64.1",
        "100.64.0.1.2",
        "0x64.64.0.1",
        "1681915905",
        "100.64.0.1:22",
        "100.64.0.1/10",
        "100.64.0.1 ",
        " 100.64.0.1",
        "100.64.0.1\n",
        "100.64.0.1\n  ProxyCommand x",
        "::",
        "::1",
        "::ffff:100.64.0.1",
        "fe80::1",
        "fe80::1%en0",
        "fd7a::1%en0",
        "fd7a::100.64.0.1",
        "ff02::1",
        "[fd7a::1]",
        "fd7a:::1",
        "fd7a::1::2",
        "fd7a:1:2:3:4:5:6:7:8",
        "2001:db8:1:2:3:4:5:6::",
        "-oProxyCommand=x",
        "$(id)",
        "%h",
        "mac1",
        "١٠٠.٦٤.٠.١",
    ];

    #[test]
    fn addresses_of_machines_get_their_canonical_form() {
        for text in GOOD {
            assert!(text.parse::<TailscaleIp>().is_ok(), "{text}");
        }
        let canonical = |text: &str| text.parse::<TailscaleIp>().unwrap().to_string();
        assert_eq!(canonical("FD7A:115C:A1E0:0:0:0:0:1"), "fd7a:115c:a1e0::1");
        assert_eq!(canonical("100.64.0.1"), "100.64.0.1");
    }

    #[test]
    fn other_addresses_and_texts_are_refused() {
        for text in BAD {
            assert!(text.parse::<TailscaleIp>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_pattern_agrees_with_the_check() {
        let pattern = regex::Regex::new(TailscaleIp::PATTERN).unwrap();
        for text in GOOD.iter().chain(&BAD) {
            assert_eq!(pattern.is_match(text), text.parse::<TailscaleIp>().is_ok(), "{text:?}");
        }
        for text in generated_texts() {
            assert_eq!(pattern.is_match(&text), text.parse::<TailscaleIp>().is_ok(), "{text:?}");
        }
    }

    /// IPv6 texts with every number of groups on each side of every gap, and IPv4 texts with many numbers at each
    /// position.
    fn generated_texts() -> Vec<String> {
        let mut texts = Vec::new();
        for first in ["fd7a", "2001", "FCff", "fe80", "20", "0001", "fd7a0", "g"] {
            for (head, tail) in (0..9).flat_map(|head| (0..9).map(move |tail| (head, tail))) {
                for gap in ["", ":", "::", ":::"] {
                    texts.push(format!("{first}{}{gap}{}", ":1a".repeat(head), ["0"; 9][..tail].join(":")));
                }
            }
        }
        for n in 0..=300 {
            texts.extend([
                format!("{n}.1.2.3"),
                format!("100.{n}.2.3"),
                format!("169.{n}.2.3"),
                format!("100.64.{n}.3"),
            ]);
            texts.extend([format!("100.64.0.{n}"), format!("100.64.0.{n:03}"), format!("{n:02}.64.0.1")]);
        }
        texts
    }
}
