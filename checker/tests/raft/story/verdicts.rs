//! What the checks say of a story.

use std::fmt::Write as _;

use shakedown_checker::{CheckReport, Verdict, check_traces};
use shakedown_history::{NodeId, NodeTrace};

use super::{Node, Story};

impl Story {
    pub(crate) fn traces(&self) -> Vec<NodeTrace> {
        let trace = |n: &Node| NodeTrace {
            node: n.id,
            segments: n.segments.clone(),
        };
        self.nodes.iter().map(trace).collect()
    }

    pub(crate) fn reports(&self) -> Vec<CheckReport> {
        let nodes: Vec<NodeId> = self.nodes.iter().map(|n| n.id).collect();
        check_traces(&self.traces(), &nodes)
    }

    /// The violated checks in full, for snapshots.
    pub(crate) fn violations(&self) -> String {
        let mut text = String::new();
        for report in self
            .reports()
            .iter()
            .filter(|r| r.verdict == Verdict::Violation)
        {
            writeln!(text, "{}: {}", report.check, report.summary).unwrap();
            for anomaly in &report.anomalies {
                writeln!(text, "  {}: {}", anomaly.kind, anomaly.summary).unwrap();
                for sentence in &anomaly.argument {
                    writeln!(text, "    - {sentence}").unwrap();
                }
                for place in &anomaly.trace {
                    let (node, incarnation) = (place.node, place.incarnation);
                    writeln!(
                        text,
                        "    @ {node}.{incarnation} #{}: {}",
                        place.seq, place.what
                    )
                    .unwrap();
                }
            }
        }
        text
    }

    /// The names of the violated checks.
    pub(crate) fn violated(&self) -> Vec<String> {
        let violated = self
            .reports()
            .into_iter()
            .filter(|r| r.verdict == Verdict::Violation);
        violated.map(|r| r.check).collect()
    }

    /// No promise is broken.
    pub(crate) fn assert_legal(&self) {
        assert_eq!(self.violations(), "");
    }
}
