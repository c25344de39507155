//! What a node is told on its command line.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use shakedown_history::{LogHash, NodeId, Term};
use shakedown_raft::{Membership, PlantedBug, Settings};

use crate::transport::Members;

/// The most entries in one AppendEntries; with the largest transactions still below the longest frame.
const ENTRIES_PER_MESSAGE_MAX: usize = 64;

/// One node of a Raft cluster: a replicated store of registers and lists with an HTTP API.
#[derive(Clone, Debug, Args)]
pub struct NodeArgs {
    /// This node's name: n1, n2, ...
    #[arg(long, value_name = "NODE")]
    pub id: NodeId,
    /// Where term, vote and log are kept; made if it does not exist
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Where to write what this node does, one event a line; out of reach of disk faults
    #[arg(long, value_name = "FILE")]
    pub trace: PathBuf,
    /// Where to listen for clients
    #[arg(long, value_name = "IP:PORT")]
    pub client_addr: SocketAddr,
    /// A member of the cluster and where it listens for its peers; once for each, this node included
    #[arg(long = "peer", value_name = "NODE=IP:PORT", required = true)]
    pub peers: Vec<Peer>,
    /// The cluster's name; nodes of another are strangers
    #[arg(long, value_name = "NAME")]
    pub cluster: String,
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
    /// How long a transaction may take unless its client says otherwise, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5000)]
    pub request_timeout_ms: u64,
    /// What clients must send as `Authorization: Bearer TOKEN`; without it everybody is let in
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Make the node break a promise on purpose, to test the tester
    #[arg(long, value_name = "NAME")]
    pub planted_bug: Option<PlantedBug>,
}

/// `n1=10.0.0.1:7000`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Who.
    pub node: NodeId,
    /// Where it listens for its peers.
    pub address: SocketAddr,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (node, address) = text.split_once('=').ok_or("write NODE=IP:PORT")?;
        Ok(Self {
            node: node.parse().map_err(|e| format!("{e}"))?,
            address: address.parse().map_err(|e| format!("{address:?}: {e}"))?,
        })
    }
}

/// `150..300`, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The least.
    pub min: u64,
    /// The greatest.
    pub max: u64,
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (min, max) = text.split_once("..").ok_or("write MIN..MAX")?;
        let number = |text: &str| text.parse().map_err(|e| format!("{text:?}: {e}"));
        let (min, max) = (number(min)?, number(max)?);
        if min == 0 || min > max {
            return Err("the range must not be empty, and start above zero".to_owned());
        }
        Ok(Self { min, max })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.min, self.max)
    }
}

impl NodeArgs {
    /// Who talks to whom.
    ///
    /// # Errors
    /// If a peer is named twice, or this node is none of them.
    pub fn members(&self) -> anyhow::Result<Members> {
        let mut addresses = BTreeMap::new();
        for Peer { node, address } in &self.peers {
            let before = addresses.insert(*node, *address);
            ensure!(before.is_none(), "--peer names {node} twice");
        }
        ensure!(
            addresses.contains_key(&self.id),
            "{} is not among the peers: add --peer {}=IP:PORT",
            self.id,
            self.id
        );
        Ok(Members {
            cluster: self.cluster.clone(),
            node: self.id,
            addresses,
        })
    }

