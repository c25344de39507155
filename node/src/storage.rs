//! What survives the process: term and vote, the log, snapshots, and who this disk belongs to.
//!
//! ```text
//! identity                      whose disk this is
//! hard-state                    term and vote, twice
//! log/<sequence>.seg            the log
//! snapshot/<index>-<term>.snap  the state machine
//! loss                          only while entries are missing that were damaged
//! lock                          held by the process that runs on this disk
//! ```
//!
//! How bytes stand in a file, and how they are read (no IO):
//! - [`frame`]: one checksummed block that knows where it belongs
//! - [`segment`]: one file of the log
//! - [`scan`]: a log read back, segment by segment
//!
//! What is done with files:
//! - [`identity`], `hard_state`, `segments`, [`snapshots`], `loss`: one kind of file each
//! - `change`: what a batch comes down to; [`log`]: makes it durable
//! - `recovery`: what a process may rely on when it starts
//! - [`writer`]: the thread that writes and syncs; [`saver`]: the one for the node's own snapshots
//!
//! A disk is formatted in this order: term and vote, the empty log, then the identity. So an identity says
//! that all the rest must be there, and a log without an identity is a formatting that was cut off.

mod chain;
mod change;
pub mod failure;
pub mod frame;
pub mod hard_state;
pub mod identity;
pub mod log;
mod loss;
mod recovery;
pub mod saver;
pub mod scan;
pub mod segment;
mod segments;
pub mod snapshots;
pub mod synced;
pub mod writer;

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use shakedown_history::NodeId;
use shakedown_raft::{Base, HardState, Index, Recovered};

pub use failure::DiskFailure;
pub use identity::Identity;
pub use log::Log;
pub use saver::SnapshotSaver;
pub use snapshots::Snapshots;
pub use synced::Synced;
pub use writer::Writer;

use recovery::Recovery;
use segments::Segments;

const LOG_DIR: &str = "log";
const SNAPSHOT_DIR: &str = "snapshot";

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

impl From<DiskFailure> for StorageError {
    fn from(failure: DiskFailure) -> Self {
        Self::io(failure.op, &failure.path, failure.source)
    }
}

/// How the disk is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageOptions {
    /// How long a segment of the log is, in bytes. All of it is allocated at once, and it is the unit in
    /// which space is freed. May differ from start to start.
    pub segment_len: u64,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self {
            segment_len: 16 << 20,
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
    /// What was on the disk.
    pub recovered: Recovered,
    /// How many bytes of a write that was interrupted were cut off.
    pub torn_bytes: u64,
    /// For a [`SnapshotSaver`].
    pub snapshots: Snapshots,
}

/// Opens the disk of `node` in `dir`, formatting it if it is empty, and counts this start.
///
/// Damage to the log or to snapshots is no error: what is whole is recovered, and [`Recovered::loss`] says
/// that something is missing.
///
/// # Errors
/// If the directory cannot be used, belongs to another node or is in use, or if the identity or both
/// copies of term and vote are damaged.
pub fn open(
    dir: &Path,
    cluster: &str,
    node: NodeId,
    options: &StorageOptions,
) -> Result<Opened, StorageError> {
    create_dir(dir)?;
    let lock = lock(&dir.join("lock"))?;
    create_dir(&dir.join(LOG_DIR))?;
    create_dir(&dir.join(SNAPSHOT_DIR))?;
    let found = Identity::read(dir)?;
    if let Some(identity) = &found {
        identity.check_owner(dir, cluster, node)?;
    } else {
        format(dir, options)?;
    }
    let Recovery {
        recovered,
        torn_bytes,
        hard_state,
        snapshots,
        segments,
        chain,
    } = recovery::recover(dir, options)?;
    let identity = match found {
        Some(identity) => identity.next_start(dir)?,
        None => Identity::first_start(dir, cluster, node)?,
    };
    let log = Log {
        dir: dir.to_owned(),
        hard_state,
        snapshots: snapshots.clone(),
        segments,
        chain,
        buffer: Vec::new(),
        failed: false,
        lock,
    };
    Ok(Opened {
        identity,
        log,
        recovered,
        torn_bytes,
        snapshots,
    })
}

/// Keeps other processes away for as long as the file is open.
fn lock(path: &Path) -> Result<File, StorageError> {
    let file = File::create(path).map_err(|e| StorageError::io("create", path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::Locked {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(e)) => Err(StorageError::io("lock", path, e)),
    }
}

/// Makes everything but the identity, over what a formatting has left that was cut off.
fn format(dir: &Path, options: &StorageOptions) -> Result<(), StorageError> {
    refuse_to_overwrite(dir)?;
    hard_state::format(dir)?;
    let log = dir.join(LOG_DIR);
    Segments::settle(&log, options.segment_len, Vec::new(), Base::default())?;
    Ok(())
}

/// Where there is an identity no more, nothing else may be there but what formatting makes.
fn refuse_to_overwrite(dir: &Path) -> Result<(), StorageError> {
    let log = dir.join(LOG_DIR);
    let scan = recovery::scan(&log, Index(u64::MAX))?;
    let snapshots = Snapshots::open(&dir.join(SNAPSHOT_DIR))?.read()?;
    let is_new = (&scan.lost, scan.base, scan.entries.len()) == (&None, Base::default(), 0);
    let is_empty = (is_new || segments::list(&log)?.is_empty())
        && snapshots.latest.is_none()
        && snapshots.damaged.is_empty()
        && hard_state::read_in(dir)?.unwrap_or_default() == HardState::default();
    if is_empty {
        return Ok(());
    }
    let why = "the disk was in use, but its identity file is missing";
    Err(StorageError::corrupt(dir, 0, why))
}

/// Makes a directory, durably.
fn create_dir(path: &Path) -> Result<(), StorageError> {
    let create = || {
        fs::create_dir_all(path)?;
        sync_parent(path)
    };
    create().map_err(|e| StorageError::io("create", path, e))
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
