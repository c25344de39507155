//! What a node is told once.

use shakedown_history::NodeId;

use crate::membership::{DiskId, Membership};
use crate::planted::PlantedBug;

/// What a node is told once. Time is counted in ticks; the driver decides how long one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// This node.
    pub node: NodeId,
    /// The disk that this node's promises are on; none where nodes are not bound to disks.
    pub disk: Option<DiskId>,
    /// The members before the first configuration entry; the same on all who start a cluster, and
    /// empty on a node that waits to be added to one.
    pub bootstrap: Membership,
    /// The shortest election timeout; each timeout is drawn anew from the range (§5.2).
    pub election_timeout_ticks_min: u64,
    /// The longest election timeout.
    pub election_timeout_ticks_max: u64,
    /// How often a leader sends heartbeats; well below the shortest election timeout.
    pub heartbeat_ticks: u64,
    /// Whether a node asks whether it could win before it disturbs anyone (dissertation §9.6).
    pub pre_vote: bool,
    /// Whether a leader that hears from no quorum steps down (dissertation §6.2).
    pub check_quorum: bool,
    /// Whether a node that hears from a leader refuses votes to others (dissertation §4.2.3).
    pub sticky_leader: bool,
    /// For how long after the sending of a round that a quorum has echoed a leader may serve reads
    /// without asking, in nanoseconds of its own clock (dissertation §6.4.1). Zero: never. Must
    /// be below the shortest election timeout, less a tick (for the first tick may come at once), by
    /// more than clocks may drift apart in it; needs `sticky_leader`, which is what keeps the others
    /// from electing somebody meanwhile.
    pub lease_ns: u64,
    /// The most entries in one AppendEntries.
    pub entries_per_message_max: usize,
    /// The most payload bytes in one AppendEntries, unless a single entry is longer.
    pub bytes_per_message_max: usize,
    /// The most payload bytes under way to one peer, unless a single message is longer.
    pub bytes_in_flight_max: usize,
    /// The most messages with entries under way to one peer.
    pub messages_in_flight_max: usize,
    /// The most bytes of a snapshot in one message.
    pub snapshot_chunk_bytes: usize,
    /// How many entries under the latest snapshot stay in the log, for followers that lag a little.
    pub log_retention: u64,
    /// For how many ticks the disk may complete nothing before it counts as stalled: then a leader
    /// steps down, and nobody stands for election.
    pub disk_stall_ticks: u64,
    /// How many times a process has started on this disk. Tells this process's questions from those
    /// of the one before.
    pub incarnation: u64,
    /// Decides the timeouts. Two nodes must not share it.
    pub seed: u64,
    /// A deliberate deviation from the protocol. Ignored unless built with `planted-bugs`.
    pub planted_bug: Option<PlantedBug>,
}

impl Settings {
    /// # Panics
    /// If the settings contradict each other.
    pub(crate) fn assert_sound(&self) {
        assert!(self.node.0 > 0, "nodes are numbered from 1");
        assert!(self.heartbeat_ticks > 0, "heartbeats take time");
        assert!(
            self.heartbeat_ticks < self.election_timeout_ticks_min,
            "a heartbeat every {} ticks cannot hold off elections after {}",
            self.heartbeat_ticks,
            self.election_timeout_ticks_min
        );
        assert!(
            self.election_timeout_ticks_min <= self.election_timeout_ticks_max,
            "the range of election timeouts is empty"
        );
        assert!(
            self.entries_per_message_max > 0,
            "a message that may carry no entries replicates nothing"
        );
        assert!(
            self.messages_in_flight_max > 0 && self.snapshot_chunk_bytes > 0,
            "something must be allowed to be under way"
        );
    }

    /// The planted bug that this node has, if it was built to have one.
    pub(crate) fn planted_bug(&self) -> Option<PlantedBug> {
        let built_in = cfg!(feature = "planted-bugs");
        self.planted_bug.filter(|_| built_in)
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self {
            node: NodeId(1),
            disk: None,
            bootstrap: Membership::of_voters([NodeId(1)]),
            election_timeout_ticks_min: 10,
            election_timeout_ticks_max: 20,
            heartbeat_ticks: 3,
            pre_vote: false,
            check_quorum: true,
            sticky_leader: false,
            lease_ns: 0,
            entries_per_message_max: 10,
            bytes_per_message_max: 1 << 20,
            bytes_in_flight_max: 1 << 20,
            messages_in_flight_max: 16,
            snapshot_chunk_bytes: 1 << 10,
            log_retention: 0,
            disk_stall_ticks: u64::MAX,
            incarnation: 1,
            seed: 1,
            planted_bug: None,
        }
    }
}
