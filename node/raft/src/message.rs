//! What nodes say to each other. The names are those of the paper's Figure 2.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shakedown_history::{Index, LogId, NodeId, Term};

use crate::entry::Entry;
use crate::membership::DiskId;
use crate::snapshot::SnapshotHeader;

/// One message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who sends.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
    /// The sender's current term.
    pub term: Term,
    /// The disk that the sender's promises are on; none where nodes are not bound to disks.
    pub disk: Option<DiskId>,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// A node asks whether it would be elected in the term after its own (dissertation §9.6). Nobody
    /// changes its state for it.
    RequestPreVote {
        /// The end of the asker's log.
        last: LogId,
    },
    /// The answer to it.
    RequestPreVoteReply {
        /// Whether the vote would be given.
        granted: bool,
    },
    /// A candidate asks for a vote (§5.2).
    RequestVote {
        /// The end of the candidate's log (§5.4.1).
        last: LogId,
        /// Whether the leader itself asked for this election: then hearing from it is no reason to
        /// refuse (dissertation §4.2.3).
        transfer: bool,
    },
    /// The answer to it.
    RequestVoteReply {
        /// Whether the vote is given.
        granted: bool,
    },
    /// A leader sends entries, or none as a heartbeat (§5.3).
    AppendEntries {
        /// The entry just before `entries`.
        prev: LogId,
        /// The entries, contiguous.
        entries: Vec<Entry>,
        /// The leader's commit index.
        leader_commit: Index,
        /// The leader's read round, echoed in the reply: an echo confirms the leadership for all
        /// reads that came in before the round was sent.
        round: u64,
    },
    /// The answer to it.
    AppendEntriesReply {
        /// What became of the entries.
        outcome: AppendOutcome,
        /// The round of the message answered.
        round: u64,
    },
    /// A leader sends a piece of its snapshot, because it has dropped the entries that the follower
    /// needs (§7).
    InstallSnapshot {
        /// What the snapshot stands for.
        header: SnapshotHeader,
        /// Where in the snapshot's bytes `chunk` begins.
        offset: u64,
        /// The piece.
        chunk: Bytes,
        /// The leader's read round.
        round: u64,
    },
    /// The answer to a piece that is not the last one that was missing. Once the snapshot is whole
    /// and durable, the answer is an [`Body::AppendEntriesReply`].
    InstallSnapshotReply {
        /// Which snapshot.
        last: LogId,
        /// How many bytes are there, from the start without gaps: where the leader goes on.
        received: u64,
        /// The round of the message answered.
        round: u64,
    },
    /// A leader hands over: the receiver is to stand for election at once (dissertation §3.10).
    TimeoutNow,
    /// A follower asks for an index at which it may serve a read (dissertation §6.4).
    ReadIndex {
        /// Numbered by the follower.
        read: u64,
    },
    /// The answer to it.
    ReadIndexReply {
        /// Which read.
        read: u64,
        /// What came of it.
        outcome: ReadIndexOutcome,
    },
}

impl Body {
    /// The name that traces and scripts use.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RequestPreVote { .. } => "pre-vote",
            Self::RequestPreVoteReply { .. } => "pre-vote-reply",
            Self::RequestVote { .. } => "vote",
            Self::RequestVoteReply { .. } => "vote-reply",
            Self::AppendEntries { .. } => "append",
            Self::AppendEntriesReply { .. } => "append-reply",
            Self::InstallSnapshot { .. } => "snapshot",
            Self::InstallSnapshotReply { .. } => "snapshot-reply",
            Self::TimeoutNow => "timeout-now",
            Self::ReadIndex { .. } => "read-index",
            Self::ReadIndexReply { .. } => "read-index-reply",
        }
    }
}

/// What a leader made of a follower's read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadIndexOutcome {
    /// The leadership is confirmed.
    Confirmed {
        /// What the read must see at least.
        index: Index,
        /// The heartbeat round that confirmed it.
        round: u64,
        /// Who answered that round.
        acks: Vec<NodeId>,
    },
    /// The node asked does not lead, or stopped leading before it was confirmed.
    Refused,
}

/// What a follower made of an AppendEntries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AppendOutcome {
    /// `prev` matched; the log agrees with the leader's, durably, up to here (`prev` plus entries, never
    /// more).
    Matched(Index),
    /// `prev` did not match.
    Rejected {
        /// The index of the `prev` refused.
        prev_index: Index,
        /// Where the leader should try next: the follower's last entry at which the logs may agree.
        /// Its term lets the leader pass over whole terms of its own log at once.
        try_from: LogId,
        /// Whether the follower has lost entries that it had acknowledged, and says so: what the
        /// leader believed of its log is void.
        repairing: bool,
    },
}
