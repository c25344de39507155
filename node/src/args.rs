//! What a node is told on its command line.
//!
//! - `values`: flags that are more than a number or a name
//! - `settings`: what the protocol core is told, and what is refused or warned of

mod settings;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{ArgAction, Args};
use shakedown_history::NodeId;
use shakedown_history::event::ReadMode;
use shakedown_raft::PlantedBug;

use crate::transport::{Local, PeerToken};
pub use values::{LeaseLength, Peer, Range, parse_read_mode};

/// One node of a Raft cluster: a replicated store of registers and lists with an HTTP API.
#[derive(Clone, Debug, Args)]
pub struct NodeArgs {
    /// This node's name: n1, n2, ...
    #[arg(long, value_name = "NODE")]
    pub id: NodeId,
    /// Where term, vote, log and snapshots are kept; made if it does not exist
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Where to write what this node does, one event a line; out of reach of disk faults. Without it
    /// nothing is written, and nothing can be checked
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Where to listen for clients
    #[arg(long, value_name = "IP:PORT")]
    pub client_addr: SocketAddr,
    /// A member of a new cluster and where it listens for its peers; once for each, this node
    /// included, and the same on all of them
    #[arg(
        long = "peer",
        value_name = "NODE=IP:PORT",
        required_unless_present = "join"
    )]
    pub peers: Vec<Peer>,
    /// Start without knowing any members, and wait to be added to a cluster
    #[arg(long)]
    pub join: bool,
    /// Where to listen for peers, if this node is not among those that --peer names
    #[arg(long, value_name = "IP:PORT")]
    pub peer_addr: Option<SocketAddr>,
    /// The cluster's name; nodes of another are strangers
    #[arg(long, value_name = "NAME")]
    pub cluster: String,
    /// What peers must prove to know, and clients send as `Authorization: Bearer SECRET`; the same on
    /// all nodes. Without it everybody is let in
    #[arg(long, value_name = "SECRET")]
    pub token: Option<String>,
    /// Decides the election timeouts, together with the node's name
    #[arg(long, value_name = "N")]
    pub seed: u64,
    /// From which range each election timeout is drawn, in milliseconds
    #[arg(long, value_name = "MIN..MAX", default_value = "150..300")]
    pub election_timeout_ms: Range,
    /// How often a leader sends heartbeats, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 40)]
    pub heartbeat_ms: u64,
    /// How long a tick of the protocol's clock is, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5)]
    pub tick_ms: u64,
    /// Whether a node asks whether it could win before it stands for election
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, default_value_t = true)]
    pub pre_vote: bool,
    /// Whether a leader that hears from no quorum steps down
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, default_value_t = true)]
    pub check_quorum: bool,
    /// Whether a node that hears from a leader refuses its vote to others
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, default_value_t = true)]
    pub sticky_leader: bool,
    /// How reads are made safe unless their client says otherwise: index asks a quorum, lease trusts
    /// the clocks, local may return what is old
    #[arg(long, value_name = "MODE", value_parser = parse_read_mode, default_value = "index")]
    pub read_mode: ReadMode,
    /// For how long after hearing from a quorum a leader serves reads without asking: off, auto or
    /// milliseconds. Auto is the shortest election timeout less two ticks, less the clocks' drift
    #[arg(long, value_name = "LENGTH", default_value = "off")]
    pub lease_ms: LeaseLength,
    /// By how much any two nodes' clocks may run apart, in millionths; leases rely on it
    #[arg(long, value_name = "PPM", default_value_t = 1000)]
    pub clock_drift_ppm: u64,
    /// After how many applied entries the state machine is written down
    #[arg(long, value_name = "ENTRIES", default_value_t = 10_000)]
    pub snapshot_every: u64,
    /// How many entries under a snapshot are kept for followers that lag a little
    #[arg(long, value_name = "ENTRIES", default_value_t = 5_000)]
    pub log_retention: u64,
    /// How long a file of the log may get
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20)]
    pub segment_bytes: u64,
    /// How many bytes of entries may be under way to one peer
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20)]
    pub bytes_in_flight: usize,
    /// How many clients may be connected at once
    #[arg(long, value_name = "N", default_value_t = 1024)]
    pub max_connections: usize,
    /// How long a transaction may take unless its client says otherwise, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5000)]
    pub request_timeout_ms: u64,
    /// Make the node break a promise on purpose, to test the tester
    #[arg(long, value_name = "NAME")]
    pub planted_bug: Option<PlantedBug>,
}

impl NodeArgs {
    /// What this node tells its peers about itself.
    ///
    /// # Errors
    /// If nothing says where it listens for them, or two flags say it differently.
    pub fn local(&self) -> anyhow::Result<Local> {
        let own_peer = self.peers.iter().find(|peer| peer.node == self.id);
        let address = match (own_peer, self.peer_addr) {
            (Some(peer), Some(address)) if peer.address != address => anyhow::bail!(
                "--peer-addr {address} and --peer {}={}: give one of them",
                self.id,
                peer.address
            ),
            (Some(peer), _) => peer.address,
            (None, Some(address)) => address,
            (None, None) if self.join => anyhow::bail!(
                "nothing says where {} listens for its peers: add --peer-addr IP:PORT",
                self.id
            ),
            (None, None) => anyhow::bail!(
                "{} is not among the peers: add --peer {}=IP:PORT, or --join and --peer-addr",
                self.id,
                self.id
            ),
        };
        anyhow::ensure!(
            !address.ip().is_unspecified() && address.port() != 0,
            "{address} is no address that peers can reach: name one of this machine's, and a port"
        );
        Ok(Local {
            cluster: self.cluster.clone(),
            node: self.id,
            address,
            token: PeerToken::new(self.token.as_deref().unwrap_or_default()),
        })
    }

    /// How long a tick is.
    #[must_use]
    pub fn tick(&self) -> Duration {
        Duration::from_millis(self.tick_ms)
    }

    /// After how long the API proposes an undecided transaction again: two heartbeats. By then a
    /// follower has answered, or something was lost on the way.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        Duration::from_millis(2 * self.heartbeat_ms)
    }

    /// How long a transaction may take.
    ///
    /// # Errors
    /// If it may take no time at all.
    pub fn request_timeout(&self) -> anyhow::Result<Duration> {
        let timeout = Duration::from_millis(self.request_timeout_ms);
        (!timeout.is_zero())
            .then_some(timeout)
            .context("--request-timeout-ms must be above zero")
    }
}

#[cfg(test)]
mod tests;
