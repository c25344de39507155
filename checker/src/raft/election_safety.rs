//! At most one node becomes leader of a term (Election Safety, Raft §5.2, Figure 3).

use std::collections::BTreeMap;

use shakedown_history::{Event, NodeId, Term};

use super::Cluster;
use super::findings::{Findings, Property};
use super::narration::nodes;
use super::place::{Place, places};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "election-safety",
    promise: "At most one leader is elected in a term (Election Safety, Raft §5.2)",
    subject: "election",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    let mut leaders: BTreeMap<Term, Elected<'_>> = BTreeMap::new();
    for place in places(cluster.traces) {
        let Event::BecomeLeader { votes, .. } = place.event() else {
            continue;
        };
        findings.looked_at += 1;
        let second = Elected { place, votes };
        let first = *leaders.entry(place.term()).or_insert(second);
        if first.place.node() != place.node() {
            report(&mut findings, first, second);
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// A node that became leader, with its votes.
#[derive(Clone, Copy)]
struct Elected<'a> {
    place: Place<'a>,
    votes: &'a [NodeId],
}

fn report(findings: &mut Findings, first: Elected<'_>, second: Elected<'_>) {
    let (a, b, term) = (first.place.node(), second.place.node(), first.place.term());
    let twice: Vec<NodeId> = first
        .votes
        .iter()
        .copied()
        .filter(|v| second.votes.contains(v))
        .collect();
    let why = if twice.is_empty() {
        "no node voted twice, so one of them did not have a majority".to_owned()
    } else {
        format!("{} voted twice", nodes(&twice))
    };
    let summary = format!(
        "{a} and {b} both became leader of term {term}: {a} with the votes of {}, {b} with the votes of {}; {why}",
        nodes(first.votes),
        nodes(second.votes),
    );
    let argument = vec![
        format!(
            "A term has at most one leader: a leader needs the votes of a majority, and each node votes once in a term."
        ),
        format!(
            "{a} became leader of term {term} with the votes of {}.",
            nodes(first.votes)
        ),
        format!(
            "{b} became leader of term {term} with the votes of {}: {why}.",
            nodes(second.votes)
        ),
        "Both may now commit different entries at the same index.".to_owned(),
    ];
    findings.add(
        "two-leaders-in-a-term",
        summary,
        argument,
        &[first.place, second.place],
    );
}
