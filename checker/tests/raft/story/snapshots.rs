//! Snapshots and compaction, damaged and replaced disks.

use shakedown_history::event::{HardState, SnapshotMeta};
use shakedown_history::{Configuration, Event, Index, LogHash, LogId, NodeId};

use super::{Entry, Story};

impl Story {
    /// What a snapshot of `n`'s log up to `index` stands for.
    pub(crate) fn snapshot_of(&self, n: u64, index: u64) -> SnapshotMeta {
        let entry = self.node(n).entry(index);
        SnapshotMeta {
            last: entry.id,
            hash: entry.hash,
            config: self.node(n).config_at(index),
        }
    }

    /// The state machine as it is after an index: the same wherever the same entries were applied.
    pub(crate) fn digest(&mut self, n: u64, index: u64) {
        let state = self.node(n).entry(index).hash;
        self.write(
            n,
            Event::Digest {
                index: Index(index),
                state,
                sessions: LogHash(index),
            },
        );
    }

    /// `n` takes a snapshot of what it has applied up to `index`, in memory.
    pub(crate) fn take_snapshot(&mut self, n: u64, index: u64) {
        let meta = self.snapshot_of(n, index);
        self.node_mut(n).taken = Some(meta.clone());
        self.write(n, Event::SnapshotMade(meta));
        self.digest(n, index);
    }

    /// The snapshot taken or installed last reaches the disk.
    pub(crate) fn save_snapshot(&mut self, n: u64) {
        let node = self.node_mut(n);
        let meta = node.taken.clone().expect("there is a snapshot to save");
        let last = meta.last;
        node.snapshot = Some(meta);
        node.covered = node.log[..usize::try_from(last.index.0).unwrap()].to_vec();
        self.write(n, Event::SnapshotDurable { last });
    }

    pub(crate) fn compact(&mut self, n: u64, upto: u64) {
        let upto = self.node(n).entry(upto).id;
        self.write(n, Event::Compact { upto });
    }

    /// A snapshot on disk, and the log before it gone.
    pub(crate) fn snapshot(&mut self, n: u64, index: u64) {
        self.take_snapshot(n, index);
        self.save_snapshot(n);
        self.compact(n, index);
    }

    /// The leader's state up to `index` replaces the follower's, and is on its disk.
    pub(crate) fn install_snapshot(&mut self, n: u64, leader: u64, index: u64) {
        self.receive_snapshot(n, leader, index);
        self.save_snapshot(n);
        let node = self.node_mut(n);
        node.disk_log.clone_from(&node.log);
        node.unsynced.clear();
    }

    /// The same, in memory only.
    pub(crate) fn receive_snapshot(&mut self, n: u64, leader: u64, index: u64) {
        let meta = self.snapshot_of(leader, index);
        let term = self.node(leader).term;
        if self.node(n).term < term {
            self.enter_term(n, term, None);
        }
        let upto = usize::try_from(index).unwrap();
        let under: Vec<Entry> = self.node(leader).log[..upto].to_vec();
        let node = self.node_mut(n);
        let kept_suffix = node.log.iter().any(|entry| entry.id == meta.last);
        if !kept_suffix {
            node.log = under;
        }
        self.say_installed(n, leader, meta, kept_suffix);
        self.digest(n, index);
    }

    /// Only the record of an install.
    pub(crate) fn say_installed(
        &mut self,
        n: u64,
        leader: u64,
        meta: SnapshotMeta,
        kept_suffix: bool,
    ) {
        let index = meta.last.index.0;
        let node = self.node_mut(n);
        (node.commit, node.applied) = (node.commit.max(index), index);
        node.taken = Some(meta.clone());
        node.configs.retain(|(i, _)| *i <= index || kept_suffix);
        if node.config_at(index) != meta.config {
            node.configs.push((index, meta.config.clone()));
            node.configs.sort_by_key(|(i, _)| *i);
        }
        self.write(
            n,
            Event::SnapshotInstalled {
                meta,
                from: NodeId(leader),
                kept_suffix,
            },
        );
    }

    /// The process starts on a disk that has lost its entries after `kept`, and says so.
    pub(crate) fn start_damaged(&mut self, n: u64, kept: u64) {
        let node = self.node_mut(n);
        let lost = Index(node.disk_log.len() as u64);
        node.disk_log.truncate(usize::try_from(kept).unwrap());
        self.start_with(n, Some(lost));
    }

    /// What was lost is back, on disk.
    pub(crate) fn repaired(&mut self, n: u64) {
        let last: LogId = self.node(n).last();
        self.write(n, Event::Repaired { last });
    }

    /// The process starts on a new, empty disk, and waits to be added.
    pub(crate) fn start_wiped(&mut self, n: u64) {
        let node = self.node_mut(n);
        node.disk_log.clear();
        node.disk_state = HardState::default();
        (node.snapshot, node.taken) = (None, None);
        node.covered.clear();
        node.disk += 1;
        node.configs = vec![(0, Configuration::default())];
        self.start(n);
    }

    /// The disk refuses something.
    pub(crate) fn disk_error(&mut self, n: u64) {
        let (op, errno, handled) = ("sync".to_owned(), 5, true);
        self.write(n, Event::IoError { op, errno, handled });
    }
}
