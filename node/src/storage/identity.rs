//! Whose disk this is, and how often a process has started on it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shakedown_history::{Index, NodeId};
use shakedown_raft::DiskId;

use super::frame::{self, Place};
use super::{StorageError, replace_durably};

/// Written once when a disk is formatted, but for the count of starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The cluster's name.
    pub cluster: String,
    /// The node.
    pub node: NodeId,
    /// Random, 32 hexadecimal digits: a wiped disk gets another.
    pub disk: String,
    /// How many times a process has started on this disk, the present one included.
    pub incarnation: u64,
}

impl Identity {
    /// Reads the identity in `dir`; none if the disk was never formatted.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn read(dir: &Path) -> Result<Option<Self>, StorageError> {
        let path = path_in(dir);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(StorageError::io("read", &path, e)),
        };
        // The file was renamed into place whole: a torn one is damaged too.
        let frame::Decoded::Frame { payload, .. } = frame::decode(&bytes, Place::ALONE) else {
            return Err(StorageError::corrupt(&path, 0, "not a whole identity"));
        };
        let identity: Self = serde_json::from_slice(payload)
            .map_err(|e| StorageError::corrupt(&path, 0, format!("not an identity: {e}")))?;
        if disk_id(&identity.disk).is_none() {
            let why = "the disk's name is not 32 hexadecimal digits";
            return Err(StorageError::corrupt(&path, 0, why));
        }
        Ok(Some(identity))
    }

    /// Makes up the identity of a freshly formatted disk, durably.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn first_start(dir: &Path, cluster: &str, node: NodeId) -> Result<Self, StorageError> {
        let identity = Self {
            cluster: cluster.to_owned(),
            node,
            disk: random_name().map_err(|e| StorageError::io("read", Path::new(RANDOM), e))?,
            incarnation: 1,
        };
        identity.write(dir)
    }

    /// Checks that the disk in `dir` belongs to `node` of `cluster`.
    ///
    /// # Errors
    /// If it does not.
    pub fn check_owner(&self, dir: &Path, cluster: &str, node: NodeId) -> Result<(), StorageError> {
        if (self.cluster.as_str(), self.node) == (cluster, node) {
            return Ok(());
        }
        Err(StorageError::Foreign {
            path: path_in(dir),
            found: format!("{} of cluster {:?}", self.node, self.cluster),
            wanted: format!("{node} of cluster {cluster:?}"),
        })
    }

    /// Counts one more start, durably.
    ///
    /// # Errors
    /// If the count cannot be written.
    pub fn next_start(mut self, dir: &Path) -> Result<Self, StorageError> {
        self.incarnation += 1;
        self.write(dir)
    }

    /// The disk, as peers know it.
    ///
    /// # Panics
    /// If the name is not of the form that reading and formatting ensure.
    #[must_use]
    pub fn disk_id(&self) -> DiskId {
        disk_id(&self.disk).expect("a disk's name is 32 hexadecimal digits")
    }

    fn write(self, dir: &Path) -> Result<Self, StorageError> {
        let text = serde_json::to_vec(&self).expect("an identity is plain data");
        let frame = frame::encode(Place::ALONE, Index(0), &text);
        replace_durably(&path_in(dir), &frame)?;
        Ok(self)
    }
}

fn disk_id(name: &str) -> Option<DiskId> {
    let is_hex = name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit());
    let number = is_hex.then(|| u128::from_str_radix(name, 16).ok());
    number.flatten().map(DiskId)
}

fn path_in(dir: &Path) -> PathBuf {
    dir.join("identity")
}

const RANDOM: &str = "/dev/urandom";

/// The only thing about a node that its seed does not decide: a wiped disk must look new.
fn random_name() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open(RANDOM)?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_le_bytes(bytes)))
}
