//! Networks that are not public, and which of them a request may enter.
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::exchange::{Chosen, Reach};

/// The network of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Network {
    /// Everybody's.
    Public,
    /// This machine, or a network of its owner.
    Private,
    /// The link: cloud metadata lives here.
    Link,
    /// No site has such an address.
    Nowhere,
}

/// The special-purpose registries of IANA, with the metadata addresses of clouds that lie in other networks. The first
/// that holds an address says what it is.
const NETWORKS: &[(Network, &str)] = &[
    (Network::Link, "169.254.0.0/16"),
    (Network::Link, "100.100.100.200/32"),
    (Network::Link, "168.63.129.16/32"),
    (Network::Link, "192.0.0.192/32"),
    (Network::Private, "127.0.0.0/8"),
    (Network::Private, "10.0.0.0/8"),
    (Network::Private, "172.16.0.0/12"),
    (Network::Private, "192.168.0.0/16"),
    (Network::Private, "100.64.0.0/10"),
    (Network::Private, "192.0.0.0/24"),
    (Network::Private, "192.0.2.0/24"),
    (Network::Private, "192.88.99.0/24"),
    (Network::Private, "198.18.0.0/15"),
    (Network::Private, "198.51.100.0/24"),
    (Network::Private, "203.0.113.0/24"),
    (Network::Nowhere, "0.0.0.0/8"),
    (Network::Nowhere, "224.0.0.0/4"),
    (Network::Nowhere, "240.0.0.0/4"),
    (Network::Link, "fe80::/10"),
    (Network::Link, "fd00:ec2::/32"),
    (Network::Link, "fd20:ce::254/128"),
    (Network::Private, "::1/128"),
    (Network::Private, "fc00::/7"),
    (Network::Private, "fec0::/10"),
    (Network::Private, "64:ff9b:1::/48"),
    (Network::Private, "100::/64"),
    (Network::Private, "2001::/23"),
    (Network::Private, "2001:db8::/32"),
    (Network::Private, "3fff::/20"),
    (Network::Private, "5f00::/16"),
    (Network::Nowhere, "::/128"),
    (Network::Nowhere, "ff00::/8"),
];

impl Network {
    /// The network of an address. One that carries another address is of the less public network of the two.
    pub fn of(address: IpAddr) -> Self {
        let listed = |address: IpAddr| {
            let holds = |net: &str| net.parse::<IpNet>().is_ok_and(|net| net.contains(&address));
            NETWORKS.iter().find(|(_, net)| holds(net)).map_or(Network::Public, |(network, _)| *network)
        };
        let inner = match address {
            IpAddr::V4(_) => Vec::new(),
            IpAddr::V6(six) => carried(six),
        };
        inner.into_iter().map(|four| listed(IpAddr::V4(four))).fold(listed(address), Ord::max)
    }

    /// What it is, for people.
    fn words(self) -> &'static str {
        match self {
            Network::Public => "a public address",
            Network::Private => "an address of this machine or of a private network",
            Network::Link => "an address of the link, where machines keep their metadata",
            Network::Nowhere => "the address of no site",
        }
    }
}

/// The IPv4 addresses in an IPv6 address: mapped, translated and compatible ones, NAT64, 6to4, Teredo, ISATAP.
fn carried(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let four = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        // `::` and `::1` are no IPv4 addresses.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Vec::new(),
        [0, 0, 0, 0, 0, 0 | 0xffff, a, b] | [0, 0, 0, 0, 0xffff, 0, a, b] | [0x64, 0xff9b, 0, 0, 0, 0, a, b] => {
            vec![four(a, b)]
        }
        [0x2002, a, b, ..] => vec![four(a, b)],
        [0x2001, 0, a, b, _, _, c, d] => vec![four(a, b), four(!c, !d)],
        [.., 0 | 0x200, 0x5efe, a, b] => vec![four(a, b)],
        _ => Vec::new(),
    }
}

