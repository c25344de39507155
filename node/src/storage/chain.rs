//! Terms and hashes of the entries on disk: what a segment needs to say where it begins.

use std::collections::VecDeque;

use shakedown_raft::{Base, Entry, Index, LogHash, LogId, Term};

/// The ids and hashes of a log without its payloads.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    base: Base,
    links: VecDeque<(Term, LogHash)>,
}

impl Chain {
    /// Of the log `entries` after `base`.
    pub(super) fn new(base: Base, entries: &[Entry]) -> Self {
        let links = entries.iter().map(|entry| (entry.id.term, entry.hash));
        Self {
            base,
            links: links.collect(),
        }
    }

    /// The index of the last entry.
    pub(super) fn last(&self) -> Index {
        Index(self.base.id.index.0 + self.links.len() as u64)
    }

    /// The entry at `index` as the place where a log may begin.
    ///
    /// # Panics
    /// If it is not in the log.
    pub(super) fn at(&self, index: Index) -> Base {
        let Some(nth) = self.nth(index).checked_sub(1) else {
            return self.base;
        };
        let (term, hash) = self.links[nth];
        Base {
            id: LogId { term, index },
            hash,
        }
    }

    /// Drops all entries after `index`.
    pub(super) fn truncate(&mut self, index: Index) {
        self.links.truncate(self.nth(index));
    }

    /// Adds an entry.
    ///
    /// # Panics
    /// If it is not the next one.
    pub(super) fn push(&mut self, entry: &Entry) {
        let next = self.last().next();
        assert_eq!(entry.id.index, next, "entries are appended without gaps");
        self.links.push_back((entry.id.term, entry.hash));
    }

    /// Forgets all entries up to `index`.
    pub(super) fn forget(&mut self, index: Index) {
        let base = self.at(index);
        self.links.drain(..self.nth(index));
        self.base = base;
    }

    fn nth(&self, index: Index) -> usize {
        let nth = index.0.checked_sub(self.base.id.index.0);
        let nth = nth.expect("what was compacted is not asked for");
        usize::try_from(nth).expect("what is in memory can be counted")
    }
}
