//! The events of a node's trace: what it did, as far as Raft's promises are concerned.
//!
//! Two levels are kept apart throughout: what a node holds in memory ([`Event::Append`],
//! [`Event::Commit`]) and what has reached its disk ([`Event::AppendDurable`],
//! [`Event::HardStateDurable`]).

use serde::{Deserialize, Serialize};

use crate::configuration::Configuration;
use crate::ids::{Index, LogHash, LogId, NodeId, Term};

/// Term and vote (Figure 2, persistent state).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HardState {
    /// The latest term this node has seen.
    pub term: Term,
    /// Who got its vote in that term.
    #[serde(default)]
    pub voted_for: Option<NodeId>,
}

/// What a snapshot stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotMeta {
    /// The last entry it covers.
    pub last: LogId,
    /// The chained hash up to that entry; the chain goes on from here.
    pub hash: LogHash,
    /// The configuration in force at that entry.
    pub config: Configuration,
}

/// A node's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Follows a leader, or waits for one.
    Follower,
    /// Asks whether it could win (pre-vote).
    PreCandidate,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
}

/// What an entry carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// The empty entry with which a leader opens its term (§8).
    Noop,
    /// A client's transaction.
    Command,
    /// A new configuration.
    Config,
}

/// What happened to a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigStep {
    /// Its entry was appended.
    Append,
    /// It came into force.
    Active,
    /// Its entry was truncated, and the one before is in force again.
    Rollback,
}

/// How a read was made safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadMode {
    /// A round of heartbeats confirmed the leadership (ReadIndex, dissertation §6.4).
    Index,
    /// Within the leader's lease.
    Lease,
    /// Not at all: may be stale.
    Local,
}

/// A client's request: session and number within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientSeq {
    /// The session.
    pub client: u64,
    /// Counted by the client.
    pub seq: u64,
}

