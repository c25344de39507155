//! A node's log over time, rebuilt from its trace.
//!
//! The view holds what the log *means*: compacted entries stay in it, and what lies under an
//! installed snapshot is covered without being known. It survives restarts of the same disk: a
//! [`Event::Start`] cuts it at the end that recovery found. A crash may undo an install that was not
//! on disk yet, as it may undo a truncation.

use shakedown_history::{Event, Index, LogHash, LogId, Term};

use super::place::Place;

/// One entry: what it is, and the chained hash up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: LogId,
    pub(super) hash: LogHash,
}

/// What a log has at an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// The log ends before.
    Absent,
    /// Something that the trace does not show: it lies under a snapshot.
    Covered,
    /// This entry.
    Held(Entry),
}

/// A node's log at one record of its trace.
#[derive(Default)]
pub(super) struct LogView<'a> {
    disk: Option<&'a str>,
    /// Where the known entries begin: everything up to here is covered.
    base: Index,
    /// The entry at `base`, where known.
    base_entry: Option<Entry>,
    /// The entries after `base`, without gaps.
    entries: Vec<Entry>,
    /// Tails removed in memory that the disk may still hold.
    removed: Vec<Vec<Entry>>,
    durable: Index,
    acked: Index,
}

impl<'a> LogView<'a> {
    /// The last index; zero for an empty log.
    pub(super) fn last_index(&self) -> Index {
        self.entries.last().map_or(self.base, |e| e.id.index)
    }

    /// Everything up to here lies under a snapshot, or was there before the trace began.
    pub(super) fn base(&self) -> Index {
        self.base
    }

    /// How far the log is on disk.
    pub(super) fn durable(&self) -> Index {
        self.durable
    }

    /// How far the node has told a leader that it holds the log.
    pub(super) fn acked(&self) -> Index {
        self.acked
    }

