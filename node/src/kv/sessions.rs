//! Client sessions: each client's last request with its answer (dissertation §6.3).
//!
//! A session's id is the index of the entry that opened it. So an id never comes back: one that is not
//! in the table has expired for good, and a late duplicate of its requests cannot take effect anew.
//!
//! When there are too many, the one whose last use is furthest back in the log goes. Use is counted
//! in entries, so all nodes agree about it, and it is part of the snapshot.

use std::collections::{BTreeMap, BTreeSet};

use shakedown_history::{Index, LogHash};

use super::command::{Decision, Outcome};
use super::hash::{Running, SetHash};

/// The sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct SessionTable {
    sessions: BTreeMap<u64, Session>,
    /// The sessions by the entry that used them last.
    by_use: BTreeSet<(Index, u64)>,
    hash: SetHash,
}

/// One client's.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) last_use: Index,
    pub(super) answer: Option<Answer>,
    hash: u64,
}

/// The answer to a client's last request.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) seq: u64,
    pub(super) decision: Decision,
}

impl SessionTable {
    /// Begins the session of the entry `at`, for which others go until there are at most
    /// `sessions_max`. The new one stays in any case.
    pub(super) fn open(&mut self, at: Index, sessions_max: u32) {
        self.insert(at.0, at, None);
        while self.sessions.len() > (sessions_max as usize).max(1) {
            let (_, oldest) = *self.by_use.first().expect("opening is a use");
            self.take(oldest);
        }
    }

    /// Marks a session as used by the entry `at`.
    pub(super) fn touch(&mut self, client: u64, at: Index) {
        if let Some(old) = self.take(client) {
            self.insert(client, at, old.answer);
        }
    }

    /// Remembers the answer to a session's latest request, which the entry `at` has decided. Nothing
    /// happens if there is no such session.
    pub(super) fn remember(&mut self, client: u64, at: Index, answer: Answer) {
        if self.take(client).is_some() {
            self.insert(client, at, Some(answer));
        }
    }

    /// The last answer to a client; nothing if there is no such session.
    pub(super) fn get(&self, client: u64) -> Option<Option<&Answer>> {
        self.sessions
            .get(&client)
            .map(|session| session.answer.as_ref())
    }

    /// Adds a session as a snapshot has it.
    pub(super) fn insert(&mut self, client: u64, last_use: Index, answer: Option<Answer>) {
        // Only a snapshot that was tampered with has a session before it is opened.
        self.take(client);
        let hash = hash(client, last_use, answer.as_ref());
        self.hash.add(hash);
        self.by_use.insert((last_use, client));
        let session = Session {
            last_use,
            answer,
            hash,
        };
        self.sessions.insert(client, session);
    }

    /// Ends a session.
    pub(super) fn remove(&mut self, client: u64) {
        self.take(client);
    }

    fn take(&mut self, client: u64) -> Option<Session> {
        let session = self.sessions.remove(&client)?;
        self.by_use.remove(&(session.last_use, client));
        self.hash.remove(session.hash);
        Some(session)
    }

    /// All sessions, the one that is to go first in front.
    pub(super) fn by_use(&self) -> impl ExactSizeIterator<Item = (u64, &Session)> {
        self.by_use
            .iter()
            .map(|(_, client)| (*client, &self.sessions[client]))
    }

    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Covers the order of eviction: each session's last use is part of it.
    pub(super) fn hash(&self) -> LogHash {
        self.hash.get()
    }
}

fn hash(client: u64, last_use: Index, answer: Option<&Answer>) -> u64 {
    let session = Running::EMPTY.with_number(client).with_number(last_use.0);
    let Some(Answer { seq, decision }) = answer else {
        return session.finish();
    };
    let place = [*seq, decision.at.term.0, decision.at.index.0];
    let session = place.into_iter().fold(session, Running::with_number);
    match &decision.outcome {
        Outcome::Done(results) => {
            results
                .iter()
                .fold(session.with(b"done"), |hash, result| match &result.value {
                    Some(value) => hash.with_text(value.as_str()),
                    None => hash.with(b"-"),
                })
        }
        Outcome::CasMismatch { key, actual } => session
            .with(b"cas")
            .with_text(key)
            .with_text(actual.as_str()),
        Outcome::NotAList { key, actual } => session
            .with(b"list")
            .with_text(key)
            .with_text(actual.as_str()),
    }
    .finish()
}
