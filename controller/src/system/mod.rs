//! The system under test, seen from outside: how to start a node, ask how it is, and talk to it.

mod embedded;

pub use embedded::Embedded;

use std::net::SocketAddr;

use serde_json::Value;
use shakedown_agent::protocol::StartNode;
use shakedown_history::{NodeId, Term};
use shakedown_workloads::Client;

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Whether it leads.
    pub leads: bool,
    /// Its term.
    pub term: Term,
}

/// A replicated system that can be tested. The embedded node is one like any other: it is started as
/// a program, and none of its code runs in the controller.
pub trait System: Send + Sync {
    /// How to start a node. The same call restarts it on what it left on its disk.
    fn start(&self, node: NodeId) -> StartNode;

    /// Where a node says how it is.
    fn status_address(&self, node: NodeId) -> SocketAddr;

    /// Reads what [`System::status_address`] answered; none if it makes no sense.
    fn read_status(&self, status: &Value) -> Option<NodeStatus>;

    /// A client whose home is the node at `home`; `session` is unique in the run.
    ///
    /// # Errors
    /// If the client cannot be set up.
    fn client(&self, home: usize, session: u64) -> anyhow::Result<Box<dyn Client>>;
}