    /// Whose disk this log lies on; none before the first record.
    pub(super) fn disk(&self) -> Option<&'a str> {
        self.disk
    }

    /// What is at `index`.
    pub(super) fn slot(&self, index: Index) -> Slot {
        if index > self.last_index() {
            return Slot::Absent;
        }
        if index == self.base {
            return self.base_entry.map_or(Slot::Covered, Slot::Held);
        }
        self.position(index)
            .map_or(Slot::Covered, |p| Slot::Held(self.entries[p]))
    }

    /// The term of the entry at `index`, where known.
    pub(super) fn term_at(&self, index: Index) -> Option<Term> {
        match self.slot(index) {
            Slot::Held(entry) => Some(entry.id.term),
            Slot::Absent | Slot::Covered => None,
        }
    }

    /// Whether the log has this entry, or covers its index.
    pub(super) fn has(&self, id: LogId) -> bool {
        match self.slot(id.index) {
            Slot::Held(entry) => entry.id == id,
            Slot::Covered => true,
            Slot::Absent => false,
        }
    }

    /// The known entries from `from` to the end.
    pub(super) fn tail(&self, from: Index) -> &[Entry] {
        let skipped = from.0.saturating_sub(self.base.0.saturating_add(1));
        let start = usize::try_from(skipped)
            .unwrap_or(usize::MAX)
            .min(self.entries.len());
        &self.entries[start..]
    }

    /// The known entries after index `after` and up to index `upto`, in order.
    pub(super) fn known(&self, after: Index, upto: Index) -> impl Iterator<Item = Entry> {
        let base = self.base_entry.filter(|e| e.id.index > after);
        let rest = self.tail(Index(after.0.saturating_add(1))).iter().copied();
        base.into_iter()
            .chain(rest)
            .take_while(move |e| e.id.index <= upto)
    }

    /// The entries that `event` removes from this log, in order.
    pub(super) fn removed_by(&self, event: &Event) -> &[Entry] {
        match event {
            Event::Truncate { from, .. } => self.tail(*from),
            Event::Append { id, hash, .. }
                if !self.holds(Entry {
                    id: *id,
                    hash: *hash,
                }) =>
            {
                self.tail(id.index)
            }
            Event::SnapshotInstalled {
                meta,
                kept_suffix: false,
                ..
            } => self.tail(Index(meta.last.index.0.saturating_add(1))),
            _ => &[],
        }
    }

    /// Takes the log past one record of its node.
    pub(super) fn advance(&mut self, place: &Place<'a>) {
        if self.disk != Some(place.disk()) {
            *self = Self {
                disk: Some(place.disk()),
                ..Self::default()
            };
        }
        match place.event() {
            Event::Start {
                last, last_hash, ..
            } => {
                self.recover(Entry {
                    id: *last,
                    hash: *last_hash,
                });
            }
            Event::Append { id, hash, .. } => self.append(Entry {
                id: *id,
                hash: *hash,
            }),
            Event::AppendDurable { last } => self.make_durable(*last),
            Event::Truncate { from, .. } => self.truncate(*from),
            Event::Ack {
                matched,
                reject: false,
                ..
            } => {
                self.acked = self.acked.max(matched.index.min(self.last_index()));
            }
            Event::SnapshotInstalled {
                meta, kept_suffix, ..
            } => {
                let last = Entry {
                    id: meta.last,
                    hash: meta.hash,
                };
                if !(*kept_suffix && self.has(last.id)) {
                    self.rebase(last);
                    // The snapshot is not on disk yet, but what was before it still is.
                    self.durable = self.durable.min(Index(last.id.index.0.saturating_sub(1)));
                }
            }
            Event::SnapshotDurable { last } if self.has(*last) => {
                self.durable = self.durable.max(last.index);
            }
            _ => {}
        }
    }

    fn holds(&self, entry: Entry) -> bool {
        self.slot(entry.id.index) == Slot::Held(entry)
    }

    /// Where in `entries` an index after `base` stands.
    fn position(&self, index: Index) -> Option<usize> {
        usize::try_from(index.0.checked_sub(self.base.0)?.checked_sub(1)?).ok()
    }

    fn append(&mut self, entry: Entry) {
        if self.holds(entry) {
            return;
        }
        self.truncate(entry.id.index);
        let before = Index(entry.id.index.0.saturating_sub(1));
        if before != self.last_index() {
            // The trace skips entries: what lies between is unknown.
            self.rebase_unknown(before);
        }
        if entry.id.index > before {
            self.entries.push(entry);
        }
    }

    fn truncate(&mut self, from: Index) {
        let tail = self.tail(from).to_vec();
        if !tail.is_empty() {
            self.entries.truncate(self.entries.len() - tail.len());
            self.removed.push(tail);
        }
        if from <= self.base {
            self.base = Index(from.0.saturating_sub(1));
            self.base_entry = None;
        }
        self.limit_promises();
    }

    fn limit_promises(&mut self) {
        let last = self.last_index();
        self.durable = self.durable.min(last);
        self.acked = self.acked.min(last);
    }

    fn make_durable(&mut self, last: LogId) {
        match self.slot(last.index) {
            Slot::Held(entry) if entry.id != last => return self.make_rest_durable(last),
            Slot::Held(_) | Slot::Covered => {}
            Slot::Absent => return self.make_rest_durable(last),
        }
        self.durable = self.durable.max(last.index);
        self.removed
            .retain(|tail| tail.first().is_some_and(|e| e.id.index > last.index));
    }

    /// The late completion of a write that was truncated since says nothing about what is in its place,
    /// but what was before it is on disk.
    fn make_rest_durable(&mut self, removed: LogId) {
        let holds = |tail: &Vec<Entry>| tail.iter().any(|e| e.id == removed);
        let Some(position) = self.removed.iter().rposition(holds) else {
            return;
        };
        let firsts = self.removed[position..]
            .iter()
            .filter_map(|tail| tail.first());
        let from = firsts.map(|e| e.id.index).min().unwrap_or_default();
        let kept = Index(from.0.saturating_sub(1));
        self.durable = self.durable.max(kept.min(self.last_index()));
    }

    /// Cuts the log at the end that recovery found. A truncation that had not reached the disk may be
    /// undone by the crash.
    fn recover(&mut self, last: Entry) {
        let whole_is_lost = last.id.index == Index(0);
        while !whole_is_lost && !self.holds(last) {
            let Some(tail) = self.removed.pop() else {
                break;
            };
            let from = tail.first().map_or(Index(0), |e| e.id.index);
            let kept = self.entries.len() - self.tail(from).len();
            self.entries.truncate(kept);
            if self.last_index().0.checked_add(1) == Some(from.0) {
                self.entries.extend(tail);
            }
        }
        if self.holds(last) {
            let cut = self.tail(Index(last.id.index.0.saturating_add(1))).len();
            self.entries.truncate(self.entries.len() - cut);
        } else {
            self.rebase(last);
        }
        self.removed.clear();
        self.limit_promises();
        self.durable = self.last_index();
    }

    fn rebase(&mut self, last: Entry) {
        self.rebase_unknown(last.id.index);
        let is_entry = last.id.index > Index(0);
        self.base_entry = is_entry.then_some(last);
    }

    fn rebase_unknown(&mut self, base: Index) {
        self.base = base;
        self.base_entry = None;
        self.entries.clear();
        self.removed.clear();
        self.limit_promises();
    }
}
