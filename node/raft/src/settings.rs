//! What a node is told once.

use shakedown_history::{Configuration, NodeId};

use crate::planted::PlantedBug;

/// What a node is told once. Time is counted in ticks; the driver decides how long one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// This node.
    pub node: NodeId,
    /// The members.
    pub bootstrap: Configuration,
    /// The shortest election timeout; each timeout is drawn anew from the range (§5.2).
    pub election_timeout_ticks_min: u64,
    /// The longest election timeout.
    pub election_timeout_ticks_max: u64,
    /// How often a leader sends heartbeats; well below the shortest election timeout.
    pub heartbeat_ticks: u64,
    /// The most entries in one AppendEntries.
    pub entries_per_message_max: usize,
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
    }
}
