//! Inputs and outputs, and the contract that binds the driver.

use bytes::Bytes;
use shakedown_history::event::HardState;
use shakedown_history::{Event, Index, LogId, NodeId, Term};

use crate::entry::Entry;
use crate::message::Message;

/// What a process found on its disk when it started. All of it is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Term and vote.
    pub hard_state: HardState,
    /// The whole log, from index 1 without gaps. Nothing of it counts as committed yet: the core
    /// learns again from a leader what is, and has it applied again from the start.
    pub log: Vec<Entry>,
}

/// Names a client's request between driver and core; the driver draws it and never uses it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// What happens to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Time passes: one tick.
    Tick,
    /// A message arrived. One not addressed to this node is ignored.
    Receive(Message),
    /// A client wants this command in the log.
    Propose {
        /// Comes back in [`Committed`] or [`Reply`].
        token: Token,
        /// Opaque to the protocol.
        command: Bytes,
    },
    /// A client wants a linearizable read (ReadIndex, dissertation §6.4).
    Read(Token),
    /// Everything that outputs so far asked to persist, up to this state, has reached the disk.
    Persisted(Durable),
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
/// 5. Apply `apply` in order, and answer `reply`. An entry may be applied before it is on this
///    node's own disk: a quorum has it.
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
    /// Changes of the log, in order.
    pub log: Vec<LogWrite>,
}

impl Persist {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hard_state.is_none() && self.log.is_empty()
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
    /// The leader stepped down before the read was confirmed.
    LeadershipLost,
}
