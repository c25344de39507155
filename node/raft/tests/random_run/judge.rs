//! What is found in a run: by the checker that judges real runs, and by what only a simulation sees.

use std::time::Duration;

use shakedown_checker::{
    Budget, CheckReport, Register, Verdict, check_linearizability, check_traces,
};
use shakedown_history::{History, NodeTrace, Op};
use shakedown_raft::NodeId;

/// One broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The check that found it.
    pub(crate) check: String,
    pub(crate) what: String,
}

impl Finding {
    pub(crate) fn new(check: &str, what: String) -> Self {
        Self {
            check: check.to_owned(),
            what,
        }
    }
}

/// Every check's report on what nodes and clients say.
pub(crate) fn reports(traces: &[NodeTrace], nodes: &[NodeId], history: &[Op]) -> Vec<CheckReport> {
    let mut reports = check_traces(traces, nodes);
    let history = History::new(history.to_vec()).expect("the simulation keeps a history");
    let budget = Budget {
        time: Duration::from_secs(20),
        ..Budget::default()
    };
    reports.push(check_linearizability(&history, &Register, budget));
    reports
}

/// The broken promises among them.
pub(crate) fn findings(reports: &[CheckReport]) -> Vec<Finding> {
    let broken = reports.iter().filter(|r| r.verdict == Verdict::Violation);
    broken
        .map(|report| {
            let anomaly = report.anomalies.first();
            let what = anomaly.map_or(&report.summary, |anomaly| &anomaly.summary);
            Finding::new(&report.check, what.clone())
        })
        .collect()
}
