//! The keys and their values, with a hash of all of them at hand.

use std::collections::BTreeMap;

use shakedown_history::LogHash;

use super::command::{MicroOp, OpResult, Outcome};
use super::hash::{Running, SetHash};
use super::json::Json;

/// All keys that were ever written.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    values: BTreeMap<String, Stored>,
    hash: SetHash,
}

/// A value. Of a list the closing bracket is left out, so that appending is adding to the text and
/// to the hash, however long the list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    text: String,
    /// Of the key, then of `text`.
    hash: Running,
}

impl Stored {
    fn new(key: &str, value: Json) -> Self {
        let mut text = value.into_string();
        if text.starts_with('[') {
            text.pop();
        }
        let hash = Running::EMPTY.with_text(key).with(text.as_bytes());
        Self { text, hash }
    }

    fn is_list(&self) -> bool {
        self.text.starts_with('[')
    }

    fn holds(&self, value: &Json) -> bool {
        let value = value.as_str();
        let value = if self.is_list() {
            value.strip_suffix(']')
        } else {
            Some(value)
        };
        value == Some(&self.text)
    }

    fn value(&self) -> Json {
        let bracket = if self.is_list() { "]" } else { "" };
        Json::from_canonical([&self.text, bracket].concat())
    }

    fn append(&mut self, element: &Json) {
        let comma = if self.text == "[" { "" } else { "," };
        for piece in [comma, element.as_str()] {
            self.text.push_str(piece);
            self.hash = self.hash.with(piece.as_bytes());
        }
    }
}

/// How to take one micro-op back. Lists are not copied for it: they get long.
#[derive(Debug)]
pub(super) enum Undo {
    Restore {
        key: String,
        old: Option<Stored>,
    },
    Shorten {
        key: String,
        len: usize,
        hash: Running,
    },
}

impl Contents {
    /// A key as a snapshot has it.
    pub(super) fn insert(&mut self, key: String, value: Json) {
        let _ = self.set(key, value);
    }

    /// All keys with their values, in order.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Json)> {
        self.values
            .iter()
            .map(|(key, stored)| (key.as_str(), stored.value()))
    }

    pub(super) fn hash(&self) -> LogHash {
        self.hash.get()
    }

    pub(super) fn get(&self, key: &str) -> Json {
        self.values.get(key).map_or_else(Json::null, Stored::value)
    }

    /// Runs all ops or, when one cannot take effect, none.
    pub(super) fn execute(&mut self, ops: Vec<MicroOp>) -> (Outcome, Vec<Undo>) {
        let mut undo = Vec::with_capacity(ops.len());
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
            MicroOp::Read { key } => return Ok(OpResult::read(self.get(&key))),
            MicroOp::Write { key, value } => undo.push(self.set(key, value)),
            MicroOp::CompareAndSet { key, old, new } => {
                let matches = match self.values.get(&key) {
                    Some(stored) => stored.holds(&old),
                    None => old == Json::null(),
                };
                if !matches {
                    let actual = self.get(&key);
                    return Err(Outcome::CasMismatch { key, actual });
                }
                undo.push(self.set(key, new));
            }
            MicroOp::Append { key, value } => undo.push(self.append(key, &value)?),
        }
        Ok(OpResult::default())
    }

    fn append(&mut self, key: String, element: &Json) -> Result<Undo, Outcome> {
        match self.values.get_mut(&key) {
            Some(stored) if stored.is_list() => {
                let (len, hash) = (stored.text.len(), stored.hash);
                self.hash.remove(hash.finish());
                stored.append(element);
                self.hash.add(stored.hash.finish());
                Ok(Undo::Shorten { key, len, hash })
            }
            Some(stored) if stored.text != "null" => {
                let actual = stored.value();
                Err(Outcome::NotAList { key, actual })
            }
            _ => Ok(self.set(key, Json::from_canonical(format!("[{element}]")))),
        }
    }

    fn set(&mut self, key: String, value: Json) -> Undo {
        let new = Stored::new(&key, value);
        let old = self.put(&key, Some(new));
        Undo::Restore { key, old }
    }

    /// The only way for a whole value to come or go.
    fn put(&mut self, key: &str, new: Option<Stored>) -> Option<Stored> {
        if let Some(new) = &new {
            self.hash.add(new.hash.finish());
        }
        let old = match (new, self.values.get_mut(key)) {
            (Some(new), Some(place)) => Some(std::mem::replace(place, new)),
            (Some(new), None) => self.values.insert(key.to_owned(), new),
            (None, _) => self.values.remove(key),
        };
        if let Some(old) = &old {
            self.hash.remove(old.hash.finish());
        }
        old
    }

    /// Takes ops back that were executed last.
    pub(super) fn roll_back(&mut self, undo: Vec<Undo>) {
        for step in undo.into_iter().rev() {
            match step {
                Undo::Restore { key, old } => drop(self.put(&key, old)),
                Undo::Shorten { key, len, hash } => {
                    let stored = self
                        .values
                        .get_mut(&key)
                        .expect("what was appended to is there");
                    self.hash.remove(stored.hash.finish());
                    stored.text.truncate(len);
                    stored.hash = hash;
                    self.hash.add(hash.finish());
                }
            }
        }
    }
}
