//! A client is told that its request took effect only once the request's own entry is committed (Raft
//! §8: a leader responds "after the entry has been committed").

use rustc_hash::FxHashMap;
use shakedown_history::event::ClientSeq;
use shakedown_history::{Event, Index, LogId};

use super::Cluster;
use super::findings::{Findings, Property};
use super::log_view::LogView;
use super::place::{Place, places, places_of};
use crate::verdict::CheckReport;

const PROPERTY: Property = Property {
    check: "client-acknowledgement",
    promise: "A client is told success only for its own, committed entry (Raft §8)",
    subject: "client answer",
    optional: false,
};

pub(super) fn check(cluster: &Cluster<'_>) -> CheckReport {
    let mut findings = Findings::default();
    let requests = requests(cluster);
    for (position, trace) in cluster.traces.iter().enumerate() {
        let mut log = LogView::default();
        let mut committed = Index(0);
        for place in places_of(position, trace) {
            log.advance(&place);
            match place.event() {
                Event::Start {
                    commit, applied, ..
                } => committed = (*commit).max(*applied),
                Event::Commit { to, .. } => committed = committed.max(to.index),
                Event::SnapshotInstalled { meta, .. } => committed = committed.max(meta.last.index),
                _ => {}
            }
            let Event::ClientAck { client, id } = place.event() else {
                continue;
            };
            findings.looked_at += 1;
            let is_committed = id.index <= committed && log.has(*id);
            if !is_committed {
                report_uncommitted(&mut findings, cluster, place, *client, *id);
            }
            if let Some((owner, applied)) = requests.get(id).filter(|(owner, _)| owner != client) {
                report_wrong_request(&mut findings, (*owner, *applied), place, *client);
            }
        }
    }
    findings.report(&PROPERTY, cluster)
}

/// Whose request each applied entry was.
fn requests<'a>(cluster: &Cluster<'a>) -> FxHashMap<LogId, (ClientSeq, Place<'a>)> {
    let mut requests = FxHashMap::default();
    for place in places(cluster.traces) {
        if let Event::Apply {
            id,
            client: Some(client),
            ..
        } = place.event()
        {
            requests.entry(*id).or_insert((*client, place));
        }
    }
    requests
}

fn report_uncommitted(
    findings: &mut Findings,
    cluster: &Cluster<'_>,
    place: Place<'_>,
    request: ClientSeq,
    id: LogId,
) {
    let (node, ClientSeq { client, seq }) = (place.node(), request);
    let instead = cluster.committed.at(id.index);
    let fate = match instead {
        Some(claim) if claim.entry.id == id => "it was committed only later".to_owned(),
        Some(claim) => format!("{} was committed in its place", claim.entry.id),
        None => "no leader ever committed it".to_owned(),
    };
    let summary = format!(
        "{node} told client {client} that request {seq} took effect as {id} before it knew {id} to be committed: {fate}"
    );
    let argument = vec![
        "A leader answers after the request's entry is committed (§8): before, another leader may overwrite it.".to_owned(),
        format!("{} answered request {seq} of client {client} with entry {id}, which it did not know to be committed.", place.incarnation()),
        format!("By the traces of all leaders {fate}."),
    ];
    let places: Vec<Place<'_>> = [Some(place), instead.map(|c| c.place)]
        .into_iter()
        .flatten()
        .collect();
    findings.add("answered-before-commit", summary, argument, &places);
}

fn report_wrong_request(
    findings: &mut Findings,
    (owner, applied): (ClientSeq, Place<'_>),
    place: Place<'_>,
    request: ClientSeq,
) {
    let (node, ClientSeq { client, seq }) = (place.node(), request);
    let summary = format!(
        "{node} told client {client} that request {seq} took effect, but the entry is request {} of client {}",
        owner.seq, owner.client,
    );
    let argument = vec![
        "An answer belongs to the request whose entry was applied, not to whatever stands at its index.".to_owned(),
        format!("The entry carries request {} of client {}.", owner.seq, owner.client),
        format!("{} took it as the success of request {seq} of client {client}.", place.incarnation()),
    ];
    findings.add("answered-for-another", summary, argument, &[applied, place]);
}
