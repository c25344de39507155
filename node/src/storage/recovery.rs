//! What a process may rely on when it starts, of all that was found on its disk.
//!
//! Damage never makes the log silently shorter: before anything is cut off, a marker says on disk that
//! entries were lost, and how far the log may have gone.

use std::fs;
use std::path::Path;

use shakedown_raft::{Base, HardState, Index, LogId, Loss, Recovered, Snapshot};

use super::chain::Chain;
use super::hard_state::HardStateFile;
use super::scan::{Scan, Scanner};
use super::segments::{self, Segments};
use super::snapshots::{Found, Snapshots};
use super::{StorageError, StorageOptions, loss};

/// Everything that was read, and brought in order on disk.
#[derive(Debug)]
pub(super) struct Recovery {
    pub(super) recovered: Recovered,
    pub(super) torn_bytes: u64,
    pub(super) hard_state: HardStateFile,
    pub(super) snapshots: Snapshots,
    pub(super) segments: Segments,
    pub(super) chain: Chain,
}

/// Reads the disk in `dir` and brings it in order.
pub(super) fn recover(dir: &Path, options: &StorageOptions) -> Result<Recovery, StorageError> {
    let hard_state = HardStateFile::open(dir)?;
    let snapshots = Snapshots::open(&dir.join(super::SNAPSHOT_DIR))?;
    let Found { latest, damaged } = snapshots.read()?;
    let log_dir = dir.join(super::LOG_DIR);
    let covered = latest.as_ref().map(covered_by).unwrap_or_default();
    let scan = reconcile(scan(&log_dir, covered.id.index)?, covered, &damaged);

    let last = scan.entries.last().map_or(scan.base.id, |entry| entry.id);
    hard_state.check_not_before(last)?;
    let loss = mark(dir, hard_state.get(), scan.lost)?;
    for id in damaged {
        snapshots.remove(id)?;
    }
    let segments = Segments::settle(&log_dir, options.segment_len, scan.kept, scan.base)?;
    Ok(Recovery {
        torn_bytes: scan.torn_bytes,
        chain: Chain::new(scan.base, &scan.entries),
        recovered: Recovered {
            hard_state: hard_state.get(),
            snapshot: latest,
            base: scan.base,
            log: scan.entries,
            loss,
        },
        hard_state,
        snapshots,
        segments,
    })
}

fn covered_by(snapshot: &Snapshot) -> Base {
    Base {
        id: snapshot.header.last,
        hash: snapshot.header.hash,
    }
}

/// Reads the log, one segment in memory at a time.
pub(super) fn scan(dir: &Path, covered: Index) -> Result<Scan, StorageError> {
    let mut scanner = Scanner::new(covered);
    for sequence in segments::list(dir)? {
        let path = segments::path_of(dir, sequence);
        let bytes = fs::read(&path).map_err(|e| StorageError::io("read", &path, e))?;
        scanner.segment(sequence, &bytes);
    }
    Ok(scanner.finish())
}

/// Makes the log fit the latest whole snapshot, which covers the entries up to `covered`; the later ones
/// are `damaged`.
fn reconcile(mut scan: Scan, covered: Base, damaged: &[LogId]) -> Scan {
    let holds = |scan: &Scan, id: LogId| entry_at(scan, id.index).is_some_and(|b| b.id == id);
    if entry_at(&scan, covered.id.index) != Some(covered) {
        if scan.base.id.index > covered.id.index {
            // Nothing says what the state was before the log: it is of no use.
            let last = last_of(&scan);
            scan.lost = scan.lost.max(Some(last));
        }
        scan = Scan {
            base: covered,
            lost: scan.lost,
            torn_bytes: scan.torn_bytes,
            ..Scan::default()
        };
    }
    for id in damaged {
        if !holds(&scan, *id) {
            scan.lost = scan.lost.max(Some(id.index));
        }
    }
    // What is lost but covered by a snapshot is not lost.
    scan.lost = scan.lost.filter(|upto| *upto > covered.id.index);
    scan
}

fn entry_at(scan: &Scan, index: Index) -> Option<Base> {
    let len = index.0.checked_sub(scan.base.id.index.0)?;
    match usize::try_from(len).ok()?.checked_sub(1) {
        None => Some(scan.base),
        Some(nth) => scan.entries.get(nth).map(|entry| Base {
            id: entry.id,
            hash: entry.hash,
        }),
    }
}

fn last_of(scan: &Scan) -> Index {
    let last = scan.entries.last();
    last.map_or(scan.base.id.index, |entry| entry.id.index)
}

/// Merges what was lost with what the marker says already, and makes the marker durable.
fn mark(
    dir: &Path,
    hard_state: HardState,
    lost: Option<Index>,
) -> Result<Option<Loss>, StorageError> {
    let marked = loss::read(dir, hard_state.term)?;
    let found = lost.map(|upto| Loss {
        upto,
        term: hard_state.term,
    });
    let merged = match (marked, found) {
        (Some(marked), Some(found)) => Some(Loss {
            upto: marked.upto.max(found.upto),
            term: marked.term.max(found.term),
        }),
        (marked, found) => marked.or(found),
    };
    if let Some(loss) = merged {
        loss::write(dir, loss)?;
    }
    Ok(merged)
}
