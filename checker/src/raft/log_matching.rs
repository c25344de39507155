//! Entries with the same index and term are the same on all nodes, and so are all entries before them
//! (Log Matching, Raft §5.3, Figure 3).
//!
//! Traces carry chained hashes, so one comparison of two entries compares their whole prefixes.

use rustc_hash::FxHashMap;
use shakedown_history::{Event, Index, LogHash, LogId};

use super::Cluster;
use super::findings::{Findings, Property};
use super::place::{Place, places};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "log-matching",
    promise: "Entries of the same index and term are the same, and all before them (Log Matching, Raft §5.3)",
    subject: "appended entry",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    let mut hashes: FxHashMap<LogId, (LogHash, Place<'_>)> = FxHashMap::default();
    for place in places(cluster.traces) {
        findings.looked_at += usize::from(matches!(place.event(), Event::Append { .. }));
        for (id, hash) in entries_named(place.event()) {
            let (first, earlier) = *hashes.entry(id).or_insert((hash, place));
            if first != hash {
                report(&mut findings, id, (first, earlier), (hash, place));
            }
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// The entries that an event names together with their hashes; none for the empty log.
fn entries_named(event: &Event) -> impl Iterator<Item = (LogId, LogHash)> {
    let named = match event {
        Event::Append { id, hash, .. } | Event::Apply { id, hash, .. } => {
            [Some((*id, *hash)), None]
        }
        Event::Start {
            last,
            last_hash,
            snapshot,
            ..
        } => [
            Some((*last, *last_hash)),
            snapshot.as_ref().map(|s| (s.last, s.hash)),
        ],
        Event::SnapshotMade(meta) | Event::SnapshotInstalled { meta, .. } => {
            [Some((meta.last, meta.hash)), None]
        }
        _ => [None, None],
    };
    named
        .into_iter()
        .flatten()
        .filter(|(id, _)| id.index > Index(0))
}

fn report(
    findings: &mut Findings,
    id: LogId,
    (first, earlier): (LogHash, Place<'_>),
    (second, later): (LogHash, Place<'_>),
) {
    let (a, b) = (earlier.node(), later.node());
    let summary = format!(
        "the logs of {a} and {b} differ at or before entry {id}: the chained hash is {first} on {a} and {second} on {b}"
    );
    let argument = vec![
        format!("Index {} of term {} names one entry: its leader creates one entry at an index.", id.index, id.term),
        "A follower appends an entry only after one that it shares with the leader, so all entries before are shared too (§5.3).".to_owned(),
        format!("{} has {id} with hash {first}, {} with hash {second}.", earlier.incarnation(), later.incarnation()),
        "The hash covers the entry and all before it: one of them differs.".to_owned(),
    ];
    findings.add("logs-diverge", summary, argument, &[earlier, later]);
}
