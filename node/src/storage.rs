//! What survives the process: term, vote and log, and who this disk belongs to.
//!
//! - [`frame`]: one checksummed frame, the unit that reaches the disk with one sync
//! - [`log`]: the append-only file of term, vote and entries
//! - [`recovery`]: reading it back after a crash
//! - [`identity`]: whose disk this is and how often a process has started on it
//! - [`writer`]: the thread that writes and syncs
//! - [`snapshots`]: the thread that makes snapshots durable
//!
//! A disk is formatted in this order: the empty log, then the identity. So an identity says that a
//! formatted log must be there, and a log without an identity is a formatting that was cut off.

pub mod frame;
pub mod identity;
pub mod log;
pub mod recovery;
pub mod snapshots;
pub mod writer;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use shakedown_history::NodeId;

pub use identity::Identity;
pub use log::{DiskFailure, Log};
pub use recovery::Recovery;
pub use snapshots::SnapshotSaver;
pub use writer::{Synced, Writer};

/// The disk cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The system refused.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried: `read`, `create`, ...
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What was read is not what was written.
    #[error(
        "{} is corrupt at byte {offset}: {why}; a node that started on it could break its promises. \
         Restore the disk, or wipe it and add the node anew",
        path.display()
    )]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// Where, counted from zero.
        offset: u64,
        /// What is wrong.
        why: String,
    },
    /// The disk was formatted for somebody else.
    #[error("{} belongs to {found}, not to {wanted}: check --data-dir", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Who asks.
        wanted: String,
    },
    /// A process runs on this disk.
    #[error("{} is in use by another process: stop it first", path.display())]
    Locked {
        /// Which file.
        path: PathBuf,
    },
}

impl StorageError {
    fn io(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            what,
            path: path.to_owned(),
            source,
        }
    }

    fn corrupt(path: &Path, offset: u64, why: impl Into<String>) -> Self {
        Self::Corrupt {
            path: path.to_owned(),
            offset,
            why: why.into(),
        }
    }
}

/// A disk ready for use.
#[derive(Debug)]
pub struct Opened {
    /// Whose it is; this start is counted, durably.
    pub identity: Identity,
    /// The log, at its end.
    pub log: Log,
    /// What it held.
    pub recovery: Recovery,
}

/// Opens the disk of `node` in `dir`, formatting it if it is empty, and counts this start.
///
/// # Errors
/// If the directory cannot be used, belongs to another node or is in use, or if anything on it is
/// damaged other than by a write that was cut off.
pub fn open(dir: &Path, cluster: &str, node: NodeId) -> Result<Opened, StorageError> {
    fs::create_dir_all(dir).map_err(|e| StorageError::io("create", dir, e))?;
    let log_path = dir.join("log");
    let found = Identity::read(dir)?;
    if found.is_none() {
        sync_parent(dir).map_err(|e| StorageError::io("sync the parent of", dir, e))?;
        log::format(&log_path)?;
    }
    let (log, recovery) = Log::open(&log_path)?;
    let identity = match found {
        Some(identity) => identity.next_start(dir, cluster, node)?,
        None => Identity::first_start(dir, cluster, node)?,
    };
    Ok(Opened {
        identity,
        log,
        recovery,
    })
}

/// Replaces `path` by `bytes` such that after a crash at any moment it holds either the old or
/// the new bytes, and the new ones once this has returned.
fn replace_durably(path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    let temporary = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        sync_parent(path)
    };
    write().map_err(|e| StorageError::io("write", path, e))
}

/// Makes the name `path` durable: without it, what was made or renamed may be gone after a power loss.
fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
