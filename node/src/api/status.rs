//! `GET /v1/status`: the node about itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use nix::time::ClockId;
use serde::Serialize;
use shakedown_history::event::Role;
use shakedown_history::{Configuration, Index, NodeId, Term, Witness};
use shakedown_raft::Member;

use super::Api;
use super::body::witness;
use crate::clock;

/// The body of the answer.
#[derive(Debug, Serialize)]
pub(super) struct StatusBody {
    node: NodeId,
    role: Role,
    term: Term,
    leader: Option<NodeId>,
    commit_index: Index,
    last_applied: Index,
    last_index: Index,
    /// The last entry that the latest snapshot covers.
    snapshot: Option<Witness>,
    /// The last entry that was compacted away.
    log_base: Witness,
    config: Configuration,
    members: BTreeMap<NodeId, MemberBody>,
    match_indexes: BTreeMap<NodeId, Index>,
    transferring_to: Option<NodeId>,
    loss: Option<LossBody>,
    disk: String,
    incarnation: u64,
    clock: Clock,
    planted_bug: Option<&'static str>,
    fsyncs: u64,
    pid: u32,
}

#[derive(Debug, Serialize)]
struct MemberBody {
    address: String,
    disk: Option<String>,
}

impl From<Member> for MemberBody {
    fn from(Member { address, disk }: Member) -> Self {
        let disk = disk.map(|disk| format!("{:032x}", disk.0));
        Self { address, disk }
    }
}

/// What is known of entries that a damaged disk has lost.
#[derive(Debug, Serialize)]
struct LossBody {
    upto: Index,
    term: Term,
}

/// What the node itself reads from its clocks, in nanoseconds.
#[derive(Debug, Serialize)]
struct Clock {
    realtime_ns: i64,
    monotonic_ns: i64,
}

pub(super) async fn get(State(api): State<Arc<Api>>) -> Json<StatusBody> {
    let status = api.status.borrow().clone();
    let raft = status.raft;
    let loss = raft.loss.map(|loss| LossBody {
        upto: loss.upto,
        term: loss.term,
    });
    let snapshot = (raft.snapshot.index.0 > 0).then(|| witness(raft.snapshot));
    let members = raft.membership.members;
    let members = members.into_iter().map(|(n, member)| (n, member.into()));
    Json(StatusBody {
        node: raft.node,
        role: raft.role,
        term: raft.term,
        leader: raft.leader,
        commit_index: raft.commit_index,
        last_applied: status.last_applied,
        last_index: raft.last.index,
        snapshot,
        log_base: witness(raft.base),
        config: raft.membership.config,
        members: members.collect(),
        match_indexes: raft.match_indexes.into_iter().collect(),
        transferring_to: raft.transferring_to,
        loss,
        disk: api.identity.disk.clone(),
        incarnation: api.identity.incarnation,
        clock: Clock {
            realtime_ns: clock::believed_ns(ClockId::CLOCK_REALTIME),
            monotonic_ns: clock::believed_ns(ClockId::CLOCK_MONOTONIC),
        },
        planted_bug: api.planted_bug.map(|bug| bug.row().name),
        fsyncs: status.fsyncs,
        pid: std::process::id(),
    })
}
