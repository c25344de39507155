//! A disk votes for at most one candidate in a term, across all incarnations on it (Raft §5.2: "each
//! server will vote for at most one candidate in a given term"; Figure 2: `votedFor` is persistent).

use rustc_hash::{FxHashMap, FxHashSet};
use shakedown_history::event::HardState;
use shakedown_history::{Event, NodeId, Term};

use super::Cluster;
use super::findings::{Findings, Property};
use super::narration::hard_state;
use super::place::{Place, places};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "vote-uniqueness",
    promise: "A node votes for at most one candidate in a term, restarts included (Raft §5.2, Figure 2)",
    subject: "vote",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    let mut votes: FxHashMap<(&str, Term), (NodeId, Place<'_>)> = FxHashMap::default();
    // A second vote shows twice, on the disk and when it is given: it is reported once.
    let mut reported: FxHashSet<(&str, Term, NodeId)> = FxHashSet::default();
    for place in places(cluster.traces) {
        if let Event::Start { hard_state, .. } = place.event() {
            if let Some(vote) = votes.get(&(place.disk(), hard_state.term)) {
                check_recovered(&mut findings, *vote, *hard_state, place);
            }
            continue;
        }
        let Some((term, candidate)) = vote(&place) else {
            continue;
        };
        findings.looked_at += 1;
        let (first, earlier) = *votes
            .entry((place.disk(), term))
            .or_insert((candidate, place));
        if first != candidate && reported.insert((place.disk(), term, candidate)) {
            report_double_vote(&mut findings, (first, earlier), (candidate, place), term);
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// The vote that a record commits its node to.
fn vote(place: &Place<'_>) -> Option<(Term, NodeId)> {
    match place.event() {
        Event::VoteGranted {
            candidate,
            pre_vote: false,
            ..
        } => Some((place.term(), *candidate)),
        Event::HardStateDurable(state) => Some((state.term, state.voted_for?)),
        _ => None,
    }
}

fn report_double_vote(
    findings: &mut Findings,
    (first, earlier): (NodeId, Place<'_>),
    (second, later): (NodeId, Place<'_>),
    term: Term,
) {
    let node = later.node();
    let restarts = later
        .header
        .incarnation
        .saturating_sub(earlier.header.incarnation);
    let between = match restarts {
        0 => "without a restart between".to_owned(),
        1 => "and was restarted between".to_owned(),
        _ => format!("and was restarted {restarts} times between"),
    };
    let summary = format!("{node} voted for both {first} and {second} in term {term}, {between}");
    let argument = vec![
        format!("A node has one vote in a term, kept on disk before it is given (Figure 2)."),
        format!(
            "{} voted for {first} in term {term}.",
            earlier.incarnation()
        ),
        format!(
            "{} voted for {second} in the same term, on the same disk.",
            later.incarnation()
        ),
        format!("{first} and {second} could both win term {term}."),
    ];
    findings.add("double-vote", summary, argument, &[earlier, later]);
}

/// What recovery found must still know the vote.
fn check_recovered(
    findings: &mut Findings,
    (candidate, vote): (NodeId, Place<'_>),
    found: HardState,
    start: Place<'_>,
) {
    if found.voted_for == Some(candidate) {
        return;
    }
    let node = start.node();
    let summary = format!(
        "{node} forgot its vote: it voted for {candidate} in term {}, and recovered {} from the same disk; it can vote twice",
        found.term,
        hard_state(found),
    );
    let argument = vec![
        "A vote must be on disk before it is given, so that no restart forgets it (Figure 2)."
            .to_owned(),
        format!(
            "{} voted for {candidate} in term {}.",
            vote.incarnation(),
            found.term
        ),
        format!("{} recovered {}.", start.incarnation(), hard_state(found)),
    ];
    findings.add("vote-forgotten", summary, argument, &[vote, start]);
}
