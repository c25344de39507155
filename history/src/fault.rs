//! One line of `faults.jsonl`: what the nemesis did to the cluster, and the proof that it bit.
//!
//! A fault is journalled before it is injected (`inject`), again when it is in force (`injected`),
//! and again when it is undone (`healed`, with the evidence). A run that was cut off anywhere still
//! tells what was under way.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{FaultId, NodeId};

/// A fault as it was decided: what, to whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// The family: `partition`, `kill`, `pause`, `clock`, `membership`, `transfer`, ...
    pub family: String,
    /// One line for people: `partition n1 | n2 n3 n4 n5 (isolate-leader)`.
    pub summary: String,
    /// The nodes that it hits, in order.
    pub targets: Vec<NodeId>,
    /// Whether one of them was the leader when the targets were drawn.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hits_leader: bool,
    /// Whether it takes the leader down or from its majority, so that another must be elected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deposes_leader: bool,
    /// Whether a majority stays up and connected, the other faults in force included: then ops must be
    /// able to succeed.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub leaves_majority: bool,
    /// All parameters, as the family defines them.
    #[serde(default)]
    pub params: Value,
}

fn yes() -> bool {
    true
}

/// Proof, or the lack of it, that a fault bit one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The node it is about; none where it is about the whole network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// Whether the fault bit.
    pub bit: bool,
    /// One line for people: `82 packets dropped`, `state T for 1.8 s`.
    pub summary: String,
    /// The figures behind it.
    #[serde(default)]
    pub detail: Value,
}

/// What happened to a fault, or to the run as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultEvent {
    /// About to be injected; written before anything is done.
    Inject(FaultSpec),
    /// In force from now on.
    Injected,
    /// Not injected, and why (its target was down already, say). Never counts as coverage.
    Skipped {
        /// Why.
        reason: String,
    },
    /// Undone. The fault's window ends here.
    Healed {
        /// One per target, or one for the network.
        evidence: Vec<Evidence>,
    },
    /// Injecting or healing failed: a fault of the harness, not of the system.
    Failed {
        /// What failed.
        error: String,
    },
}

/// One line of `faults.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultRecord {
    /// Nanoseconds since the run's start.
    pub time: u64,
    /// Which fault.
    pub fault: FaultId,
    /// What happened to it.
    pub event: FaultEvent,
}

/// One fault from first record to last.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultWindow {
    /// Which.
    pub fault: FaultId,
    /// What, to whom.
    pub spec: FaultSpec,
    /// When its injection began.
    pub begun: u64,
    /// When it came into force; none if it never did.
    pub injected: Option<u64>,
    /// When it was undone; none if the run was cut off before.
    pub healed: Option<u64>,
    /// Why it was skipped, if it was.
    pub skipped: Option<String>,
    /// What went wrong in the harness, if anything did.
    pub failed: Option<String>,
    /// Proof that it bit.
    pub evidence: Vec<Evidence>,
}

impl FaultWindow {
    /// Whether it came into force and every piece of evidence says that it bit.
    #[must_use]
    pub fn bit(&self) -> bool {
        self.injected.is_some() && !self.evidence.is_empty() && self.evidence.iter().all(|e| e.bit)
    }
}

/// Gathers a journal's records into one window a fault, in the order of first appearance.
/// Records of a fault whose `inject` is missing are ignored.
#[must_use]
pub fn windows(records: &[FaultRecord]) -> Vec<FaultWindow> {
    let mut windows: Vec<FaultWindow> = Vec::new();
    for record in records {
        if let FaultEvent::Inject(spec) = &record.event {
            windows.push(FaultWindow {
                fault: record.fault,
                spec: spec.clone(),
                begun: record.time,
                injected: None,
                healed: None,
                skipped: None,
                failed: None,
                evidence: Vec::new(),
            });
            continue;
        }
        let Some(window) = windows.iter_mut().find(|w| w.fault == record.fault) else {
            continue;
        };
        match &record.event {
            FaultEvent::Inject(_) => {}
            FaultEvent::Injected => window.injected = Some(record.time),
            FaultEvent::Skipped { reason } => window.skipped = Some(reason.clone()),
            FaultEvent::Failed { error } => window.failed = Some(error.clone()),
            FaultEvent::Healed { evidence } => {
                window.healed = Some(record.time);
                window.evidence.clone_from(evidence);
            }
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> FaultSpec {
        FaultSpec {
            family: "kill".into(),
            summary: "kill n1".into(),
            targets: vec![NodeId(1)],
            hits_leader: true,
            deposes_leader: true,
            leaves_majority: true,
            params: Value::Null,
        }
    }

    fn record(time: u64, event: FaultEvent) -> FaultRecord {
        FaultRecord {
            time,
            fault: FaultId(0),
            event,
        }
    }

    #[test]
    fn a_fault_bit_only_with_evidence() {
        let proof = Evidence {
            node: Some(NodeId(1)),
            bit: true,
            summary: "gone".into(),
            detail: Value::Null,
        };
        let mut journal = vec![
            record(1, FaultEvent::Inject(spec())),
            record(2, FaultEvent::Injected),
        ];
        assert!(!windows(&journal)[0].bit(), "no evidence yet");
        journal.push(record(
            3,
            FaultEvent::Healed {
                evidence: vec![proof.clone()],
            },
        ));
        let window = &windows(&journal)[0];
        assert!(window.bit());
        let times = (window.begun, window.injected, window.healed);
        assert_eq!(times, (1, Some(2), Some(3)));
        journal.pop();
        let dud = Evidence {
            bit: false,
            ..proof
        };
        journal.push(record(
            3,
            FaultEvent::Healed {
                evidence: vec![dud],
            },
        ));
        assert!(
            !windows(&journal)[0].bit(),
            "the evidence says that it did not bite"
        );
    }

    #[test]
    fn records_survive_writing_and_reading() {
        let line = serde_json::to_string(&record(1, FaultEvent::Inject(spec()))).unwrap();
        assert_eq!(
            line,
            r#"{"time":1,"fault":0,"event":{"inject":{"family":"kill","summary":"kill n1","targets":["n1"],"hits_leader":true,"deposes_leader":true,"params":null}}}"#
        );
        assert_eq!(
            serde_json::from_str::<FaultRecord>(&line).unwrap(),
            record(1, FaultEvent::Inject(spec()))
        );
    }
}
