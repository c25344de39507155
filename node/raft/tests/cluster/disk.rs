//! A node's disk: what survives a crash.

use shakedown_raft::{
    Base, Durable, Entry, HardState, Index, LogHash, LogId, LogWrite, Loss, Membership, Payload,
    Persist, Recovered, Snapshot,
};

/// What survives a crash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    /// Term and vote.
    pub(crate) hard_state: HardState,
    /// Where the log begins.
    pub(crate) base: Base,
    /// The log after that.
    pub(crate) log: Vec<Entry>,
    /// The latest snapshot.
    pub(crate) snapshot: Option<Snapshot>,
    /// What was damaged and is not made good.
    pub(crate) loss: Option<Loss>,
}

impl Disk {
    pub(in crate::cluster) fn write(&mut self, persist: &Persist) {
        self.hard_state = persist.hard_state.unwrap_or(self.hard_state);
        if let Some(snapshot) = &persist.snapshot {
            self.save(snapshot);
        }
        for write in &persist.log {
            match write {
                LogWrite::Truncate { from } => self.log.retain(|e| e.id.index < *from),
                LogWrite::Append(entries) => self.log.extend(entries.iter().cloned()),
                LogWrite::Compact(base) => {
                    self.log.retain(|e| e.id.index > base.id.index);
                    self.base = *base;
                }
                LogWrite::Reset(base) => {
                    self.log.clear();
                    self.base = *base;
                }
                LogWrite::Repaired => self.loss = None,
            }
        }
    }

    /// Keeps the newest snapshot.
    pub(super) fn save(&mut self, snapshot: &Snapshot) {
        let newest = self.snapshot.as_ref().map(|s| s.header.last.index);
        if newest < Some(snapshot.header.last.index) {
            self.snapshot = Some(snapshot.clone());
        }
    }

    /// Damages the entry at `index`: it and all after it are lost, and the disk knows.
    pub(crate) fn corrupt(&mut self, index: Index) {
        let upto = self.last().index;
        if index <= self.base.id.index || index > upto {
            return;
        }
        self.log.retain(|e| e.id.index < index);
        let earlier = self.loss.map_or(Index(0), |loss| loss.upto);
        self.loss = Some(Loss {
            upto: upto.max(earlier),
            term: self.hard_state.term,
        });
    }

    /// The newest membership on the disk with its entry; none if only the bootstrap one is in force.
    pub(crate) fn membership(&self) -> Option<(Index, Membership)> {
        let in_log = self
            .log
            .iter()
            .rev()
            .find_map(|entry| match &entry.payload {
                Payload::Config(membership) => Some((entry.id.index, membership.clone())),
                Payload::Noop | Payload::Command(_) => None,
            });
        let header = self.snapshot.as_ref().map(|snapshot| &snapshot.header);
        let in_snapshot = header.map(|h| (h.membership_index, h.membership.clone()));
        in_log
            .or(in_snapshot)
            .filter(|(index, _)| *index > Index(0))
    }

    /// The end of the log.
    pub(crate) fn last(&self) -> LogId {
        self.log.last().map_or(self.base.id, |e| e.id)
    }

    fn last_hash(&self) -> LogHash {
        self.log.last().map_or(self.base.hash, |e| e.hash)
    }

    pub(super) fn durable(&self) -> Durable {
        Durable {
            hard_state: self.hard_state,
            last: self.last(),
        }
    }

    /// What a process that starts finds. A log that does not reach the snapshot is void: the crash came
    /// between the two.
    pub(super) fn recover(&mut self) -> Recovered {
        if let Some(snapshot) = &self.snapshot {
            let base = Base {
                id: snapshot.header.last,
                hash: snapshot.header.hash,
            };
            let reaches = self.log.iter().any(|e| e.id == base.id) || self.base.id == base.id;
            if !reaches {
                self.log.clear();
                self.base = base;
            }
        }
        debug_assert_ne!(self.last_hash(), LogHash(0));
        Recovered {
            hard_state: self.hard_state,
            snapshot: self.snapshot.clone(),
            base: self.base,
            log: self.log.clone(),
            loss: self.loss,
        }
    }
}
