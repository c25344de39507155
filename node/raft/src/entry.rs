//! Log entries.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shakedown_history::event::EntryKind;
use shakedown_history::{LogHash, LogId, Term};

use crate::membership::Membership;

/// What an entry carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// Nothing: with it a leader opens its term and learns what is committed (§8).
    Noop,
    /// A command for the state machine, opaque to the protocol.
    Command(Bytes),
    /// A membership, in force from the moment it is in the log (§6).
    Config(Membership),
}

impl Payload {
    /// The kind that traces show.
    #[must_use]
    pub fn kind(&self) -> EntryKind {
        match self {
            Self::Noop => EntryKind::Noop,
            Self::Command(_) => EntryKind::Command,
            Self::Config(_) => EntryKind::Config,
        }
    }

    /// The hash of a log that ends in this payload, created in `term`, where `previous` is the hash
    /// of the log before it: the kind is chained first, so that a no-op is not an empty command.
    #[must_use]
    pub fn chain(&self, previous: LogHash, term: Term) -> LogHash {
        match self {
            Self::Noop => previous.chain(term, b"noop"),
            Self::Command(bytes) => previous.chain(term, b"command").chain(term, bytes),
            Self::Config(membership) => membership.chain(previous.chain(term, b"config"), term),
        }
    }
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Term and index.
    pub id: LogId,
    /// The chained hash of the log up to and including this entry, as its leader computed it.
    pub hash: LogHash,
    /// What it carries.
    pub payload: Payload,
}

impl Entry {
    /// The entry `id` behind a log whose chained hash is `previous`.
    #[must_use]
    pub fn new(previous: LogHash, id: LogId, payload: Payload) -> Self {
        let hash = payload.chain(previous, id.term);
        Self { id, hash, payload }
    }

    /// How many bytes its payload has, for limits on what is under way.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        match &self.payload {
            Payload::Command(bytes) => bytes.len(),
            Payload::Noop | Payload::Config(_) => 0,
        }
    }

    /// Whether this entry's hash continues a log whose chained hash is `previous`.
    #[must_use]
    pub fn continues(&self, previous: LogHash) -> bool {
        self.hash == self.payload.chain(previous, self.id.term)
    }
}
