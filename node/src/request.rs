//! What the API asks of the driver, and what it hears back.

use bytes::Bytes;
use shakedown_history::event::ReadMode;
use shakedown_history::{Index, LogId, NodeId};
use shakedown_raft::{Change, Entry, Refusal};
use tokio::sync::mpsc;

use crate::kv::Applied;

/// One attempt at a transaction, or a wish of an operator.
#[derive(Debug)]
pub struct Request {
    /// What is wanted.
    pub ask: Ask,
    /// Where the one answer goes. All attempts at a transaction share it.
    pub answer: mpsc::UnboundedSender<Answer>,
}

/// What is wanted.
#[derive(Debug)]
pub enum Ask {
    /// That this command takes effect, through the log.
    Write(Bytes),
    /// The values of these keys.
    Read {
        /// Which.
        keys: Vec<String>,
        /// How the read is to be made safe.
        mode: ReadMode,
    },
    /// That the cluster consists of others.
    ChangeMembership(Change),
    /// That another node leads: this one, or whoever is most up to date.
    TransferLeadership(Option<NodeId>),
    /// A stretch of this node's log as it is in memory.
    Log {
        /// The first index wanted.
        from: Index,
        /// The most entries.
        len_max: usize,
    },
}

/// What came of an attempt. Without one the attempt is undecided.
#[derive(Debug)]
pub enum Answer {
    /// It went through.
    Applied(Applied),
    /// The membership change is committed in this entry.
    Changed(LogId),
    /// The leadership went to this node.
    Transferred(NodeId),
    /// The entries asked for, and the last one that was compacted away.
    Log {
        /// Where the log begins: the last entry that is not held any more.
        base: LogId,
        /// The entries.
        entries: Vec<Entry>,
    },
    /// It has no effect and never will.
    Refused(Refusal),
    /// It was not taken in: too much is under way. It has no effect.
    Overloaded,
}
