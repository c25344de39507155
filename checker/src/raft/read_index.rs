//! A linearizable read sees everything that was acknowledged before it began: its leader had committed
//! in its term and was confirmed by a quorum, and the state machine had caught up (Ongaro's
//! dissertation §6.4).
//!
//! What was acknowledged before a read began is told by the machine's monotonic stamps, so all nodes
//! must run on one machine.

use rustc_hash::{FxHashMap, FxHashSet};
use shakedown_history::event::ReadMode;
use shakedown_history::{Configuration, Event, Index, NodeId, NodeTrace};

use super::Cluster;
use super::config_view::ConfigView;
use super::findings::{Findings, Property};
use super::leadership::Leadership;
use super::narration::nodes;
use super::place::{Place, places, places_of};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "read-index",
    promise: "A linearizable read sees all that was acknowledged before it (dissertation §6.4)",
    subject: "linearizable read",
    optional: true,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    let acknowledged = Acknowledged::of(cluster.traces);
    let known = known_configs(cluster.traces);
    for (position, trace) in cluster.traces.iter().enumerate() {
        let mut reader = Reader::default();
        for place in places_of(position, trace) {
            reader.configs.advance(&place);
            reader.leadership.advance(&place);
            match place.event() {
                Event::Start { .. } => reader.reads.clear(),
                Event::ReadStart { read } => {
                    let read = reader.reads.entry(*read).or_default();
                    read.start = Some(place);
                }
                Event::ReadBarrier {
                    read, index, acks, ..
                } => {
                    reader.check_barrier(&mut findings, &known, place, acks);
                    let read = reader.reads.entry(*read).or_default();
                    read.barrier = Some((place, *index));
                }
                Event::ReadServed { read, mode, .. } => {
                    let read = reader.reads.remove(read).unwrap_or_default();
                    if *mode != ReadMode::Local {
                        findings.looked_at += 1;
                        check_served(&mut findings, &acknowledged, read, place);
                    }
                }
                _ => {}
            }
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// A node that answers reads.
#[derive(Default)]
struct Reader<'a> {
    configs: ConfigView<'a>,
    leadership: Leadership<'a>,
    reads: FxHashMap<u64, Read<'a>>,
}

/// A read that is not answered yet.
#[derive(Clone, Copy, Default)]
struct Read<'a> {
    start: Option<Place<'a>>,
    /// Its confirmation, and what it must see.
    barrier: Option<(Place<'a>, Index)>,
}

impl Reader<'_> {
    /// A follower tells what its leader counted, in a configuration that it need not have itself.
    fn check_barrier(
        &self,
        findings: &mut Findings,
        known: &FxHashSet<&Configuration>,
        place: Place<'_>,
        acks: &[NodeId],
    ) {
        let is_quorum = |config: &Configuration| config.is_quorum(|n| acks.contains(&n));
        let leads = self.leadership.since().is_some();
        let confirmed = if leads {
            self.configs.in_force().is_none_or(is_quorum)
        } else {
            known.iter().any(|config| is_quorum(config))
        };
        if !confirmed {
            report_no_quorum(findings, place, acks);
        }
        if leads && !self.leadership.has_committed_in_term() {
            report_too_early(findings, place);
        }
    }
}

/// Every configuration that any node ever had.
fn known_configs(traces: &[NodeTrace]) -> FxHashSet<&Configuration> {
    places(traces)
        .filter_map(|place| match place.event() {
            Event::Start { config, .. } | Event::ConfigChange { new: config, .. } => Some(config),
            Event::SnapshotInstalled { meta, .. } => Some(&meta.config),
            _ => None,
        })
        .collect()
}

/// The highest index acknowledged to a client up to a time.
struct Acknowledged<'a>(Vec<(Index, Place<'a>)>);

impl<'a> Acknowledged<'a> {
    fn of(traces: &'a [NodeTrace]) -> Self {
        let ack = |place: Place<'a>| match place.event() {
            Event::ClientAck { id, .. } => Some((id.index, place)),
            _ => None,
        };
        let mut acks: Vec<_> = places(traces).filter_map(ack).collect();
        acks.sort_by_key(|(_, place)| place.record.mono);
        let mut highest = Index(0);
        acks.retain(|(index, _)| {
            let grows = *index > highest;
            highest = highest.max(*index);
            grows
        });
        Self(acks)
    }

    fn before(&self, mono: u64) -> Option<(Index, Place<'a>)> {
        let later = self.0.partition_point(|(_, ack)| ack.record.mono < mono);
        later.checked_sub(1).map(|last| self.0[last])
    }
}

