//! The replicated state machine: keys that hold JSON values, transactions on them, client sessions.
//!
//! It is deterministic: no clock, no randomness, sorted maps. Whoever applies the same commands in the
//! same order has the same contents and gives the same answers.
//!
//! - `command`: what an entry asks for, and what comes of it
//! - `json`: values
//! - `contents`: keys and values; a transaction on them, all or nothing
//! - `sessions`: who asked last for what, so that a request takes effect once
//! - `snapshot`: the whole as bytes, and back
//! - `hash`: hashes that are kept up to date instead of computed
//! - this file: applying a command

mod command;
mod contents;
mod hash;
mod json;
mod sessions;
mod snapshot;

use bytes::Bytes;
use shakedown_history::event::ClientSeq;
use shakedown_history::{Index, LogHash, LogId};

pub use command::{Applied, Command, Decision, MicroOp, OpResult, Outcome};
use contents::Contents;
pub use json::Json;
use sessions::{Answer, SessionTable};
pub use snapshot::RestoreError;

/// How many sessions the nodes of this build let a cluster have, when they propose to open one.
pub const SESSIONS_MAX: u32 = 16_384;

/// Whether a repeated request is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// Each client's last request is remembered with its answer (dissertation §6.3).
    Kept,
    /// Every command counts as new. Only as the planted bug `double-apply`.
    Ignored,
}

/// Registers and lists, and the last answer to each client.
#[derive(Clone, Debug)]
pub struct Store {
    contents: Contents,
    sessions: SessionTable,
    mode: Sessions,
}

impl Store {
    /// An empty store.
    #[must_use]
    pub fn new(sessions: Sessions) -> Self {
        Self {
            contents: Contents::default(),
            sessions: SessionTable::default(),
            mode: sessions,
        }
    }

    /// The store that [`Store::save`] wrote.
    ///
    /// # Errors
    /// If the bytes are not a store's. Whatever they are, this neither panics nor takes more memory
    /// than a small multiple of their length.
    pub fn restore(bytes: &[u8], sessions: Sessions) -> Result<Self, RestoreError> {
        let (contents, table) = snapshot::restore(bytes)?;
        Ok(Self {
            contents,
            sessions: table,
            mode: sessions,
        })
    }

    /// Everything as bytes. Equal stores give equal bytes.
    #[must_use]
    pub fn save(&self) -> Bytes {
        snapshot::save(&self.contents, &self.sessions).into()
    }

    /// Carries out the command in the entry `at`, unless it was carried out before. Entries must
    /// come in the order of the log.
    pub fn apply(&mut self, at: LogId, command: Command) -> Applied {
        match command {
            Command::OpenSession { sessions_max } => {
                self.sessions.open(at.index, sessions_max);
                Applied::Opened(at.index.0)
            }
            Command::Transaction { client, ops } => self.transact(at, client, ops),
            Command::Malformed => Applied::Malformed,
        }
    }

    fn transact(&mut self, at: LogId, request: ClientSeq, ops: Vec<MicroOp>) -> Applied {
        let ClientSeq { client, seq } = request;
        if self.mode == Sessions::Kept
            && let Some(known) = self.recall(request, at.index)
        {
            return known;
        }
        let (outcome, _) = self.contents.execute(ops);
        let decision = Decision { outcome, at };
        let answer = Answer {
            seq,
            decision: decision.clone(),
        };
        self.sessions.remember(client, at.index, answer);
        Applied::Fresh(decision)
    }

    /// What the sessions say to a request; nothing if it is new.
    fn recall(&mut self, request: ClientSeq, at: Index) -> Option<Applied> {
        let ClientSeq { client, seq } = request;
        match self.sessions.get(client) {
            // An id is the index of an entry before this one.
            None => Some(Applied::NoSession {
                expired: client < at.0,
            }),
            Some(Some(last)) if seq <= last.seq => {
                let known = match seq == last.seq {
                    true => Applied::Repeated(last.decision.clone()),
                    false => Applied::Stale,
                };
                self.sessions.touch(client, at);
                Some(known)
            }
            Some(_) => None,
        }
    }

    /// What the ops would give now, without carrying them out.
    #[must_use]
    pub fn preview(&mut self, ops: Vec<MicroOp>) -> Outcome {
        let (outcome, undo) = self.contents.execute(ops);
        self.contents.roll_back(undo);
        outcome
    }

    /// The values of `keys`, in order; `null` for an absent key.
    #[must_use]
    pub fn read<'a>(&self, keys: impl IntoIterator<Item = &'a str>) -> Vec<OpResult> {
        keys.into_iter()
            .map(|key| OpResult::read(self.contents.get(key)))
            .collect()
    }

    /// Hashes of the contents and of the sessions, their order of eviction included. They are kept up
    /// to date, so asking costs nothing.
    #[must_use]
    pub fn digest(&self) -> (LogHash, LogHash) {
        (self.contents.hash(), self.sessions.hash())
    }

    /// Ends a session before its time, as no sound node does by itself.
    pub fn end_session(&mut self, client: u64) {
        self.sessions.remove(client);
    }

    /// [`Store::save`] with the sessions left out; only planted bugs want that.
    #[must_use]
    pub fn save_without_sessions(&self) -> Bytes {
        snapshot::save(&self.contents, &SessionTable::default()).into()
    }

    /// How many sessions there are.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }
}

#[cfg(test)]
mod tests;
