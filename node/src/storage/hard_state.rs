//! Term and vote, in a file of their own: two copies, written one after the other, each with a sync.
//!
//! Whoever is told that they are durable can lose either copy and still finds them in the other. A crash
//! between the two writes leaves the second with the state before, which nobody was told is gone.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shakedown_raft::{HardState, Index, LogId};

use super::failure::DiskFailure;
use super::frame::{self, Decoded, Place};
use super::synced::Synced;
use super::{StorageError, replace_durably};

const NAME: &str = "hard-state";

/// Where the second copy begins: in another page than the first.
const SECOND_COPY: usize = 4096;

/// One copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Copy {
    /// How many states were written before: the higher is the later.
    version: u64,
    hard_state: HardState,
}

/// The open file.
#[derive(Debug)]
pub(super) struct HardStateFile {
    file: File,
    path: PathBuf,
    copy: Copy,
}

/// Writes a file with the state before the first term.
pub(super) fn format(dir: &Path) -> Result<(), StorageError> {
    let mut bytes = vec![0; 2 * SECOND_COPY];
    let copy = encode(Copy::default());
    for at in [0, SECOND_COPY] {
        bytes[at..at + copy.len()].copy_from_slice(&copy);
    }
    replace_durably(&dir.join(NAME), &bytes)
}

impl HardStateFile {
    /// Opens the file in `dir` and makes both copies whole and the same.
    ///
    /// # Errors
    /// If it cannot be read or written, or if both copies are damaged.
    pub(super) fn open(dir: &Path) -> Result<Self, StorageError> {
        let path = dir.join(NAME);
        let bytes = fs::read(&path).map_err(|e| StorageError::io("read", &path, e))?;
        let copies = copies(&bytes);
        let Some(copy) = copies.into_iter().flatten().max_by_key(|c| c.version) else {
            let why = "both copies of term and vote are damaged";
            return Err(StorageError::corrupt(&path, 0, why));
        };
        if copies.iter().any(Option::is_none) {
            tracing::warn!(path = %path.display(), "one copy of term and vote is damaged; the other is whole");
        }
        let file = File::options().read(true).write(true).open(&path);
        let file = file.map_err(|e| StorageError::io("open", &path, e))?;
        let this = Self { file, path, copy };
        // Also what is whole may not be on disk yet, only in the system's memory.
        let mut synced = Synced::default();
        for at in [0, SECOND_COPY] {
            this.write_copy(copy, at, &mut synced)?;
        }
        Ok(this)
    }

    /// Checks that there is no entry of a later term than this one.
    ///
    /// # Errors
    /// If there is: what was acknowledged here is gone.
    pub(super) fn check_not_before(&self, last: LogId) -> Result<(), StorageError> {
        let term = self.copy.hard_state.term;
        if last.term <= term {
            return Ok(());
        }
        let why = format!("it says term {term}, but there is the entry {last}");
        Err(StorageError::corrupt(&self.path, 0, why))
    }

    /// Term and vote.
    pub(super) fn get(&self) -> HardState {
        self.copy.hard_state
    }

    /// Makes term and vote durable; nothing is written if they are these already.
    pub(super) fn set(
        &mut self,
        hard_state: HardState,
        synced: &mut Synced,
    ) -> Result<(), DiskFailure> {
        if hard_state == self.copy.hard_state {
            return Ok(());
        }
        self.copy = Copy {
            version: self.copy.version.saturating_add(1),
            hard_state,
        };
        self.write_copy(self.copy, 0, synced)?;
        self.write_copy(self.copy, SECOND_COPY, synced)
    }

    fn write_copy(&self, copy: Copy, at: usize, synced: &mut Synced) -> Result<(), DiskFailure> {
        synced.write(&self.file, &self.path, &encode(copy), at)?;
        synced.sync(&self.file, &self.path)
    }
}

/// Both copies in the file that consists of `bytes`, where they are whole.
fn copies(bytes: &[u8]) -> [Option<Copy>; 2] {
    [0, SECOND_COPY].map(|at| {
        let Decoded::Frame { payload, .. } = frame::decode(bytes.get(at..)?, Place::ALONE) else {
            return None;
        };
        postcard::from_bytes(payload).ok()
    })
}

/// What the file in `dir` says, if there is one that is not all damaged.
///
/// # Errors
/// If it cannot be read.
pub(super) fn read_in(dir: &Path) -> Result<Option<HardState>, StorageError> {
    let path = dir.join(NAME);
    match fs::read(&path) {
        Ok(bytes) => Ok(read(&bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StorageError::io("read", &path, e)),
    }
}

/// What the file that consists of `bytes` says; none if both copies are damaged.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<HardState> {
    let whole = copies(bytes).into_iter().flatten();
    whole.max_by_key(|c| c.version).map(|c| c.hard_state)
}

fn encode(copy: Copy) -> Vec<u8> {
    let payload = postcard::to_stdvec(&copy).expect("term and vote are plain data");
    frame::encode(Place::ALONE, Index(0), &payload)
}
