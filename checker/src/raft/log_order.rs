//! Terms never fall along a log, no entry is of a later term than its node's, and none is left out
//! (Raft §5.3: entries carry "the term when entry was received by leader" and an index).

use shakedown_history::{Event, Index, LogId, Term};

use super::Cluster;
use super::findings::{Findings, Property};
use super::log_view::LogView;
use super::place::{Place, places_of};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "log-order",
    promise: "A log has no holes, and its terms never fall nor run ahead of its node's (Raft §5.3)",
    subject: "appended entry",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    for (position, trace) in cluster.traces.iter().enumerate() {
        let mut log = LogView::default();
        for place in places_of(position, trace) {
            if let Event::Append { id, .. } = place.event() {
                findings.looked_at += 1;
                let before = Index(id.index.0.saturating_sub(1));
                let breach = breach(&place, *id, log.last_index(), log.term_at(before));
                if let Some(breach) = breach {
                    report(&mut findings, place, *id, &breach);
                }
            }
            log.advance(&place);
        }
    }
    findings.report(&PROPERTY, cluster)
}

fn breach(place: &Place<'_>, id: LogId, last: Index, term_before: Option<Term>) -> Option<String> {
    if id.index == Index(0) {
        return Some("there is no index 0".to_owned());
    }
    if id.index.0 - 1 > last.0 {
        return Some(format!(
            "its log ended at index {last}: entries between are missing"
        ));
    }
    if id.term > place.term() {
        return Some(format!("the node was in term {} only", place.term()));
    }
    let later = term_before.filter(|t| *t > id.term)?;
    Some(format!("the entry before it is of term {later}"))
}

fn report(findings: &mut Findings, place: Place<'_>, id: LogId, breach: &str) {
    let node = place.node();
    let summary = format!("{node} appended {id}, but {breach}");
    let argument = vec![
        "A leader gives each entry its own term and the next index, and followers keep that order (§5.3).".to_owned(),
        format!("{} appended {id}, but {breach}.", place.incarnation()),
    ];
    findings.add("log-out-of-order", summary, argument, &[place]);
}
