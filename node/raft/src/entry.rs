//! Log entries.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shakedown_history::event::EntryKind;
use shakedown_history::{Configuration, LogHash, LogId};

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
