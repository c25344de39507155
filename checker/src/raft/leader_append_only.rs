//! A leader never overwrites or deletes entries in its own log (Leader Append-Only, Raft §5.3,
//! Figure 3).

use shakedown_history::Event;

use super::Cluster;
use super::findings::{Findings, Property};
use super::leadership::Leadership;
use super::log_view::LogView;
use super::place::{Place, places_of};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "leader-append-only",
    promise: "A leader never overwrites or deletes its own entries (Leader Append-Only, Raft §5.3)",
    subject: "election",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    for (position, trace) in cluster.traces.iter().enumerate() {
        let mut log = LogView::default();
        let mut leadership = Leadership::default();
        for place in places_of(position, trace) {
            leadership.advance(&place);
            let event = place.event();
            findings.looked_at += usize::from(matches!(event, Event::BecomeLeader { .. }));
            let removed = log.removed_by(event);
            if let (Some(since), Some(first), Some(last)) =
                (leadership.since(), removed.first(), removed.last())
            {
                let range = if first == last {
                    first.id.to_string()
                } else {
                    format!("{} to {}", first.id, last.id)
                };
                report(&mut findings, since, place, &range);
            }
            log.advance(&place);
        }
    }
    findings.report(&PROPERTY, cluster)
}

fn report(findings: &mut Findings, since: Place<'_>, place: Place<'_>, removed: &str) {
    let (node, term) = (place.node(), place.term());
    let summary =
        format!("{node} removed {removed} from its own log while it was leader of term {term}");
    let argument = vec![
        "A leader only appends to its log; others adapt theirs to it (§5.3).".to_owned(),
        format!("{node} became leader of term {term} and did not step down since."),
        format!("It removed {removed}, which it may have replicated already."),
    ];
    findings.add("leader-removed-entries", summary, argument, &[since, place]);
}
