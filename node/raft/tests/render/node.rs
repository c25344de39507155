//! What a node is, one line.

use std::fmt::Write as _;

use shakedown_history::event::Role;
use shakedown_raft::{NodeId, Status};

use super::{configuration, entries};
use crate::cluster::Cluster;

/// A node with its log, committed entries before the bar.
pub(crate) fn log(cluster: &Cluster, node: NodeId) -> String {
    let host = cluster.host(node);
    let compacted = |base: shakedown_raft::LogId| match base.index.0 {
        0 => String::new(),
        _ => format!(" ..{base}"),
    };
    let Some(core) = host.core() else {
        let disk = host.disk();
        let base = compacted(disk.base.id);
        return format!("{node} down, on disk:{base}{}", entries(&disk.log));
    };
    let (base, commit) = (core.base().id, core.commit_index());
    let log = core.entries(base.index.next(), usize::MAX);
    let (log, uncommitted) = log.split_at((commit.0 - base.index.0) as usize);
    let role = role(core.role());
    format!(
        "{node} t{} {role}:{}{} |{}",
        core.term(),
        compacted(base),
        entries(log),
        entries(uncommitted)
    )
}

/// The configuration in force at a node: the newest in its log.
pub(crate) fn configuration_of(cluster: &Cluster, node: NodeId) -> String {
    match cluster.host(node).core() {
        Some(core) => format!("{node} {}", configuration(core.config())),
        None => format!("{node} down"),
    }
}

/// What a node's state machine holds.
pub(crate) fn state(cluster: &Cluster, node: NodeId) -> String {
    let host = cluster.host(node);
    if host.core().is_none() {
        return format!("{node} down");
    }
    let machine = &host.machine;
    let value = machine.registers.get(&0);
    let value = value.map_or("nothing".to_owned(), ToString::to_string);
    let clients: Vec<_> = machine.sessions.keys().map(ToString::to_string).collect();
    format!(
        "{node} applied {}, holds {value}, after requests of {}",
        machine.applied,
        clients.join(" ")
    )
}

/// What a node knows of itself and the others.
pub(crate) fn status(cluster: &Cluster, node: NodeId) -> String {
    let Some(core) = cluster.host(node).core() else {
        return format!("{node} down");
    };
    let status = core.status();
    let mut text = format!("{node} t{} {}", status.term, role(status.role));
    if status.role != Role::Leader {
        let leader = status.leader.map_or("nobody".to_owned(), |n| n.to_string());
        write!(text, ", follows {leader}").expect("a string grows");
    }
    let (last, commit) = (status.last, status.commit_index);
    write!(text, ", last {last}, commit {commit}").expect("a string grows");
    text + &particulars(&status)
}

/// What is not so of every node.
fn particulars(status: &Status) -> String {
    let matches = status.match_indexes.iter();
    let mut parts: Vec<String> = matches
        .map(|(peer, index)| format!(", {peer} matches {index}"))
        .collect();
    if status.snapshot.index.0 > 0 {
        parts.push(format!(", snapshot up to {}", status.snapshot));
    }
    parts.extend(
        status
            .loss
            .map(|loss| format!(", lost up to {}", loss.upto)),
    );
    let target = status.transferring_to;
    parts.extend(target.map(|to| format!(", hands over to {to}")));
    parts.concat()
}

fn role(role: Role) -> String {
    match role {
        Role::PreCandidate => "pre-candidate".to_owned(),
        role => format!("{role:?}").to_lowercase(),
    }
}
