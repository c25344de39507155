//! The log in memory, from the entry after its base on.

use shakedown_history::{Index, LogHash, LogId};

use crate::entry::Entry;
use crate::io::Base;

/// The log in memory: everything after `base`, without gaps.
#[derive(Debug, Default)]
pub(crate) struct Log {
    base: Base,
    entries: Vec<Entry>,
}

impl Log {
    /// An empty log behind `base`.
    pub(crate) fn after(base: Base) -> Self {
        Self {
            base,
            entries: Vec::new(),
        }
    }

    /// The last entry that is not held any more.
    pub(crate) fn base(&self) -> Base {
        self.base
    }

    /// The end of the log; zero at zero when there never was an entry.
    pub(crate) fn last(&self) -> LogId {
        self.entries.last().map_or(self.base.id, |e| e.id)
    }

    /// The chained hash of the whole log.
    pub(crate) fn last_hash(&self) -> LogHash {
        self.entries.last().map_or(self.base.hash, |e| e.hash)
    }

    /// How many entries are held.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entry at `index`, if it is held.
    pub(crate) fn get(&self, index: Index) -> Option<&Entry> {
        self.entries.get(self.position(index)?)
    }

    /// The name of the entry at `index`, known for those held and for the base. The place before the
    /// first entry is the base of every log of which nothing was compacted.
    pub(crate) fn id_at(&self, index: Index) -> Option<LogId> {
        if index == self.base.id.index {
            return Some(self.base.id);
        }
        self.get(index).map(|e| e.id)
    }

    /// The entry at `index` as a place where a log may begin.
    pub(crate) fn base_at(&self, index: Index) -> Option<Base> {
        if index == self.base.id.index {
            return Some(self.base);
        }
        let entry = self.get(index)?;
        Some(Base {
            id: entry.id,
            hash: entry.hash,
        })
    }

    /// Whether the log holds this entry, or begins right after it, and so agrees with everything before
    /// it (Log Matching, §5.3).
    pub(crate) fn contains(&self, id: LogId) -> bool {
        self.id_at(id.index) == Some(id)
    }

    /// The entries after `prev`, up to `upto`.
    ///
    /// # Panics
    /// If they are not all held.
    pub(crate) fn between(&self, prev: Index, upto: Index) -> &[Entry] {
        let held = "the entries asked for are held";
        let start = self.position(prev.next()).expect(held);
        let end = self.position(upto.next()).expect(held);
        &self.entries[start..end]
    }

    /// The last entry at or before `id.index` whose term is at most `id.term`. Of two logs that
    /// disagree, each answers so for the other's entry, and the whole terms in between that cannot
    /// agree are passed over (§5.3, last paragraph). Where that lies before the base, the base is
    /// the answer: what was compacted is committed, and agrees.
    pub(crate) fn last_at_most(&self, id: LogId) -> LogId {
        let length = self.position(id.index.next()).unwrap_or(0);
        let length = length.min(self.entries.len());
        let agreeable = self.entries[..length].partition_point(|e| e.id.term <= id.term);
        self.entries[..agreeable]
            .last()
            .map_or(self.base.id, |e| e.id)
    }

    /// Adds an entry at the end.
    ///
    /// # Panics
    /// If it is not the next one.
    pub(crate) fn push(&mut self, entry: Entry) {
        assert_eq!(
            entry.id.index,
            self.last().index.next(),
            "a log has no gaps"
        );
        self.entries.push(entry);
    }

    /// Removes the entry at `from` and all after it.
    pub(crate) fn truncate(&mut self, from: Index) {
        assert!(from <= self.last().index, "there is something to remove");
        let kept = self.position(from).expect("what is compacted is committed");
        self.entries.truncate(kept);
    }

    /// Drops everything up to and including `base`, which it holds.
    pub(crate) fn compact(&mut self, base: Base) {
        assert!(self.contains(base.id), "{} is in the log", base.id);
        let dropped = self.position(base.id.index.next());
        self.entries
            .drain(..dropped.expect("it is not before the base"));
        self.base = base;
    }

    /// The planted bug `install-keeps-conflict`: drops everything up to `base`, held or not.
    pub(crate) fn compact_to_foreign(&mut self, base: Base) {
        let dropped = self.position(base.id.index.next()).unwrap_or(0);
        self.entries.drain(..dropped.min(self.entries.len()));
        self.base = base;
    }

    /// Where the entry of that index lies or would lie; none before the base.
    fn position(&self, index: Index) -> Option<usize> {
        let offset = index.0.checked_sub(self.base.id.index.0)?.checked_sub(1)?;
        Some(usize::try_from(offset).expect("a log in memory has no more entries than fit"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Payload;

    fn log(terms: &[u64]) -> Log {
        let mut log = Log::default();
        for (position, term) in (1..).zip(terms) {
            let id = LogId::new(*term, position);
            log.push(Entry::new(log.last_hash(), id, Payload::Noop));
        }
        log
    }

    #[test]
    fn the_empty_log_holds_the_place_before_the_first_entry() {
        let log = log(&[]);
        assert_eq!(log.last(), LogId::default());
        assert!(log.contains(LogId::default()));
        assert!(!log.contains(LogId::new(1, 1)));
        assert_eq!(log.last_at_most(LogId::new(7, 9)), LogId::default());
    }

    #[test]
    fn last_at_most_passes_over_later_terms_and_later_entries() {
        let log = log(&[1, 1, 4, 4, 5]);
        assert_eq!(log.last_at_most(LogId::new(4, 9)), LogId::new(4, 4));
        assert_eq!(log.last_at_most(LogId::new(4, 3)), LogId::new(4, 3));
        assert_eq!(log.last_at_most(LogId::new(3, 5)), LogId::new(1, 2));
        assert_eq!(log.last_at_most(LogId::new(0, 5)), LogId::default());
    }

    #[test]
    fn a_compacted_log_knows_its_base_and_nothing_before() {
        let mut log = log(&[1, 1, 2, 3]);
        let (last, hash) = (log.last(), log.last_hash());
        log.compact(log.base_at(Index(2)).unwrap());
        assert!(log.contains(LogId::new(1, 2)));
        assert_eq!(log.id_at(Index(1)), None);
        assert_eq!((log.last(), log.last_hash(), log.len()), (last, hash, 2));
        assert_eq!(log.last_at_most(LogId::new(1, 1)), LogId::new(1, 2));
        log.compact(log.base_at(Index(4)).unwrap());
        assert_eq!((log.last(), log.last_hash(), log.len()), (last, hash, 0));
        assert!(log.between(Index(4), Index(4)).is_empty());
    }

    #[test]
    #[should_panic(expected = "a log has no gaps")]
    fn a_gap_is_refused() {
        log(&[1]).push(Entry::new(LogHash::EMPTY, LogId::new(1, 3), Payload::Noop));
    }
}
