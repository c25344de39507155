//! A leader commits an entry of its own term once a quorum holds it on disk, and earlier entries only
//! along with it (Raft §5.4.2, Figure 8).

use shakedown_history::event::Role;
use shakedown_history::{Configuration, Event, Index, LogId, NodeId};

use super::Cluster;
use super::findings::{Findings, Property};
use super::narration::{configuration, match_indexes, nodes};
use super::place::{Place, places};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "leader-commit-rule",
    promise: "A leader commits entries of its own term that a quorum holds on disk (Raft §5.4.2)",
    subject: "leader commit",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    let durable = &cluster.durable;
    for place in places(cluster.traces) {
        let Event::Commit {
            to,
            role: Role::Leader,
            config,
            acks,
            ..
        } = place.event()
        else {
            continue;
        };
        findings.looked_at += 1;
        let count = Count {
            to: *to,
            config,
            acks,
        };
        if to.term != place.term() {
            report_old_term(&mut findings, place, count);
        }
        if !config.is_quorum(|n| count.has_acked(n)) {
            report_no_quorum(&mut findings, place, count);
        } else if !config.is_quorum(|n| count.has_acked(n) && durable.may_hold(n, *to)) {
            let lacking = acks.iter().map(|(node, _)| *node);
            let lacking: Vec<NodeId> = lacking
                .filter(|n| count.has_acked(*n) && !durable.may_hold(*n, *to))
                .collect();
            report_not_held(&mut findings, place, count, &lacking);
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// What a leader counted for a commit.
#[derive(Clone, Copy)]
struct Count<'a> {
    to: LogId,
    config: &'a Configuration,
    acks: &'a [(NodeId, Index)],
}

impl Count<'_> {
    fn has_acked(&self, node: NodeId) -> bool {
        self.acks
            .iter()
            .any(|(n, matched)| *n == node && *matched >= self.to.index)
    }
}

fn report_old_term(findings: &mut Findings, place: Place<'_>, count: Count<'_>) {
    let (node, term, to) = (place.node(), place.term(), count.to);
    let summary = format!(
        "{node}, leader of term {term}, committed {to} by counting replicas, although it is an entry of term {}",
        to.term,
    );
    let argument = vec![
        "A leader counts replicas only for entries of its own term; earlier ones are committed along with them (§5.4.2).".to_owned(),
        format!("{node} led term {term} and committed up to {to}, counting {}.", match_indexes(count.acks)),
        format!("A node whose last entry is of a term between {} and {term} can still be elected, and overwrite {to} (Figure 8).", to.term),
    ];
    findings.add("old-term-commit", summary, argument, &[place]);
}

fn report_no_quorum(findings: &mut Findings, place: Place<'_>, count: Count<'_>) {
    let (node, term, to) = (place.node(), place.term(), count.to);
    let summary = format!(
        "{node}, leader of term {term}, committed {to} without a quorum: it counted {} in the configuration {}",
        match_indexes(count.acks),
        configuration(count.config),
    );
    let argument = vec![
        "An entry is committed once a majority of the configuration holds it, and of both halves while it is joint (§5.3, §6).".to_owned(),
        format!("{node} committed index {} of {}.", to.index, configuration(count.config)),
        format!("It counted {}: no majority has index {}.", match_indexes(count.acks), to.index),
    ];
    findings.add("commit-without-quorum", summary, argument, &[place]);
}

fn report_not_held(
    findings: &mut Findings,
    place: Place<'_>,
    count: Count<'_>,
    lacking: &[NodeId],
) {
    let (node, term, to) = (place.node(), place.term(), count.to);
    let lacking = nodes(lacking);
    let summary = format!(
        "{node}, leader of term {term}, committed {to} on acknowledgements that do not stand: {lacking} never had it on disk"
    );
    let argument = vec![
        "An acknowledgement counts only for an entry that is on the follower's disk (§5.3, Figure 2).".to_owned(),
        format!("{node} counted {} for {to}.", match_indexes(count.acks)),
        format!("By their own traces {lacking} never had {to} on disk; the others are no majority of {}.", configuration(count.config)),
    ];
    findings.add("commit-without-quorum", summary, argument, &[place]);
}
