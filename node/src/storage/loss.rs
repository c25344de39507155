//! The marker that says that entries were lost to damage, until they are made good.
//!
//! It is on disk before the log is cut, so that however often the node starts again, it knows.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use shakedown_raft::{Index, Loss, Term};

use super::failure::DiskFailure;
use super::frame::{self, Decoded, Place};
use super::scan::UNKNOWN;
use super::synced::Synced;
use super::{StorageError, replace_durably};

/// Reads the marker in `dir`. A damaged one still says that there is a loss; in which `term` it was found is
/// then taken to be the node's present one.
///
/// # Errors
/// If it cannot be read.
pub(super) fn read(dir: &Path, term: Term) -> Result<Option<Loss>, StorageError> {
    let path = path_in(dir);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(decode(&bytes).unwrap_or(Loss {
            upto: UNKNOWN,
            term,
        }))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StorageError::io("read", &path, e)),
    }
}

/// What the marker that consists of `bytes` says; none if it is damaged.
fn decode(bytes: &[u8]) -> Option<Loss> {
    match frame::decode(bytes, Place::ALONE) {
        Decoded::Frame { payload, .. } => postcard::from_bytes(payload).ok(),
        _ => None,
    }
}

/// Writes the marker, durably.
pub(super) fn write(dir: &Path, loss: Loss) -> Result<(), StorageError> {
    let payload = postcard::to_stdvec(&loss).expect("a loss is plain data");
    let frame = frame::encode(Place::ALONE, Index(0), &payload);
    replace_durably(&path_in(dir), &frame)
}

/// Removes the marker, durably, if there is one.
pub(super) fn remove(dir: &Path, synced: &mut Synced) -> Result<(), DiskFailure> {
    let path = path_in(dir);
    match fs::remove_file(&path) {
        Ok(()) => synced.sync_dir(dir),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(DiskFailure::of("remove", &path)(e)),
    }
}

fn path_in(dir: &Path) -> PathBuf {
    dir.join("loss")
}
