//! A kernel bridge, and on each host firewall rules of our own.
//!
//! Slower than the switch and not at once for the whole network, but it is what a cluster of
//! machines has, so that faults can be tried in a sandbox exactly as they will be done there.
//! [`rules`] is the text of the rules, of use on a machine as well.

mod program;
pub mod rules;

use crate::counters::{Counters, LinkCounters};
use crate::host::{Host, Link};
use crate::network::{Network, NetworkError, check_links};
use crate::packet_faults::PacketFaults;
use crate::wiring::Wiring;
use program::{restore, save};
use rules::Received;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// The network `iptables`.
pub(crate) struct IptablesNetwork {
    wiring: Wiring,
    /// Whom each host shuts out, by the host's index; none while that is unknown.
    shut_out: Vec<Option<BTreeSet<Host>>>,
}

impl IptablesNetwork {
    /// Adds our chains on every host.
    pub(crate) fn install(wiring: Wiring) -> Result<IptablesNetwork, NetworkError> {
        let nodes = wiring.hosts.len() - 1;
        let scripts = Host::all(nodes).map(|host| (host, rules::install(&senders_to(host, nodes))));
        let shut_out = vec![Some(BTreeSet::new()); wiring.hosts.len()];
        let network = IptablesNetwork { wiring, shut_out };
        network.apply(&scripts.collect::<Vec<_>>())?;
        Ok(network)
    }

    /// Applies a script on each of the hosts, on all at the same time.
    fn apply(&self, scripts: &[(Host, String)]) -> Result<(), NetworkError> {
        let mut started = Vec::with_capacity(scripts.len());
        for (host, script) in scripts {
            started.push(restore(*host, &self.wiring.hosts[host.index()], script)?);
        }
        // Wait for all even if one fails.
        let ended: Vec<_> = started.into_iter().map(program::Started::finish).collect();
        ended.into_iter().try_for_each(|output| output.map(drop))
    }

    /// What came in on each host, by the host's index.
    fn counts(&self) -> Result<Vec<BTreeMap<Ipv4Addr, Received>>, NetworkError> {
        let mut started = Vec::with_capacity(self.wiring.hosts.len());
        for (host, namespace) in Host::all(Host::NODES_MAX).zip(&self.wiring.hosts) {
            started.push(save(host, namespace)?);
        }
        let ended = started.into_iter().map(program::Started::finish);
        ended
            .map(|saved| saved.map(|saved| rules::counts(&saved)))
            .collect()
    }
}

impl Network for IptablesNetwork {
    fn name(&self) -> &'static str {
        "iptables"
    }

    fn cut(&mut self, links: &[Link]) -> Result<Duration, NetworkError> {
        let nodes = self.wiring.hosts.len() - 1;
        check_links(links.iter().copied(), nodes)?;
        let started = Instant::now();
        let mut wanted = vec![BTreeSet::new(); self.wiring.hosts.len()];
        for link in links {
            wanted[link.to.index()].insert(link.from);
        }
        let changed =
            |host: &Host| self.shut_out[host.index()].as_ref() != Some(&wanted[host.index()]);
        let changed: Vec<Host> = Host::all(nodes).filter(changed).collect();
        let script = |host: &Host| (*host, rules::cut(&addresses(&wanted[host.index()])));
        let scripts: Vec<_> = changed.iter().map(script).collect();
        changed
            .iter()
            .for_each(|host| self.shut_out[host.index()] = None);
        self.apply(&scripts)?;
        self.shut_out = wanted.into_iter().map(Some).collect();
        Ok(started.elapsed())
    }

    fn disturb(&mut self, links: &[(Link, PacketFaults)]) -> Result<Duration, NetworkError> {
        if links.iter().all(|(_, faults)| faults.is_none()) {
            return Ok(Duration::ZERO);
        }
        Err(NetworkError::NoPacketFaults {
            backend: self.name(),
        })
    }

    fn counters(&mut self) -> Result<Counters, NetworkError> {
        let counts = self.counts()?;
        let count = |link: Link| {
            let received = counts[link.to.index()].get(&link.from.address());
            let Received { delivered, dropped } = received.copied().unwrap_or_default();
            (
                link,
                LinkCounters {
                    delivered,
                    dropped,
                    ..LinkCounters::default()
                },
            )
        };
        let links = Link::all(self.wiring.hosts.len() - 1).map(count).collect();
        Ok(Counters { links, overruns: 0 })
    }
}

fn senders_to(host: Host, nodes: usize) -> Vec<Ipv4Addr> {
    Host::all(nodes)
        .filter(|sender| *sender != host)
        .map(Host::address)
        .collect()
}

fn addresses(hosts: &BTreeSet<Host>) -> Vec<Ipv4Addr> {
    hosts.iter().map(|host| host.address()).collect()
}
