//! `GET /v1/status`: the node about itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use nix::time::ClockId;
use serde::Serialize;
use shakedown_history::event::Role;
use shakedown_history::{Configuration, Index, NodeId, Term};

use super::Api;
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
    config: Configuration,
    disk: String,
    incarnation: u64,
    clock: Clock,
    planted_bug: Option<&'static str>,
    fsyncs: u64,
    pid: u32,
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
    Json(StatusBody {
        node: raft.node,
        role: raft.role,
        term: raft.term,
        leader: raft.leader,
        commit_index: raft.commit_index,
        last_applied: status.last_applied,
        last_index: raft.last.index,
        config: raft.config,
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
