//! The log in memory.

use shakedown_history::{Index, LogHash, LogId};

use crate::entry::Entry;

/// The log in memory, from index 1 without gaps.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: Vec<Entry>,
}

impl Log {
    /// The end of the log; zero at zero when it is empty.
    pub(crate) fn last(&self) -> LogId {
        self.entries.last().map(|e| e.id).unwrap_or_default()
    }

    /// The chained hash of the whole log.
    pub(crate) fn last_hash(&self) -> LogHash {
        self.entries.last().map_or(LogHash::EMPTY, |e| e.hash)
    }

    /// The name of the entry at `index`. The place before the first entry is known to every log: the
    /// zero of both term and index.
    pub(crate) fn id_at(&self, index: Index) -> Option<LogId> {
        match index.0 {
            0 => Some(LogId::default()),
            _ => self.entries.get(position(index)).map(|e| e.id),
        }
    }

    /// Whether the log holds this entry, and so everything before it (Log Matching, §5.3).
    pub(crate) fn contains(&self, id: LogId) -> bool {
        self.id_at(id.index) == Some(id)
    }

    /// The entries after `prev`, up to `upto`.
    ///
    /// # Panics
    /// If `upto` is behind the end.
    pub(crate) fn between(&self, prev: Index, upto: Index) -> &[Entry] {
        &self.entries[position(prev.next())..position(upto.next())]
    }

    /// The last entry at or before `id.index` whose term is at most `id.term`. Of two logs that
    /// disagree, each answers so for the other's entry, and the whole terms in between that cannot
    /// agree are passed over (§5.3, last paragraph).
    pub(crate) fn last_at_most(&self, id: LogId) -> LogId {
        let length = position(id.index.next()).min(self.entries.len());
        let agreeable = self.entries[..length].partition_point(|e| e.id.term <= id.term);
        self.entries[..agreeable]
            .last()
            .map(|e| e.id)
            .unwrap_or_default()
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
        self.entries.truncate(position(from));
    }
}

/// Where the entry of that index lies.
fn position(index: Index) -> usize {
    let offset = index.0.checked_sub(1).expect("entries are counted from 1");
    usize::try_from(offset).expect("a log in memory has no more entries than fit")
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
    #[should_panic(expected = "a log has no gaps")]
    fn a_gap_is_refused() {
        log(&[1]).push(Entry::new(LogHash::EMPTY, LogId::new(1, 3), Payload::Noop));
    }
}