    /// What the protocol core is told.
    ///
    /// # Errors
    /// If the timeouts do not fit each other, or a planted bug is asked for that is not compiled in.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let Range { min, max } = self.election_timeout_ms;
        ensure!(self.tick_ms > 0, "--tick-ms must be above zero");
        ensure!(self.heartbeat_ms > 0, "--heartbeat-ms must be above zero");
        ensure!(
            self.heartbeat_ms < min,
            "--heartbeat-ms {} must be below the shortest election timeout, {min}",
            self.heartbeat_ms
        );
        ensure!(
            self.tick_ms <= self.heartbeat_ms,
            "--tick-ms {} must not be above --heartbeat-ms {}",
            self.tick_ms,
            self.heartbeat_ms
        );
        if let Some(bug) = self.planted_bug
            && !cfg!(feature = "planted-bugs")
        {
            bail!(
                "--planted-bug {bug}: this build has no planted bugs; build it with \
                 `--features planted-bugs`"
            );
        }
        let ticks = |ms: u64| ms.div_ceil(self.tick_ms);
        Ok(Settings {
            node: self.id,
            bootstrap: Membership::of_voters(self.peers.iter().map(|peer| peer.node)),
            disk: None,
            pre_vote: false,
            check_quorum: true,
            sticky_leader: false,
            lease_ns: 0,
            bytes_per_message_max: 1 << 20,
            bytes_in_flight_max: 8 << 20,
            snapshot_chunk_bytes: 256 << 10,
            log_retention: 10_000,
            election_timeout_ticks_min: ticks(min),
            election_timeout_ticks_max: ticks(max),
            heartbeat_ticks: ticks(self.heartbeat_ms),
            entries_per_message_max: ENTRIES_PER_MESSAGE_MAX,
            seed: self.own_seed(),
            planted_bug: self.planted_bug,
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

    /// Nodes of one run share its seed but must not share their timeouts.
    fn own_seed(&self) -> u64 {
        LogHash(self.seed)
            .chain(Term(self.id.0), b"election timeouts")
            .0
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: NodeArgs,
    }

    fn parse(more: &[&str]) -> anyhow::Result<NodeArgs> {
        let fixed =
            "node --id n1 --data-dir d --trace t --client-addr 127.0.0.1:1 --cluster c --seed 7";
        let args = fixed.split(' ').chain(more.iter().copied());
        Ok(Cli::try_parse_from(args)?.args)
    }

    #[test]
    fn milliseconds_become_ticks() {
        let settings = parse(&["--peer", "n1=127.0.0.1:2"])
            .unwrap()
            .settings()
            .unwrap();
        let ticks = (
            settings.election_timeout_ticks_min,
            settings.election_timeout_ticks_max,
        );
        assert_eq!((ticks, settings.heartbeat_ticks), ((30, 60), 8));
    }

    #[test]
    fn nodes_of_one_run_have_seeds_of_their_own() {
        let one = parse(&["--peer", "n1=127.0.0.1:2"]).unwrap();
        let other = NodeArgs {
            id: NodeId(2),
            ..one.clone()
        };
        assert_ne!(one.own_seed(), other.own_seed());
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_reason() {
        let own = ["--peer", "n1=127.0.0.1:2"];
        let error = |more: &[&str]| {
            let args = parse(&[&own[..], more].concat())?;
            args.members()?;
            args.settings()?;
            args.request_timeout().map(drop)
        };
        assert!(error(&[]).is_ok());
        for (more, reason) in [
            (["--peer", "n1=127.0.0.1:3"], "names n1 twice"),
            (["--peer", "n2"], "NODE=IP:PORT"),
            (["--election-timeout-ms", "300..150"], "must not be empty"),
            (
                ["--heartbeat-ms", "150"],
                "below the shortest election timeout",
            ),
            (["--tick-ms", "0"], "above zero"),
            (["--request-timeout-ms", "0"], "above zero"),
            (["--planted-bug", "no-such"], "no planted bug is called"),
        ] {
            let text = error(&more).unwrap_err().to_string();
            assert!(text.contains(reason), "{more:?}: {text}");
        }
        let stranger = parse(&["--peer", "n2=127.0.0.1:2"]).unwrap();
        assert!(
            stranger
                .members()
                .unwrap_err()
                .to_string()
                .contains("not among the peers")
        );
    }

    #[cfg(not(feature = "planted-bugs"))]
    #[test]
    fn planted_bugs_must_be_compiled_in() {
        let args = parse(&["--peer", "n1=127.0.0.1:2", "--planted-bug", "stale-read"]).unwrap();
        let error = args.settings().unwrap_err().to_string();
        assert!(error.contains("--features planted-bugs"), "{error}");
    }
}
