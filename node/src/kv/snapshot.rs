//! The state machine as bytes, and back.
//!
//! Postcard, with JSON texts for values: a version, the keys in order, the sessions in the order in
//! which they will be evicted. The same state gives the same bytes on all nodes.

use serde::{Deserialize, Serialize};
use shakedown_history::Index;

use super::command::Decision;
use super::contents::Contents;
use super::json::Json;
use super::sessions::{Answer, SessionTable};

/// The format that this code writes, and the only one it reads.
const VERSION: u32 = 1;

/// Why bytes are no snapshot that can be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// They do not follow the format.
    #[error("the snapshot's contents cannot be read: {0}; take the snapshot from another node")]
    Malformed(#[from] postcard::Error),
    /// There is something behind the end.
    #[error("the snapshot has {0} bytes too many; take the snapshot from another node")]
    TooLong(usize),
    /// Another version of this program wrote them.
    #[error(
        "the snapshot has format {0}, and this program reads {VERSION}: use the one that wrote it"
    )]
    Version(u32),
    /// They contradict themselves.
    #[error("the snapshot contradicts itself: {0}; take the snapshot from another node")]
    Contradiction(&'static str),
}

#[derive(Serialize, Deserialize)]
struct Saved<'a> {
    #[serde(borrow)]
    keys: Vec<(&'a str, Json)>,
    sessions: Vec<SavedSession>,
}

#[derive(Serialize, Deserialize)]
struct SavedSession {
    client: u64,
    last_use: Index,
    answer: Option<(u64, Decision)>,
}

pub(super) fn save(contents: &Contents, sessions: &SessionTable) -> Vec<u8> {
    let saved = Saved {
        keys: contents.iter().collect(),
        sessions: sessions
            .by_use()
            .map(|(client, session)| SavedSession {
                client,
                last_use: session.last_use,
                answer: session
                    .answer
                    .as_ref()
                    .map(|answer| (answer.seq, answer.decision.clone())),
            })
            .collect(),
    };
    postcard::to_stdvec(&(VERSION, saved)).expect("memory takes everything")
}

/// # Errors
/// If the bytes are not what [`save`] wrote. They may come from anywhere: nothing in them makes
/// this panic, or take more memory than a small multiple of their length.
pub(super) fn restore(bytes: &[u8]) -> Result<(Contents, SessionTable), RestoreError> {
    let (version, rest) = postcard::take_from_bytes(bytes)?;
    if version != VERSION {
        return Err(RestoreError::Version(version));
    }
    let (saved, rest): (Saved<'_>, _) = postcard::take_from_bytes(rest)?;
    if !rest.is_empty() {
        return Err(RestoreError::TooLong(rest.len()));
    }
    if !saved.keys.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err(RestoreError::Contradiction("its keys are out of order"));
    }
    let mut contents = Contents::default();
    for (key, value) in saved.keys {
        contents.insert(key.to_owned(), value);
    }
    Ok((contents, restore_sessions(saved.sessions)?))
}

fn restore_sessions(saved: Vec<SavedSession>) -> Result<SessionTable, RestoreError> {
    if !saved.is_sorted_by(|a, b| a.last_use < b.last_use) {
        return Err(RestoreError::Contradiction("its sessions are out of order"));
    }
    let mut sessions = SessionTable::default();
    for SavedSession {
        client,
        last_use,
        answer,
    } in saved
    {
        if sessions.get(client).is_some() {
            return Err(RestoreError::Contradiction("a session is there twice"));
        }
        if client > last_use.0 {
            return Err(RestoreError::Contradiction(
                "a session was used before it was opened",
            ));
        }
        let answer = answer.map(|(seq, decision)| Answer { seq, decision });
        sessions.insert(client, last_use, answer);
    }
    Ok(sessions)
}
