//! A node's term never goes back, restarts included (Raft §5.1; Figure 2: `currentTerm` is persistent
//! and "increases monotonically").

use rustc_hash::FxHashMap;
use shakedown_history::{Event, Term};

use super::Cluster;
use super::findings::{Findings, Property};
use super::place::{Place, places};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "term-monotonicity",
    promise: "A node's term never goes back, restarts included (Raft §5.1, Figure 2)",
    subject: "traced event",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    // The highest term that each disk must remember, and why.
    let mut remembered: FxHashMap<&str, (Term, Place<'_>)> = FxHashMap::default();
    let mut previous: Option<Place<'_>> = None;
    for place in places(cluster.traces) {
        findings.looked_at += 1;
        if let Event::Start { hard_state, .. } = place.event() {
            let forgotten = remembered
                .get(place.disk())
                .filter(|(t, _)| *t > hard_state.term);
            if let Some(earlier) = forgotten {
                report_forgotten(&mut findings, *earlier, hard_state.term, place);
            }
        }
        let before = previous.filter(|p| p.is_of_same_incarnation(&place));
        if let Some(before) = before.filter(|p| p.term() > place.term()) {
            report_backward(&mut findings, before, place);
        }
        previous = Some(place);
        if let Some(term) = term_on_disk(&place) {
            let highest = remembered.entry(place.disk()).or_insert((term, place));
            if term > highest.0 {
                *highest = (term, place);
            }
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// The term that must be on disk by this record: what it says is durable, or what a vote, an
/// acknowledgement or a leadership stands on.
fn term_on_disk(place: &Place<'_>) -> Option<Term> {
    match place.event() {
        Event::HardStateDurable(state) => Some(state.term),
        Event::VoteGranted {
            pre_vote: false, ..
        }
        | Event::Ack { reject: false, .. }
        | Event::BecomeLeader { .. } => Some(place.term()),
        _ => None,
    }
}

fn report_forgotten(
    findings: &mut Findings,
    (term, earlier): (Term, Place<'_>),
    found: Term,
    start: Place<'_>,
) {
    let node = start.node();
    let summary = format!(
        "{node} forgot term {term}: it had it on disk or acted in it, and recovered term {found} after a restart; it can vote again in terms it has voted in"
    );
    let argument = vec![
        "A term must be on disk before the node votes, acknowledges or leads in it (Figure 2)."
            .to_owned(),
        format!("{} was in term {term}.", earlier.incarnation()),
        format!(
            "{} recovered term {found} from the same disk.",
            start.incarnation()
        ),
    ];
    findings.add("term-went-backward", summary, argument, &[earlier, start]);
}

fn report_backward(findings: &mut Findings, before: Place<'_>, after: Place<'_>) {
    let node = after.node();
    let summary = format!(
        "{node} went back from term {} to term {} while running",
        before.term(),
        after.term()
    );
    let argument = vec![
        "A term only grows (§5.1): a message of an older term is refused.".to_owned(),
        format!(
            "Record {} of {} was in term {}.",
            before.record.seq,
            before.incarnation(),
            before.term()
        ),
        format!(
            "Record {}, after it, was in term {}.",
            after.record.seq,
            after.term()
        ),
    ];
    findings.add("term-went-backward", summary, argument, &[before, after]);
}
