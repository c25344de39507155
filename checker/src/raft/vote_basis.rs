//! A vote goes only to a candidate whose log is at least as up to date (Raft §5.4.1), and is on disk
//! before it counts (Figure 2).

use shakedown_history::event::HardState;
use shakedown_history::{Event, LogId, NodeId};

use super::Cluster;
use super::findings::{Findings, Property};
use super::narration::{hard_state, log_up_to};
use super::place::{Place, places};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "vote-basis",
    promise: "A vote goes only to an up-to-date candidate, and is durable first (Raft §5.4.1, Figure 2)",
    subject: "counted vote",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    let mut durable = HardState::default();
    for place in places(cluster.traces) {
        match place.event() {
            Event::Start { hard_state, .. } => durable = *hard_state,
            Event::HardStateDurable(state) => durable = *state,
            Event::VoteGranted {
                candidate,
                candidate_last,
                last,
                pre_vote,
            } => {
                findings.looked_at += 1;
                if candidate_last < last {
                    report_outdated(&mut findings, place, *candidate, (*candidate_last, *last));
                }
                if !pre_vote {
                    check_durable(&mut findings, place, *candidate, durable);
                }
            }
            Event::BecomeLeader { votes, .. } if votes.contains(&place.node()) => {
                findings.looked_at += 1;
                check_durable(&mut findings, place, place.node(), durable);
            }
            _ => {}
        }
    }
    findings.report(&PROPERTY, cluster)
}

fn report_outdated(
    findings: &mut Findings,
    place: Place<'_>,
    candidate: NodeId,
    (candidate_last, last): (LogId, LogId),
) {
    let (node, term) = (place.node(), place.term());
    let summary = format!(
        "{node} granted {candidate} its vote in term {term} although its own log is more up to date: {node} has {}, the candidate {}",
        log_up_to(last),
        log_up_to(candidate_last),
    );
    let argument = vec![
        "The log with the later last term is more up to date; of equal last terms, the longer one (§5.4.1).".to_owned(),
        format!("{candidate} had {}, {node} itself {}.", log_up_to(candidate_last), log_up_to(last)),
        "Such a vote can elect a leader that lacks committed entries.".to_owned(),
    ];
    findings.add("vote-for-outdated-log", summary, argument, &[place]);
}

fn check_durable(findings: &mut Findings, place: Place<'_>, candidate: NodeId, durable: HardState) {
    let needed = HardState {
        term: place.term(),
        voted_for: Some(candidate),
    };
    if durable == needed {
        return;
    }
    let node = place.node();
    let summary = format!(
        "{node} let its vote for {candidate} in term {} count before it was on disk: the disk had {}",
        place.term(),
        hard_state(durable),
    );
    let argument = vec![
        "A vote must be on disk before it is given, so that no restart forgets it (Figure 2)."
            .to_owned(),
        format!(
            "When {node}'s vote for {candidate} counted, its disk had {}.",
            hard_state(durable)
        ),
    ];
    findings.add("vote-not-durable", summary, argument, &[place]);
}