/// A host that is not asked: the network of its address is none that the request may enter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Closed {
    /// As the address of the request has it.
    pub host: String,
    pub address: IpAddr,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, words) = (&self.host, Network::of(self.address).words());
        match self.host.trim_matches(['[', ']']) == self.address.to_string() {
            true => write!(f, "{host} is {words}"),
            false => write!(f, "{host} is {}, {words}", self.address),
        }
    }
}

impl std::error::Error for Closed {}

/// Whether a name may be resolved to an address.
pub(super) fn admits_name(private: bool, address: IpAddr) -> bool {
    match Network::of(address) {
        Network::Public => true,
        Network::Private => private,
        Network::Link | Network::Nowhere => false,
    }
}

/// Whether an address that is written out, or that an answer gives, may be asked.
pub(super) fn admits_address(reach: &Reach, address: IpAddr) -> bool {
    let written = matches!(reach.chosen, Chosen::Files(_));
    match Network::of(address) {
        Network::Public => true,
        Network::Private => written || reach.private,
        Network::Link => written && reach.private,
        Network::Nowhere => false,
    }
}

/// Why nothing is sent, and what to do when it is meant.
pub(super) fn refusal(closed: &Closed, reach: &Reach) -> String {
    let by = match &reach.chosen {
        Chosen::Files(place) => format!("{place} names it"),
        Chosen::Answer(name) => format!("an answer gave it for {name}"),
    };
    let then = match (Network::of(closed.address), &reach.chosen) {
        (Network::Private | Network::Public, Chosen::Files(_)) => {
            "write the address in place of the name, or `private: true` in the source"
        }
        (Network::Private | Network::Public, Chosen::Answer(_)) => {
            "write `private: true` in the source if its answers may lead there"
        }
        (Network::Link, _) => "it is asked only where the source writes the address out and says `private: true`",
        (Network::Nowhere, _) => "no key admits it; write the address of the site",
    };
    format!("{closed}; {by}; nothing was sent: {then}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_net_of_the_table_is_one() {
        for (_, net) in NETWORKS {
            assert!(net.parse::<IpNet>().is_ok(), "{net}");
        }
    }

    #[test]
    fn an_address_is_of_one_network() {
        let check = |network: Network, addresses: &str| {
            for text in addresses.split_whitespace() {
                assert_eq!(Network::of(text.parse().unwrap()), network, "{text}");
            }
        };
        check(Network::Public, "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0");
        check(
            Network::Public,
            "169.253.0.0 169.255.0.0 172.15.255.255 172.32.0.0 192.167.0.0 192.169.0.0 223.255.255.255",
        );
        check(Network::Public, "2606:4700::1111 64:ff9b::101:101 ::ffff:1.1.1.1 2002:101:101:: ::ffff:0:101:101");
        check(
            Network::Private,
            "127.0.0.1 127.255.255.255 10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.1",
        );
        check(Network::Private, "100.64.0.0 100.127.255.255 198.18.0.1 192.0.2.1 198.51.100.1 203.0.113.9 192.0.0.8");
        check(
            Network::Private,
            "::1 fc00::1 fdff:: fec0::1 2001:db8::1 3fff::1 64:ff9b:1::1 ::127.0.0.1 ::ffff:10.0.0.1",
        );
        check(
            Network::Private,
            "64:ff9b::a00:1 2002:7f00:1:: 2002:c0a8:101::1 ::ffff:0:7f00:1 2001:0:101:101::fefe:fefe",
        );
        check(Network::Private, "2a00::5efe:10.0.0.1 2a00::200:5efe:127.0.0.1 2001:0:a00:1::fefe:fefe 2001:10::1");
        check(Network::Link, "169.254.169.254 169.254.0.0 100.100.100.200 168.63.129.16 192.0.0.192 fe80::1 febf::1");
        check(Network::Link, "fd00:ec2::254 fd20:ce::254 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::");
        check(Network::Link, "2001:0:101:101:0:0:5601:5601");
        check(Network::Nowhere, "0.0.0.0 0.1.2.3 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ff02::1");
        check(Network::Nowhere, "::ffff:0.0.0.0 64:ff9b::0 64:ff9b::e000:1 2002::");
    }
}
