//! A run of a random cluster.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use rand::seq::{IndexedRandom, IteratorRandom};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shakedown_history::NodeTrace;
use shakedown_history::event::ReadMode;
use shakedown_raft::{
    Entry, Event, Index, Input, Membership, Message, NodeId, PlantedBug, Reply, Settings, Token,
};

use crate::cluster::{Cluster, Disk, Happened, Host};

const STEPS: usize = 5000;
/// More on its way than this, and the network is delivered from before anything else.
const MESSAGES_MAX: usize = 80;
/// Rounds of everything that a healed cluster gets to serve again.
const ROUNDS_TO_CONVERGE: usize = 400;

/// What came of a run.
#[derive(Debug, PartialEq)]
pub(crate) struct Run {
    /// All nodes.
    pub(crate) nodes: Vec<NodeId>,
    /// What they say they did.
    pub(crate) traces: Vec<NodeTrace>,
    /// Their logs at the end.
    pub(crate) logs: Vec<Vec<Entry>>,
    /// Reads that may miss a write acknowledged before they came in.
    pub(crate) stale_reads: Vec<Token>,
    /// Commands acknowledged while faults were about.
    pub(crate) commits_under_faults: u64,
    /// Whether the healed cluster committed a command on all nodes.
    pub(crate) converged: bool,
}

/// Runs a random cluster of three to five nodes.
pub(crate) fn run(seed: u64, planted_bug: Option<PlantedBug>) -> Run {
    let mut simulation = Simulation::new(seed, planted_bug);
    for _ in 0..STEPS {
        simulation.act();
        simulation.listen();
    }
    let commits_under_faults = simulation.commits;
    let converged = simulation.converge();
    let hosts = simulation.cluster.hosts;
    let logs = hosts.values().map(Host::log_in_memory).collect();
    Run {
        nodes: simulation.nodes,
        logs,
        traces: hosts.into_values().map(|host| host.trace).collect(),
        stale_reads: simulation.stale_reads,
        commits_under_faults,
        converged,
    }
}

#[derive(Debug)]
struct Simulation {
    cluster: Cluster,
    nodes: Vec<NodeId>,
    random: ChaCha8Rng,
    /// Links that lose everything, one way.
    cut: BTreeSet<(NodeId, NodeId)>,
    tokens: u64,
    commits: u64,
    /// The last entry of which a client was told that it is committed.
    acknowledged: Index,
    /// Open reads, and what was acknowledged when each came in.
    reads: BTreeMap<Token, Index>,
    stale_reads: Vec<Token>,
}

#[derive(Clone, Copy)]
enum Act {
    Tick,
    Deliver,
    Persist,
    Propose,
    Read,
    Snapshot,
    SaveSnapshot,
    Drop,
    Duplicate,
    Crash,
    Restart,
    Partition,
    Heal,
}

const WEIGHTS: [(Act, u32); 13] = [
    (Act::Tick, 250),
    (Act::Deliver, 450),
    (Act::Persist, 250),
    (Act::Propose, 70),
    (Act::Read, 30),
    (Act::Snapshot, 8),
    (Act::SaveSnapshot, 20),
    (Act::Drop, 12),
    (Act::Duplicate, 15),
    (Act::Crash, 5),
    (Act::Restart, 25),
    (Act::Partition, 3),
    (Act::Heal, 6),
];

