//! What a node knows about itself and its cluster, for people and for status pages.

use shakedown_history::event::Role;
use shakedown_history::{Configuration, Index, LogId, NodeId, Term};

/// What a node knows about itself and its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The node.
    pub node: NodeId,
    /// Its part.
    pub role: Role,
    /// Its current term.
    pub term: Term,
    /// Who leads that term, as far as it knows.
    pub leader: Option<NodeId>,
    /// How far it knows the log to be committed.
    pub commit_index: Index,
    /// The end of its log, on disk or not.
    pub last: LogId,
    /// The configuration in force.
    pub config: Configuration,
    /// How far each voter's log is known to agree with this leader's, durably; itself included, in
    /// order of node. Empty on a node that does not lead.
    pub match_indexes: Vec<(NodeId, Index)>,
}
