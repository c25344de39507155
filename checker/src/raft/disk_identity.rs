//! While a node is a member, only one disk speaks for it: a wiped disk under the old name has forgotten
//! what the node promised (Raft Figure 2; Ongaro's dissertation §11.7.2).

use rustc_hash::{FxHashMap, FxHashSet};
use shakedown_history::event::Role;
use shakedown_history::{Configuration, Event, Index, NodeId, Term};

use super::Cluster;
use super::config_history::ConfigHistory;
use super::config_view::ConfigView;
use super::findings::{Findings, Property};
use super::place::{Place, places, places_by_term};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "disk-identity",
    promise: "While a node is a member, only one disk speaks for it (Raft Figure 2, dissertation §11.7.2)",
    subject: "election",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    let promises = Promises::of(cluster);
    let mut configs: Vec<ConfigView<'_>> = Vec::new();
    configs.resize_with(cluster.traces.len(), ConfigView::default);
    let mut bound: Bound<'_> = FxHashMap::default();
    findings.looked_at = places(cluster.traces)
        .filter(|p| matches!(p.event(), Event::BecomeLeader { .. }))
        .count();
    if promises.wiped.is_empty() {
        return findings.report(&PROPERTY, cluster);
    }
    for place in places_by_term(cluster.traces) {
        configs[place.trace].advance(&place);
        for (node, promise) in promises.counted_by(&place) {
            let view = &configs[place.trace];
            let since = member_since(view, &cluster.configs, node);
            check_bound(&mut findings, &mut bound, (node, since), promise, place);
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// The disk that first spoke for a node since it became a member, and the record that counted it.
type Bound<'a> = FxHashMap<(NodeId, Index), (&'a str, Place<'a>)>;

/// What nodes whose disk was ever replaced have promised.
#[derive(Default)]
struct Promises<'a> {
    wiped: FxHashSet<NodeId>,
    /// By voter, candidate and term.
    votes: FxHashMap<(NodeId, NodeId, Term), Vec<Place<'a>>>,
    /// By follower, leader and term: of each disk the acknowledgement that reached furthest.
    acks: FxHashMap<(NodeId, NodeId, Term), Vec<(Index, Place<'a>)>>,
}

/// The records that may stand behind a promise that was counted.
type Candidates<'a> = Vec<Place<'a>>;

impl<'a> Promises<'a> {
    fn of(cluster: &Cluster<'a>) -> Self {
        let several = |t: &&shakedown_history::NodeTrace| {
            let mut disks = t.segments.iter().map(|s| &s.header.disk);
            let first = disks.next();
            disks.any(|disk| Some(disk) != first)
        };
        let mut promises = Self {
            wiped: cluster
                .traces
                .iter()
                .filter(several)
                .map(|t| t.node)
                .collect(),
            ..Self::default()
        };
        for place in places(cluster.traces) {
            if promises.wiped.contains(&place.node()) {
                promises.note(place);
            }
        }
        promises
    }

    fn note(&mut self, place: Place<'a>) {
        match place.event() {
            Event::VoteGranted {
                candidate,
                pre_vote: false,
                ..
            } => self.note_vote(*candidate, place.term(), place),
            Event::HardStateDurable(state) => {
                if let Some(candidate) = state.voted_for {
                    self.note_vote(candidate, state.term, place);
                }
            }
            Event::Ack {
                to,
                matched,
                reject: false,
            } => {
                let acks = self.acks.entry((place.node(), *to, place.term()));
                let acks = acks.or_default();
                match acks.iter_mut().find(|(_, a)| a.disk() == place.disk()) {
                    Some(furthest) if furthest.0 < matched.index => {
                        *furthest = (matched.index, place);
                    }
                    Some(_) => {}
                    None => acks.push((matched.index, place)),
                }
            }
            _ => {}
        }
    }

    fn note_vote(&mut self, candidate: NodeId, term: Term, place: Place<'a>) {
        let votes = self.votes.entry((place.node(), candidate, term));
        let votes = votes.or_default();
        if votes.iter().all(|v| v.disk() != place.disk()) {
            votes.push(place);
        }
    }

    /// The wiped nodes whose promises a leader's record counts, and what may stand behind each.
    fn counted_by(&self, place: &Place<'a>) -> Vec<(NodeId, Candidates<'a>)> {
        let (leader, term) = (place.node(), place.term());
        match place.event() {
            Event::BecomeLeader { votes, .. } => {
                let wiped = votes.iter().filter(|n| self.wiped.contains(n));
                let behind = |node: &NodeId| self.votes.get(&(*node, leader, term)).cloned();
                wiped.filter_map(|n| Some((*n, behind(n)?))).collect()
            }
            Event::Commit {
                to,
                role: Role::Leader,
                acks,
                ..
            } => {
                let counted = acks.iter().filter(|(_, index)| *index >= to.index);
                let wiped = counted.filter(|(n, _)| self.wiped.contains(n));
                wiped
                    .filter_map(|(n, index)| Some((*n, self.behind_ack(place, *n, *index)?)))
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn behind_ack(&self, place: &Place<'a>, node: NodeId, index: Index) -> Option<Candidates<'a>> {
        if node == place.node() {
            return Some(vec![*place]);
        }
        let acks = self.acks.get(&(node, place.node(), place.term()))?;
        let reaching = acks.iter().filter(|(matched, _)| *matched >= index);
        Some(reaching.map(|(_, ack)| *ack).collect())
    }
}

/// The index of the configuration with which the node last became a member, as a leader has it.
fn member_since(view: &ConfigView<'_>, history: &ConfigHistory<'_>, node: NodeId) -> Index {
    let earlier = history.back_from(view.base_index());
    view.newest_first()
        .chain(earlier)
        .take_while(|(_, config)| is_member(config, node))
        .last()
        .map_or(Index(0), |(index, _)| index)
}

fn is_member(config: &Configuration, node: NodeId) -> bool {
    let Configuration {
        voters,
        outgoing,
        learners,
    } = config;
    [voters, outgoing, learners]
        .iter()
        .any(|half| half.contains(&node))
}

fn check_bound<'a>(
    findings: &mut Findings,
    bound: &mut Bound<'a>,
    membership: (NodeId, Index),
    promise: Candidates<'a>,
    place: Place<'a>,
) {
    let Some(latest) = promise.last() else {
        return;
    };
    let (disk, first) = *bound
        .entry(membership)
        .or_insert_with(|| (promise[0].disk(), place));
    if promise.iter().all(|p| p.disk() != disk) {
        report(findings, membership.0, (disk, first), (*latest, place));
    }
}

fn report(
    findings: &mut Findings,
    node: NodeId,
    (disk, first): (&str, Place<'_>),
    (promise, counted): (Place<'_>, Place<'_>),
) {
    let (leader, term) = (counted.node(), counted.term());
    let what = match counted.event() {
        Event::BecomeLeader { .. } => "a vote",
        _ => "an acknowledgement",
    };
    let summary = format!(
        "{leader}, leader of term {term}, counted {what} of {node} from another disk than the one {node} became a member with"
    );
    let argument = vec![
        "A node's promises are on its disk: a new disk under the old name has forgotten them, and may break them (Figure 2).".to_owned(),
        format!("{} counted a promise of {node} from the disk {disk:?}.", first.incarnation()),
        format!("{leader} counted {what} of {node} from the disk {:?}, although {node} was not removed in between.", promise.disk()),
        format!("{node} may have voted or acknowledged twice."),
    ];
    let mut places = vec![first, promise, counted];
    places.dedup_by_key(|p| (p.trace, p.record.seq, p.header.incarnation));
    findings.add("another-disk", summary, argument, &places);
}
