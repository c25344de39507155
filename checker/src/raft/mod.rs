//! Raft's promises, checked on what the nodes say they did.
//!
//! Each file checks one property in one pass over the [traces](shakedown_history::trace), and names where
//! the property is stated. All but `lease_exclusivity` and `read_index` depend on terms and indexes only,
//! never on a clock:
//!
//! | elections | log | commit | apply and read |
//! |---|---|---|---|
//! | `election_safety` | `leader_append_only` | `committed_uniqueness` | `apply_order` |
//! | `vote_uniqueness` | `log_matching` | `leader_commit_rule` | `state_machine_safety` |
//! | `vote_basis` | `log_order` | `match_index` | `exactly_once` |
//! | `election_quorum` | `ack_durability` | `follower_commit_bound` | `client_acknowledgement` |
//! | `term_monotonicity` | `snapshot_prefix` | `commit_monotonicity` | `read_index` |
//! | `config_in_force` | `durability_order` | `leader_completeness` | `lease_exclusivity` |
//! | `config_chain` | `disk_error` | `committed_never_lost` | |
//! | `disk_identity` | `repair` | | |
//!
//! What they share: `place` (a record where it stands), `log_view` and `config_view` (a node's log and
//! configuration over time), `leadership` (whether it leads), `committed` and `config_history` (what
//! leaders committed), `durable` (what was on disks), `completeness` (whether the traces can be relied
//! on), `findings` (anomalies into a report) and `narration` (a record in words).

mod ack_durability;
mod apply_order;
mod client_acknowledgement;
mod commit_monotonicity;
mod committed;
mod committed_never_lost;
mod committed_uniqueness;
mod completeness;
mod config_chain;
mod config_history;
mod config_in_force;
mod config_view;
mod disk_error;
mod disk_identity;
mod durability_order;
mod durable;
mod election_quorum;
mod election_safety;
mod exactly_once;
mod findings;
mod follower_commit_bound;
mod leader_append_only;
mod leader_commit_rule;
mod leader_completeness;
mod leadership;
mod lease_exclusivity;
mod log_matching;
mod log_order;
mod log_view;
mod match_index;
mod narration;
mod place;
mod read_index;
mod repair;
mod snapshot_prefix;
mod state_machine_safety;
mod term_monotonicity;
mod vote_basis;
mod vote_uniqueness;

use shakedown_history::{NodeId, NodeTrace};

use crate::verdict::CheckReport;
use committed::Committed;
use config_history::ConfigHistory;
use durable::Durable;

/// The traces of one cluster, and what several checks derive from them.
struct Cluster<'a> {
    traces: &'a [NodeTrace],
    /// Whether no configuration ever had a second member: then nobody follows anybody.
    has_one_member: bool,
    /// Why the traces cannot show that a promise was kept; empty if they can.
    gaps: Vec<String>,
    committed: Committed<'a>,
    configs: ConfigHistory<'a>,
    durable: Durable,
}

const CHECKS: [fn(&Cluster<'_>) -> CheckReport; 29] = [
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
    read_index::check,
    lease_exclusivity::check,
    snapshot_prefix::check,
    durability_order::check,
    config_chain::check,
    config_in_force::check,
    match_index::check,
    disk_identity::check,
    disk_error::check,
    repair::check,
];

/// Checks every promise on the traces of a cluster's nodes; one report a promise, in a fixed order.
///
/// `expected_nodes` are all nodes that may have run. Without the trace of one that was ever a member, or
/// without a single event of a kind that every cluster shows (elections, commits, applied entries), a
/// promise is `inconclusive`, never kept. A promise about what a cluster need not use (snapshots,
/// configuration changes, reads) passes without events, and says so. A broken promise is a violation
/// whatever is missing.
#[must_use]
pub fn check_traces(traces: &[NodeTrace], expected_nodes: &[NodeId]) -> Vec<CheckReport> {
    let committed = Committed::of(traces);
    let members = completeness::ever_members(traces);
    let cluster = Cluster {
        traces,
        has_one_member: members.len() == 1,
        gaps: completeness::gaps(traces, expected_nodes, &members),
        configs: ConfigHistory::of(traces, &committed),
        committed,
        durable: Durable::of(traces),
    };
    CHECKS.iter().map(|check| check(&cluster)).collect()
}
