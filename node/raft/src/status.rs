//! What a node knows about itself and its cluster, for people and for status pages.

use shakedown_history::event::Role;
use shakedown_history::{Index, LogId, NodeId, Term};

use crate::io::Loss;
use crate::membership::Membership;

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
    /// The last entry that is not held any more.
    pub base: LogId,
    /// The last entry that the latest durable snapshot covers; zero without one.
    pub snapshot: LogId,
    /// The membership in force.
    pub membership: Membership,
    /// How far each voter's log is known to agree with this leader's, durably; itself included, in
    /// order of node. Empty on a node that does not lead.
    pub match_indexes: Vec<(NodeId, Index)>,
    /// What was lost to a damaged disk and is not made good yet.
    pub loss: Option<Loss>,
    /// To whom this node is handing over the leadership.
    pub transferring_to: Option<NodeId>,
}
