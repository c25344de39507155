//! A new leader's log has every entry that leaders of earlier terms committed (Leader Completeness,
//! Raft §5.4, Figure 3).

use shakedown_history::{Event, Index};

use super::Cluster;
use super::committed::Claim;
use super::findings::{Findings, Property};
use super::log_view::{LogView, Slot};
use super::place::{Place, places_of};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "leader-completeness",
    promise: "A new leader has every entry committed in earlier terms (Leader Completeness, Raft §5.4)",
    subject: "election",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    for (position, trace) in cluster.traces.iter().enumerate() {
        let mut log = LogView::default();
        for place in places_of(position, trace) {
            log.advance(&place);
            let Event::BecomeLeader { .. } = place.event() else {
                continue;
            };
            findings.looked_at += 1;
            if let Some((claim, has)) = lacking(cluster, &log, &place) {
                report(&mut findings, place, claim, has);
            }
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// The first committed entry that the new leader lacks, and what it has instead.
fn lacking<'c>(
    cluster: &'c Cluster<'_>,
    log: &LogView<'_>,
    place: &Place<'_>,
) -> Option<(&'c Claim<'c>, Slot)> {
    let lacks = |index: Index| {
        let claim = cluster.committed.at(index)?;
        match log.slot(index) {
            Slot::Covered => None,
            Slot::Held(entry) if entry == claim.entry => None,
            slot => Some((claim, slot)),
        }
    };
    let mut index = cluster.committed.frontier_before(place.term());
    let mut first = lacks(index)?;
    // Hashes are chained: where the logs agree, all entries before agree too.
    while let Some(lower) = index.0.checked_sub(1).and_then(|i| lacks(Index(i))) {
        first = lower;
        index = first.0.entry.id.index;
    }
    Some(first)
}

fn report(findings: &mut Findings, place: Place<'_>, claim: &Claim<'_>, has: Slot) {
    let (node, term, id) = (place.node(), place.term(), claim.entry.id);
    let (committer, committed_in) = (claim.place.node(), claim.place.term());
    let instead = match has {
        Slot::Held(entry) if entry.id == id => format!("another entry {id} (hash {})", entry.hash),
        Slot::Held(entry) => format!("{} in its place", entry.id),
        Slot::Absent | Slot::Covered => "a log that ends before it".to_owned(),
    };
    let summary = format!(
        "{node} became leader of term {term} without entry {id}, which {committer} had committed in term {committed_in}: it has {instead}"
    );
    let argument = vec![
        "A committed entry is on a majority; a leader has the votes of a majority; a node in both would have refused a candidate that lacks the entry (§5.4.3).".to_owned(),
        format!("{} committed {id} as leader of term {committed_in}.", claim.place.incarnation()),
        format!("{} became leader of the later term {term} with {instead}.", place.incarnation()),
        format!("It will overwrite {id} on the others."),
    ];
    findings.add(
        "leader-lacks-committed-entry",
        summary,
        argument,
        &[claim.place, place],
    );
}
