//! What a batch of changes comes down to.
//!
//! A batch reaches the disk as one, so that only its outcome matters: entries that it appends and
//! truncates again are never written, and there is one truncation at most, with the entries that take the
//! place of what went in the same frame.

use shakedown_raft::{Base, Entry, HardState, Index, LogWrite, Persist, Snapshot};

/// The outcome of a batch.
#[derive(Debug)]
pub(super) struct Change<'a> {
    /// Term and vote.
    pub(super) hard_state: Option<HardState>,
    /// The latest snapshot.
    pub(super) snapshot: Option<&'a Snapshot>,
    /// The log begins anew after this.
    pub(super) anew: Option<Base>,
    /// The log is kept up to this entry.
    pub(super) keep: Index,
    /// Then these follow.
    pub(super) entries: Vec<&'a [Entry]>,
    /// Entries up to here may be dropped.
    pub(super) compact: Option<Base>,
    /// A loss was made good.
    pub(super) repaired: bool,
}

impl<'a> Change<'a> {
    /// What `batch` makes of a log that ends at `last`.
    ///
    /// # Panics
    /// If it truncates what is not there.
    pub(super) fn of(batch: &'a [Persist], last: Index) -> Self {
        let mut change = Self {
            hard_state: None,
            snapshot: None,
            anew: None,
            keep: last,
            entries: Vec::new(),
            compact: None,
            repaired: false,
        };
        for persist in batch {
            change.hard_state = persist.hard_state.or(change.hard_state);
            change.snapshot = persist.snapshot.as_ref().or(change.snapshot);
            persist.log.iter().for_each(|write| change.take(write));
        }
        change
    }

    /// The last entry of the log that results.
    pub(super) fn upto(&self) -> Index {
        let added: usize = self.entries.iter().map(|entries| entries.len()).sum();
        Index(self.keep.0 + added as u64)
    }

    /// Whether a log that ends at `last` is another afterwards.
    pub(super) fn changes_log(&self, last: Index) -> bool {
        self.anew.is_some() || self.keep < last || !self.entries.is_empty()
    }

    fn take(&mut self, write: &'a LogWrite) {
        match write {
            LogWrite::Append(entries) if entries.is_empty() => {}
            LogWrite::Append(entries) => self.entries.push(entries),
            LogWrite::Truncate { from } => self.truncate(from.prev()),
            LogWrite::Compact(base) => self.compact = Some(*base),
            LogWrite::Repaired => self.repaired = true,
            LogWrite::Reset(base) => {
                self.anew = Some(*base);
                self.keep = base.id.index;
                self.entries.clear();
                self.compact = None;
            }
        }
    }

    fn truncate(&mut self, keep: Index) {
        assert!(keep <= self.upto(), "a truncation behind the log's end");
        while let Some(entries) = self.entries.pop() {
            let before = self.upto();
            if before < keep {
                let kept = usize::try_from(keep.0 - before.0).expect("it is within the slice");
                self.entries.push(&entries[..kept]);
                return;
            }
        }
        self.keep = self.keep.min(keep);
    }
}
