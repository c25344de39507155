//! What the core knows of its node's disk: how far it is, and whether it is stalled.

use shakedown_history::Index;
use shakedown_history::event::HardState;

use crate::io::Durable;
use crate::planted::PlantedBug;
use crate::raft::Raft;

/// What has reached the disk.
#[derive(Debug)]
pub(crate) struct Disk {
    /// How far the log, as it is now, is on disk.
    pub(crate) durable_index: Index,
    hard_state: HardState,
    /// For how many ticks something has waited without anything being completed.
    silent_ticks: u64,
}

impl Disk {
    pub(crate) fn new(hard_state: HardState) -> Self {
        Self {
            durable_index: Index::default(),
            hard_state,
            silent_ticks: 0,
        }
    }

    /// All that was recovered is durable.
    pub(crate) fn recovered(&mut self, last: Index) {
        self.durable_index = last;
    }

    /// Entries from `from` on are no longer what is on disk.
    pub(crate) fn truncated(&mut self, from: Index) {
        self.durable_index = self.durable_index.min(from.prev());
    }
}

impl Raft {
    /// Counts the time that the disk has been silent although something waits for it.
    pub(crate) fn watch_disk(&mut self) {
        let waits = self.disk.hard_state != self.hard_state
            || self.disk.durable_index < self.log.last().index;
        self.disk.silent_ticks = if waits { self.disk.silent_ticks + 1 } else { 0 };
    }

    /// Whether the disk completes nothing. Such a node can promise nothing: as a leader it would hold
    /// up everybody while its heartbeats keep them from electing another.
    pub(crate) fn is_disk_stalled(&self) -> bool {
        self.disk.silent_ticks > self.settings.disk_stall_ticks
            && !self.deviates(PlantedBug::ZombieLeader)
    }

    /// What was asked to be persisted is on this node's own disk: its own vote counts, and its own
    /// copy of the log, but only as far as that is still the log. A completion about entries that
    /// were overwritten since says nothing about those in their place.
    pub(crate) fn on_persisted(&mut self, durable: Durable) {
        self.disk.silent_ticks = 0;
        self.disk.hard_state = durable.hard_state;
        if self.log.contains(durable.last) {
            self.disk.durable_index = self.disk.durable_index.max(durable.last.index);
        }
        if durable.hard_state == self.hard_state && self.hard_state.voted_for == Some(self.node()) {
            self.count_vote(self.node());
        }
        self.finish_repair();
        self.advance_commit();
        self.serve_reads();
    }
}
