//! How each node is set up.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration;
use crate::range::{Range, milliseconds};

/// How each node is set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Node {
    /// How long a follower waits for its leader before it asks for votes; drawn anew from the range
    /// each time (§5.2 of the Raft paper).
    pub election_timeout: Range<Duration>,
    /// How often a leader sends heartbeats; well below the shortest election timeout.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub heartbeat: Duration,
    /// Whether a node asks whether it could win before it stands for election (§9.6 of Ongaro's
    /// dissertation).
    pub pre_vote: bool,
    /// Whether a leader that hears from no quorum steps down (§6.2 there).
    pub check_quorum: bool,
    /// Whether a node that hears from a leader refuses its vote to others (§4.2.3 there).
    pub sticky_leader: bool,
    /// How reads are made safe.
    pub read_mode: ReadMode,
    /// By how much any two nodes' clocks may run apart, in millionths; lease reads rely on it.
    pub clock_drift_ppm: u64,
    /// After how many applied entries a node takes a snapshot.
    pub snapshot_every: u64,
    /// How many entries under a snapshot stay in the log; who lags further is sent the snapshot.
    pub log_retention: u64,
    /// A deviation from the protocol that the checkers must find; `null` for none.
    pub planted_bug: Option<String>,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            election_timeout: milliseconds(150, 300),
            heartbeat: Duration::from_millis(40),
            pre_vote: true,
            check_quorum: true,
            sticky_leader: true,
            read_mode: ReadMode::Index,
            clock_drift_ppm: 1_000,
            snapshot_every: 10_000,
            log_retention: 5_000,
            planted_bug: None,
        }
    }
}

/// How reads are made safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReadMode {
    /// The leader asks a quorum whether it still leads (§6.4 of Ongaro's dissertation).
    Index,
    /// The leader trusts the clocks for nearly an election timeout after it heard from a quorum
    /// (§6.4.1 there). As safe as `clock_drift_ppm` is true.
    Lease,
    /// Any node answers from what it has. Stale by design.
    Local,
}

impl fmt::Display for ReadMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Index => "index",
            Self::Lease => "lease",
            Self::Local => "local",
        })
    }
}
