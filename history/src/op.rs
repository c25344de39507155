//! One line of `history.jsonl`: an invocation or a completion.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{Index, NodeId, ProcessId, Term};

/// What an op record says. The words are Jepsen's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpKind {
    /// The process is about to ask. On disk before the request leaves.
    Invoke,
    /// It happened, between invocation and this completion.
    Ok,
    /// It certainly did not happen, and never will.
    Fail,
    /// Nobody knows: it may have happened, may still happen, or never will.
    Info,
}

impl OpKind {
    /// Whether this ends an op.
    #[must_use]
    pub fn is_completion(self) -> bool {
        self != Self::Invoke
    }
}

/// Where the system says that an op took effect. A hint that checkers verify, never trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Witness {
    /// Term of the log entry, or for a read of the leader that served it.
    pub term: Term,
    /// Index of the log entry, or for a read the applied index that it saw.
    pub index: Index,
}

/// One record of a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Op {
    /// Position in the history, from 0, without gaps.
    pub index: u64,
    /// Nanoseconds since the run's start, on one monotonic clock.
    pub time: u64,
    /// Who asks.
    pub process: ProcessId,
    /// Invocation or which completion.
    #[serde(rename = "type")]
    pub kind: OpKind,
    /// What is asked: `read`, `write`, `cas`, `append`, `txn`, ...
    pub f: String,
    /// The key it acts on, where the workload has keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Arguments in an invocation; in an `ok`, arguments and results. `[old,new]` for a `cas`.
    #[serde(default)]
    pub value: Value,
    /// The node that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// Why it is not `ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where it took effect, by the system's own account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<Witness>,
    /// Whether it belongs to the final reads after healing.
    #[serde(default, rename = "final", skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_as_the_documentation_shows_it() {
        let line = r#"{"index":12,"time":1200345678,"process":3,"type":"invoke","f":"cas","key":"x","value":[1,2],"node":"n2"}"#;
        let op: Op = serde_json::from_str(line).unwrap();
        assert_eq!(
            (op.index, op.process, op.kind),
            (12, ProcessId(3), OpKind::Invoke)
        );
        assert_eq!(serde_json::to_string(&op).unwrap(), line);
    }
}
