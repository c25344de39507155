//! What can go wrong with the disk of a running node.

use std::io;
use std::path::{Path, PathBuf};

/// The disk failed. What it holds beyond the last sync is unknown: the node must stop.
#[derive(Debug, thiserror::Error)]
#[error("cannot {op} {}: {source}", path.display())]
pub struct DiskFailure {
    /// What was tried: `append to`, `sync`, ...
    pub op: &'static str,
    /// On which file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl DiskFailure {
    /// For `map_err`: `op` on `path` failed.
    pub(super) fn of<'a>(op: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self {
            op,
            path: path.to_owned(),
            source,
        }
    }
}
