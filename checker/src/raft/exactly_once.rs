//! A client's request takes effect at most once, however often it is retried (Raft §8; Ongaro's
//! dissertation §6.3).

use rustc_hash::FxHashMap;
use shakedown_history::event::ClientSeq;
use shakedown_history::{Event, Index};

use super::Cluster;
use super::findings::{Findings, Property};
use super::place::{Place, places};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "exactly-once",
    promise: "A client's request takes effect at most once (Raft §8, dissertation §6.3)",
    subject: "applied request",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    let mut effects: FxHashMap<ClientSeq, (Index, Place<'_>)> = FxHashMap::default();
    for place in places(cluster.traces) {
        let Event::Apply {
            id,
            effect,
            client: Some(client),
            ..
        } = place.event()
        else {
            continue;
        };
        findings.looked_at += 1;
        if !effect {
            continue;
        }
        // Every node applies the entry, and again after a restart: only another index is another effect.
        let (first, earlier) = *effects.entry(*client).or_insert((id.index, place));
        if first != id.index {
            report(&mut findings, *client, (first, earlier), (id.index, place));
        }
    }
    findings.report(&PROPERTY, cluster)
}

fn report(
    findings: &mut Findings,
    request: ClientSeq,
    (first, earlier): (Index, Place<'_>),
    (second, later): (Index, Place<'_>),
) {
    let ClientSeq { client, seq } = request;
    let summary = format!(
        "request {seq} of client {client} took effect twice: at index {first} (on {}) and at index {second} (on {})",
        earlier.node(),
        later.node(),
    );
    let argument = vec![
        "A session remembers each request it has applied and answers a retry from memory (§8)."
            .to_owned(),
        format!(
            "{} applied request {seq} of client {client} at index {first}, with effect.",
            earlier.incarnation()
        ),
        format!(
            "{} applied the same request at index {second}, with effect again.",
            later.incarnation()
        ),
    ];
    findings.add(
        "request-applied-twice",
        summary,
        argument,
        &[earlier, later],
    );
}
