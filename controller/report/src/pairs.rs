//! An op as a page shows it: the invocation and its completion together.

use serde_json::Value;
use shakedown_history::{History, Op, OpKind, ProcessId};

/// How an op ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// It happened.
    Ok,
    /// It certainly did not happen.
    Fail,
    /// Nobody knows.
    Info,
    /// It never returned: as uncertain as `Info`, without a record of it.
    Open,
}

impl Outcome {
    /// The word for it; `open` for an op that never returned.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
            Self::Open => "open",
        }
    }
}

/// An invocation and its completion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) invoke: &'a Op,
    pub(crate) completion: Option<&'a Op>,
}

impl<'a> Pair<'a> {
    /// All ops of a history, in the order of their invocations.
    pub(crate) fn of_history(history: &'a History) -> Vec<Self> {
        history
            .pairs()
            .map(|(invoke, completion)| Self { invoke, completion })
            .collect()
    }

    /// Pairs the records of a sub-history, which may have gaps. A completion whose invocation is
    /// not among them stands for itself, so that nothing is lost.
    pub(crate) fn of_records(records: &'a [Op]) -> Vec<Self> {
        let mut sorted: Vec<&Op> = records.iter().collect();
        sorted.sort_by_key(|op| op.index);
        let mut pairs: Vec<Self> = Vec::new();
        for op in sorted {
            let open = pairs.iter_mut().rev().find(|p| p.is_open_of(op.process));
            match (op.kind.is_completion(), open) {
                (true, Some(pair)) => pair.completion = Some(op),
                (true, None) => pairs.push(Self {
                    invoke: op,
                    completion: Some(op),
                }),
                (false, _) => pairs.push(Self {
                    invoke: op,
                    completion: None,
                }),
            }
        }
        pairs
    }

    fn is_open_of(&self, process: ProcessId) -> bool {
        self.completion.is_none() && self.invoke.process == process
    }

    pub(crate) fn outcome(&self) -> Outcome {
        match self.completion.map(|c| c.kind) {
            None | Some(OpKind::Invoke) => Outcome::Open,
            Some(OpKind::Ok) => Outcome::Ok,
            Some(OpKind::Fail) => Outcome::Fail,
            Some(OpKind::Info) => Outcome::Info,
        }
    }

    pub(crate) fn start_ns(&self) -> u64 {
        self.invoke.time
    }

    /// When it completed, in nanoseconds; none if it never returned.
    pub(crate) fn end_ns(&self) -> Option<u64> {
        self.completion.map(|c| c.time)
    }

    pub(crate) fn duration_ns(&self) -> Option<u64> {
        self.end_ns().map(|end| end.saturating_sub(self.start_ns()))
    }

    /// Whether `index` is its invocation's or its completion's.
    pub(crate) fn has_index(&self, index: u64) -> bool {
        self.invoke.index == index || self.completion.is_some_and(|c| c.index == index)
    }

    /// What was asked and, where it was answered, the answer.
    pub(crate) fn value(&self) -> &'a Value {
        match self.completion {
            Some(completion) if completion.kind == OpKind::Ok && !completion.value.is_null() => {
                &completion.value
            }
            _ => &self.invoke.value,
        }
    }

    pub(crate) fn error(&self) -> Option<&'a str> {
        self.completion.and_then(|c| c.error.as_deref())
    }

    /// The op in words: `write x = 3`, `read x → 1`, `cas x 1 → 2`, `append x 5`.
    pub(crate) fn words(&self) -> String {
        let mut words = self.invoke.f.clone();
        if let Some(key) = &self.invoke.key {
            words.push(' ');
            words.push_str(key);
        }
        let value = self.value();
        match (self.invoke.f.as_str(), value) {
            (_, Value::Null) if self.outcome() != Outcome::Ok => {}
            ("read" | "r", _) if self.outcome() != Outcome::Ok => {}
            ("read" | "r", _) => words.push_str(&format!(" → {}", value_words(value))),
            ("write" | "w", _) => words.push_str(&format!(" = {}", value_words(value))),
            ("cas", Value::Array(parts)) if parts.len() == 2 => words.push_str(&format!(
                " {} → {}",
                value_words(&parts[0]),
                value_words(&parts[1])
            )),
            (_, Value::Null) => {}
            _ => words.push_str(&format!(" {}", value_words(value))),
        }
        words
    }
}

/// A value in as few characters as keep its meaning: strings without quotes, `nil` for null, the
/// micro-ops of a transaction side by side.
pub(crate) fn value_words(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(micro_ops) if is_transaction(micro_ops) => micro_ops
            .iter()
            .map(micro_op_words)
            .collect::<Vec<_>>()
            .join(" · "),
        other => other.to_string(),
    }
}

fn is_transaction(parts: &[Value]) -> bool {
    let is_micro_op = |part: &Value| {
        part.as_array()
            .is_some_and(|p| p.len() == 3 && p[0].is_string())
    };
    !parts.is_empty() && parts.iter().all(is_micro_op)
}

fn micro_op_words(micro_op: &Value) -> String {
    let parts = micro_op.as_array().expect("is_transaction looked at each");
    let words: Vec<String> = parts
        .iter()
        .filter(|part| !part.is_null())
        .map(value_words)
        .collect();
    words.join(" ")
}

/// `text`, cut after `limit` characters with an ellipsis.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn op(kind: OpKind, f: &str, value: Value) -> Op {
        Op {
            index: 0,
            time: 0,
            process: ProcessId(1),
            kind,
            f: f.to_owned(),
            key: Some("x".to_owned()),
            value,
            node: None,
            error: None,
            witness: None,
            is_final: false,
        }
    }

    fn words(f: &str, asked: Value, kind: OpKind, answered: Value) -> String {
        let (invoke, completion) = (op(OpKind::Invoke, f, asked), op(kind, f, answered));
        Pair {
            invoke: &invoke,
            completion: Some(&completion),
        }
        .words()
    }

    #[test]
    fn ops_read_as_people_write_them() {
        assert_eq!(
            words("read", Value::Null, OpKind::Ok, json!(1)),
            "read x → 1"
        );
        assert_eq!(
            words("read", Value::Null, OpKind::Ok, Value::Null),
            "read x → nil"
        );
        assert_eq!(
            words("read", Value::Null, OpKind::Fail, Value::Null),
            "read x"
        );
        assert_eq!(
            words("write", json!(3), OpKind::Info, json!(3)),
            "write x = 3"
        );
        assert_eq!(
            words("cas", json!([1, 2]), OpKind::Ok, json!([1, 2])),
            "cas x 1 → 2"
        );
        let transaction = json!([["r", "y", null], ["append", "z", 3]]);
        assert_eq!(
            words("txn", transaction, OpKind::Info, Value::Null),
            "txn x r y · append z 3"
        );
    }

    #[test]
    fn a_completion_without_its_invocation_is_kept() {
        let records = [Op {
            index: 7,
            ..op(OpKind::Ok, "read", json!(1))
        }];
        let pairs = Pair::of_records(&records);
        assert_eq!((pairs.len(), pairs[0].outcome()), (1, Outcome::Ok));
        assert!(pairs[0].has_index(7));
    }

    #[test]
    fn shortening_counts_characters_not_bytes() {
        assert_eq!(shorten("ééé", 3), "ééé");
        assert_eq!(shorten("éééé", 3), "ééé…");
    }
}
