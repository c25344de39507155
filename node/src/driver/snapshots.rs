//! When the state machine is written down, and its way to the disk. One snapshot is under way at a
//! time.

use shakedown_history::{Index, LogId};
use shakedown_raft::Snapshot;

use crate::storage::{DiskFailure, SnapshotSaver};

/// Snapshots on their way to the disk.
#[derive(Debug)]
pub(super) struct Snapshots {
    saver: SnapshotSaver,
    /// A snapshot is due once so many entries have been applied since the last one.
    every: u64,
    /// What the last one covers.
    last: Index,
    under_way: bool,
}

impl Snapshots {
    /// None under way; the latest, if there is one, covers everything up to `last`.
    pub(super) fn new(saver: SnapshotSaver, every: u64, last: Index) -> Self {
        Self {
            saver,
            every,
            last,
            under_way: false,
        }
    }

    /// Whether the next one is due now that everything up to `applied` is applied. Then it counts as
    /// under way.
    pub(super) fn is_due(&mut self, applied: Index) -> bool {
        let due = !self.under_way && applied.0 - self.last.0.min(applied.0) >= self.every;
        self.under_way |= due;
        due
    }

    /// The core has no use for the contents written down at `at`: a leader's snapshot was faster.
    pub(super) fn dropped(&mut self, at: Index) {
        self.last = self.last.max(at);
        self.under_way = false;
    }

    /// Begins to make a snapshot durable.
    pub(super) fn save(&mut self, snapshot: Snapshot) {
        self.last = self.last.max(snapshot.header.last.index);
        self.under_way = true;
        self.saver.save(snapshot);
    }

    /// A leader's snapshot has replaced everything up to `last`.
    pub(super) fn installed(&mut self, last: Index) {
        self.last = self.last.max(last);
    }

    /// Waits for the snapshot under way; pends for ever when there is none. Cancel safe.
    pub(super) async fn saved(&mut self) -> Result<LogId, DiskFailure> {
        let outcome = self.saver.saved().await;
        self.under_way = false;
        outcome
    }
}

#[cfg(test)]
mod tests {
    use shakedown_history::NodeId;

    use super::*;
    use crate::storage::{self, StorageOptions};

    #[test]
    fn a_snapshot_is_due_after_so_many_entries_and_never_two_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let options = StorageOptions::default();
        let opened = storage::open(dir.path(), "c", NodeId(1), &options).unwrap();
        let saver = SnapshotSaver::start(opened.snapshots);
        let mut snapshots = Snapshots::new(saver, 10, Index(5));
        assert!(!snapshots.is_due(Index(14)));
        assert!(snapshots.is_due(Index(15)));
        assert!(!snapshots.is_due(Index(40)), "one is under way");
        snapshots.dropped(Index(15));
        assert!(!snapshots.is_due(Index(24)));
        snapshots.installed(Index(30));
        assert!(
            !snapshots.is_due(Index(25)),
            "the state machine lags behind it"
        );
        assert!(snapshots.is_due(Index(40)));
    }
}
