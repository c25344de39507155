//! A disk that can be put back to how it was, and damaged.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use shakedown_history::NodeId;
use shakedown_node::storage::{self, Opened, StorageError, StorageOptions};
use tempfile::TempDir;

/// Small, so that a few batches make several.
const SEGMENT_LEN: u64 = 1024;

pub(crate) struct Disk {
    dir: TempDir,
    segment_len: u64,
}

/// All files, by their path below the directory.
pub(crate) type Files = BTreeMap<PathBuf, Vec<u8>>;

impl Disk {
    /// An empty one; in memory where that is possible, because there are thousands of starts.
    pub(crate) fn new() -> Self {
        Self::with_segments_of(SEGMENT_LEN)
    }

    pub(crate) fn with_segments_of(segment_len: u64) -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self {
            dir: dir.unwrap(),
            segment_len,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn try_open(&self) -> Result<Opened, StorageError> {
        self.open_as("c", NodeId(1))
    }

    pub(crate) fn open_as(&self, cluster: &str, node: NodeId) -> Result<Opened, StorageError> {
        let options = StorageOptions {
            segment_len: self.segment_len,
        };
        storage::open(self.path(), cluster, node, &options)
    }

    pub(crate) fn open(&self) -> Opened {
        self.try_open().unwrap()
    }

    /// What is on it now.
    pub(crate) fn files(&self) -> Files {
        let mut files = Files::new();
        let mut dirs = vec![self.path().to_owned()];
        while let Some(dir) = dirs.pop() {
            for file in fs::read_dir(dir).unwrap() {
                let path = file.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else {
                    let name = path.strip_prefix(self.path()).unwrap();
                    files.insert(name.to_owned(), fs::read(&path).unwrap());
                }
            }
        }
        files
    }

    /// Makes it hold these files and no others.
    pub(crate) fn put(&self, files: &Files) {
        for name in self
            .files()
            .keys()
            .filter(|name| !files.contains_key(*name))
        {
            fs::remove_file(self.path().join(name)).unwrap();
        }
        for (name, bytes) in files {
            let path = self.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    /// Changes one file.
    pub(crate) fn edit(&self, name: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
        let path = self.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        edit(&mut bytes);
        fs::write(path, bytes).unwrap();
    }
}

/// The names in `dir`, in order.
pub(crate) fn names_in(files: &Files, dir: &str) -> Vec<PathBuf> {
    let names = files.keys().filter(|name| name.starts_with(dir));
    names.cloned().collect()
}

/// The segments, in order.
pub(crate) fn segments(files: &Files) -> Vec<PathBuf> {
    names_in(files, "log")
}

/// Where the last byte stands that is not zero, plus one.
pub(crate) fn written_len(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1)
}

/// `files` with another file in them.
pub(crate) fn with(files: &Files, name: impl Into<PathBuf>, bytes: &[u8]) -> Files {
    let mut files = files.clone();
    files.insert(name.into(), bytes.to_vec());
    files
}
