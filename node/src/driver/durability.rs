//! What waits for the disk: at most one batch is under way, and all that comes meanwhile is the next
//! one, so that one sync serves many (group commit).

use shakedown_history::{LogId, Term};
use shakedown_raft::{AfterPersist, Durable, LogWrite, Persist};

use crate::storage::{DiskFailure, Synced, Writer};

/// Changes on their way to the disk, and what waits for them.
#[derive(Debug)]
pub(super) struct Durability {
    writer: Writer,
    waiting: Batch,
    under_way: Option<Batch>,
    /// What will be on disk once everything enqueued is.
    latest: Durable,
}

#[derive(Debug, Default)]
struct Batch {
    changes: Vec<Persist>,
    waiters: Vec<(Term, AfterPersist)>,
    durable: Durable,
    has_hard_state: bool,
    has_log: bool,
    entries: u64,
    snapshot: Option<LogId>,
}

/// What one sync brought.
#[derive(Debug)]
pub(super) struct Completed {
    /// What is on disk now.
    pub(super) durable: Durable,
    /// Whether term or vote were written.
    pub(super) wrote_hard_state: bool,
    /// Whether the log was.
    pub(super) wrote_log: bool,
    /// How many entries were.
    pub(super) entries: u64,
    /// A leader's snapshot that was, by its last entry.
    pub(super) snapshot: Option<LogId>,
    /// What waited for it, with the term that it belongs to, in order.
    pub(super) released: Vec<(Term, AfterPersist)>,
}

impl Durability {
    /// Nothing under way on a disk that holds `durable`.
    pub(super) fn new(writer: Writer, durable: Durable) -> Self {
        Self {
            writer,
            waiting: Batch::default(),
            under_way: None,
            latest: durable,
        }
    }

    /// Takes what one output wants persisted and what waits for it; `last` is the end of the log that
    /// results. Gives back what waits at once if nothing is to be waited for.
    pub(super) fn enqueue(
        &mut self,
        persist: Persist,
        last: LogId,
        term: Term,
        after: AfterPersist,
    ) -> Option<AfterPersist> {
        if persist.is_empty() && self.under_way.is_none() && self.waiting.changes.is_empty() {
            return Some(after);
        }
        if !persist.is_empty() {
            self.latest.last = last;
            if let Some(hard_state) = persist.hard_state {
                assert!(
                    hard_state.term >= self.latest.hard_state.term,
                    "terms never go back"
                );
                self.latest.hard_state = hard_state;
                self.waiting.has_hard_state = true;
            }
            self.waiting.has_log |= persist.log.iter().any(moves_the_end);
            self.waiting.entries += persist.log.iter().map(entries_of).sum::<u64>();
            if let Some(snapshot) = &persist.snapshot {
                self.waiting.snapshot = Some(snapshot.header.last);
            }
            self.waiting.changes.push(persist);
        }
        if !(after.trace.is_empty() && after.send.is_empty()) {
            self.waiting.waiters.push((term, after));
        }
        None
    }

    /// Whether [`Durability::submit`] would begin to write.
    pub(super) fn is_about_to_write(&self) -> bool {
        self.under_way.is_none() && !self.waiting.changes.is_empty()
    }

    /// Begins to write what waits, unless a batch is under way.
    pub(super) fn submit(&mut self) {
        if !self.is_about_to_write() {
            return;
        }
        let mut batch = std::mem::take(&mut self.waiting);
        batch.durable = self.latest;
        self.writer.submit(std::mem::take(&mut batch.changes));
        self.under_way = Some(batch);
    }

    /// Waits for the batch under way; pends for ever when there is none. Cancel safe.
    pub(super) async fn outcome(&mut self) -> Result<Synced, DiskFailure> {
        self.writer.outcome().await
    }

    /// To be called when the batch under way has reached the disk.
    pub(super) fn completed(&mut self) -> Completed {
        let batch = self
            .under_way
            .take()
            .expect("only a batch under way completes");
        let mut released = batch.waiters;
        if self.waiting.changes.is_empty() {
            released.append(&mut self.waiting.waiters);
        }
        Completed {
            durable: batch.durable,
            wrote_hard_state: batch.has_hard_state,
            wrote_log: batch.has_log,
            entries: batch.entries,
            snapshot: batch.snapshot,
            released,
        }
    }
}

fn entries_of(change: &LogWrite) -> u64 {
    match change {
        LogWrite::Append(entries) => entries.len() as u64,
        _ => 0,
    }
}

/// Whether a change says something about how far the log is on disk.
fn moves_the_end(change: &LogWrite) -> bool {
    match change {
        LogWrite::Truncate { .. } | LogWrite::Append(_) | LogWrite::Reset(_) => true,
        LogWrite::Compact(_) | LogWrite::Repaired => false,
    }
}
