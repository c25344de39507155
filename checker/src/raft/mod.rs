//! Raft's promises, checked on what the nodes say they did.
//!
//! Each file checks one property in one pass over the [traces](shakedown_history::trace), names where
//! the property is stated, and depends on terms and indexes only, never on a clock:
//!
//! | elections | log | commit | apply |
//! |---|---|---|---|
//! | `election_safety` | `leader_append_only` | `committed_uniqueness` | `apply_order` |
//! | `vote_uniqueness` | `log_matching` | `leader_commit_rule` | `state_machine_safety` |
//! | `vote_basis` | `log_order` | `follower_commit_bound` | `exactly_once` |
//! | `election_quorum` | `ack_durability` | `commit_monotonicity` | `client_acknowledgement` |
//! | `term_monotonicity` | | `leader_completeness`, `committed_never_lost` | |
//!
//! What they share: `place` (a record where it stands), `log_view` (a node's log over time),
//! `committed` (what leaders committed), `completeness` (whether the traces can be relied on),
//! `findings` (anomalies into a report) and `narration` (a record in words).

mod ack_durability;
mod apply_order;
mod client_acknowledgement;
mod commit_monotonicity;
mod committed;
mod committed_never_lost;
mod committed_uniqueness;
mod completeness;
mod election_quorum;
mod election_safety;
mod exactly_once;
mod findings;
mod follower_commit_bound;
mod leader_append_only;
mod leader_commit_rule;
mod leader_completeness;
mod log_matching;
mod log_order;
mod log_view;
mod narration;
mod place;
mod state_machine_safety;
mod term_monotonicity;
mod vote_basis;
mod vote_uniqueness;

use shakedown_history::{NodeId, NodeTrace};

use crate::verdict::CheckReport;
use committed::Committed;

/// The traces of one cluster, and what several checks derive from them.
struct Cluster<'a> {
    traces: &'a [NodeTrace],
    /// How many nodes the cluster is known to have.
    size: usize,
    /// Why the traces cannot show that a promise was kept; empty if they can.
    gaps: Vec<String>,
    committed: Committed<'a>,
}

const CHECKS: [fn(&Cluster<'_>) -> CheckReport; 19] = [
    election_safety::check,
    vote_uniqueness::check,
    vote_basis::check,
    election_quorum::check,
    term_monotonicity::check,
    leader_append_only::check,
    log_matching::check,
    log_order::check,
    committed_uniqueness::check,
    leader_commit_rule::check,
    follower_commit_bound::check,
    leader_completeness::check,
    committed_never_lost::check,
    commit_monotonicity::check,
    ack_durability::check,
    apply_order::check,
    state_machine_safety::check,
    exactly_once::check,
    client_acknowledgement::check,
];

/// Checks every promise on the traces of a cluster's nodes; one report a promise, in a fixed order.
///
/// `expected_nodes` are all nodes that ever ran. Without the trace of one of them, or without a
/// single event that a promise is about, that promise is `inconclusive`, never kept. A broken promise
/// is a violation even so.
#[must_use]
pub fn check_traces(traces: &[NodeTrace], expected_nodes: &[NodeId]) -> Vec<CheckReport> {
    let cluster = Cluster {
        traces,
        size: expected_nodes.len().max(traces.len()),
        gaps: completeness::gaps(traces, expected_nodes),
        committed: Committed::of(traces),
    };
    CHECKS.iter().map(|check| check(&cluster)).collect()
}
