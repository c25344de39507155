//! What other parts may know of the node.

use shakedown_history::Index;
use shakedown_raft::Status;

/// What other parts may know of the node. It never runs ahead of the trace.
#[derive(Clone, Debug)]
pub struct NodeStatus {
    /// What the core says.
    pub raft: Status,
    /// How far the state machine is.
    pub last_applied: Index,
    /// How many syncs of the log have succeeded since the start.
    pub fsyncs: u64,
}
