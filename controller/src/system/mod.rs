//! The system under test, seen from outside: how to start a node, ask how it is, talk to it, and change
//! who belongs to it.

mod embedded;

pub use embedded::Embedded;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use shakedown_agent::protocol::{StartNode, StatusSource};
use shakedown_history::Configuration;
use shakedown_history::{Index, NodeId, Term};
use shakedown_workloads::Client;

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Whether it leads.
    pub leads: bool,
    /// Its term.
    pub term: Term,
    /// The end of its log; zero only on a disk on which nothing ever was.
    pub last_index: Index,
    /// What names its disk. A wiped one is another.
    pub disk: String,
    /// Who belongs to the cluster, as far as it knows.
    pub config: Configuration,
    /// The disk that each member is known by; a member that has not spoken yet has none.
    pub disks: BTreeMap<NodeId, String>,
}

/// What a node knows when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Who founds the cluster, or what is on its disk.
    Founder,
    /// Nothing, or what is on its disk: it waits to be added.
    Joiner,
}

/// A change of the membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The node receives the log, and does not vote.
    Add {
        /// Who.
        node: NodeId,
        /// From this disk alone.
        disk: String,
    },
    /// The node, which has caught up, votes.
    Promote(NodeId),
    /// The node is no member any more.
    Remove(NodeId),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add { node, .. } => write!(f, "add {node}"),
            Self::Promote(node) => write!(f, "promote {node}"),
            Self::Remove(node) => write!(f, "remove {node}"),
        }
    }
}

/// Why an operator's wish was not fulfilled. Unless it is definite, it may still be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For people.
    pub why: String,
    /// Whether the wish makes no sense for the membership as it is, in which nothing is under way.
    pub senseless: bool,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// What comes of an operator's wish.
pub type Wish<'a, T> = BoxFuture<'a, Result<T, Refusal>>;

/// A replicated system that can be tested. The embedded node is one like any other: it is started as
/// a program, and none of its code runs in the controller.
pub trait System: Send + Sync {
    /// How to start a node. The same call restarts it on what it left on its disk.
    fn start(&self, node: NodeId, start: Start) -> StartNode;

    /// Where a node keeps what must survive its end.
    fn data_dir(&self, node: NodeId) -> PathBuf;

    /// Where a node says how it is.
    fn status_source(&self, node: NodeId) -> StatusSource;

    /// Reads what [`System::status_source`] answered; none if it makes no sense.
    fn read_status(&self, status: &Value) -> Option<NodeStatus>;

    /// A client whose home is the node at `home`.
    ///
    /// # Errors
    /// If the client cannot be set up.
    fn client(&self, home: usize) -> anyhow::Result<Box<dyn Client>>;

    /// Asks the node `via` to change the membership; answers where in the log the change is committed.
    fn change_members(&self, via: NodeId, change: &Change, patience: Duration) -> Wish<'_, Index>;

    /// Asks the leader `via` to hand the leadership to a node, or to whoever is most up to date; answers
    /// who leads then.
    fn hand_over(&self, via: NodeId, to: Option<NodeId>, patience: Duration) -> Wish<'_, NodeId>;
}
