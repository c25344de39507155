//! A run of a random cluster.
//!
//! - `profile`: what a seed varies
//! - `acts`: what can happen next
//! - `network`, `time`, `clients`, `administration`: the world around the nodes
//! - `convergence`, `drill`: what must become of it once it is healed
//! - `judge`: what is found

mod acts;
mod administration;
mod clients;
mod convergence;
mod drill;
mod judge;
mod network;
mod profile;
mod time;

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shakedown_checker::CheckReport;
use shakedown_history::event::ConfigStep;
use shakedown_history::{NodeTrace, Op};
use shakedown_raft::{Configuration, Event, NodeId, PlantedBug};

use crate::cluster::{Cluster, Disk, Happened};
use clients::Clients;
pub(crate) use judge::Finding;
use network::Network;
use profile::Profile;
use time::Clock;

/// What came of a run.
#[derive(Debug, PartialEq)]
pub(crate) struct Run {
    /// All nodes.
    pub(crate) nodes: Vec<NodeId>,
    /// What they say they did.
    pub(crate) traces: Vec<NodeTrace>,
    /// What clients saw.
    pub(crate) history: Vec<Op>,
    /// What only the simulation sees.
    pub(crate) seen: Vec<Finding>,
    /// Requests that were answered under faults.
    pub(crate) answered_under_faults: u64,
    /// How often a node stopped itself.
    pub(crate) stopped: u32,
}

impl Run {
    /// What each check says.
    pub(crate) fn reports(&self) -> Vec<CheckReport> {
        judge::reports(&self.traces, &self.nodes, &self.history)
    }

    /// Writes what nodes and clients say into a directory, for people to read.
    pub(crate) fn write_traces(&self, directory: &str) {
        let line = |value: serde_json::Result<String>| value.expect("plain data") + "\n";
        for trace in &self.traces {
            let mut text = String::new();
            for segment in &trace.segments {
                text += &line(serde_json::to_string(&segment.header));
                let records = segment.records.iter();
                text.extend(records.map(|record| line(serde_json::to_string(record))));
            }
            let path = format!("{directory}/{}.jsonl", trace.node);
            std::fs::write(path, text).expect("the directory exists");
        }
        let ops = self.history.iter();
        let text: String = ops.map(|op| line(serde_json::to_string(op))).collect();
        std::fs::write(format!("{directory}/history.jsonl"), text).expect("the directory exists");
    }

    /// All broken promises.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = judge::findings(&self.reports());
        findings.extend(self.seen.iter().cloned());
        findings
    }
}

/// Runs a random cluster.
pub(crate) fn run(seed: u64, planted_bug: Option<PlantedBug>) -> Run {
    let mut simulation = Simulation::new(seed, planted_bug);
    for _ in 0..simulation.profile.acts {
        simulation.act();
        simulation.listen();
    }
    let answered_under_faults = simulation.clients.answered;
    let ended = simulation
        .serve_without_one()
        .and_then(|()| simulation.converge())
        .and_then(|()| simulation.drill())
        .and_then(|()| simulation.converge());
    simulation.seen.extend(ended.err());
    let now_ns = simulation.now_ns;
    simulation.clients.give_up_all(now_ns);
    let hosts = simulation.cluster.hosts.into_values();
    Run {
        nodes: simulation.nodes,
        traces: hosts.map(|host| host.trace).collect(),
        history: simulation.clients.history,
        seen: simulation.seen,
        answered_under_faults,
        stopped: simulation.cluster.stopped,
    }
}

#[derive(Debug)]
struct Simulation {
    profile: Profile,
    cluster: Cluster,
    nodes: Vec<NodeId>,
    random: ChaCha8Rng,
    /// True time.
    now_ns: u64,
    clocks: BTreeMap<NodeId, Clock>,
    network: Network,
    clients: Clients,
    /// Nodes to which nothing happens, as if they were stopped by a signal.
    paused: BTreeSet<NodeId>,
    /// Nodes whose disks complete nothing.
    stalled: BTreeSet<NodeId>,
    /// Members with a new disk under their old name.
    wiped: BTreeSet<NodeId>,
    /// Whether clients go on while the cluster runs fairly.
    clients_ask_on: bool,
    /// Disks put in so far.
    disks: u128,
    seen: Vec<Finding>,
}

impl Simulation {
    fn new(seed: u64, planted_bug: Option<PlantedBug>) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let profile = Profile::draw(&mut random, planted_bug);
        let nodes = profile.nodes();
        let mut cluster = Cluster::default();
        cluster.lags = profile.lags;
        for node in &nodes {
            let settings = profile.settings(*node, random.random());
            cluster.add(settings, Disk::default());
        }
        let clock =
            |(node, percent): (&NodeId, &u64)| (*node, Clock::new(*percent, profile.tick_ns));
        Self {
            clocks: profile.clock_percent.iter().map(clock).collect(),
            clients: Clients::new(profile.clients),
            profile,
            cluster,
            nodes,
            random,
            now_ns: 0,
            network: Network::default(),
            paused: BTreeSet::new(),
            stalled: BTreeSet::new(),
            wiped: BTreeSet::new(),
            clients_ask_on: false,
            disks: 0,
            seen: Vec::new(),
        }
    }

    /// Takes note of what happened.
    fn listen(&mut self) {
        for (_, answer) in self.cluster.take_answers() {
            self.clients.hear(answer, self.now_ns);
        }
        for happened in std::mem::take(&mut self.cluster.journal) {
            match happened {
                Happened::Traced(node, _, Event::ConfigChange { what, old, new, .. })
                    if what == ConfigStep::Append && self.leads(node) =>
                {
                    self.judge_promotion(node, &old, &new);
                }
                Happened::Traced(node, term, Event::BecomeLeader { config, .. })
                    if config.learners.contains(&node) =>
                {
                    let what = format!("{node} leads term {term} as a learner");
                    self.seen.push(Finding::new("only-voters-lead", what));
                }
                _ => {}
            }
        }
        self.forget_healed_disks();
    }

    /// A learner becomes a voter only if it has nearly all of the leader's log.
    fn judge_promotion(&mut self, leader: NodeId, old: &Configuration, new: &Configuration) {
        let promoted = new.voters.iter().find(|node| old.learners.contains(node));
        let Some(node) = promoted.filter(|node| !self.wiped.contains(node)) else {
            return;
        };
        let core = self.cluster.host(leader).core().expect("it leads");
        let near = self.cluster.host(leader).settings().entries_per_message_max as u64;
        let (has, wants) = (
            self.cluster.host(*node).disk().last().index.0,
            core.last().index.0,
        );
        // The entry of the promotion itself came on top.
        if has + near + 1 < wants {
            let what = format!("{node} is made a voter with a log up to {has} of {wants}");
            self.seen.push(Finding::new("promotion", what));
        }
    }
}
