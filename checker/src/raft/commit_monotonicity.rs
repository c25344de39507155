//! While a node runs, what it has committed and applied only grows, and stays within its log (Raft
//! Figure 2: `commitIndex` and `lastApplied` "increase monotonically").

use shakedown_history::{Event, Index, LogId};

use super::Cluster;
use super::findings::{Findings, Property};
use super::log_view::{LogView, Slot};
use super::place::{Place, places_of};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "commit-monotonicity",
    promise: "A running node's commit index never goes back nor past its log (Raft Figure 2)",
    subject: "commit",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    for (position, trace) in cluster.traces.iter().enumerate() {
        let mut log = LogView::default();
        let mut committed = Index(0);
        let mut shown_by: Option<Place<'_>> = None;
        for place in places_of(position, trace) {
            log.advance(&place);
            let reached = match place.event() {
                Event::Start { commit, .. } => {
                    (committed, shown_by) = (*commit, Some(place));
                    continue;
                }
                Event::SnapshotInstalled { meta, .. } => committed.max(meta.last.index),
                Event::Commit { to, .. } => {
                    findings.looked_at += 1;
                    check_backward(&mut findings, shown_by, committed, place, *to);
                    check_within_log(&mut findings, &log, place, *to);
                    to.index
                }
                _ => continue,
            };
            (committed, shown_by) = (reached, Some(place));
        }
    }
    findings.report(&PROPERTY, cluster)
}

fn check_backward(
    findings: &mut Findings,
    before: Option<Place<'_>>,
    committed: Index,
    place: Place<'_>,
    to: LogId,
) {
    let Some(before) = before.filter(|b| to.index < committed && b.is_of_same_incarnation(&place))
    else {
        return;
    };
    let node = place.node();
    let summary = format!(
        "{node}'s commit index went back from {committed} to {} while it was running",
        to.index
    );
    let argument = vec![
        "What is committed stays committed: the index only grows (Figure 2).".to_owned(),
        format!(
            "{} had committed up to index {committed}.",
            before.incarnation()
        ),
        format!("Later it committed up to {to} only."),
    ];
    findings.add("commit-went-backward", summary, argument, &[before, place]);
}

fn check_within_log(findings: &mut Findings, log: &LogView<'_>, place: Place<'_>, to: LogId) {
    let has = match log.slot(to.index) {
        Slot::Covered => return,
        Slot::Held(entry) if entry.id == to => return,
        Slot::Held(entry) => format!("holds {} at that index", entry.id),
        Slot::Absent => format!("ends at index {}", log.last_index()),
    };
    let node = place.node();
    let summary = format!("{node} committed {to}, which its log does not hold: the log {has}");
    let argument = vec![
        "A node commits only entries that it holds (Figure 2).".to_owned(),
        format!(
            "{} committed up to {to}, but its log {has}.",
            place.incarnation()
        ),
    ];
    findings.add("commit-beyond-log", summary, argument, &[place]);
}
