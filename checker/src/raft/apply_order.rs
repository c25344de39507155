//! A node applies every committed entry once, in order, and none before it is committed (Raft §5.3,
//! Figure 2: "if commitIndex > lastApplied: increment lastApplied, apply log[lastApplied]").

use shakedown_history::{Event, Index, LogId};

use super::Cluster;
use super::findings::{Findings, Property};
use super::place::{Place, places};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "apply-order",
    promise: "A node applies committed entries in order, each once (Raft §5.3, Figure 2)",
    subject: "applied entry",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    let mut progress = Progress::default();
    for place in places(cluster.traces) {
        match place.event() {
            Event::Start {
                applied, commit, ..
            } => {
                progress = Progress {
                    applied: *applied,
                    committed: *commit,
                };
            }
            Event::Commit { to, .. } => progress.committed = progress.committed.max(to.index),
            Event::SnapshotInstalled { meta, .. } => {
                let last = meta.last.index;
                progress = Progress {
                    applied: last,
                    committed: progress.committed.max(last),
                };
            }
            Event::Apply { id, .. } => {
                findings.looked_at += 1;
                progress.check(&mut findings, place, *id);
                progress.applied = id.index;
            }
            _ => {}
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// How far a node is.
#[derive(Clone, Copy, Default)]
struct Progress {
    applied: Index,
    committed: Index,
}

impl Progress {
    fn check(self, findings: &mut Findings, place: Place<'_>, id: LogId) {
        let node = place.node();
        let due = Index(self.applied.0.saturating_add(1));
        if id.index > self.committed {
            let summary = format!(
                "{node} applied {id} before it was committed: it knew of commits up to {} only",
                self.committed
            );
            let argument = vec![
                "Only committed entries are applied (Figure 2): others may still be overwritten."
                    .to_owned(),
                format!(
                    "When {} applied {id}, its commit index was {}.",
                    place.incarnation(),
                    self.committed
                ),
            ];
            findings.add("applied-before-commit", summary, argument, &[place]);
        }
        if id.index != due {
            let how = if id.index < due {
                "applied twice"
            } else {
                "skipped"
            };
            let summary =
                format!("{node} applied {id} where index {due} was due: entries were {how}");
            let argument = vec![
                "Entries are applied one after the other, each once (Figure 2).".to_owned(),
                format!(
                    "{} had applied up to index {}; the next it applied was {id}.",
                    place.incarnation(),
                    self.applied
                ),
                "Its state machine has seen another sequence of requests than the others'."
                    .to_owned(),
            ];
            findings.add("applied-out-of-order", summary, argument, &[place]);
        }
    }
}
