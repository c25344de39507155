//! What a node acknowledged or had on disk is in its log after a restart (Raft Figure 2: the log is
//! persistent, "updated on stable storage before responding to RPCs").

use shakedown_history::{Event, Index, LogId};

use super::Cluster;
use super::findings::{Findings, Property};
use super::log_view::{Entry, LogView, Slot};
use super::place::{Place, places_of};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "ack-durability",
    promise: "What a node acknowledged is on its disk, and there after a restart (Raft Figure 2)",
    subject: "acknowledgement",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    for (position, trace) in cluster.traces.iter().enumerate() {
        let mut log = LogView::default();
        let mut basis = Basis::default();
        for place in places_of(position, trace) {
            if log.disk() != Some(place.disk()) {
                basis = Basis::default();
            }
            match place.event() {
                Event::Start { lost, .. } => {
                    // What a node says it lost to damage it will not vote on: `repair` sees to that.
                    let promised = promised(&log).filter(|(promised, _)| {
                        log.disk() == Some(place.disk()) && Some(promised.id.index) > *lost
                    });
                    log.advance(&place);
                    if let Some(promised) = promised {
                        check_recovered(&mut findings, &log, &basis, place, promised);
                    }
                    continue;
                }
                Event::Ack {
                    matched,
                    reject: false,
                    ..
                } => {
                    findings.looked_at += 1;
                    check_on_disk(&mut findings, &log, place, *matched);
                    basis.ack = Some(place);
                }
                Event::AppendDurable { .. } => {
                    // A leader acknowledges its own entries by having them on disk.
                    findings.looked_at += usize::from(cluster.has_one_member);
                    basis.durable = Some(place);
                }
                _ => {}
            }
            log.advance(&place);
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// The records that a promise of durability stands on.
#[derive(Default)]
struct Basis<'a> {
    ack: Option<Place<'a>>,
    durable: Option<Place<'a>>,
}

/// The last entry that must survive a restart, and whether it was acknowledged.
fn promised(log: &LogView<'_>) -> Option<(Entry, bool)> {
    match log.slot(log.durable().max(log.acked())) {
        Slot::Held(entry) => Some((entry, entry.id.index <= log.acked())),
        Slot::Absent | Slot::Covered => None,
    }
}

fn check_on_disk(findings: &mut Findings, log: &LogView<'_>, place: Place<'_>, matched: LogId) {
    if matched.index <= log.durable() {
        return;
    }
    let node = place.node();
    let durable = log.durable();
    let summary = format!(
        "{node} acknowledged entries up to {matched} before they were on its disk: only index {durable} was"
    );
    let argument = vec![
        "A follower answers only after its log is on stable storage (Figure 2).".to_owned(),
        format!(
            "When {} acknowledged up to {matched}, its log was on disk up to index {durable}.",
            place.incarnation()
        ),
        "A crash at that moment loses entries that a leader may have counted as replicated."
            .to_owned(),
    ];
    findings.add("ack-before-durable", summary, argument, &[place]);
}

fn check_recovered(
    findings: &mut Findings,
    log: &LogView<'_>,
    basis: &Basis<'_>,
    start: Place<'_>,
    (promised, acked): (Entry, bool),
) {
    let index = promised.id.index;
    let found = match log.slot(index) {
        Slot::Covered => return,
        Slot::Held(entry) if entry == promised => return,
        Slot::Held(entry) => format!("{} in its place", entry.id),
        Slot::Absent if log.last_index() == Index(0) => "an empty log".to_owned(),
        Slot::Absent => format!("a log that ends at index {}", log.last_index()),
    };
    let node = start.node();
    let (kind, had) = if acked {
        ("acked-entry-lost", "acknowledged it to a leader")
    } else {
        ("durable-entry-lost", "had it on disk")
    };
    let summary = format!(
        "{node} lost entry {} in a restart: it {had}, then recovered {found}",
        promised.id
    );
    let shown: Vec<Place<'_>> = [if acked { basis.ack } else { basis.durable }, Some(start)]
        .into_iter()
        .flatten()
        .collect();
    let argument = vec![
        "What a follower acknowledged must survive its restart: the leader counts it as replicated (Figure 2).".to_owned(),
        format!("Before the restart {node} held {} and {had}; nothing truncated it since.", promised.id),
        format!("{} recovered {found}.", start.incarnation()),
        format!("The majority that holds {} is one node smaller than its leader believes.", promised.id),
    ];
    findings.add(kind, summary, argument, &shown);
}
