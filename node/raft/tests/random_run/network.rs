//! The network: what is cut, late, lost or doubled.

use std::collections::{BTreeSet, VecDeque};

use rand::RngExt;
use rand::seq::IteratorRandom;
use shakedown_raft::{Body, Message, NodeId};

use super::Simulation;

/// What is wrong with the network.
#[derive(Debug, Default)]
pub(crate) struct Network {
    /// Links that lose everything, one way.
    cut: BTreeSet<(NodeId, NodeId)>,
    /// Messages that come very late.
    pub(crate) delayed: Vec<Message>,
    /// A node to which everything takes so many rounds.
    pub(crate) slow: Option<(NodeId, u64)>,
    /// What is on its way to the slow node, with the round in which it arrives.
    late: VecDeque<(u64, Message)>,
    round: u64,
    /// Whether the word that hands the leadership over is delayed.
    pub(crate) holds_hand_over: bool,
}

impl Network {
    pub(crate) fn heal(&mut self) {
        self.cut.clear();
    }

    /// Whether this message is to come later; then it is kept.
    fn keeps(&mut self, message: &Message) -> bool {
        if self.holds_hand_over && matches!(message.body, Body::TimeoutNow) {
            self.delayed.push(message.clone());
            return true;
        }
        let slow = self.slow.filter(|(node, _)| *node == message.to);
        let due = slow.map(|(_, rounds)| (self.round + rounds, message.clone()));
        self.late.extend(due);
        slow.is_some()
    }

    /// A round begins: gives back what arrives in it.
    fn arrivals(&mut self) -> Vec<Message> {
        self.round += 1;
        let due = self
            .late
            .iter()
            .take_while(|(round, _)| *round <= self.round);
        let due = due.count();
        self.late.drain(..due).map(|(_, message)| message).collect()
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
        let arrivals = self.network.arrivals();
        for _ in 0..self.cluster.network.len() {
            if self.network.keeps(&self.cluster.network[0]) {
                self.cluster.network.remove(0);
            } else if self.paused.contains(&self.cluster.network[0].to) {
                let message = self.cluster.network.remove(0);
                self.network.delayed.push(message);
            } else {
                self.deliver(0);
            }
        }
        for message in arrivals {
            self.cluster.network.insert(0, message);
            self.deliver(0);
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
