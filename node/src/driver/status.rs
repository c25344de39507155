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
    /// What else was counted since the start.
    pub counts: Counts,
}

/// What a driver counts, from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Successful syncs of the log.
    pub fsyncs: u64,
    /// Batches of changes that were written to the log.
    pub log_batches: u64,
    /// Bytes written to the log.
    pub log_bytes: u64,
    /// For how long the log was being written, in nanoseconds.
    pub log_busy_ns: u64,
    /// Batches that the state machine worked off.
    pub apply_batches: u64,
    /// Snapshots of its own that this node has made durable.
    pub snapshots_saved: u64,
    /// Snapshots that a leader sent and that replaced the state machine's contents.
    pub snapshots_installed: u64,
    /// Messages taken in from peers.
    pub messages_received: u64,
    /// Messages handed to the transport.
    pub messages_sent: u64,
    /// Messages that the transport did not take: too much waited for that peer, or it is unknown.
    pub messages_dropped: u64,
    /// Requests taken in from the API.
    pub requests: u64,
    /// Requests refused because too much was under way.
    pub overloaded: u64,
}
