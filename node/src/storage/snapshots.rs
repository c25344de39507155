//! Snapshots on disk, `snapshot/<index>-<term>.snap`.
//!
//! First a line that names format and version, then one [`frame`] with the header and the checksum of the
//! contents, then the contents. A snapshot is written under another name and gets its own once it is on
//! disk; those before it go only after that.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shakedown_raft::{LogId, Snapshot, SnapshotHeader};

use super::StorageError;
use super::failure::DiskFailure;
use super::frame::{self, Decoded, HEADER_LEN, Place};
use super::synced::Synced;

/// The first bytes of every snapshot: a name and the version of the format.
pub const FILE_HEADER: &[u8; HEADER_LEN] = b"shakedown node snapshot format 1";

const PLACE: Place = Place {
    sequence: 0,
    offset: FILE_HEADER.len(),
};

#[derive(Serialize, Deserialize)]
struct Head {
    header: SnapshotHeader,
    data_crc: u32,
}

/// The directory of snapshots.
#[derive(Clone, Debug)]
pub struct Snapshots {
    dir: PathBuf,
}

/// What a directory of snapshots held.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The latest that is whole.
    pub(super) latest: Option<Snapshot>,
    /// The later ones, which are damaged.
    pub(super) damaged: Vec<LogId>,
}

impl Snapshots {
    /// The snapshots in `dir`, which exists. What was left unfinished is removed.
    pub(super) fn open(dir: &Path) -> Result<Self, StorageError> {
        let io = |e| StorageError::io("list", dir, e);
        for file in fs::read_dir(dir).map_err(io)? {
            let path = file.map_err(io)?.path();
            if path.extension().is_some_and(|e| e != "snap") {
                fs::remove_file(&path).map_err(|e| StorageError::io("remove", &path, e))?;
            }
        }
        Synced::default().sync_dir(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
        })
    }

    /// Reads the latest snapshot, and any before it only if it is damaged.
    pub(super) fn read(&self) -> Result<Found, StorageError> {
        let mut found = Found::default();
        let ids = self
            .list()
            .map_err(|e| StorageError::io("list", &self.dir, e))?;
        for id in ids.into_iter().rev() {
            let path = self.path_of(id);
            let bytes = fs::read(&path).map_err(|e| StorageError::io("read", &path, e))?;
            match decode(bytes).filter(|snapshot| snapshot.header.last == id) {
                Some(snapshot) => {
                    found.latest = Some(snapshot);
                    break;
                }
                None => found.damaged.push(id),
            }
        }
        Ok(found)
    }

    /// Makes a snapshot durable, then removes those before it. `unfinished` is the suffix meanwhile: whoever
    /// writes at the same time has another.
    pub(super) fn write(
        &self,
        snapshot: &Snapshot,
        unfinished: &str,
        synced: &mut Synced,
    ) -> Result<(), DiskFailure> {
        let path = self.path_of(snapshot.header.last);
        let temporary = path.with_extension(unfinished);
        let file = File::create(&temporary).map_err(DiskFailure::of("create", &temporary))?;
        let head = encode_head(snapshot);
        synced.write(&file, &temporary, &head, 0)?;
        synced.write(&file, &temporary, &snapshot.data, head.len())?;
        synced.sync(&file, &temporary)?;
        fs::rename(&temporary, &path).map_err(DiskFailure::of("rename", &temporary))?;
        synced.sync_dir(&self.dir)?;
        self.remove_before(snapshot.header.last)
            .map_err(DiskFailure::of("remove older snapshots in", &self.dir))
    }

    /// Removes a damaged snapshot.
    pub(super) fn remove(&self, id: LogId) -> Result<(), StorageError> {
        let path = self.path_of(id);
        fs::remove_file(&path).map_err(|e| StorageError::io("remove", &path, e))
    }

    fn remove_before(&self, last: LogId) -> io::Result<()> {
        let older = self.list()?;
        for id in older.into_iter().filter(|id| id.index < last.index) {
            match fs::remove_file(self.path_of(id)) {
                // Whoever writes at the same time was faster.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                result => result?,
            }
        }
        Ok(())
    }

    /// What the snapshots in the directory are named, in order.
    fn list(&self) -> io::Result<Vec<LogId>> {
        let mut ids = Vec::new();
        for file in fs::read_dir(&self.dir)? {
            ids.extend(id_of(&file?.path()));
        }
        ids.sort_unstable_by_key(|id| (id.index, id.term));
        Ok(ids)
    }

    fn path_of(&self, id: LogId) -> PathBuf {
        self.dir
            .join(format!("{:020}-{:020}.snap", id.index.0, id.term.0))
    }
}

fn id_of(path: &Path) -> Option<LogId> {
    let name = path.file_name()?.to_str()?.strip_suffix(".snap")?;
    let (index, term) = name.split_once('-')?;
    Some(LogId::new(term.parse().ok()?, index.parse().ok()?))
}

fn encode_head(snapshot: &Snapshot) -> Vec<u8> {
    let head = Head {
        header: snapshot.header.clone(),
        data_crc: crc32c::crc32c(&snapshot.data),
    };
    let payload = postcard::to_stdvec(&head).expect("a header is plain data");
    let frame = frame::encode(PLACE, head.header.last.index, &payload);
    [&FILE_HEADER[..], &frame].concat()
}

/// The file of a snapshot.
#[must_use]
pub fn encode(snapshot: &Snapshot) -> Vec<u8> {
    [encode_head(snapshot), snapshot.data.to_vec()].concat()
}

/// The snapshot in the file that consists of `bytes`; none if anything in it is damaged.
#[must_use]
pub fn decode(bytes: Vec<u8>) -> Option<Snapshot> {
    if !bytes.starts_with(FILE_HEADER) {
        return None;
    }
    let Decoded::Frame { payload, end, .. } = frame::decode(&bytes, PLACE) else {
        return None;
    };
    let head: Head = postcard::from_bytes(payload).ok()?;
    let data = bytes.get(end..)?;
    let whole = head.header.len == data.len() as u64 && head.data_crc == crc32c::crc32c(data);
    whole.then(|| Snapshot {
        header: head.header,
        // The rest of the file, not copied.
        data: Bytes::from(bytes).slice(end..),
    })
}
