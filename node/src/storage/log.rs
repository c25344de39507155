//! The append-only file of term, vote and entries.
//!
//! It starts with a header that names format and version. Then comes one [`frame`] a sync; it carries
//! the changes of that sync in order, so that term, vote and entries reach the disk together. The file
//! only grows.

use std::borrow::Cow;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use shakedown_raft::{Entry, HardState, Index, LogWrite, Persist};

use super::recovery::{self, Recovery};
use super::{StorageError, frame, replace_durably};

/// The first bytes of the file: a name and the version of the format.
pub(super) const FILE_HEADER: &[u8; 16] = b"shakedown-log 1\n";

/// One change, as it stands in a frame.
#[derive(Serialize, Deserialize)]
pub(super) enum Record<'a> {
    /// Term and vote are now these.
    HardState(HardState),
    /// This entry and all after it are gone.
    Truncate(Index),
    /// These stand at the end.
    Append(Cow<'a, [Entry]>),
}

/// The disk failed. What it holds beyond the last sync is unknown: the node must stop.
#[derive(Debug, thiserror::Error)]
#[error("cannot {op} the log: {source}")]
pub struct DiskFailure {
    /// What was tried: `append` or `sync`.
    pub op: &'static str,
    /// What the system said.
    pub source: io::Error,
}

/// The open log. While it is open no other process can open it.
#[derive(Debug)]
pub struct Log {
    file: File,
    end: u64,
}

/// Makes an empty log at `path`, over one whose formatting was cut off.
///
/// # Errors
/// If it cannot be written, or there is a log with contents already.
pub fn format(path: &Path) -> Result<(), StorageError> {
    let len = fs::metadata(path).map_or(0, |m| m.len());
    if len > FILE_HEADER.len() as u64 {
        let why = "there are entries, but the disk's identity file is missing";
        return Err(StorageError::corrupt(path, 0, why));
    }
    replace_durably(path, FILE_HEADER)
}

impl Log {
    /// Opens the log at `path`, reads it all, and cuts off what an interrupted write left.
    ///
    /// # Errors
    /// If it cannot be read or is in use, or if anything in it is damaged other than by a last write
    /// that was cut off.
    pub fn open(path: &Path) -> Result<(Self, Recovery), StorageError> {
        let io = |what| move |e| StorageError::io(what, path, e);
        let file = File::options()
            .read(true)
            .write(true)
            .open(path)
            .map_err(io("open"))?;
        file.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => StorageError::Locked {
                path: path.to_owned(),
            },
            TryLockError::Error(e) => StorageError::io("lock", path, e),
        })?;
        let bytes = fs::read(path).map_err(io("read"))?;
        let recovery = recovery::recover(path, &bytes)?;
        if recovery.torn_bytes > 0 {
            file.set_len(recovery.end).map_err(io("cut"))?;
        }
        // What a killed process had written but not synced is read back from memory; what this
        // process is about to rely on must be on disk.
        file.sync_all().map_err(io("sync"))?;
        let end = recovery.end;
        Ok((Self { file, end }, recovery))
    }

    /// Appends the changes as one frame and returns when it is on disk.
    ///
    /// # Errors
    /// If the disk refuses; the log must not be used after that.
    pub fn append(&mut self, changes: &[Persist]) -> Result<(), DiskFailure> {
        let frame = frame::encode(self.end, &encode(changes));
        let fail = |op| move |source| DiskFailure { op, source };
        self.file
            .write_all_at(&frame, self.end)
            .map_err(fail("append"))?;
        self.file.sync_data().map_err(fail("sync"))?;
        self.end += frame.len() as u64;
        Ok(())
    }
}

fn encode(changes: &[Persist]) -> Vec<u8> {
    let records: Vec<Record<'_>> = changes.iter().flat_map(records_of).collect();
    postcard::to_stdvec(&records).expect("records are plain data")
}

fn records_of(persist: &Persist) -> impl Iterator<Item = Record<'_>> {
    let hard_state = persist.hard_state.map(Record::HardState);
    let log = persist.log.iter().map(|write| match write {
        LogWrite::Truncate { from } => Record::Truncate(*from),
        LogWrite::Append(entries) => Record::Append(Cow::Borrowed(entries)),
        LogWrite::Compact(_) | LogWrite::Reset(_) | LogWrite::Repaired => {
            unreachable!("not asked for yet")
        }
    });
    hard_state.into_iter().chain(log)
}
