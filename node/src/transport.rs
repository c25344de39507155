//! Messages between nodes, over TCP. They may be lost, and Raft does not mind; they never arrive
//! damaged or from a stranger.
//!
//! - `wire`: frames and the greeting
//! - `outgoing`: one connection to each peer, made anew whenever it breaks or stalls
//! - `incoming`: connections from peers
//! - `socket`: the options that make a dead connection show within a second

mod incoming;
mod outgoing;
mod socket;
mod wire;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use shakedown_history::NodeId;
use shakedown_raft::Message;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// How many messages wait for a peer before further ones are dropped.
const QUEUE_LEN: usize = 512;

/// Who talks to whom.
#[derive(Clone, Debug)]
pub struct Members {
    /// The cluster's name: nodes of another are strangers.
    pub cluster: String,
    /// This node.
    pub node: NodeId,
    /// Where each node, this one included, listens for its peers.
    pub addresses: BTreeMap<NodeId, SocketAddr>,
}

/// The way to the peers.
#[derive(Debug)]
pub struct Transport {
    queues: BTreeMap<NodeId, mpsc::Sender<Message>>,
}

impl Transport {
    /// Listens for the peers and begins to connect to them. What they send goes to `inbox`.
    ///
    /// # Errors
    /// If this node's own address cannot be listened on.
    ///
    /// # Panics
    /// If the members do not include this node.
    pub async fn start(members: Members, inbox: mpsc::Sender<Message>) -> io::Result<Self> {
        let own = members
            .addresses
            .get(&members.node)
            .expect("a node is a member of its cluster");
        let listener = TcpListener::bind(own).await?;
        let mut queues = BTreeMap::new();
        for (peer, address) in &members.addresses {
            if *peer != members.node {
                let (queue, messages) = mpsc::channel(QUEUE_LEN);
                let hello = wire::Hello::new(&members, *peer);
                tokio::spawn(outgoing::run(hello, *address, messages));
                queues.insert(*peer, queue);
            }
        }
        tokio::spawn(incoming::run(listener, members, inbox));
        Ok(Self { queues })
    }

    /// Sends a message, or drops it if too many wait already or nobody knows the way.
    pub fn send(&self, message: Message) {
        let to = message.to;
        let taken = self
            .queues
            .get(&to)
            .is_some_and(|queue| queue.try_send(message).is_ok());
        if !taken {
            tracing::debug!(%to, "message dropped");
        }
    }
}
