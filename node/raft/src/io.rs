//! Inputs and outputs, and the contract that binds the driver.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shakedown_history::event::{HardState, ReadMode};
use shakedown_history::{Event, Index, LogHash, LogId, NodeId, Term};

use crate::entry::Entry;
use crate::membership::DiskId;
use crate::message::Message;
use crate::snapshot::Snapshot;

/// What a process found on its disk when it started. All of it is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Term and vote.
    pub hard_state: HardState,
    /// The latest snapshot. The state machine has been restored from it; everything after it is
    /// applied again once a leader has said what is committed.
    pub snapshot: Option<Snapshot>,
    /// The entry just before `log`: the last one that was compacted away. At or before the snapshot's
    /// last, because some entries are retained; zero if nothing was ever compacted.
    pub base: Base,
    /// The log after `base`, without gaps.
    pub log: Vec<Entry>,
    /// What is known of entries that were lost to a damaged disk.
    pub loss: Option<Loss>,
}

/// Where a log begins: the last entry that is not held any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// That entry.
    pub id: LogId,
    /// The chained hash up to it.
    pub hash: LogHash,
}

impl Default for Base {
    /// The place before the first entry.
    fn default() -> Self {
        Self {
            id: LogId::default(),
            hash: LogHash::EMPTY,
        }
    }
}

/// Entries that a node had on its disk, and has no more. It may have acknowledged them, so that it
/// must neither vote nor lead until it holds again whatever of them was committed (protocol-aware
/// recovery, Alagappan et al., FAST '18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The highest index that may have been on disk.
    pub upto: Index,
    /// The node's term when the loss was found: a log that reaches into a later term, as its leader
    /// has it, has everything that was committed before.
    pub term: Term,
}

/// Names a client's request between driver and core; the driver draws it and never uses it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// What happens to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Time passes: one tick.
    Tick {
        /// The node's monotonic clock, in nanoseconds. Only leases depend on it.
        now_ns: u64,
    },
    /// A message arrived. One not addressed to this node is ignored.
    Receive(Message),
    /// A client wants this command in the log.
    Propose {
        /// Comes back in [`Committed`] or [`Reply`].
        token: Token,
        /// Opaque to the protocol.
        command: Bytes,
    },
    /// Several clients do: they share one message to each peer.
    ProposeAll(Vec<(Token, Bytes)>),
    /// A client wants a linearizable read.
    Read {
        /// Comes back in [`Reply`].
        token: Token,
        /// How it is to be made safe. [`ReadMode::Lease`] falls back to [`ReadMode::Index`] where there
        /// is no lease; a follower asks its leader. [`ReadMode::Local`] is none of the protocol's
        /// business.
        mode: ReadMode,
        /// As in [`Input::Tick`], read after the request came in.
        now_ns: u64,
    },
    /// Somebody wants the cluster to consist of others.
    ChangeMembership {
        /// Comes back in [`Committed`] or [`Reply`].
        token: Token,
        /// How.
        change: Change,
    },
    /// Somebody wants another node to lead.
    TransferLeadership {
        /// Comes back in [`Reply`].
        token: Token,
        /// Who; none for whoever is most up to date.
        to: Option<NodeId>,
    },
    /// The state machine has written down its contents as they are after applying `at`.
    SnapshotTaken {
        /// The last entry applied.
        at: Index,
        /// The contents, client sessions included.
        data: Bytes,
    },
    /// The snapshot of an output's `save` is durable.
    SnapshotSaved(LogId),
    /// Everything that outputs so far asked to persist, up to this state, has reached the disk.
    Persisted(Durable),
}

/// A change of the membership. One is under way at a time, and only after the leader has committed an
/// entry of its own term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds a node that receives the log but does not vote.
    AddLearner {
        /// Who.
        node: NodeId,
        /// Where it is reached.
        address: String,
        /// Its disk, if it is known already; otherwise the first from which it speaks.
        disk: Option<DiskId>,
    },
    /// Makes a learner that has caught up a voter.
    Promote(NodeId),
    /// Removes a voter or learner.
    Remove(NodeId),
    /// Makes a learner that has caught up a voter in the place of another, in one step.
    Replace {
        /// The voter that goes.
        old: NodeId,
        /// The learner that takes its place.
        new: NodeId,
    },
}

/// What is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    /// Term and vote.
    pub hard_state: HardState,
    /// The end of the log. Carries the term, so that a late completion about entries that were
    /// overwritten since is not taken for one about their successors.
    pub last: LogId,
}

