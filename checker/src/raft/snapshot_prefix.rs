//! A snapshot stands for a committed prefix of the log, configuration included, and takes its place
//! without losing anything (Raft §7, Figure 13).
//!
//! Whether its contents are those of the prefix shows in the digest that follows it: see
//! `state_machine_safety`.

use shakedown_history::event::SnapshotMeta;
use shakedown_history::{Configuration, Event, Index, LogId};

use super::Cluster;
use super::committed::Claim;
use super::findings::{Findings, Property};
use super::log_view::{LogView, Slot};
use super::narration::configuration;
use super::place::{Place, places_of};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "snapshot-prefix",
    promise: "A snapshot stands for a committed prefix of the log, and replaces no more (Raft §7)",
    subject: "snapshot",
    optional: true,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    for (position, trace) in cluster.traces.iter().enumerate() {
        let mut log = LogView::default();
        let mut applied = Index(0);
        for place in places_of(position, trace) {
            if let Some(meta) = snapshot(place.event()) {
                findings.looked_at += 1;
                check_committed(&mut findings, cluster, place, meta);
                check_config(&mut findings, cluster, place, meta);
            }
            match place.event() {
                Event::Start { applied: found, .. } => applied = *found,
                Event::Apply { id, .. } => applied = id.index,
                Event::SnapshotMade(meta) if meta.last.index > applied => {
                    report_ahead(&mut findings, place, applied, meta.last);
                }
                Event::SnapshotInstalled {
                    meta, kept_suffix, ..
                } => {
                    if meta.last.index < applied {
                        report_stale(&mut findings, place, applied, meta.last);
                    }
                    check_suffix(&mut findings, &log, place, meta.last, *kept_suffix);
                    applied = meta.last.index;
                }
                _ => {}
            }
            log.advance(&place);
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// The snapshot that a record is about.
fn snapshot(event: &Event) -> Option<&SnapshotMeta> {
    match event {
        Event::Start { snapshot, .. } => snapshot.as_ref(),
        Event::SnapshotMade(meta) | Event::SnapshotInstalled { meta, .. } => Some(meta),
        _ => None,
    }
}

/// The entry that a snapshot ends with is the one that was committed there.
fn check_committed(
    findings: &mut Findings,
    cluster: &Cluster<'_>,
    place: Place<'_>,
    meta: &SnapshotMeta,
) {
    let other = |claim: &&Claim<'_>| claim.entry.id != meta.last || claim.entry.hash != meta.hash;
    let Some(claim) = cluster.committed.at(meta.last.index).filter(other) else {
        return;
    };
    let (node, last, committed) = (place.node(), meta.last, claim.entry);
    let summary = format!(
        "{node} has a snapshot up to {last} (hash {}), but {} (hash {}) was committed there",
        meta.hash, committed.id, committed.hash,
    );
    let argument = vec![
        "A snapshot replaces committed entries only, and names the last of them (§7).".to_owned(),
        format!("{} has a snapshot up to {last}.", place.incarnation()),
        format!(
            "{} committed {} at that index.",
            claim.place.incarnation(),
            committed.id
        ),
        "The log goes on from a place that it never was at.".to_owned(),
    ];
    findings.add(
        "snapshot-of-other-entries",
        summary,
        argument,
        &[claim.place, place],
    );
}

/// A snapshot carries the last configuration at or before its last entry.
fn check_config(
    findings: &mut Findings,
    cluster: &Cluster<'_>,
    place: Place<'_>,
    meta: &SnapshotMeta,
) {
    let due = cluster.configs.at(meta.last.index);
    let Some((index, due)) = due.filter(|(_, due)| **due != meta.config) else {
        return;
    };
    let (node, last) = (place.node(), meta.last);
    let origin = |index: Index, config: &Configuration| match index {
        Index(0) => format!("{}, with which the cluster began", configuration(config)),
        _ => format!("{}, committed at index {index}", configuration(config)),
    };
    let summary = format!(
        "{node}'s snapshot up to {last} carries the configuration {}, but the last one before is {}",
        configuration(&meta.config),
        origin(index, due),
    );
    let argument = vec![
        "A snapshot includes the latest configuration in the log as of its last entry (§7)."
            .to_owned(),
        format!(
            "The snapshot of {} up to {last} carries {}.",
            place.incarnation(),
            configuration(&meta.config)
        ),
        format!(
            "The last configuration up to index {} is {}.",
            last.index,
            origin(index, due)
        ),
        "Whoever starts from this snapshot counts other quorums than the rest.".to_owned(),
    ];
    findings.add("snapshot-configuration", summary, argument, &[place]);
}

fn report_ahead(findings: &mut Findings, place: Place<'_>, applied: Index, last: LogId) {
    let node = place.node();
    let summary = format!(
        "{node} took a snapshot that claims to reach up to {last}, but had applied up to index {applied} only"
    );
    let argument = vec![
        "A snapshot is the state after applying its last entry (§7).".to_owned(),
        format!(
            "{} had applied up to index {applied} when it took a snapshot up to {last}.",
            place.incarnation()
        ),
        "Whoever installs it takes entries for applied that are not in it.".to_owned(),
    ];
    findings.add("snapshot-ahead-of-state", summary, argument, &[place]);
}

fn report_stale(findings: &mut Findings, place: Place<'_>, applied: Index, last: LogId) {
    let node = place.node();
    let summary = format!(
        "{node} went back to a snapshot up to {last}, although it had applied up to index {applied}"
    );
    let argument = vec![
        "A snapshot is installed only if it is ahead of what was applied: a late one is ignored (§7).".to_owned(),
        format!("{} had applied up to index {applied}, then installed a snapshot up to {last}.", place.incarnation()),
    ];
    findings.add("snapshot-went-backward", summary, argument, &[place]);
}

/// The log after the snapshot stays if, and only if, it goes on from the snapshot's last entry.
fn check_suffix(
    findings: &mut Findings,
    log: &LogView<'_>,
    place: Place<'_>,
    last: LogId,
    kept_suffix: bool,
) {
    let has_suffix = log.last_index() > last.index;
    let Slot::Held(held) = log.slot(last.index) else {
        return;
    };
    if !has_suffix || kept_suffix == (held.id == last) {
        return;
    }
    let (node, end) = (place.node(), log.last_index());
    let (kind, did, why) = if kept_suffix {
        let why = format!(
            "at that index it has {}: what follows belongs to another log",
            held.id
        );
        ("snapshot-kept-conflict", "kept", why)
    } else {
        let why = format!("it holds {last}: what follows may be acknowledged already");
        ("snapshot-dropped-suffix", "dropped", why)
    };
    let summary = format!(
        "{node} {did} its log up to index {end} when it installed a snapshot up to {last}, although {why}"
    );
    let argument = vec![
        "Entries after a snapshot are retained if the log has the snapshot's last entry; otherwise the entire log is discarded (Figure 13, rules 6 and 7).".to_owned(),
        format!("{} had a log up to index {end} when it installed a snapshot up to {last}.", place.incarnation()),
        format!("It {did} what follows, although {why}."),
    ];
    findings.add(kind, summary, argument, &[place]);
}
