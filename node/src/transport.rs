//! Messages between nodes, over TCP. They may be lost, and Raft does not mind; they never arrive
//! damaged or from a stranger.
//!
//! - `greeting`: how a connection opens, and whose it is
//! - `token`: proof of what only the cluster's nodes know
//! - `wire`: frames
//! - `queue`: what waits for a peer, the urgent before the bulk
//! - `outgoing`: one connection to each peer, made anew whenever it breaks or stalls
//! - `incoming`: connections from peers
//! - `socket`: the options that make a dead connection show within a second
//!
//! Members are reached where the membership says. A node that is connected but no member, because this
//! node does not know of it yet or it was removed, is answered where its greeting says that it listens.

mod greeting;
mod incoming;
mod outgoing;
mod queue;
mod socket;
mod token;
mod wire;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use shakedown_history::NodeId;
use shakedown_raft::{Membership, Message};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use incoming::Guests;
use outgoing::Lifetime;
use queue::Queue;
pub use token::PeerToken;
pub use wire::{WireError, decode_message, encode_message};

/// What a node tells its peers about itself.
#[derive(Clone, Debug)]
pub struct Local {
    /// The cluster's name: nodes of another are strangers.
    pub cluster: String,
    /// This node.
    pub node: NodeId,
    /// Where it listens for its peers.
    pub address: SocketAddr,
    /// What nodes of the cluster know.
    pub token: PeerToken,
}

/// The way to the peers.
#[derive(Debug)]
pub struct Transport {
    local: Arc<Local>,
    membership: Membership,
    peers: BTreeMap<NodeId, Peer>,
    guests: Guests,
}

/// The way to one peer.
#[derive(Debug)]
struct Peer {
    address: SocketAddr,
    lifetime: Lifetime,
    queue: Arc<Queue>,
}

impl Transport {
    /// Listens for the peers. What they send goes to `inbox`. Nobody is connected to before
    /// [`Transport::update`] has said who belongs to the cluster.
    ///
    /// # Errors
    /// If this node's own address cannot be listened on.
    pub async fn start(local: Local, inbox: mpsc::Sender<Message>) -> io::Result<Self> {
        let listener = TcpListener::bind(local.address).await?;
        let local = Arc::new(local);
        let guests = Guests::default();
        tokio::spawn(incoming::run(
            listener,
            Arc::clone(&local),
            guests.clone(),
            inbox,
        ));
        Ok(Self {
            local,
            membership: Membership::default(),
            peers: BTreeMap::new(),
            guests,
        })
    }

    /// Reaches those who have come to the cluster or moved, and forgets those who have gone.
    pub fn update(&mut self, membership: &Membership) {
        if self.membership == *membership {
            return;
        }
        self.membership = membership.clone();
        let addresses = self.addresses(membership);
        self.peers.retain(|node, peer| {
            let stays =
                peer.lifetime == Lifetime::Member && addresses.get(node) == Some(&peer.address);
            if !stays {
                peer.queue.close();
            }
            stays
        });
        for (node, address) in addresses {
            if !self.peers.contains_key(&node) {
                self.reach(node, address, Lifetime::Member);
            }
        }
    }

    fn addresses(&self, membership: &Membership) -> BTreeMap<NodeId, SocketAddr> {
        let mut addresses = BTreeMap::new();
        for (node, member) in &membership.members {
            match member.address.parse() {
                Ok(_) if *node == self.local.node => {}
                Ok(address) => drop(addresses.insert(*node, address)),
                Err(_) => tracing::warn!(
                    %node,
                    address = member.address,
                    "no IP:PORT: the node is reached only while it is connected"
                ),
            }
        }
        addresses
    }

    fn reach(&mut self, node: NodeId, address: SocketAddr, lifetime: Lifetime) {
        let queue = Arc::new(Queue::default());
        let peer = Peer {
            address,
            lifetime,
            queue: Arc::clone(&queue),
        };
        self.peers.insert(node, peer);
        let local = Arc::clone(&self.local);
        tokio::spawn(outgoing::run(local, node, address, lifetime, queue));
    }

    /// Sends a message and says so, or drops it if too many wait already or nobody knows the way.
    pub fn send(&mut self, message: Message) -> bool {
        let to = message.to;
        if self
            .peers
            .get(&to)
            .is_none_or(|peer| peer.queue.is_closed())
        {
            let Some(address) = self.guests.address(to) else {
                tracing::debug!(%to, "message dropped: nobody knows where it listens");
                return false;
            };
            self.reach(to, address, Lifetime::Guest);
        }
        let taken = self.peers[&to].queue.push(message);
        if !taken {
            tracing::debug!(%to, "message dropped: too much waits");
        }
        taken
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        self.peers.values().for_each(|peer| peer.queue.close());
    }
}

#[cfg(test)]
mod tests;
