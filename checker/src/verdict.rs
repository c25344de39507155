//! What a check finds: verdicts, anomalies and the argument for each.
//!
//! [`Verdict`] is an order: the worst of many is their maximum. A violation is never masked by any
//! other outcome.

use serde::{Deserialize, Serialize};
use shakedown_history::{NodeId, Op};

/// The outcome of a check, a run or a campaign; the greater is the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every promise was kept, and the run was worth something.
    Pass,
    /// Not decided, and said why: a budget ran out, a fault did not bite, a trace is missing.
    Inconclusive,
    /// The harness failed: a node did not start, a fault could not be healed, a disk was full.
    HarnessError,
    /// A promise was broken.
    Violation,
}

impl Verdict {
    /// The process's exit code: 0 pass, 1 violation, 3 inconclusive, 4 harness error. (2 is a wrong
    /// command line or plan.)
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Violation => 1,
            Self::Inconclusive => 3,
            Self::HarnessError => 4,
        }
    }
}

/// A place in a node's trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceRef {
    /// Whose trace.
    pub node: NodeId,
    /// Which start of the node on its disk.
    pub incarnation: u64,
    /// The record's number in that incarnation.
    pub seq: u64,
    /// The record's monotonic stamp, in nanoseconds.
    pub mono: u64,
    /// The record in words: `n1 becomes leader of term 3 with votes of n1 n2 n4`.
    pub what: String,
}

/// One broken promise, with the argument that it is broken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// A stable name: `non-linearizable`, `two-leaders-in-a-term`, `committed-entry-lost`, ...
    pub kind: String,
    /// One sentence that a person can act on.
    pub summary: String,
    /// The argument, sentence by sentence. Ops are named `#12` by their index in the history.
    pub argument: Vec<String>,
    /// The key it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The smallest failing sub-history found: original records, original indexes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ops: Vec<Op>,
    /// Where the nodes' traces show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<TraceRef>,
}

/// What one checker found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// The checker: `linearizability`, `election-safety`, `coverage`, ...
    pub check: String,
    /// Which promise it checks and where that is stated: `Election Safety (Raft §5.2)`.
    pub promise: String,
    /// What came of it.
    pub verdict: Verdict,
    /// One sentence: what was looked at, or why it is not decided.
    pub summary: String,
    /// The broken promises, the most telling first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub anomalies: Vec<Anomaly>,
}

impl CheckReport {
    /// A report without anomalies.
    pub fn new(check: &str, promise: &str, verdict: Verdict, summary: impl Into<String>) -> Self {
        Self {
            check: check.to_owned(),
            promise: promise.to_owned(),
            verdict,
            summary: summary.into(),
            anomalies: Vec::new(),
        }
    }

    /// A violation if there are anomalies, else a pass.
    pub fn of_anomalies(
        check: &str,
        promise: &str,
        anomalies: Vec<Anomaly>,
        summary: impl Into<String>,
    ) -> Self {
        let verdict = if anomalies.is_empty() {
            Verdict::Pass
        } else {
            Verdict::Violation
        };
        Self {
            anomalies,
            ..Self::new(check, promise, verdict, summary)
        }
    }
}

/// What all checkers found about one run: the contents of `verdict.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunVerdict {
    /// The worst of all checks.
    pub verdict: Verdict,
    /// One sentence for people: what was broken, or why the run counts.
    pub summary: String,
    /// Every check, in a fixed order.
    pub checks: Vec<CheckReport>,
}

impl RunVerdict {
    /// The worst verdict of `checks`, summed up by the first check that has it.
    #[must_use]
    pub fn of_checks(checks: Vec<CheckReport>) -> Self {
        let worst = checks.iter().map(|c| c.verdict).max();
        // No check at all shows nothing: never a pass.
        let verdict = worst.unwrap_or(Verdict::Inconclusive);
        let summary = checks.iter().find(|c| c.verdict == verdict).map_or_else(
            || "nothing was checked".to_owned(),
            |check| match (verdict, check.anomalies.first()) {
                (Verdict::Violation, Some(anomaly)) => anomaly.summary.clone(),
                (Verdict::Pass, _) => format!("all {} checks hold", checks.len()),
                _ => check.summary.clone(),
            },
        );
        Self {
            verdict,
            summary,
            checks,
        }
    }

    /// All anomalies, the first check's first.
    pub fn anomalies(&self) -> impl Iterator<Item = &Anomaly> {
        self.checks.iter().flat_map(|c| &c.anomalies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(verdict: Verdict) -> CheckReport {
        CheckReport::new("c", "p", verdict, format!("{verdict:?}"))
    }

    #[test]
    fn a_violation_is_never_masked() {
        let all = [
            Verdict::Inconclusive,
            Verdict::Violation,
            Verdict::HarnessError,
            Verdict::Pass,
        ];
        let run = RunVerdict::of_checks(all.into_iter().map(check).collect());
        assert_eq!(run.verdict, Verdict::Violation);
        assert_eq!(run.verdict.exit_code(), 1);
    }

    #[test]
    fn nothing_checked_is_no_pass() {
        assert_eq!(
            RunVerdict::of_checks(Vec::new()).verdict,
            Verdict::Inconclusive
        );
    }
}
