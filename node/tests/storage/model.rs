//! What the disk should hold, in memory.

use shakedown_node::storage::Log;
use shakedown_raft::{
    Base, Entry, HardState, Index, LogHash, LogId, LogWrite, Membership, NodeId, Payload, Persist,
    Recovered, Snapshot, SnapshotHeader, Term,
};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) hard_state: HardState,
    pub(crate) snapshot: Option<Snapshot>,
    /// Where the log began last.
    pub(crate) start: Base,
    /// Up to where it may be gone.
    pub(crate) compacted: Index,
    /// All entries after `start`.
    pub(crate) entries: Vec<Entry>,
}

impl Model {
    pub(crate) fn at(&self, index: u64) -> Base {
        match (index - self.start.id.index.0).checked_sub(1) {
            None => self.start,
            Some(nth) => {
                let entry = &self.entries[usize::try_from(nth).unwrap()];
                Base {
                    id: entry.id,
                    hash: entry.hash,
                }
            }
        }
    }

    pub(crate) fn last(&self) -> u64 {
        self.start.id.index.0 + self.entries.len() as u64
    }

    pub(crate) fn append(&mut self, payload: &[u8]) -> LogWrite {
        let last = self.at(self.last());
        let id = LogId::new(self.hard_state.term.0, last.id.index.0 + 1);
        let payload = Payload::Command(payload.to_vec().into());
        let entry = Entry::new(last.hash, id, payload);
        self.entries.push(entry.clone());
        LogWrite::Append(vec![entry])
    }

    pub(crate) fn truncate(&mut self, from: u64) -> LogWrite {
        let kept = usize::try_from(from - 1 - self.start.id.index.0).unwrap();
        self.entries.truncate(kept);
        LogWrite::Truncate { from: Index(from) }
    }

    pub(crate) fn vote(&mut self) -> Option<HardState> {
        self.hard_state = HardState {
            term: self.hard_state.term.next(),
            voted_for: Some(NodeId(2)),
        };
        Some(self.hard_state)
    }

    /// The state after the entry `index`, which is in the log.
    pub(crate) fn snapshot_at(&mut self, index: u64) -> Snapshot {
        let snapshot = snapshot(self.at(index));
        self.snapshot = Some(snapshot.clone());
        snapshot
    }

    pub(crate) fn compact(&mut self, upto: u64) -> LogWrite {
        self.compacted = self.compacted.max(Index(upto));
        LogWrite::Compact(self.at(upto))
    }

    /// What a leader sends that is `ahead` entries further.
    pub(crate) fn install(&mut self, ahead: u64) -> Persist {
        let base = Base {
            id: LogId::new(self.hard_state.term.0, self.last() + ahead),
            hash: LogHash(self.last() * 31 + ahead),
        };
        *self = Self {
            hard_state: self.hard_state,
            snapshot: Some(snapshot(base)),
            start: base,
            compacted: base.id.index,
            entries: Vec::new(),
        };
        Persist {
            snapshot: self.snapshot.clone(),
            log: vec![LogWrite::Reset(base)],
            ..Persist::default()
        }
    }

    /// Whether this is what was found, with nothing missing but what may be.
    #[track_caller]
    pub(crate) fn check(&self, recovered: &Recovered) {
        assert_eq!(recovered.loss, None);
        self.check_with_loss(recovered);
    }

    #[track_caller]
    pub(crate) fn check_with_loss(&self, recovered: &Recovered) {
        assert_eq!(recovered.hard_state, self.hard_state);
        assert_eq!(recovered.snapshot, self.snapshot);
        let first = recovered.base.id.index;
        assert!(first <= self.compacted.max(self.start.id.index), "{first}");
        assert_eq!(recovered.base, self.at(first.0));
        let gone = usize::try_from(first.0 - self.start.id.index.0).unwrap();
        assert_eq!(recovered.log, self.entries[gone..]);
    }

    /// Whether the log that was found is this one.
    pub(crate) fn has_log_of(&self, recovered: &Recovered) -> bool {
        let len = recovered.base.id.index.0 + recovered.log.len() as u64;
        len == self.last() && self.begins_as(recovered)
    }

    /// Whether this log begins as the one that was found.
    pub(crate) fn begins_as(&self, recovered: &Recovered) -> bool {
        let first = recovered.base.id.index.0;
        let range = self.start.id.index.0..=self.last();
        range.contains(&first) && recovered.base == self.at(first) && {
            let gone = usize::try_from(first - range.start()).unwrap();
            self.entries[gone..].starts_with(&recovered.log)
        }
    }
}

pub(crate) fn snapshot(last: Base) -> Snapshot {
    let data = format!("the state after {}", last.id).into_bytes();
    Snapshot {
        header: SnapshotHeader {
            last: last.id,
            hash: last.hash,
            membership: Membership::of_voters([NodeId(1), NodeId(2)]),
            membership_index: Index(0),
            len: data.len() as u64,
        },
        data: data.into(),
    }
}

pub(crate) fn writes(log: Vec<LogWrite>) -> Persist {
    Persist {
        log,
        ..Persist::default()
    }
}

/// Writes `batches` batches of a few entries in a new term each; some replace entries of the batches before.
/// Gives what the disk held before the first and after each.
pub(crate) fn write_batches(log: &mut Log, model: &mut Model, batches: u64) -> Vec<Model> {
    let mut stages = vec![model.clone()];
    for batch in 1..=batches {
        let hard_state = model.vote();
        let mut changes = vec![model.append(b"a"), model.append(&[0; 150])];
        if batch % 3 == 0 {
            changes.push(model.truncate(model.last() - 2));
        }
        let first = Persist {
            hard_state,
            ..writes(changes)
        };
        let second = writes(vec![model.append(b""), model.append(&[7; 60])]);
        log.append(&[first, second]).unwrap();
        stages.push(model.clone());
    }
    stages
}

/// The highest term that was ever voted in, as a loss names it.
pub(crate) fn term(model: &Model) -> Term {
    model.hard_state.term
}
