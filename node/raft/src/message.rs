//! What nodes say to each other. The names are those of the paper's Figure 2.

use serde::{Deserialize, Serialize};
use shakedown_history::{Index, LogId, NodeId, Term};

use crate::entry::Entry;

/// One message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who sends.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
    /// The sender's current term.
    pub term: Term,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// A candidate asks for a vote (§5.2).
    RequestVote {
        /// The end of the candidate's log (§5.4.1).
        last: LogId,
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
    },
}
