//! A node whose disk lost entries neither votes nor leads until it holds again whatever of them was
//! committed (Raft §5.4.1; Alagappan et al., "Protocol-Aware Recovery", FAST '18).

use shakedown_history::{Event, Index, Term};

use super::Cluster;
use super::committed::Claim;
use super::findings::{Findings, Property};
use super::log_view::{LogView, Slot};
use super::place::{Place, places_of};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "repair",
    promise: "A node that lost entries does not vote before they are repaired (Raft §5.4.1, FAST '18)",
    subject: "start with lost entries",
    optional: true,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    for (position, trace) in cluster.traces.iter().enumerate() {
        let mut log = LogView::default();
        let mut loss: Option<Loss<'_>> = None;
        for place in places_of(position, trace) {
            log.advance(&place);
            loss = loss.filter(|l| l.start.disk() == place.disk());
            match (place.event(), loss) {
                (
                    Event::Start {
                        lost: Some(upto), ..
                    },
                    earlier,
                ) => {
                    findings.looked_at += 1;
                    loss = Some(Loss::of(place, *upto, earlier));
                }
                // The record of a repair may have been lost with the process, not so the repair.
                (Event::Start { .. } | Event::Repaired { .. }, Some(open)) => {
                    check_repaired(&mut findings, cluster, &log, (open, place));
                    loss = None;
                }
                (event, Some(open)) => {
                    if let Some(what) = election_role(event) {
                        report_role(&mut findings, open, place, what);
                    }
                }
                _ => {}
            }
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// Entries that may be lost.
#[derive(Clone, Copy)]
struct Loss<'a> {
    start: Place<'a>,
    upto: Index,
    /// The node's term when the loss was first found: whoever leads a later term has everything that was
    /// committed before.
    term: Term,
}

impl<'a> Loss<'a> {
    /// A loss that is found again before it is repaired may be the same one, or more.
    fn of(start: Place<'a>, upto: Index, earlier: Option<Self>) -> Self {
        Self {
            start: earlier.map_or(start, |e| e.start),
            upto: earlier.map_or(upto, |e| e.upto.max(upto)),
            term: earlier.map_or(start.term(), |e| e.term),
        }
    }
}

/// What a record does in an election.
fn election_role(event: &Event) -> Option<&'static str> {
    match event {
        Event::VoteGranted { pre_vote: true, .. } => Some("gave a pre-vote"),
        Event::VoteGranted { .. } => Some("voted"),
        Event::BecomePreCandidate => Some("asked whether it could win"),
        Event::BecomeCandidate { .. } => Some("stood for election"),
        Event::BecomeLeader { .. } => Some("became leader"),
        _ => None,
    }
}

fn report_role(findings: &mut Findings, loss: Loss<'_>, place: Place<'_>, what: &str) {
    let (node, term, upto) = (place.node(), place.term(), loss.upto);
    let summary = format!(
        "{node} {what} in term {term}, although entries up to index {upto} may be lost from its disk"
    );
    let argument = vec![
        "A node judges candidates, and itself, by the log that it had acknowledged (§5.4.1): with entries lost it would judge by less.".to_owned(),
        format!("{} found that entries up to index {upto} may be lost, and said so.", loss.start.incarnation()),
        format!("{} {what} before they were repaired.", place.incarnation()),
        "A leader can be elected that lacks committed entries.".to_owned(),
    ];
    findings.add("vote-while-lost", summary, argument, &[loss.start, place]);
}

/// The log has again whatever was committed by the time of the loss, as far as it may have been lost.
fn check_repaired(
    findings: &mut Findings,
    cluster: &Cluster<'_>,
    log: &LogView<'_>,
    (loss, place): (Loss<'_>, Place<'_>),
) {
    let by_then = Term(loss.term.0.saturating_add(1));
    let due = cluster.committed.frontier_before(by_then).min(loss.upto);
    let Some(claim) = cluster.committed.at(due) else {
        return;
    };
    let restored = match log.slot(due) {
        Slot::Covered => true,
        Slot::Held(entry) => entry == claim.entry && due <= log.durable(),
        Slot::Absent => false,
    };
    // An entry that only a later leader committed need not be there yet.
    if !restored && claim.place.term() <= loss.term {
        report_unrepaired(findings, claim, (loss, place));
    }
}

fn report_unrepaired(
    findings: &mut Findings,
    claim: &Claim<'_>,
    (loss, place): (Loss<'_>, Place<'_>),
) {
    let (node, id) = (place.node(), claim.entry.id);
    let summary = format!(
        "{node} took its lost entries for repaired, but {id}, which {} committed, is not on its disk again",
        claim.place.node(),
    );
    let argument = vec![
        "A node that lost entries counts as one that never had them until all that was committed of them is back.".to_owned(),
        format!("{} found in term {} that entries up to index {} may be lost.", loss.start.incarnation(), loss.term, loss.upto),
        format!("{} committed {id} as leader of term {}.", claim.place.incarnation(), claim.place.term()),
        format!("{} votes again without having {id} on disk.", place.incarnation()),
    ];
    let places = [claim.place, loss.start, place];
    findings.add("repaired-too-early", summary, argument, &places);
}
