//! Log entries.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shakedown_history::event::EntryKind;
use shakedown_history::{Configuration, LogHash, LogId, Term};

/// What an entry carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// Nothing: with it a leader opens its term and learns what is committed (§8).
    Noop,
    /// A command for the state machine, opaque to the protocol.
    Command(Bytes),
    /// A configuration, in force from the moment it is in the log (§6).
    Config(Configuration),
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
            Self::Config(config) => [&config.voters, &config.outgoing, &config.learners]
                .into_iter()
                .fold(previous.chain(term, b"config"), |hash, nodes| {
                    let bytes: Vec<u8> = nodes.iter().flat_map(|n| n.0.to_le_bytes()).collect();
                    hash.chain(term, &bytes)
                }),
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

    /// Whether this entry's hash continues a log whose chained hash is `previous`.
    #[must_use]
    pub fn continues(&self, previous: LogHash) -> bool {
        self.hash == self.payload.chain(previous, self.id.term)
    }
}
