//! No node removes an entry that a leader of its own or an earlier term commits (Raft §5.4: a
//! committed entry is present in the logs of all later leaders).
//!
//! The bound on terms is needed. In the legal runs of Figure 8 an entry is truncated in term 3, then
//! restored and committed by a leader of term 4.

use shakedown_history::Event;

use super::Cluster;
use super::committed::Claim;
use super::findings::{Findings, Property};
use super::log_view::LogView;
use super::place::{Place, places_of};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "committed-never-lost",
    promise: "No node removes a committed entry from its log (Raft §5.4)",
    subject: "commit",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    for (position, trace) in cluster.traces.iter().enumerate() {
        let mut log = LogView::default();
        for place in places_of(position, trace) {
            let event = place.event();
            findings.looked_at += usize::from(matches!(event, Event::Commit { .. }));
            let committed = log.removed_by(event).iter().find_map(|entry| {
                let claim = cluster.committed.claim_to(entry.id)?;
                (claim.place.term() <= place.term()).then_some(claim)
            });
            if let Some(claim) = committed {
                report(&mut findings, place, claim);
            }
            log.advance(&place);
        }
    }
    findings.report(&PROPERTY, cluster)
}

fn report(findings: &mut Findings, place: Place<'_>, claim: &Claim<'_>) {
    let (node, term, id) = (place.node(), place.term(), claim.entry.id);
    let (committer, committed_in) = (claim.place.node(), claim.place.term());
    let summary = format!(
        "{node} removed entry {id} from its log in term {term}, although {committer} committed it as leader of term {committed_in}"
    );
    let argument = vec![
        "Every leader of a later term has all committed entries, so nothing can make a node remove one (§5.4).".to_owned(),
        format!("{} committed {id} as leader of term {committed_in}.", claim.place.incarnation()),
        format!("{} removed {id} in term {term}, no earlier than it was committed.", place.incarnation()),
        format!("The majority that holds {id} is one node smaller than its leader believed."),
    ];
    findings.add(
        "committed-entry-lost",
        summary,
        argument,
        &[claim.place, place],
    );
}
