//! What the API asks of the driver, and what it hears back.

use bytes::Bytes;
use shakedown_raft::Refusal;
use tokio::sync::mpsc;

use crate::kv::Applied;

/// One attempt at a transaction.
#[derive(Debug)]
pub struct Request {
    /// What is wanted.
    pub ask: Ask,
    /// Where the one answer goes. All attempts at a transaction share it.
    pub answer: mpsc::UnboundedSender<Answer>,
}

/// What is wanted.
#[derive(Debug)]
pub enum Ask {
    /// That this command takes effect, through the log.
    Write(Bytes),
    /// The values of these keys, linearizably.
    Read(Vec<String>),
}

/// What came of an attempt. Without one the attempt is undecided.
#[derive(Debug)]
pub enum Answer {
    /// It went through.
    Applied(Applied),
    /// It has no effect and never will.
    Refused(Refusal),
    /// It was not taken in: too much is under way. It has no effect.
    Overloaded,
}
