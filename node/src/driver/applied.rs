//! Taking in what the state machine did, and a leader's snapshot that replaces it.

use bytes::Bytes;
use shakedown_history::Index;
use shakedown_raft::{Input, Snapshot};

use super::Driver;
use super::state_machine::{Job, Outcomes};

impl Driver {
    pub(super) fn on_applied(&mut self, outcomes: Outcomes) {
        if let Some((at, data)) = self.absorb(outcomes) {
            self.step(Input::SnapshotTaken { at, data });
            if self.to_save.is_none() {
                self.snapshots.dropped(at);
            }
        }
    }

    /// Takes in what the state machine did, but for the contents it wrote down.
    fn absorb(&mut self, outcomes: Outcomes) -> Option<(Index, Bytes)> {
        let applied = outcomes.applied.0.saturating_sub(self.last_applied.0);
        self.metrics.entries_applied.add(applied);
        self.metrics.sessions.set(outcomes.sessions as u64);
        self.record_all(self.raft.term(), outcomes.events);
        self.clients.answer_all(outcomes.answers);
        self.last_applied = outcomes.applied;
        outcomes.snapshot
    }

    /// Waits for the state machine, so that what it did before a leader's snapshot stands before it in
    /// the trace. That is rare, and what it had to do is short.
    pub(super) fn finish_applying(&mut self) {
        for outcomes in self.applier.drain() {
            if let Some((at, _)) = self.absorb(outcomes) {
                self.snapshots.dropped(at);
            }
        }
    }

    pub(super) fn install(&mut self, snapshot: Snapshot) {
        self.metrics.snapshots_installed.increment();
        self.snapshots.installed(snapshot.header.last.index);
        self.applier.push(Job::Install(snapshot));
    }
}