/// What the driver must do, in this order:
///
/// 1. Write `trace` (the record comes before its effect).
/// 2. Begin to persist `persist`; outputs must reach the disk in the order they came.
/// 3. Send `send`: these messages depend on nothing that is not durable yet. (A leader's entries may
///    leave before they are on its own disk: it counts itself only after [`Input::Persisted`].)
/// 4. Once `persist` of this and all earlier outputs is durable: write `after_persist.trace`, send
///    `after_persist.send`, and feed [`Input::Persisted`]. If several outputs are persisted by one sync,
///    one `Persisted` with the last state is enough. If a later output has a higher `term`, drop
///    `after_persist` instead, trace and messages: a vote or an acknowledgement in a term that this node
///    has left helps nobody, and what it speaks of may be gone from the log.
/// 5. Restore the state machine from `install`, if there is one; then apply `apply` in order, and
///    answer `reply`. An entry may be applied before it is on this node's own disk: a quorum has it.
/// 6. Make `save` durable, file and directory, and feed [`Input::SnapshotSaved`]. It is bound to no
///    order with what is persisted: only after it is saved does an output ask to compact the log.
///
/// An output with nothing to persist still waits with `after_persist` for the outputs before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The node's current term: that of every record in `trace` and `after_persist.trace`. It changes
    /// at most once in a step, before anything is traced but the end of a leadership or candidacy.
    pub term: Term,
    /// Events to write before anything else.
    pub trace: Vec<Event>,
    /// What to make durable.
    pub persist: Persist,
    /// What may leave at once.
    pub send: Vec<Message>,
    /// What must wait for durability: votes, acknowledgements, requests for votes.
    pub after_persist: AfterPersist,
    /// A leader's snapshot that replaces the state machine's contents, before `apply`.
    pub install: Option<Snapshot>,
    /// This node's own snapshot, to be made durable.
    pub save: Option<Snapshot>,
    /// Newly committed entries, contiguous.
    pub apply: Vec<Committed>,
    /// Answers for tokens.
    pub reply: Vec<Reply>,
}

/// What waits for durability.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AfterPersist {
    /// Events to write before `send`.
    pub trace: Vec<Event>,
    /// Messages that depend on what was persisted.
    pub send: Vec<Message>,
}

/// What to make durable: the log first or the hard state first, but neither without the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Persist {
    /// Term and vote, where they changed. Durable no later than entries of that term.
    pub hard_state: Option<HardState>,
    /// A snapshot that a leader sent: durable, file and directory, before `log` is carried out.
    pub snapshot: Option<Snapshot>,
    /// Changes of the log, in order.
    pub log: Vec<LogWrite>,
}

impl Persist {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hard_state.is_none() && self.snapshot.is_none() && self.log.is_empty()
    }
}

/// One change of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogWrite {
    /// Remove this entry and all after it.
    Truncate {
        /// The first to go.
        from: Index,
    },
    /// Add these at the end.
    Append(Vec<Entry>),
    /// Entries up to here may be dropped: a durable snapshot covers them. Need not be durable.
    Compact(Base),
    /// What a [`Loss`] spoke of is made good: once everything before this is durable, the disk may
    /// forget it.
    Repaired,
    /// The log is void: it begins anew, empty, after this entry, which is the last that
    /// the snapshot in the same [`Persist`] covers.
    Reset(Base),
}

/// An entry that is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The entry.
    pub entry: Entry,
    /// The request that this very entry answers, if this node took it in.
    pub token: Option<Token>,
}

/// An answer for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The read may be served once the state machine has applied `index`.
    ReadReady(Read),
    /// The request certainly has no effect and never will.
    Refused {
        /// Which request.
        token: Token,
        /// Why.
        why: Refusal,
    },
    /// The leadership was handed over.
    Transferred {
        /// Which request.
        token: Token,
        /// To whom.
        to: NodeId,
    },
    /// A command was appended to this leader's log; it is not committed.
    Appended {
        /// Which request.
        token: Token,
        /// Where.
        id: LogId,
    },
}

/// A confirmed read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Which request.
    pub token: Token,
    /// What it must see at least.
    pub index: Index,
    /// The number of the read in the trace.
    pub number: u64,
    /// How it was made safe.
    pub mode: ReadMode,
}

/// Why a request certainly has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This node does not lead.
    NotLeader {
        /// Who does, as far as it knows.
        leader: Option<NodeId>,
    },
    /// The entry was overwritten: another is committed at its index.
    Overwritten,
    /// The leader stepped down before the read was confirmed, or the leadership handed over.
    LeadershipLost,
    /// The leadership is being handed over; come back to the next leader.
    Transferring,
    /// The node to which the leadership was to go did not take it in time.
    TransferFailed,
    /// A membership change is under way, or the leader has not committed in its term yet.
    NotNow,
    /// The change makes no sense for the membership as it is.
    NoSuchChange(&'static str),
    /// The learner is too far behind to vote.
    LagsBehind,
}
