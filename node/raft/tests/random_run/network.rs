//! The network: what is cut, late, lost or doubled.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::seq::IteratorRandom;
use shakedown_raft::{Message, NodeId};

use super::Simulation;

/// What is wrong with the network.
#[derive(Debug, Default)]
pub(crate) struct Network {
    /// Links that lose everything, one way.
    cut: BTreeSet<(NodeId, NodeId)>,
    /// Messages that come very late.
    pub(crate) delayed: Vec<Message>,
}

impl Network {
    pub(crate) fn heal(&mut self) {
        self.cut.clear();
    }

    pub(crate) fn cut(&mut self, from: NodeId, to: NodeId) {
        self.cut.insert((from, to));
    }

    fn loses(&self, message: &Message) -> bool {
        self.cut.contains(&(message.from, message.to))
    }
}

impl Simulation {
    /// Delivers one message, or loses it where its link is cut. A node that is paused leaves its
    /// messages where they are.
    pub(super) fn deliver_any(&mut self) {
        let network = &self.cluster.network;
        let mut due = (0..network.len()).filter(|i| !self.paused.contains(&network[*i].to));
        let position = match self.profile.reorders {
            true => due.choose(&mut self.random),
            false => due.next(),
        };
        match position {
            Some(position) => self.deliver(position),
            None => drop(self.take_any()),
        }
    }

    fn deliver(&mut self, position: usize) {
        if self.network.loses(&self.cluster.network[position]) {
            self.cluster.network.remove(position);
        } else {
            self.cluster.deliver(position);
        }
    }

    /// Delivers everything that is on its way, in order.
    pub(super) fn deliver_all(&mut self) {
        for _ in 0..self.cluster.network.len() {
            if self.paused.contains(&self.cluster.network[0].to) {
                let message = self.cluster.network.remove(0);
                self.network.delayed.push(message);
            } else {
                self.deliver(0);
            }
        }
    }

    pub(super) fn take_any(&mut self) -> Option<Message> {
        let position = (0..self.cluster.network.len()).choose(&mut self.random)?;
        Some(self.cluster.network.remove(position))
    }

    /// Something that was very late comes on its way again.
    pub(super) fn release_one(&mut self) {
        let position = (0..self.network.delayed.len()).choose(&mut self.random);
        let late = position.map(|position| self.network.delayed.remove(position));
        self.cluster.network.extend(late);
    }

    pub(super) fn release_all(&mut self) {
        self.cluster.network.append(&mut self.network.delayed);
    }

    /// Cuts the nodes in two parts; sometimes one still hears the other.
    pub(super) fn partition(&mut self) {
        let nodes = self.nodes.clone();
        let side = nodes.iter().filter(|_| self.random.random());
        let side: BTreeSet<NodeId> = side.copied().collect();
        let both_ways = self.random.random_ratio(2, 3);
        self.cut_off(&side, true, both_ways);
    }

    /// Cuts one node off, or makes it deaf, or mute.
    pub(super) fn isolate(&mut self, node: NodeId) {
        let (leaves, enters) = match self.random.random_range(0..4) {
            0 => (true, false),
            1 => (false, true),
            _ => (true, true),
        };
        self.cut_off(&BTreeSet::from([node]), leaves, enters);
    }

    fn cut_off(&mut self, side: &BTreeSet<NodeId>, leaves: bool, enters: bool) {
        for from in &self.nodes {
            for to in &self.nodes {
                let leaving = side.contains(from) && !side.contains(to);
                let entering = !side.contains(from) && side.contains(to);
                if (leaves && leaving) || (enters && entering) {
                    self.network.cut(*from, *to);
                }
            }
        }
    }
}
