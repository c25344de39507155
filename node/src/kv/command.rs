//! What an entry of the log asks of the state machine, and what comes of it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shakedown_history::LogId;
use shakedown_history::event::ClientSeq;

use super::json::Json;

/// One step of a transaction. Steps see the effects of those before them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MicroOp {
    /// Returns the value; `null` for an absent key.
    Read {
        /// Of what.
        key: String,
    },
    /// Replaces the value.
    Write {
        /// Of what.
        key: String,
        /// By what.
        value: Json,
    },
    /// Replaces the value if it is `old`, and refuses the transaction if not.
    CompareAndSet {
        /// Of what.
        key: String,
        /// What it must be.
        old: Json,
        /// By what.
        new: Json,
    },
    /// Adds an element to the end of a list, which an absent key or `null` begins.
    Append {
        /// To which list.
        key: String,
        /// What.
        value: Json,
    },
}

impl MicroOp {
    /// The key.
    #[must_use]
    pub fn into_key(self) -> String {
        match self {
            Self::Read { key }
            | Self::Write { key, .. }
            | Self::CompareAndSet { key, .. }
            | Self::Append { key, .. } => key,
        }
    }

    /// The key, if this only reads.
    #[must_use]
    pub fn key_read(&self) -> Option<&str> {
        match self {
            Self::Read { key } => Some(key),
            _ => None,
        }
    }
}

/// What an entry of the log carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Begins a session, whose id is the entry's index (dissertation §6.3).
    OpenSession {
        /// How many sessions there may be then. It travels with the command, so that all nodes
        /// evict alike, whatever they are configured or compiled with.
        sessions_max: u32,
    },
    /// One atomic transaction of one client.
    Transaction {
        /// Names the request, so that it takes effect once.
        client: ClientSeq,
        /// What to do, all or nothing.
        ops: Vec<MicroOp>,
    },
    /// No command at all, but bytes that somebody got into the log. It has no effect, on any node.
    #[serde(skip)]
    Malformed,
}

impl Command {
    /// The bytes for the log: postcard, with JSON texts for values.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        postcard::to_stdvec(self)
            .expect("only what can be proposed is encoded")
            .into()
    }

    /// The command of an entry. Bytes that are not a command's are [`Command::Malformed`], which all
    /// nodes treat alike.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        match postcard::take_from_bytes(bytes) {
            Ok((command, [])) => command,
            _ => Self::Malformed,
        }
    }

    /// The client's name for the request, if it is a transaction.
    #[must_use]
    pub fn client(&self) -> Option<ClientSeq> {
        match self {
            Self::Transaction { client, .. } => Some(*client),
            _ => None,
        }
    }
}

/// What a micro-op returns: a read its value, others nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpResult {
    /// The value read.
    pub value: Option<Json>,
}

impl OpResult {
    /// The result of a read.
    #[must_use]
    pub fn read(value: Json) -> Self {
        Self { value: Some(value) }
    }
}

/// What came of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// All ops took effect; one result each.
    Done(Vec<OpResult>),
    /// None did: a `cas` found another value.
    CasMismatch {
        /// Which key.
        key: String,
        /// What it found.
        actual: Json,
    },
    /// None did: an `append` found something that is not a list.
    NotAList {
        /// Which key.
        key: String,
        /// What it found.
        actual: Json,
    },
}

impl Outcome {
    /// Whether the ops took effect.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

/// An outcome and the place that decided it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What came of the transaction.
    pub outcome: Outcome,
    /// The entry, or for a read the leader's term and the applied index.
    pub at: LogId,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The transaction was carried out just now.
    Fresh(Decision),
    /// The same request was carried out before; this is what came of it then.
    Repeated(Decision),
    /// A later request of the same client was carried out before. Whether this one ever was is
    /// forgotten.
    Stale,
    /// There is a session of this id now.
    Opened(u64),
    /// There is no such session.
    NoSession {
        /// Whether there may have been one, in which the request may have been carried out. If
        /// not, it certainly never was.
        expired: bool,
    },
    /// The entry carries no command.
    Malformed,
}

impl Applied {
    /// Whether it changed the contents or opened a session.
    #[must_use]
    pub fn has_effect(&self) -> bool {
        match self {
            Self::Fresh(decision) => decision.outcome.is_done(),
            Self::Opened(_) => true,
            _ => false,
        }
    }
}