/// One thing a node did. Written before its effect leaves the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The process started with this recovered from its disk.
    Start {
        /// Term and vote found.
        hard_state: HardState,
        /// The snapshot found, if any.
        #[serde(default)]
        snapshot: Option<SnapshotMeta>,
        /// The first entry held; `last.index + 1` of the snapshot or 1.
        first: Index,
        /// The last entry held.
        last: LogId,
        /// The chained hash up to `last`.
        last_hash: LogHash,
        /// How far the state machine is.
        applied: Index,
        /// How far is known to be committed.
        commit: Index,
        /// The configuration in force.
        config: Configuration,
        /// How far entries that were on its disk may have been lost to damage. The node says that it
        /// knows, and neither votes nor leads until it is [`Event::Repaired`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lost: Option<Index>,
    },
    /// What was lost to damage is in the log again, durably, as far as it was committed.
    Repaired {
        /// The end of the log.
        last: LogId,
    },
    /// Term and vote have reached the disk.
    HardStateDurable(HardState),
    /// The vote (already durable) is about to be sent.
    VoteGranted {
        /// Who gets it.
        candidate: NodeId,
        /// The end of the candidate's log.
        candidate_last: LogId,
        /// The end of the voter's own log.
        last: LogId,
        /// Whether it is only a pre-vote.
        #[serde(default)]
        pre_vote: bool,
    },
    /// Asks whether it could win.
    BecomePreCandidate,
    /// Asks for votes in a new term.
    BecomeCandidate {
        /// The end of its log.
        last: LogId,
    },
    /// Won the election of the record's term.
    BecomeLeader {
        /// The end of its log, before its no-op.
        last: LogId,
        /// Who voted for it, itself included.
        votes: Vec<NodeId>,
        /// The configuration in which it counted.
        config: Configuration,
    },
    /// Gave up being leader or candidate.
    StepDown {
        /// Why.
        reason: String,
        /// The term that made it do so; its own where it was not a higher one.
        seen_term: Term,
    },
    /// An entry is in the log, in memory.
    Append {
        /// Which.
        id: LogId,
        /// The chained hash up to it.
        hash: LogHash,
        /// What it carries.
        kind: EntryKind,
    },
    /// The log is on disk up to here.
    AppendDurable {
        /// The last durable entry.
        last: LogId,
    },
    /// Entries from here on were removed because they conflict with a leader's.
    Truncate {
        /// The first that went.
        from: Index,
        /// The end of the log before.
        old_last: LogId,
    },
    /// An answer to a leader's AppendEntries is about to be sent.
    Ack {
        /// The leader.
        to: NodeId,
        /// The last entry known to match, already durable; on a rejection the mismatch.
        matched: LogId,
        /// Whether it was refused.
        #[serde(default)]
        reject: bool,
    },
    /// The commit index moved.
    Commit {
        /// The last committed entry.
        to: LogId,
        /// As what this node decided it.
        role: Role,
        /// The configuration in which the leader counted.
        #[serde(default)]
        config: Configuration,
        /// What the leader counted: each voter's match index. Empty on a follower.
        #[serde(default)]
        acks: Vec<(NodeId, Index)>,
        /// The leader's commit index in the message that moved it; none on a leader.
        #[serde(default)]
        leader_commit: Option<Index>,
        /// Where that message's entries ended; none on a leader.
        #[serde(default)]
        prev_plus_len: Option<Index>,
    },
    /// An entry was applied to the state machine.
    Apply {
        /// Which.
        id: LogId,
        /// The chained hash up to it.
        hash: LogHash,
        /// Whether it changed anything: not a no-op, nor a request already applied.
        effect: bool,
        /// Whose request it was.
        #[serde(default)]
        client: Option<ClientSeq>,
    },
    /// The state machine's contents after applying `index`.
    Digest {
        /// After which entry.
        index: Index,
        /// Hash of the data.
        state: LogHash,
        /// Hash of the client sessions.
        sessions: LogHash,
    },
    /// A configuration came or went.
    ConfigChange {
        /// What happened to it.
        what: ConfigStep,
        /// Its entry.
        index: Index,
        /// In force before.
        old: Configuration,
        /// In force after.
        new: Configuration,
    },
    /// A snapshot was taken, in memory.
    SnapshotMade(SnapshotMeta),
    /// A snapshot and its directory are on disk.
    SnapshotDurable {
        /// The last entry it covers.
        last: LogId,
    },
    /// A leader's snapshot replaced the state.
    SnapshotInstalled {
        /// What it stands for.
        meta: SnapshotMeta,
        /// Who sent it.
        from: NodeId,
        /// Whether the log after it was kept.
        kept_suffix: bool,
    },
    /// Entries up to here were dropped from the log.
    Compact {
        /// The last that went.
        upto: LogId,
    },
    /// A read came in.
    ReadStart {
        /// Numbered per incarnation.
        read: u64,
    },
    /// A quorum confirmed the leadership after the read came in.
    ReadBarrier {
        /// Which read.
        read: u64,
        /// What it must see at least.
        index: Index,
        /// The heartbeat round that confirmed it.
        round: u64,
        /// Who answered that round.
        acks: Vec<NodeId>,
    },
    /// A read was answered.
    ReadServed {
        /// Which read.
        read: u64,
        /// What it had to see at least.
        index: Index,
        /// How far the state machine was.
        applied: Index,
        /// How it was made safe.
        mode: ReadMode,
    },
    /// The leader's lease was extended.
    Lease {
        /// Until when, by this node's monotonic clock, in nanoseconds.
        until_mono_ns: u64,
        /// When the round was sent that extends it.
        basis_mono_ns: u64,
    },
    /// The lease ended early.
    LeaseDropped {
        /// Why.
        reason: String,
    },
    /// The leader hands over: it takes in nothing more.
    TransferStarted {
        /// To whom.
        to: NodeId,
    },
    /// The handing over ended.
    TransferEnded {
        /// To whom.
        to: NodeId,
        /// Whether it succeeded: the leader saw the next term.
        done: bool,
    },
    /// A client is about to be told that its request took effect.
    ClientAck {
        /// Whose request.
        client: ClientSeq,
        /// The entry.
        id: LogId,
    },
    /// The disk refused something.
    IoError {
        /// What: `append`, `sync`, ...
        op: String,
        /// The system's error number.
        errno: i32,
        /// Whether the node stopped relying on its disk.
        handled: bool,
    },
}
