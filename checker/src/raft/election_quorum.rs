//! A leader has the votes of a quorum of its configuration, each really given (Raft §5.2, §6).

use rustc_hash::FxHashSet;
use shakedown_history::{Configuration, Event, NodeId, Term};

use super::Cluster;
use super::findings::{Findings, Property};
use super::narration::{configuration, nodes};
use super::place::{Place, places};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "election-quorum",
    promise: "A leader has the votes of a quorum of its configuration (Raft §5.2, §6)",
    subject: "election",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    let given = votes_given(cluster);
    for place in places(cluster.traces) {
        let Event::BecomeLeader { votes, config, .. } = place.event() else {
            continue;
        };
        findings.looked_at += 1;
        if !config.is_quorum(|n| votes.contains(&n)) {
            report_no_quorum(&mut findings, place, votes, config);
        }
        for voter in votes {
            let traced = cluster.traces.iter().any(|t| t.node == *voter);
            if traced && !given.contains(&(*voter, place.term(), place.node())) {
                report_never_given(&mut findings, place, *voter);
            }
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// Who voted in which term for whom, by the voters' own traces.
fn votes_given(cluster: &Cluster<'_>) -> FxHashSet<(NodeId, Term, NodeId)> {
    let mut given = FxHashSet::default();
    for place in places(cluster.traces) {
        match place.event() {
            Event::VoteGranted {
                candidate,
                pre_vote: false,
                ..
            } => {
                given.insert((place.node(), place.term(), *candidate));
            }
            Event::HardStateDurable(state) => {
                given.extend(state.voted_for.map(|c| (place.node(), state.term, c)));
            }
            _ => {}
        }
    }
    given
}

fn report_no_quorum(
    findings: &mut Findings,
    place: Place<'_>,
    votes: &[NodeId],
    config: &Configuration,
) {
    let (node, term) = (place.node(), place.term());
    let summary = format!(
        "{node} became leader of term {term} with the votes of {} only: no majority of {}",
        nodes(votes),
        configuration(config),
    );
    let argument = vec![
        "A leader needs a majority of its configuration, and of both halves while it is joint."
            .to_owned(),
        format!(
            "{node} counted the votes of {} in the configuration {}.",
            nodes(votes),
            configuration(config)
        ),
        "The others can elect another leader in the same term.".to_owned(),
    ];
    findings.add("leader-without-quorum", summary, argument, &[place]);
}

fn report_never_given(findings: &mut Findings, place: Place<'_>, voter: NodeId) {
    let (node, term) = (place.node(), place.term());
    let summary = format!(
        "{node} became leader of term {term} counting a vote of {voter} that {voter} never gave in that term"
    );
    let argument = vec![
        "Only votes given in the candidate's own term count.".to_owned(),
        format!(
            "{voter}'s trace shows no vote for {node} in term {term}: the vote was of another term, another node's, or counted twice."
        ),
    ];
    findings.add("vote-never-given", summary, argument, &[place]);
}
