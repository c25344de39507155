//! What a transaction is, and what comes of it. All of it travels as JSON: in requests, in the log
//! and in replies.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shakedown_history::LogId;
use shakedown_history::event::ClientSeq;

/// One step of a transaction. Steps see the effects of those before them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "f", deny_unknown_fields)]
pub enum MicroOp {
    /// Returns the value; `null` for an absent key.
    #[serde(rename = "r")]
    Read {
        /// Of what.
        key: String,
    },
    /// Replaces the value.
    #[serde(rename = "w")]
    Write {
        /// Of what.
        key: String,
        /// By what.
        value: Value,
    },
    /// Replaces the value if it is `old`, and refuses the transaction if not.
    #[serde(rename = "cas")]
    CompareAndSet {
        /// Of what.
        key: String,
        /// What it must be.
        old: Value,
        /// By what.
        new: Value,
    },
    /// Adds an element to the end of a list, which an absent key or `null` begins.
    #[serde(rename = "append")]
    Append {
        /// To which list.
        key: String,
        /// What.
        value: Value,
    },
}

impl MicroOp {
    /// The key, if this only reads.
    #[must_use]
    pub fn key_read(&self) -> Option<&str> {
        match self {
            Self::Read { key } => Some(key),
            _ => None,
        }
    }
}

/// What a log entry carries: one atomic transaction of one client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Names the request, so that it takes effect once.
    pub client: ClientSeq,
    /// What to do, all or nothing.
    pub ops: Vec<MicroOp>,
}

impl Command {
    /// The bytes for the log.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        serde_json::to_vec(self)
            .expect("a command is plain JSON")
            .into()
    }

    /// The command of an entry.
    ///
    /// # Panics
    /// If the bytes are not a command's: entries are checksummed, and only commands are proposed.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).expect("only commands are proposed")
    }
}

/// What a micro-op returns: a read its value, others nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OpResult {
    /// The value read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

impl OpResult {
    /// The result of a read.
    #[must_use]
    pub fn read(value: Value) -> Self {
        Self { value: Some(value) }
    }
}

/// What came of a transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// All ops took effect; one result each.
    Done(Vec<OpResult>),
    /// None did: a `cas` found another value.
    CasMismatch {
        /// Which key.
        key: String,
        /// What it found.
        actual: Value,
    },
    /// None did: an `append` found something that is not a list.
    NotAList {
        /// Which key.
        key: String,
        /// What it found.
        actual: Value,
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// What came of the transaction.
    pub outcome: Outcome,
    /// The entry, or for a read the leader's term and the applied index.
    pub at: LogId,
}
