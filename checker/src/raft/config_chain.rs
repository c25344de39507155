//! Configurations follow one another so that no two disjoint majorities decide: one change at a time,
//! after a commit in the leader's term, and undone with its entry (Raft §6; Ongaro, raft-dev 2015).

use shakedown_history::event::ConfigStep;
use shakedown_history::{Configuration, Event, Index, NodeId};

use super::Cluster;
use super::config_view::ConfigView;
use super::findings::{Findings, Property};
use super::leadership::Leadership;
use super::narration::configuration;
use super::place::{Place, places_of};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "config-chain",
    promise: "Configurations change one at a time, with overlapping quorums, and back with the log (Raft §6)",
    subject: "configuration change",
    optional: true,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    for (position, trace) in cluster.traces.iter().enumerate() {
        let mut node = Node::default();
        for place in places_of(position, trace) {
            node.check(&mut findings, &place);
            node.advance(&place);
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// What a node knows when it changes its configuration.
#[derive(Default)]
struct Node<'a> {
    configs: ConfigView<'a>,
    leadership: Leadership<'a>,
    commit: Index,
}

impl<'a> Node<'a> {
    fn advance(&mut self, place: &Place<'a>) {
        self.configs.advance(place);
        self.leadership.advance(place);
        match place.event() {
            Event::Start { commit, .. } => self.commit = *commit,
            Event::Commit { to, .. } => self.commit = self.commit.max(to.index),
            Event::SnapshotInstalled { meta, .. } => {
                self.commit = self.commit.max(meta.last.index);
            }
            _ => {}
        }
    }

    fn check(&self, findings: &mut Findings, place: &Place<'a>) {
        if let Some(due) = self.configs.lost_in_restart(place) {
            report_lost(findings, *place, due);
        }
        match place.event() {
            Event::ConfigChange {
                what, index, old, ..
            } => {
                findings.looked_at += 1;
                match what {
                    ConfigStep::Append => self.check_append(findings, *place, *index, old),
                    ConfigStep::Rollback => self.check_rollback(findings, *place, *index),
                    ConfigStep::Active => {}
                }
            }
            Event::Ack { reject: false, .. }
            | Event::VoteGranted { .. }
            | Event::Commit { .. }
            | Event::BecomeCandidate { .. } => self.check_overdue(findings, *place),
            _ => {}
        }
    }

    fn check_append(
        &self,
        findings: &mut Findings,
        place: Place<'a>,
        index: Index,
        old: &Configuration,
    ) {
        self.check_overdue(findings, place);
        let in_force = self.configs.in_force();
        if let Some(in_force) = in_force.filter(|config| *config != old) {
            report_other_predecessor(findings, place, in_force);
        }
        let Some(since) = self.leadership.since().filter(|l| l.term() == place.term()) else {
            return;
        };
        if !self.leadership.has_committed_in_term() {
            report_too_early(findings, since, place, index);
        }
        let pending = self.configs.newest_index().filter(|i| *i > self.commit);
        if let Some(pending) = pending.filter(|i| *i < index) {
            report_two_in_flight(findings, place, pending, (index, self.commit));
        }
        check_overlap(findings, place, index);
    }

    fn check_rollback(&self, findings: &mut Findings, place: Place<'a>, index: Index) {
        let Event::ConfigChange { new, .. } = place.event() else {
            return;
        };
        let earlier = self.configs.newest_first().find(|(i, _)| *i < index);
        let Some((_, due)) = earlier.filter(|(_, due)| *due != new) else {
            return;
        };
        let node = place.node();
        let summary = format!(
            "{node} went back to the configuration {} when it gave up the one at index {index}, but the one before is {}",
            configuration(new),
            configuration(due),
        );
        let argument = vec![
            ROLLBACK.to_owned(),
            format!(
                "{} has {} as the newest configuration before index {index}.",
                place.incarnation(),
                configuration(due)
            ),
            format!("It went back to {}.", configuration(new)),
        ];
        findings.add("wrong-rollback", summary, argument, &[place]);
    }

    fn check_overdue(&self, findings: &mut Findings, place: Place<'a>) {
        let Some(truncation) = self.configs.overdue() else {
            return;
        };
        let node = place.node();
        let summary = format!(
            "{node} truncated a configuration out of its log and did not go back to the one before"
        );
        let argument = vec![
            ROLLBACK.to_owned(),
            format!("{} removed a configuration's entry from its log.", truncation.incarnation()),
            "It went on without a word of going back: it may count quorums of nodes that are no members.".to_owned(),
        ];
        findings.add(
            "configuration-not-rolled-back",
            summary,
            argument,
            &[truncation, place],
        );
    }
}

const ROLLBACK: &str = "A node uses the latest configuration in its log; if that entry is removed, the one before is in force again (§6, dissertation §4.1).";

/// Every quorum of the one configuration has a node in common with every quorum of the other.
///
/// A majority of a half that they share, or of two halves that differ little enough, is needed by both.
fn check_overlap(findings: &mut Findings, place: Place<'_>, index: Index) {
    let Event::ConfigChange { old, new, .. } = place.event() else {
        return;
    };
    let overlap = halves(old).any(|a| halves(new).any(|b| majorities_overlap(a, b)));
    if overlap || old.voters.is_empty() {
        return;
    }
    let (node, before, after) = (place.node(), configuration(old), configuration(new));
    let summary = format!(
        "{node} changed the configuration at index {index} from {before} to {after}: each can decide without the other"
    );
    let argument = vec![
        "Two configurations that follow one another must not be able to decide independently: a change passes through a joint configuration, or moves one voter (§6, dissertation §4.1).".to_owned(),
        format!("A quorum of {before} and a quorum of {after} may have no node in common."),
        "Two leaders can be elected in one term, one by each.".to_owned(),
    ];
    findings.add("disjoint-quorums", summary, argument, &[place]);
}

fn halves(config: &Configuration) -> impl Iterator<Item = &[NodeId]> {
    [&config.voters[..], &config.outgoing[..]]
        .into_iter()
        .filter(|half| !half.is_empty())
}

fn majorities_overlap(a: &[NodeId], b: &[NodeId]) -> bool {
    let shared = a.iter().filter(|node| b.contains(node)).count();
    // Two majorities avoid each other by taking the nodes that are not shared first.
    let needed = |half: &[NodeId]| (half.len() / 2 + 1).saturating_sub(half.len() - shared);
    needed(a) + needed(b) > shared
}

fn report_lost(findings: &mut Findings, place: Place<'_>, due: &Configuration) {
    let Event::Start { config, .. } = place.event() else {
        return;
    };
    let (node, found) = (place.node(), configuration(config));
    let due = configuration(due);
    let summary = format!(
        "{node} came back from a restart with the configuration {found}, but the newest in its log is {due}"
    );
    let argument = vec![
        "A configuration is in force as long as its entry, or a snapshot that covers it, is in the log (§6, §7).".to_owned(),
        format!("Before the restart {node} had {due}, and its entry is still in the log that it recovered."),
        format!("{} recovered {found}.", place.incarnation()),
    ];
    findings.add("configuration-lost", summary, argument, &[place]);
}

fn report_other_predecessor(findings: &mut Findings, place: Place<'_>, in_force: &Configuration) {
    let Event::ConfigChange { old, index, .. } = place.event() else {
        return;
    };
    let (node, old, in_force) = (place.node(), configuration(old), configuration(in_force));
    let summary = format!(
        "{node} changed its configuration at index {index} from {old}, but {in_force} was in force"
    );
    let argument = vec![
        "A node uses the latest configuration in its log, committed or not (§6).".to_owned(),
        format!(
            "The latest in the log of {} was {in_force}; it says that it was {old}.",
            place.incarnation()
        ),
    ];
    findings.add("configuration-out-of-step", summary, argument, &[place]);
}

fn report_too_early(findings: &mut Findings, since: Place<'_>, place: Place<'_>, index: Index) {
    let (node, term) = (place.node(), place.term());
    let summary = format!(
        "{node}, leader of term {term}, changed the configuration at index {index} before it had committed an entry of its term"
    );
    let argument = vec![
        "A leader changes the configuration only once an entry of its own term is committed: until then, an earlier leader's change may be in force elsewhere (Ongaro, raft-dev 2015).".to_owned(),
        format!("{node} leads term {term}, and has committed nothing of it."),
        "Two changes that each move one voter, by two leaders, can lead to disjoint majorities."
            .to_owned(),
    ];
    findings.add(
        "change-before-own-commit",
        summary,
        argument,
        &[since, place],
    );
}

fn report_two_in_flight(
    findings: &mut Findings,
    place: Place<'_>,
    pending: Index,
    (index, commit): (Index, Index),
) {
    let (node, term) = (place.node(), place.term());
    let summary = format!(
        "{node}, leader of term {term}, changed the configuration at index {index} while the change at index {pending} was not committed"
    );
    let argument = vec![
        "One change is in flight at a time: quorums overlap only between configurations that follow one another (§6).".to_owned(),
        format!("{} had committed up to index {commit}; the configuration at index {pending} was not committed.", place.incarnation()),
        format!("It appended the next at index {index}."),
    ];
    findings.add("two-changes-in-flight", summary, argument, &[place]);
}
