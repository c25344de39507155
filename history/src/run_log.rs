//! One line of `run.jsonl`: how the run itself went, as the controller saw it.

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;

/// The steps of a run, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Sandbox, network and agents come up.
    Boot,
    /// The nodes start; ends when one leads.
    Start,
    /// Clients and nemesis work.
    Work,
    /// Every fault is undone.
    Heal,
    /// The cluster has to serve again.
    Recover,
    /// Every key is read once more.
    FinalReads,
    /// The nodes stop.
    Stop,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEvent {
    /// A step began.
    Phase(Phase),
    /// Writes succeed again after healing.
    Recovered {
        /// How long that took, in nanoseconds.
        after_ns: u64,
    },
    /// They do not, although everything was healed.
    NotRecovered {
        /// How long they were given, in nanoseconds.
        within_ns: u64,
        /// The last refusal.
        last_error: String,
    },
    /// A node's process ended although nobody had ended it.
    NodeExited {
        /// Which node.
        node: NodeId,
        /// `exit status 101`, `SIGABRT`.
        how: String,
        /// The end of what it printed.
        log_tail: String,
    },
    /// Somebody stopped the run.
    Interrupted,
    /// The harness failed.
    HarnessError {
        /// What failed, on what, and what to do.
        error: String,
    },
    /// All steps are done.
    Finished,
}

/// One line of `run.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Nanoseconds since the run's start.
    pub time: u64,
    /// What happened.
    pub event: RunEvent,
}
