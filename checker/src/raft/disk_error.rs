//! Once a disk has refused something, a node promises nothing more before it has started again (Raft
//! Figure 2 stands on stable storage; Rebello et al., "Can Applications Recover from fsync Failures?",
//! ATC '20).

use shakedown_history::Event;

use super::Cluster;
use super::findings::{Findings, Property};
use super::place::{Place, places};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "disk-error",
    promise: "A node promises nothing after an error of its disk, until it is restarted (Raft Figure 2)",
    subject: "disk error",
    optional: true,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    let mut error: Option<Place<'_>> = None;
    for place in places(cluster.traces) {
        error = error.filter(|e| e.is_of_same_incarnation(&place));
        if matches!(place.event(), Event::IoError { .. }) {
            findings.looked_at += 1;
            error = error.or(Some(place));
        }
        if let (Some(error), Some(what)) = (error, promise(place.event())) {
            report(&mut findings, error, place, what);
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// What a record promises that only a disk can keep.
fn promise(event: &Event) -> Option<&'static str> {
    match event {
        Event::VoteGranted {
            pre_vote: false, ..
        } => Some("gave a vote"),
        Event::BecomeLeader { .. } => Some("counted its own vote"),
        Event::Ack { reject: false, .. } => Some("acknowledged entries"),
        Event::HardStateDurable(_) => Some("took its term and vote to be on disk"),
        Event::AppendDurable { .. } => Some("took its log to be on disk"),
        Event::SnapshotDurable { .. } => Some("took its snapshot to be on disk"),
        _ => None,
    }
}

fn report(findings: &mut Findings, error: Place<'_>, place: Place<'_>, what: &str) {
    let node = place.node();
    let summary = format!("{node} {what} after its disk had refused something, without a restart");
    let argument = vec![
        "After a failed write or sync nobody knows what is on the disk: a later sync may succeed although the pages are gone.".to_owned(),
        format!("{} saw an error of its disk.", error.incarnation()),
        format!("Afterwards, in the same incarnation, it {what}."),
    ];
    findings.add(
        "promise-after-disk-error",
        summary,
        argument,
        &[error, place],
    );
}
