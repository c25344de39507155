//! Hosts and the links between them.

use std::fmt;
use std::net::Ipv4Addr;

/// A host of the network: the clients' or a node's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(u8);

impl Host {
    /// Where the controller and its clients live.
    pub const CLIENTS: Host = Host(0);

    /// The most nodes that a network can have: the addresses below the clients' own.
    pub const NODES_MAX: usize = 253;

    /// The host of node `number`, counted from 1.
    ///
    /// # Panics
    ///
    /// If the number is 0 or above [`Host::NODES_MAX`].
    #[must_use]
    pub fn node(number: usize) -> Host {
        assert!(
            (1..=Host::NODES_MAX).contains(&number),
            "no node has number {number}"
        );
        Host(u8::try_from(number).expect("253 fits"))
    }

    /// All hosts of a network with so many nodes, the clients' first.
    pub fn all(nodes: usize) -> impl Iterator<Item = Host> {
        std::iter::once(Host::CLIENTS).chain((1..=nodes).map(Host::node))
    }

    /// 0 for the clients' host, the node's number for a node.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Its address: 10.88.0.`n` for node `n`, 10.88.0.254 for the clients.
    #[must_use]
    pub fn address(self) -> Ipv4Addr {
        let last = if self == Host::CLIENTS { 254 } else { self.0 };
        Ipv4Addr::new(10, 88, 0, last)
    }

    /// The host with this address, in a network of any size.
    #[must_use]
    pub fn at(address: Ipv4Addr) -> Option<Host> {
        match address.octets() {
            [10, 88, 0, 254] => Some(Host::CLIENTS),
            [10, 88, 0, last @ 1..=253] => Some(Host(last)),
            _ => None,
        }
    }

    /// The hardware address of its interface.
    pub(crate) fn hardware_address(self) -> [u8; 6] {
        // A locally administered address that shows the host.
        [0x02, 0x88, 0, 0, 0, self.0]
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Host::CLIENTS => f.write_str("clients"),
            Host(number) => write!(f, "n{number}"),
        }
    }
}

/// One direction between two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// The sender.
    pub from: Host,
    /// The receiver.
    pub to: Host,
}

impl Link {
    /// The direction from one host to another.
    ///
    /// # Panics
    ///
    /// If both are the same: what a host says to itself never reaches the network.
    #[must_use]
    pub fn new(from: Host, to: Host) -> Link {
        assert_ne!(from, to, "a host has no link to itself");
        Link { from, to }
    }

    /// Both directions between two hosts.
    #[must_use]
    pub fn both_ways(one: Host, other: Host) -> [Link; 2] {
        [Link::new(one, other), Link::new(other, one)]
    }

    /// Every link of a network with so many nodes, in order.
    pub fn all(nodes: usize) -> impl Iterator<Item = Link> {
        Host::all(nodes).flat_map(move |from| {
            let others = Host::all(nodes).filter(move |to| *to != from);
            others.map(move |to| Link { from, to })
        })
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}→{}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_is_found_by_its_address() {
        for host in Host::all(Host::NODES_MAX) {
            assert_eq!(Host::at(host.address()), Some(host));
        }
        for other in [
            [10, 88, 0, 0],
            [10, 88, 0, 255],
            [10, 88, 1, 1],
            [224, 0, 0, 1],
        ] {
            assert_eq!(Host::at(Ipv4Addr::from(other)), None);
        }
    }

    #[test]
    fn a_network_has_a_link_for_each_ordered_pair() {
        let links: Vec<String> = Link::all(2).map(|link| link.to_string()).collect();
        let expected = [
            "clients→n1",
            "clients→n2",
            "n1→clients",
            "n1→n2",
            "n2→clients",
            "n2→n1",
        ];
        assert_eq!(links, expected);
    }
}
