//! Builds the network of a run inside its sandbox.

use crate::host::Host;
use crate::iptables::IptablesNetwork;
use crate::network::{Network, NetworkError};
use crate::switch::Switch;
use crate::wiring::{Joint, Wiring, shorten_tcp_backoff};
use shakedown_sandbox::{NetNamespace, Sandbox};
use std::net::Ipv4Addr;

/// Who decides about packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// A switch in user space: every fault, whole-cluster cuts in microseconds.
    #[default]
    Switch,
    /// A kernel bridge, and firewall rules on each host: cuts only.
    Iptables,
}

/// How to build a network.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Who decides about packets.
    pub backend: Backend,
    /// How many nodes there are, beside the clients' host.
    pub nodes: usize,
    /// Decides which packets a probability strikes.
    pub seed: u64,
    /// Has TCP retry at least once a second, so that it is back within a second after a cut is
    /// healed. Real clusters see longer silences. Needs Linux 6.15.
    pub short_tcp_backoff: bool,
}

/// A host on which a node is to run.
#[derive(Clone, Debug)]
pub struct Node {
    /// Which one.
    pub host: Host,
    /// Its address, at which every other host reaches it.
    pub address: Ipv4Addr,
    /// The network namespace in which to start the node.
    pub namespace: NetNamespace,
}

/// The network of a run. It is gone when its parts and all processes in it are.
pub struct Lan {
    /// What can be done to it.
    pub network: Box<dyn Network>,
    /// The nodes' hosts, in order. The clients' host is the sandbox's own namespace.
    pub nodes: Vec<Node>,
}

impl Lan {
    /// Builds a network whose links are all whole. Once per sandbox.
    ///
    /// # Errors
    ///
    /// If the kernel refuses a part of it, or the backend's programs are missing.
    ///
    /// # Panics
    ///
    /// If called outside a tokio runtime.
    pub async fn build(sandbox: &Sandbox, settings: Settings) -> Result<Lan, NetworkError> {
        let joint = match settings.backend {
            Backend::Switch => Joint::Open,
            Backend::Iptables => Joint::Bridge,
        };
        let wiring = Wiring::lay(sandbox, settings.nodes, joint).await?;
        if settings.short_tcp_backoff {
            for host in Host::all(settings.nodes) {
                shorten_tcp_backoff(&wiring.hosts[host.index()], host)?;
            }
        }
        let nodes = Host::all(settings.nodes).skip(1).map(|host| Node {
            host,
            address: host.address(),
            namespace: wiring.hosts[host.index()].clone(),
        });
        let nodes = nodes.collect();
        let network: Box<dyn Network> = match settings.backend {
            Backend::Switch => Box::new(Switch::start(wiring, settings.seed)?),
            Backend::Iptables => Box::new(IptablesNetwork::install(wiring)?),
        };
        Ok(Lan { network, nodes })
    }
}