fn check_served(
    findings: &mut Findings,
    acknowledged: &Acknowledged<'_>,
    read: Read<'_>,
    place: Place<'_>,
) {
    let Event::ReadServed {
        index,
        applied,
        mode,
        ..
    } = place.event()
    else {
        return;
    };
    if applied < index {
        report_not_applied(findings, place, *index, *applied);
    }
    if *mode == ReadMode::Index {
        match read.barrier {
            None => report_unconfirmed(findings, read, place),
            Some((barrier, due)) if *index < due => {
                report_below_barrier(findings, barrier, place, (due, *index));
            }
            Some(_) => {}
        }
    }
    let Some(start) = read.start else {
        return;
    };
    let missed = acknowledged.before(start.record.mono);
    if let Some(missed) = missed.filter(|(acked, _)| acked > index) {
        report_stale(findings, missed, (start, place), *index);
    }
}

fn report_no_quorum(findings: &mut Findings, place: Place<'_>, acks: &[NodeId]) {
    let node = place.node();
    let acks = nodes(acks);
    let summary = format!("a read of {node} was confirmed by {acks} only, which is no quorum");
    let argument = vec![
        "Before a read is answered, a quorum confirms that its leader still leads, and of both halves while the configuration is joint (dissertation §6.4).".to_owned(),
        format!("{} counted {acks}.", place.incarnation()),
        "The others may have elected another leader, and committed what this read does not see."
            .to_owned(),
    ];
    findings.add("read-without-quorum", summary, argument, &[place]);
}

fn report_too_early(findings: &mut Findings, place: Place<'_>) {
    let (node, term) = (place.node(), place.term());
    let summary = format!(
        "{node}, leader of term {term}, confirmed a read before it had committed an entry of its term"
    );
    let argument = vec![
        "A new leader has all committed entries, but does not know which they are before it has committed one of its own term (§8, dissertation §6.4).".to_owned(),
        format!("{} had committed nothing of term {term}.", place.incarnation()),
    ];
    findings.add("read-before-own-commit", summary, argument, &[place]);
}

fn report_not_applied(findings: &mut Findings, place: Place<'_>, index: Index, applied: Index) {
    let node = place.node();
    let summary = format!(
        "{node} answered a read that must see index {index} from a state that had applied up to {applied} only"
    );
    let argument = vec![
        "A read waits until the state machine has applied its read index (dissertation §6.4)."
            .to_owned(),
        format!(
            "{} had applied up to index {applied} when it answered.",
            place.incarnation()
        ),
    ];
    findings.add("read-before-apply", summary, argument, &[place]);
}

fn report_unconfirmed(findings: &mut Findings, read: Read<'_>, place: Place<'_>) {
    let node = place.node();
    let summary =
        format!("{node} answered a read as confirmed by a quorum, but nothing confirmed it");
    let argument = vec![
        "A read by read index is answered after a round of heartbeats that a quorum answers (dissertation §6.4).".to_owned(),
        format!("The trace of {} shows no such round for this read.", place.incarnation()),
    ];
    let places: Vec<Place<'_>> = read.start.into_iter().chain([place]).collect();
    findings.add("read-unconfirmed", summary, argument, &places);
}

fn report_below_barrier(
    findings: &mut Findings,
    barrier: Place<'_>,
    place: Place<'_>,
    (due, index): (Index, Index),
) {
    let node = place.node();
    let summary = format!(
        "{node} answered a read at index {index}, although it was confirmed for index {due}"
    );
    let argument = vec![
        "A read sees at least the commit index that its leader had when the read came in (dissertation §6.4).".to_owned(),
        format!("{} was told index {due}, and took {index} to be enough.", place.incarnation()),
    ];
    findings.add("read-below-barrier", summary, argument, &[barrier, place]);
}

fn report_stale(
    findings: &mut Findings,
    (acked, ack): (Index, Place<'_>),
    (start, place): (Place<'_>, Place<'_>),
    index: Index,
) {
    let node = place.node();
    let summary = format!(
        "{node} answered a read that needed to see index {index} only, although {} had acknowledged index {acked} before the read began",
        ack.node(),
    );
    let argument = vec![
        "A linearizable read sees every write that was acknowledged before it began (dissertation §6.4).".to_owned(),
        format!("{} acknowledged index {acked} to a client.", ack.incarnation()),
        format!("After that, by the clock of the machine, {} took in the read, and took index {index} to be enough.", start.incarnation()),
    ];
    findings.add("stale-read-index", summary, argument, &[ack, start, place]);
}
