//! Makes batches of changes durable.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use shakedown_raft::{Index, Persist};

use super::chain::Chain;
use super::change::Change;
use super::failure::DiskFailure;
use super::hard_state::HardStateFile;
use super::segments::Segments;
use super::snapshots::Snapshots;
use super::synced::Synced;
use super::{frame, loss, segment};

/// The open disk: term and vote, log, and snapshots that leaders send. While it is open no other process
/// can open it.
#[derive(Debug)]
pub struct Log {
    pub(super) dir: PathBuf,
    pub(super) hard_state: HardStateFile,
    pub(super) snapshots: Snapshots,
    pub(super) segments: Segments,
    pub(super) chain: Chain,
    pub(super) buffer: Vec<u8>,
    pub(super) failed: bool,
    #[expect(dead_code, reason = "it is locked as long as it is open")]
    pub(super) lock: File,
}

impl Log {
    /// Carries out the changes and returns when all of them are on disk: first term and vote, then a
    /// snapshot, then the log, as one frame.
    ///
    /// # Errors
    /// If the disk refuses, now or ever before.
    ///
    /// # Panics
    /// If the changes contradict the log: entries with a gap, or a truncation of what is not there.
    pub fn append(&mut self, batch: &[Persist]) -> Result<Synced, DiskFailure> {
        if self.failed {
            let source = io::Error::other("an earlier write failed; start the node again");
            return Err(DiskFailure::of("append to", &self.dir)(source));
        }
        // What a failed write has left is unknown until it is read again.
        self.failed = true;
        let mut synced = Synced::default();
        self.carry_out(batch, &mut synced)?;
        self.failed = false;
        Ok(synced)
    }

    fn carry_out(&mut self, batch: &[Persist], synced: &mut Synced) -> Result<(), DiskFailure> {
        let change = Change::of(batch, self.chain.last());
        // Before the entries: an entry must not outlive the term in which it was accepted.
        if let Some(hard_state) = change.hard_state {
            self.hard_state.set(hard_state, synced)?;
        }
        if let Some(snapshot) = change.snapshot {
            self.snapshots.write(snapshot, "installing", synced)?;
        }
        if change.changes_log(self.chain.last()) {
            self.write(&change, synced)?;
        }
        if change.repaired {
            loss::remove(&self.dir, synced)?;
        }
        if let Some(base) = change.compact {
            self.compact(base.id.index)?;
        }
        Ok(())
    }

    fn write(&mut self, change: &Change<'_>, synced: &mut Synced) -> Result<(), DiskFailure> {
        let mut buffer = std::mem::take(&mut self.buffer);
        frame::begin(&mut buffer);
        buffer = segment::encode_change(buffer, change.keep, &change.entries);
        let goes_below = change.keep < self.segments.base_of_last();
        let place = self.segments.place_for(buffer.len() - frame::HEADER_LEN);
        match place.filter(|_| change.anew.is_none() && !goes_below) {
            Some(place) => {
                frame::finish(&mut buffer, place, change.upto());
                self.segments.append(&buffer, synced)?;
            }
            None => {
                let base = change.anew.unwrap_or_else(|| self.chain.at(change.keep));
                let anew = change.anew.is_some();
                self.segments
                    .roll(base, anew, &mut buffer, change.upto(), synced)?;
            }
        }
        self.buffer = buffer;
        self.follow(change);
        Ok(())
    }

    fn follow(&mut self, change: &Change<'_>) {
        match change.anew {
            Some(base) => self.chain = Chain::new(base, &[]),
            None => self.chain.truncate(change.keep),
        }
        let entries = change.entries.iter().copied().flatten();
        entries.for_each(|entry| self.chain.push(entry));
    }

    fn compact(&mut self, upto: Index) -> Result<(), DiskFailure> {
        let base = self.segments.compact(upto.min(self.chain.last()))?;
        self.chain.forget(base);
        Ok(())
    }
}