impl Simulation {
    fn new(seed: u64, planted_bug: Option<PlantedBug>) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let nodes: Vec<NodeId> = (1..=random.random_range(3..=5)).map(NodeId).collect();
        let mut cluster = Cluster::default();
        for node in &nodes {
            let settings = Settings {
                node: *node,
                disk: None,
                bootstrap: Membership::of_voters(nodes.clone()),
                election_timeout_ticks_min: 10,
                election_timeout_ticks_max: 20,
                heartbeat_ticks: 3,
                pre_vote: random.random(),
                check_quorum: true,
                sticky_leader: random.random(),
                lease_ns: 0,
                entries_per_message_max: 3,
                bytes_per_message_max: 1 << 20,
                bytes_in_flight_max: 1 << 20,
                messages_in_flight_max: 16,
                snapshot_chunk_bytes: 40,
                log_retention: 5,
                disk_stall_ticks: 100,
                incarnation: 1,
                seed: random.random(),
                planted_bug,
            };
            cluster.add(settings, Disk::default());
        }
        Self {
            cluster,
            nodes,
            random,
            cut: BTreeSet::new(),
            tokens: 0,
            commits: 0,
            acknowledged: Index(0),
            reads: BTreeMap::new(),
            stale_reads: Vec::new(),
        }
    }

    fn act(&mut self) {
        let node = *self
            .nodes
            .choose(&mut self.random)
            .expect("there are nodes");
        match self.choose_act() {
            Act::Tick => self.cluster.feed(node, Input::Tick { now_ns: 0 }),
            Act::Deliver => self.deliver_any(),
            Act::Persist => {
                let outputs = self.random.random_range(1..=8);
                self.cluster.persist(node, outputs);
            }
            Act::Propose => self.propose(node),
            Act::Read => self.read(node),
            Act::Snapshot => self.cluster.snapshot(node),
            Act::SaveSnapshot => self.cluster.save_snapshot(node),
            Act::Drop => drop(self.take_any()),
            Act::Duplicate => {
                let copy = self.cluster.network.choose(&mut self.random).cloned();
                self.cluster.network.extend(copy);
            }
            Act::Crash => self.cluster.crash(node),
            Act::Restart => self.restart(node),
            Act::Partition => self.partition(),
            Act::Heal => self.cut.clear(),
        }
    }

    fn choose_act(&mut self) -> Act {
        if self.cluster.network.len() > MESSAGES_MAX {
            return Act::Deliver;
        }
        let chosen = WEIGHTS.choose_weighted(&mut self.random, |(_, weight)| *weight);
        chosen.expect("weights are positive").0
    }

    fn deliver_any(&mut self) {
        let Some(position) = (0..self.cluster.network.len()).choose(&mut self.random) else {
            return;
        };
        let message = &self.cluster.network[position];
        if self.cut.contains(&(message.from, message.to)) {
            self.cluster.network.remove(position);
        } else {
            self.cluster.deliver(position);
        }
    }

    fn take_any(&mut self) -> Option<Message> {
        let position = (0..self.cluster.network.len()).choose(&mut self.random)?;
        Some(self.cluster.network.remove(position))
    }

    fn propose(&mut self, node: NodeId) {
        let token = self.next_token();
        let command = Bytes::from(token.0.to_string());
        self.cluster.feed(node, Input::Propose { token, command });
    }

    fn read(&mut self, node: NodeId) {
        let token = self.next_token();
        self.reads.insert(token, self.acknowledged);
        self.cluster.feed(
            node,
            Input::Read {
                token,
                mode: ReadMode::Index,
                now_ns: 0,
            },
        );
    }

    fn next_token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }

    fn restart(&mut self, node: NodeId) {
        if self.cluster.host(node).core().is_none() {
            self.cluster.restart(node);
        }
    }

    /// Cuts the nodes in two halves; sometimes one half still hears the other.
    fn partition(&mut self) {
        let side: BTreeSet<NodeId> = self
            .nodes
            .iter()
            .copied()
            .filter(|_| self.random.random())
            .collect();
        let both_ways = self.random.random_ratio(2, 3);
        for from in &self.nodes {
            for to in &self.nodes {
                let leaves = side.contains(from) && !side.contains(to);
                let enters = !side.contains(from) && side.contains(to);
                if leaves || (both_ways && enters) {
                    self.cut.insert((*from, *to));
                }
            }
        }
    }

    /// Takes note of what clients were told.
    fn listen(&mut self) {
        for happened in std::mem::take(&mut self.cluster.journal) {
            match happened {
                Happened::Traced(_, _, Event::ClientAck { id, .. }) => {
                    self.acknowledged = self.acknowledged.max(id.index);
                    self.commits += 1;
                }
                Happened::Answered(_, Reply::ReadReady(read)) => {
                    let floor = self
                        .reads
                        .remove(&read.token)
                        .expect("asked once, answered once");
                    if read.index < floor {
                        self.stale_reads.push(read.token);
                    }
                }
                _ => {}
            }
        }
    }

    /// Heals everything and lets the cluster run fairly until all nodes have applied one more command.
    fn converge(&mut self) -> bool {
        self.cut.clear();
        for node in self.nodes.clone() {
            self.restart(node);
        }
        (0..ROUNDS_TO_CONVERGE).any(|round| {
            if round % 20 == 19 {
                let leader = self.nodes.iter().rfind(|n| self.leads(**n)).copied();
                leader.into_iter().for_each(|leader| self.propose(leader));
            }
            self.run_round();
            self.listen();
            self.is_converged()
        })
    }

    fn run_round(&mut self) {
        for node in self.nodes.clone() {
            self.cluster.feed(node, Input::Tick { now_ns: 0 });
            while self.cluster.host(node).unpersisted() > 0 {
                self.cluster.persist_all(node);
            }
        }
        for _ in 0..self.cluster.network.len() {
            self.cluster.deliver(0);
        }
    }

    fn leads(&self, node: NodeId) -> bool {
        let core = self.cluster.host(node).core();
        core.is_some_and(|core| core.leader() == Some(node))
    }

    /// One leader, whom all follow, and who has committed in its term; nothing is missing anywhere.
    fn is_converged(&self) -> bool {
        let status = |node: &NodeId| {
            let core = self.cluster.host(*node).core()?;
            let on_disk = self.cluster.host(*node).disk().last();
            let all_committed = core.commit_index() == core.last().index && on_disk == core.last();
            (all_committed && core.last().term == core.term())
                .then(|| (core.term(), core.leader(), core.last(), core.last_hash()))
        };
        let first = status(&self.nodes[0]);
        first.is_some_and(|s| s.1.is_some()) && self.nodes.iter().all(|node| status(node) == first)
    }
}
