//! At most one entry is ever committed at an index, on leaders and followers alike (Raft §5.4; State
//! Machine Safety, Figure 3).

use shakedown_history::{Event, Index};

use super::Cluster;
use super::committed::Claim;
use super::findings::{Findings, Property};
use super::log_view::{LogView, Slot};
use super::place::{Place, places_of};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "committed-uniqueness",
    promise: "At most one entry is ever committed at an index (Raft §5.4)",
    subject: "commit",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    for (first, second) in &cluster.committed.conflicts {
        report(&mut findings, first, second);
    }
    for (position, trace) in cluster.traces.iter().enumerate() {
        let mut log = LogView::default();
        for place in places_of(position, trace) {
            log.advance(&place);
            let Event::Commit { to, .. } = place.event() else {
                continue;
            };
            findings.looked_at += 1;
            if let Some((first, second)) = difference(cluster, &log, place, to.index) {
                // The leaders' own conflicts are reported above.
                if cluster.committed.claim_to(second.entry.id).is_none() {
                    report(&mut findings, &first, &second);
                }
            }
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// Where the committed part of a log first parts from what leaders committed.
fn difference<'a>(
    cluster: &Cluster<'a>,
    log: &LogView<'a>,
    place: Place<'a>,
    to: Index,
) -> Option<(Claim<'a>, Claim<'a>)> {
    let at = |index: Index| {
        let claim = *cluster.committed.at(index)?;
        match log.slot(index) {
            Slot::Held(entry) if entry != claim.entry => Some((claim, Claim { entry, place })),
            _ => None,
        }
    };
    let mut first = at(to.min(log.last_index()))?;
    // Hashes are chained: below the first difference all is equal.
    while let Some(lower) = first
        .1
        .entry
        .id
        .index
        .0
        .checked_sub(1)
        .and_then(|i| at(Index(i)))
    {
        first = lower;
    }
    Some(first)
}

fn report(findings: &mut Findings, first: &Claim<'_>, second: &Claim<'_>) {
    let (a, b) = (first.place.node(), second.place.node());
    let index = first.entry.id.index;
    let summary = format!(
        "two entries were committed at index {index}: {} by {a} in term {}, {} by {b} in term {}",
        named(first),
        first.place.term(),
        named(second),
        second.place.term(),
    );
    let argument = vec![
        "Once an entry is committed, it is the only one that is ever committed at its index (§5.4).".to_owned(),
        format!("{} committed {} in term {}.", first.place.incarnation(), named(first), first.place.term()),
        format!("{} committed {} in term {}.", second.place.incarnation(), named(second), second.place.term()),
        format!("State machines that apply them differ from index {index} on."),
    ];
    findings.add(
        "two-entries-committed",
        summary,
        argument,
        &[first.place, second.place],
    );
}

fn named(claim: &Claim<'_>) -> String {
    format!("{} (hash {})", claim.entry.id, claim.entry.hash)
}
