//! A whole history: well-formed, each invocation paired with its completion.

use std::collections::HashMap;
use std::path::Path;

use crate::ids::ProcessId;
use crate::jsonl::{self, Format, Header, ReadError};
use crate::op::{Op, OpKind};

/// A history that passed the checks of [`History::new`].
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    ops: Vec<Op>,
    /// For each op the position of its other half, if it has one.
    partners: Vec<Option<usize>>,
}

/// The records do not make a history.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("op {position}: {why}")]
pub struct HistoryError {
    /// Position among the records, from 0.
    pub position: usize,
    /// What is wrong.
    pub why: String,
}

impl History {
    /// Pairs invocations with completions.
    ///
    /// # Errors
    /// If indexes do not count from 0, time goes backward, a process has two open ops, goes on after
    /// an `info`, completes what it did not invoke, or completes with another `f` or key.
    pub fn new(ops: Vec<Op>) -> Result<Self, HistoryError> {
        let mut partners = vec![None; ops.len()];
        let mut open: HashMap<ProcessId, Open> = HashMap::new();
        for (position, op) in ops.iter().enumerate() {
            let previous = position.checked_sub(1).map(|p| &ops[p]);
            let paired = check_order(position, op, previous)
                .and_then(|()| pair(&ops, position, open.get(&op.process)))
                .map_err(|why| HistoryError { position, why })?;
            if let Some(invocation) = paired {
                partners[position] = Some(invocation);
                partners[invocation] = Some(position);
            }
            open.insert(op.process, Open::after(position, op.kind));
        }
        Ok(Self { ops, partners })
    }

    /// Reads `history.jsonl`.
    ///
    /// # Errors
    /// As [`jsonl::read`]; and with the line where the records do not make a history.
    pub fn read(path: &Path) -> Result<(Header, Self), ReadError> {
        let bytes = std::fs::read(path).map_err(|source| ReadError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &bytes)
    }

    /// [`History::read`] for bytes at hand; `path` is for messages.
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<(Header, Self), ReadError> {
        let lines = jsonl::parse(path, bytes, Format::History)?;
        let history =
            Self::new(lines.records).map_err(|e| ReadError::line(path, e.position + 2, e.why))?;
        Ok((lines.header, history))
    }

    /// All records, in order.
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// The completion of the invocation at `position`; none if it never returned.
    #[must_use]
    pub fn completion(&self, position: usize) -> Option<&Op> {
        let partner = self.partners[position].filter(|p| *p > position)?;
        Some(&self.ops[partner])
    }

    /// Every invocation with its completion, if it has one, in order of invocation.
    pub fn pairs(&self) -> impl Iterator<Item = (&Op, Option<&Op>)> {
        let invocations = self
            .ops
            .iter()
            .enumerate()
            .filter(|(_, op)| op.kind == OpKind::Invoke);
        invocations.map(|(position, op)| (op, self.completion(position)))
    }
}

/// What the last record of a process left.
enum Open {
    Invocation(usize),
    Completed,
    Retired,
}

impl Open {
    fn after(position: usize, kind: OpKind) -> Self {
        match kind {
            OpKind::Invoke => Self::Invocation(position),
            OpKind::Ok | OpKind::Fail => Self::Completed,
            OpKind::Info => Self::Retired,
        }
    }
}

fn check_order(position: usize, op: &Op, previous: Option<&Op>) -> Result<(), String> {
    if op.index != position as u64 {
        return Err(format!("index is {} where {position} is due", op.index));
    }
    match previous {
        Some(previous) if previous.time > op.time => Err(format!(
            "time {} ns is before the previous op's {} ns",
            op.time, previous.time
        )),
        _ => Ok(()),
    }
}

/// The position of the invocation that the op at `position` completes; none for an invocation.
fn pair(ops: &[Op], position: usize, open: Option<&Open>) -> Result<Option<usize>, String> {
    let op = &ops[position];
    let process = op.process;
    match (op.kind, open) {
        (_, Some(Open::Retired)) => Err(format!(
            "process {process} goes on after an info op; a new process must take over"
        )),
        (OpKind::Invoke, Some(Open::Invocation(earlier))) => Err(format!(
            "process {process} invokes while its op {earlier} is still open"
        )),
        (OpKind::Invoke, _) => Ok(None),
        (_, Some(Open::Invocation(invocation))) => {
            same_question(&ops[*invocation], op)?;
            Ok(Some(*invocation))
        }
        (kind, _) => Err(format!(
            "process {process} completes ({kind:?}) what it did not invoke"
        )),
    }
}

fn same_question(invocation: &Op, completion: &Op) -> Result<(), String> {
    if invocation.f != completion.f || invocation.key != completion.key {
        return Err(format!(
            "completes f={:?} key={:?}, but op {} invoked f={:?} key={:?}",
            completion.f, completion.key, invocation.index, invocation.f, invocation.key
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn op(index: u64, process: u64, kind: OpKind) -> Op {
        Op {
            index,
            time: index,
            process: ProcessId(process),
            kind,
            f: "write".into(),
            key: Some("x".into()),
            value: Value::from(1),
            node: None,
            error: None,
            witness: None,
            is_final: false,
        }
    }

    fn why(ops: Vec<Op>) -> (usize, String) {
        let error = History::new(ops).unwrap_err();
        (error.position, error.why)
    }

    #[test]
    fn invocations_find_their_completions() {
        let ops = vec![
            op(0, 1, OpKind::Invoke),
            op(1, 2, OpKind::Invoke),
            op(2, 1, OpKind::Ok),
            op(3, 1, OpKind::Invoke),
        ];
        let history = History::new(ops).unwrap();
        let pairs: Vec<_> = history
            .pairs()
            .map(|(i, c)| (i.index, c.map(|c| c.index)))
            .collect();
        assert_eq!(pairs, [(0, Some(2)), (1, None), (3, None)]);
    }

    #[test]
    fn two_open_ops_on_a_process_are_refused() {
        let (position, why) = why(vec![op(0, 1, OpKind::Invoke), op(1, 1, OpKind::Invoke)]);
        assert_eq!((position, why.contains("still open")), (1, true), "{why}");
    }

    #[test]
    fn a_completion_without_invocation_is_refused() {
        let (position, why) = why(vec![op(0, 1, OpKind::Ok)]);
        assert_eq!(
            (position, why.contains("did not invoke")),
            (0, true),
            "{why}"
        );
    }

    #[test]
    fn a_process_ends_with_its_info() {
        let ops = vec![
            op(0, 1, OpKind::Invoke),
            op(1, 1, OpKind::Info),
            op(2, 1, OpKind::Invoke),
        ];
        let (position, why) = why(ops);
        assert_eq!(
            (position, why.contains("after an info")),
            (2, true),
            "{why}"
        );
    }

    #[test]
    fn reordered_and_missing_lines_are_refused() {
        assert_eq!(why(vec![op(1, 1, OpKind::Invoke)]).0, 0);
        let mut late = op(1, 1, OpKind::Ok);
        late.time = 0;
        let mut first = op(0, 1, OpKind::Invoke);
        first.time = 5;
        assert!(why(vec![first, late]).1.contains("before the previous"));
    }

    #[test]
    fn a_completion_of_another_question_is_refused() {
        let other = Op {
            f: "read".into(),
            ..op(1, 1, OpKind::Ok)
        };
        assert!(
            why(vec![op(0, 1, OpKind::Invoke), other])
                .1
                .contains("invoked f=\"write\"")
        );
    }
}
