//! The replicated state machine: keys that hold JSON values, transactions on them, client sessions.
//!
//! It is deterministic: no clock, no randomness, sorted maps. Whoever applies the same commands in the
//! same order has the same contents and gives the same answers.
//!
//! - [`command`]: what a transaction is, and what comes of it
//! - this file: applying one, all or nothing, once

pub mod command;

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shakedown_history::event::ClientSeq;
use shakedown_history::{LogHash, LogId, Term};

pub use command::{Command, Decision, MicroOp, OpResult, Outcome};

/// What became of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// It was carried out just now.
    Fresh(Decision),
    /// The same request was carried out before; this is what came of it then.
    Repeated(Decision),
    /// A later request of the same client was carried out before.
    Stale,
}

impl Applied {
    /// Whether it changed the contents.
    #[must_use]
    pub fn has_effect(&self) -> bool {
        matches!(self, Self::Fresh(decision) if decision.outcome.is_done())
    }
}

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
    values: BTreeMap<String, Value>,
    answers: BTreeMap<u64, Answer>,
    sessions: Sessions,
}

#[derive(Serialize, Deserialize)]
struct Contents<'a> {
    values: Cow<'a, BTreeMap<String, Value>>,
    answers: Cow<'a, BTreeMap<u64, Answer>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Answer {
    seq: u64,
    decision: Decision,
}

impl Store {
    /// An empty store.
    #[must_use]
    pub fn new(sessions: Sessions) -> Self {
        Self {
            values: BTreeMap::new(),
            answers: BTreeMap::new(),
            sessions,
        }
    }

    /// Carries out the command in the entry `at`, unless it was carried out before.
    pub fn apply(&mut self, at: LogId, command: Command) -> Applied {
        let ClientSeq { client, seq } = command.client;
        if self.sessions == Sessions::Kept
            && let Some(last) = self.answers.get(&client)
        {
            if seq == last.seq {
                return Applied::Repeated(last.decision.clone());
            }
            if seq < last.seq {
                return Applied::Stale;
            }
        }
        let (outcome, _) = self.execute(command.ops);
        let decision = Decision { outcome, at };
        let answer = Answer {
            seq,
            decision: decision.clone(),
        };
        self.answers.insert(client, answer);
        Applied::Fresh(decision)
    }

    /// What the ops would give now, without carrying them out.
    #[must_use]
    pub fn preview(&mut self, ops: Vec<MicroOp>) -> Outcome {
        let (outcome, undo) = self.execute(ops);
        self.roll_back(undo);
        outcome
    }

    /// The values of `keys`, in order; `null` for an absent key.
    #[must_use]
    pub fn read<'a>(&self, keys: impl IntoIterator<Item = &'a str>) -> Vec<OpResult> {
        keys.into_iter()
            .map(|key| OpResult::read(self.value(key)))
            .collect()
    }

    /// Hashes of the contents and of the sessions, in order of key and of client.
    #[must_use]
    pub fn digest(&self) -> (LogHash, LogHash) {
        let state = self
            .values
            .iter()
            .fold(LogHash::EMPTY, |hash, (key, value)| {
                chain_json(hash.chain(Term(0), key.as_bytes()), value)
            });
        let sessions = self
            .answers
            .iter()
            .fold(LogHash::EMPTY, |hash, (client, answer)| {
                chain_json(
                    hash,
                    &(
                        client,
                        answer.seq,
                        answer.decision.at,
                        &answer.decision.outcome,
                    ),
                )
            });
        (state, sessions)
    }

    /// The contents and the sessions, for a snapshot.
    ///
    /// # Panics
    /// Never: both are plain data.
    #[must_use]
    pub fn save(&self) -> Bytes {
        let contents = Contents {
            values: Cow::Borrowed(&self.values),
            answers: Cow::Borrowed(&self.answers),
        };
        serde_json::to_vec(&contents).expect("plain data").into()
    }

    /// A store with what [`Store::save`] gave.
    ///
    /// # Errors
    /// If these are not a store's contents.
    pub fn restore(bytes: &[u8], sessions: Sessions) -> Result<Self, serde_json::Error> {
        let contents: Contents<'_> = serde_json::from_slice(bytes)?;
        Ok(Self {
            values: contents.values.into_owned(),
            answers: contents.answers.into_owned(),
            sessions,
        })
    }

    fn value(&self, key: &str) -> Value {
        self.values.get(key).cloned().unwrap_or_default()
    }

    /// Runs all ops or, when one cannot take effect, none.
    fn execute(&mut self, ops: Vec<MicroOp>) -> (Outcome, Vec<Undo>) {
        let mut undo = Vec::new();
        let mut results = Vec::with_capacity(ops.len());
        for op in ops {
            match self.execute_one(op, &mut undo) {
                Ok(result) => results.push(result),
                Err(refusal) => {
                    self.roll_back(undo);
                    return (refusal, Vec::new());
                }
            }
        }
        (Outcome::Done(results), undo)
    }

    fn execute_one(&mut self, op: MicroOp, undo: &mut Vec<Undo>) -> Result<OpResult, Outcome> {
        match op {
            MicroOp::Read { key } => return Ok(OpResult::read(self.value(&key))),
            MicroOp::Write { key, value } => undo.push(self.set(key, value)),
            MicroOp::CompareAndSet { key, old, new } => {
                let actual = self.value(&key);
                if actual != old {
                    return Err(Outcome::CasMismatch { key, actual });
                }
                undo.push(self.set(key, new));
            }
            MicroOp::Append { key, value } => match self.values.get_mut(&key) {
                Some(Value::Array(list)) => {
                    list.push(value);
                    undo.push(Undo::Pop { key });
                }
                None | Some(Value::Null) => undo.push(self.set(key, Value::Array(vec![value]))),
                Some(other) => {
                    let actual = other.clone();
                    return Err(Outcome::NotAList { key, actual });
                }
            },
        }
        Ok(OpResult::default())
    }

    fn set(&mut self, key: String, value: Value) -> Undo {
        let old = self.values.insert(key.clone(), value);
        Undo::Restore { key, old }
    }

    fn roll_back(&mut self, undo: Vec<Undo>) {
        for step in undo.into_iter().rev() {
            match step {
                Undo::Restore {
                    key,
                    old: Some(old),
                } => {
                    self.values.insert(key, old);
                }
                Undo::Restore { key, old: None } => {
                    self.values.remove(&key);
                }
                Undo::Pop { key } => match self.values.get_mut(&key) {
                    Some(Value::Array(list)) if !list.is_empty() => drop(list.pop()),
                    other => panic!("undoing an append to {key:?} found {other:?}"),
                },
            }
        }
    }
}

/// How to take one micro-op back. Lists are not copied for it: they get long.
#[derive(Debug)]
enum Undo {
    Restore { key: String, old: Option<Value> },
    Pop { key: String },
}

fn chain_json(hash: LogHash, value: &impl serde::Serialize) -> LogHash {
    let text = serde_json::to_vec(value).expect("values are plain JSON");
    hash.chain(Term(0), &text)
}

#[cfg(test)]
mod tests;
