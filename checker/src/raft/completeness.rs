//! Whether the traces can show that a promise was kept: nobody's is missing, empty or cut in the
//! middle.

use rustc_hash::FxHashSet;
use shakedown_history::{Configuration, Event, NodeId, NodeTrace, Segment};

use super::place::places;

/// Why the traces cannot show that a promise was kept, one clause each; empty if they can.
pub(super) fn gaps(
    traces: &[NodeTrace],
    expected_nodes: &[NodeId],
    members: &FxHashSet<NodeId>,
) -> Vec<String> {
    if traces.is_empty() {
        return vec!["no node was traced".to_owned()];
    }
    let mut gaps = Vec::new();
    for node in expected_nodes {
        match traces.iter().filter(|t| t.node == *node).count() {
            // A node that waits to be added to the cluster, and never was, has promised nothing.
            0 if !members.contains(node) => {}
            0 => gaps.push(format!("the trace of {node} is missing")),
            1 => {}
            _ => gaps.push(format!("{node} has more than one trace")),
        }
    }
    gaps.extend(traces.iter().flat_map(gaps_of));
    let clusters: FxHashSet<&str> = traces
        .iter()
        .flat_map(|t| &t.segments)
        .map(|s| s.header.cluster.as_str())
        .collect();
    if clusters.len() > 1 {
        gaps.push("the traces are of different clusters".to_owned());
    }
    gaps
}

/// Everyone who belongs to some configuration.
pub(super) fn ever_members(traces: &[NodeTrace]) -> FxHashSet<NodeId> {
    let mut members = FxHashSet::default();
    for place in places(traces) {
        let config = match place.event() {
            Event::Start { config, .. } | Event::BecomeLeader { config, .. } => config,
            Event::ConfigChange { new, .. } => new,
            Event::SnapshotInstalled { meta, .. } => &meta.config,
            _ => continue,
        };
        let Configuration {
            voters,
            outgoing,
            learners,
        } = config;
        members.extend(voters.iter().chain(outgoing).chain(learners));
    }
    members
}

fn gaps_of(trace: &NodeTrace) -> Vec<String> {
    let node = trace.node;
    if trace.segments.iter().all(|s| s.records.is_empty()) {
        return vec![format!("the trace of {node} is empty")];
    }
    let mut gaps = Vec::new();
    let mut seen = FxHashSet::default();
    for segment in &trace.segments {
        let incarnation = segment.header.incarnation;
        if !seen.insert((segment.header.disk.as_str(), incarnation)) {
            gaps.push(format!(
                "the trace of {node} has incarnation {incarnation} twice"
            ));
        }
        if segment.header.node != node {
            gaps.push(format!(
                "the trace of {node} has an incarnation of {}",
                segment.header.node
            ));
        }
        gaps.extend(gap_in(segment).map(|why| {
            format!("the trace of {node} has a gap in incarnation {incarnation}: {why}")
        }));
    }
    gaps
}

/// An incarnation that was killed before its first record has no gap.
fn gap_in(segment: &Segment) -> Option<String> {
    let first = segment.records.first()?;
    if !matches!(first.ev, Event::Start { .. }) {
        return Some("it does not begin with a start".to_owned());
    }
    let (record, due) = segment
        .records
        .iter()
        .zip(1..)
        .find(|(record, due)| record.seq != *due)?;
    Some(format!("record {} stands where {due} is due", record.seq))
}
