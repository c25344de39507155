//! A term is on disk no later than its entries, and a snapshot before the entries that it replaces are
//! dropped (Raft Figure 2, §7).

use shakedown_history::{Event, Index, LogId, Term};

use super::Cluster;
use super::findings::{Findings, Property};
use super::place::{Place, places};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "durability-order",
    promise: "Terms reach the disk before their entries, snapshots before entries go (Raft Figure 2, §7)",
    subject: "durable log",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    let mut disk = Disk::default();
    for place in places(cluster.traces) {
        match place.event() {
            Event::Start {
                hard_state,
                snapshot,
                ..
            } => {
                disk = Disk {
                    term: hard_state.term,
                    snapshot: snapshot.as_ref().map_or(Index(0), |s| s.last.index),
                    installed: None,
                };
            }
            Event::HardStateDurable(state) => disk.term = disk.term.max(state.term),
            Event::AppendDurable { last } => {
                findings.looked_at += 1;
                if last.term > disk.term {
                    report_term(&mut findings, place, *last, disk.term);
                }
                disk.complete(last.index);
            }
            Event::SnapshotInstalled { meta, .. } => disk.installed = Some(meta.last.index),
            Event::SnapshotDurable { last } => disk.snapshot = disk.snapshot.max(last.index),
            Event::Compact { upto } => {
                findings.looked_at += 1;
                if upto.index > disk.snapshot {
                    report_compaction(&mut findings, place, *upto, disk.snapshot);
                }
            }
            _ => {}
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// What the disk has for certain.
#[derive(Default)]
struct Disk {
    term: Term,
    snapshot: Index,
    /// A snapshot from a leader that is not known to be on disk.
    installed: Option<Index>,
}

impl Disk {
    /// A log on disk that reaches the installed snapshot's end stands on that snapshot.
    fn complete(&mut self, last: Index) {
        if let Some(installed) = self.installed.take_if(|index| *index <= last) {
            self.snapshot = self.snapshot.max(installed);
        }
    }
}

fn report_term(findings: &mut Findings, place: Place<'_>, last: LogId, term: Term) {
    let node = place.node();
    let summary = format!(
        "{node} had {last} on disk before term {}: the disk knew of term {term} only",
        last.term
    );
    let argument = vec![
        "Entries of a term reach the disk no earlier than the term itself (Figure 2).".to_owned(),
        format!(
            "{} had its log up to {last} on disk when its disk was in term {term}.",
            place.incarnation()
        ),
        format!(
            "After a crash it takes entries of a leader of term {term}, and overwrites what a leader of term {} may have committed.",
            last.term
        ),
    ];
    findings.add("entry-before-term", summary, argument, &[place]);
}

fn report_compaction(findings: &mut Findings, place: Place<'_>, upto: LogId, snapshot: Index) {
    let node = place.node();
    let instead = match snapshot {
        Index(0) => "no snapshot on disk".to_owned(),
        _ => format!("a snapshot up to index {snapshot} on disk"),
    };
    let summary = format!("{node} dropped its log up to {upto} with {instead}");
    let argument = vec![
        "Entries are dropped only once a snapshot that covers them is on disk, file and directory (§7).".to_owned(),
        format!("{} dropped entries up to {upto}; it had {instead}.", place.incarnation()),
        "A crash at that moment loses committed entries.".to_owned(),
    ];
    findings.add("compacted-before-snapshot", summary, argument, &[place]);
}
