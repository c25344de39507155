//! What a leader believes to be on a follower's disk was there, and its belief only grows (Raft
//! Figure 2: `matchIndex` "increases monotonically").

use rustc_hash::{FxHashMap, FxHashSet};
use shakedown_history::event::{ConfigStep, Role};
use shakedown_history::{Event, Index, LogId, NodeId};

use super::Cluster;
use super::findings::{Findings, Property};
use super::log_view::{LogView, Slot};
use super::place::{Place, places, places_of};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "match-index",
    promise: "A leader's match indexes only grow, and the followers have what they say (Raft Figure 2)",
    subject: "leader commit",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    let damaged = ever_damaged(cluster);
    for (position, trace) in cluster.traces.iter().enumerate() {
        let mut log = LogView::default();
        let mut known = Known::default();
        for place in places_of(position, trace) {
            log.advance(&place);
            match place.event() {
                Event::Start { .. } | Event::BecomeLeader { .. } => known.clear(),
                Event::ConfigChange {
                    what: ConfigStep::Append,
                    new,
                    ..
                } => {
                    // A node that is removed and added again starts from nothing.
                    known.retain(|n, _| new.voters.contains(n) || new.outgoing.contains(n));
                }
                Event::Commit {
                    role: Role::Leader,
                    acks,
                    ..
                } => {
                    findings.looked_at += 1;
                    for (node, index) in acks {
                        let at = (*node, *index);
                        if !damaged.contains(node) {
                            check_growth(&mut findings, &known, place, at);
                        }
                        let earlier = known.insert(*node, (*index, place));
                        if earlier.is_none_or(|(before, _)| before != *index) {
                            check_held(&mut findings, cluster, &log, place, at);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// What the leader last believed of each node, in the present term.
type Known<'a> = FxHashMap<NodeId, (Index, Place<'a>)>;

/// The nodes that said that they had lost something: a leader then begins anew.
fn ever_damaged(cluster: &Cluster<'_>) -> FxHashSet<NodeId> {
    let lost = |p: &Place<'_>| matches!(p.event(), Event::Start { lost: Some(_), .. });
    places(cluster.traces)
        .filter(lost)
        .map(|p| p.node())
        .collect()
}

fn check_growth(
    findings: &mut Findings,
    known: &Known<'_>,
    place: Place<'_>,
    (follower, index): (NodeId, Index),
) {
    let Some((before, earlier)) = known.get(&follower).filter(|(before, _)| *before > index) else {
        return;
    };
    let (node, term) = (place.node(), place.term());
    let summary = format!(
        "{node}, leader of term {term}, believed {follower} to match up to index {before}, and later up to {index} only"
    );
    let argument = vec![
        "A match index only grows: an acknowledgement that comes late says nothing new (Figure 2)."
            .to_owned(),
        format!("{node} first counted {follower} at index {before}, then at {index}, in one term."),
    ];
    findings.add("match-went-backward", summary, argument, &[*earlier, place]);
}

fn check_held(
    findings: &mut Findings,
    cluster: &Cluster<'_>,
    log: &LogView<'_>,
    place: Place<'_>,
    (follower, index): (NodeId, Index),
) {
    let id = match log.slot(index) {
        Slot::Held(entry) => entry.id,
        Slot::Covered => return,
        Slot::Absent => return report_beyond_log(findings, log, place, (follower, index)),
    };
    if !cluster.durable.may_hold(follower, id) {
        report_not_held(findings, place, follower, id);
    }
}

fn report_beyond_log(
    findings: &mut Findings,
    log: &LogView<'_>,
    place: Place<'_>,
    (follower, index): (NodeId, Index),
) {
    let (node, term, end) = (place.node(), place.term(), log.last_index());
    let summary = format!(
        "{node}, leader of term {term}, counted {follower} at index {index}, but its own log ends at index {end}"
    );
    let argument = vec![
        "A match is an entry that both logs have (Figure 2).".to_owned(),
        format!(
            "{} counted {follower} at index {index}; its own log ended at index {end}.",
            place.incarnation()
        ),
    ];
    findings.add("match-beyond-log", summary, argument, &[place]);
}

fn report_not_held(findings: &mut Findings, place: Place<'_>, follower: NodeId, id: LogId) {
    let (node, term) = (place.node(), place.term());
    let summary = format!(
        "{node}, leader of term {term}, counted {follower} at {id}, which {follower} never had on disk"
    );
    let argument = vec![
        "A follower acknowledges what it shares with the leader, as far as the leader's message reaches, once it is on disk (Figure 2).".to_owned(),
        format!("{} counted {follower} as matching up to {id}.", place.incarnation()),
        format!("By its own trace {follower} never had {id} on disk."),
    ];
    findings.add("match-not-held", summary, argument, &[place]);
}
