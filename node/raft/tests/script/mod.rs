//! The verbs of the interaction scripts.

mod network;
mod nodes;
mod request;
mod verb;

use std::collections::BTreeMap;
use std::mem;

use bytes::Bytes;
use datadriven::TestCase;
use shakedown_raft::{Durable, Event, Index, Input, LogId, Message, NodeId, PlantedBug};

use crate::cluster::{Cluster, Happened};
use crate::render;
use nodes::Template;
use verb::Verb;

#[derive(Default)]
pub(crate) struct Script {
    cluster: Cluster,
    template: Option<Template>,
    held: Vec<Message>,
    /// What a state machine has written down, and its node has not been told of.
    written: BTreeMap<NodeId, (Index, Bytes)>,
    /// The clock of all nodes: it moves with every tick.
    now_ns: u64,
    /// What every node does wrong.
    planted_bug: Option<PlantedBug>,
}

impl Script {
    /// A script whose nodes have that bug, if they are built to have any.
    pub(crate) fn planted(bug: Option<PlantedBug>) -> Self {
        Self {
            planted_bug: bug,
            ..Self::default()
        }
    }

    pub(crate) fn run(&mut self, case: &TestCase) -> String {
        if case.directive == "quietly" {
            for line in case.input.lines() {
                self.perform(Verb::parse(line));
            }
            self.cluster.journal.clear();
            return String::new();
        }
        let shown = self.perform(Verb::of(case));
        let happened = mem::take(&mut self.cluster.journal);
        let lines = happened.iter().filter_map(render::line);
        lines.chain(shown).map(|line| line + "\n").collect()
    }

    fn perform(&mut self, mut verb: Verb) -> Vec<String> {
        let shown = self.show(&mut verb);
        if shown.is_none() {
            self.act(&mut verb);
        }
        verb.assert_all_taken();
        shown.unwrap_or_default()
    }

    /// The verbs that show what is.
    fn show(&self, verb: &mut Verb) -> Option<Vec<String>> {
        let each = |line: fn(&Cluster, NodeId) -> String| {
            self.nodes().map(|node| line(&self.cluster, node)).collect()
        };
        Some(match verb.name.as_str() {
            "log" => each(render::log),
            "configuration" => each(render::configuration_of),
            "state" => each(render::state),
            "status" => vec![render::status(&self.cluster, node(verb))],
            "network" => {
                let on_its_way = self.cluster.network.iter().map(render::in_flight);
                let held = self.held.iter().map(render::in_flight);
                let held = held.map(|message| format!("held: {message}"));
                on_its_way.chain(held).collect()
            }
            _ => return None,
        })
    }

    /// The verbs that let something happen.
    fn act(&mut self, verb: &mut Verb) {
        match verb.name.as_str() {
            "add-nodes" => self.add_nodes(verb),
            "add-node" => self.add_node(node(verb)),
            "campaign" => self.campaign(node(verb)),
            "tick" => {
                let (node, count) = (node(verb), verb.take::<usize>("count"));
                (0..count).for_each(|_| self.tick([node]));
            }
            "tick-all" => {
                let (nodes, count) = (self.nodes_of(verb), verb.take::<usize>("count"));
                (0..count).for_each(|_| self.tick(nodes.iter().copied()));
            }
            "propose" => self.propose(verb),
            "read" => self.read(verb),
            "change" => self.change(verb),
            "transfer" => self.transfer(verb),
            "stabilize" => self.stabilize(verb),
            _ => self.disk_verb(verb),
        }
    }

    fn disk_verb(&mut self, verb: &mut Verb) {
        match verb.name.as_str() {
            "persist" => {
                let outputs = verb.try_take("outputs").unwrap_or(usize::MAX);
                self.cluster.persist(node(verb), outputs);
            }
            "late-completion" => {
                let last = LogId::new(verb.take("term"), verb.take("index"));
                let node = node(verb);
                let hard_state = self.cluster.host(node).disk().hard_state;
                let durable = Durable { hard_state, last };
                self.cluster.feed(node, Input::Persisted(durable));
            }
            "begin-snapshot" => {
                let node = node(verb);
                let machine = &self.cluster.host(node).machine;
                let written = (machine.applied.index, machine.save());
                self.written.insert(node, written);
            }
            "snapshot" => {
                let node = node(verb);
                match self.written.remove(&node) {
                    Some((at, data)) => self.cluster.feed(node, Input::SnapshotTaken { at, data }),
                    None => self.cluster.snapshot(node),
                }
            }
            "save-snapshot" => self.cluster.save_snapshot(node(verb)),
            "crash" => self.cluster.crash(node(verb)),
            "restart" => self.cluster.restart(node(verb)),
            "corrupt" => {
                let index = Index(verb.take("index"));
                self.cluster.corrupt(node(verb), index);
            }
            "wipe" => {
                let joins = verb.take_flag("joins");
                self.wipe(node(verb), joins);
            }
            _ => self.network_verb(verb),
        }
    }

    /// Lets one tick pass for each of these.
    fn tick(&mut self, nodes: impl IntoIterator<Item = NodeId>) {
        self.now_ns += 1;
        let now_ns = self.now_ns;
        for node in nodes {
            self.cluster.feed(node, Input::Tick { now_ns });
        }
    }

    /// Ticks until the node stands for election, or asks whether it should: at most the longest
    /// election timeout.
    fn campaign(&mut self, node: NodeId) {
        let before = self.cluster.journal.len();
        let stands = |happened: &Happened| match happened {
            Happened::Traced(who, _, event) => {
                *who == node
                    && matches!(
                        event,
                        Event::BecomeCandidate { .. } | Event::BecomePreCandidate
                    )
            }
            _ => false,
        };
        for _ in 0..20 {
            self.tick([node]);
            if self.cluster.journal[before..].iter().any(stands) {
                return;
            }
        }
        panic!("{node} does not stand for election");
    }

    /// The nodes that a verb is about; all unless it says otherwise.
    fn nodes_of(&self, verb: &mut Verb) -> Vec<NodeId> {
        let named = verb.try_take_list("nodes");
        named.map_or(self.nodes().collect(), |ids: Vec<u64>| {
            ids.into_iter().map(NodeId).collect()
        })
    }

    fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.cluster.hosts.keys().copied()
    }
}

fn node(verb: &mut Verb) -> NodeId {
    NodeId(verb.take("node"))
}
