//! Snapshots: the state machine's contents, and what the protocol must remember of the log they
//! replace (§7).

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shakedown_history::event::SnapshotMeta;
use shakedown_history::{Index, LogHash, LogId};

use crate::membership::Membership;

/// What a snapshot stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotHeader {
    /// The last entry it covers.
    pub last: LogId,
    /// The chained hash up to that entry; the chain goes on from here.
    pub hash: LogHash,
    /// The latest membership at or before that entry.
    pub membership: Membership,
    /// The entry that carried it; zero for the bootstrap membership.
    pub membership_index: Index,
    /// How many bytes the contents have.
    pub len: u64,
}

impl SnapshotHeader {
    /// As traces show it.
    #[must_use]
    pub fn meta(&self) -> SnapshotMeta {
        SnapshotMeta {
            last: self.last,
            hash: self.hash,
            config: self.membership.config.clone(),
        }
    }
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What it stands for.
    pub header: SnapshotHeader,
    /// The state machine's contents, client sessions included; opaque to the protocol.
    pub data: Bytes,
}
