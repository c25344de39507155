//! The verbs that make nodes and disks.

use shakedown_history::event::HardState;
use shakedown_raft::{
    DiskId, Entry, LogHash, LogId, Member, Membership, NodeId, Payload, PlantedBug, Settings, Term,
};

use super::Script;
use super::verb::Verb;
use crate::cluster::Disk;

/// What all nodes of a script are told.
pub(super) struct Template {
    settings: Settings,
    /// Whether each node is bound to its disk.
    disks: bool,
}

impl Template {
    fn take(verb: &mut Verb, planted_bug: Option<PlantedBug>) -> Self {
        let election_timeout: Option<u64> = verb.try_take("election-timeout");
        let mut limit = |name: &str, usual: usize| verb.try_take(name).unwrap_or(usual);
        let settings = Settings {
            node: NodeId(0),
            disk: None,
            bootstrap: Membership::default(),
            election_timeout_ticks_min: election_timeout.unwrap_or(10),
            election_timeout_ticks_max: election_timeout.unwrap_or(20),
            heartbeat_ticks: 3,
            entries_per_message_max: limit("entries-per-message", 8),
            bytes_per_message_max: limit("bytes-per-message", 1 << 20),
            bytes_in_flight_max: limit("bytes-in-flight", 1 << 20),
            messages_in_flight_max: limit("messages-in-flight", 16),
            snapshot_chunk_bytes: limit("chunk", 1 << 10),
            log_retention: verb.try_take("retention").unwrap_or(0),
            lease_ns: verb.try_take("lease").unwrap_or(0),
            disk_stall_ticks: verb.try_take("stall").unwrap_or(u64::MAX),
            pre_vote: verb.take_flag("pre-vote"),
            check_quorum: !verb.take_flag("no-check-quorum"),
            sticky_leader: verb.take_flag("sticky"),
            incarnation: 1,
            seed: 0,
            planted_bug,
        };
        let disks = verb.take_flag("disks");
        Self { settings, disks }
    }

    fn settings(&self, node: NodeId, bootstrap: Membership) -> Settings {
        Settings {
            node,
            disk: self.disks.then_some(DiskId(u128::from(node.0))),
            bootstrap,
            seed: node.0,
            ..self.settings.clone()
        }
    }
}

impl Script {
    /// The voters n1, n2 and so on, then the learners.
    pub(super) fn add_nodes(&mut self, verb: &mut Verb) {
        let disks: Vec<Disk> = if verb.take_flag("logs") {
            verb.input.lines().map(disk).collect()
        } else {
            vec![Disk::default(); verb.take("count")]
        };
        let template = Template::take(verb, self.planted_bug);
        let mut bootstrap = Membership::of_voters((1..=disks.len() as u64).map(NodeId));
        let learners: Vec<u64> = verb.try_take_list("learners").unwrap_or_default();
        for learner in learners.into_iter().map(NodeId) {
            bootstrap.config.learners.push(learner);
            bootstrap.members.insert(learner, Member::default());
        }
        let nodes: Vec<NodeId> = bootstrap.members.keys().copied().collect();
        let disks = disks.into_iter().chain(std::iter::repeat(Disk::default()));
        for (node, disk) in nodes.into_iter().zip(disks) {
            let settings = template.settings(node, bootstrap.clone());
            self.cluster.add(settings, disk);
        }
        self.template = Some(template);
    }

    /// A node that waits to be added to the cluster.
    pub(super) fn add_node(&mut self, node: NodeId) {
        let template = self.template.as_ref().expect("add-nodes came first");
        let settings = template.settings(node, Membership::default());
        self.cluster.add(settings, Disk::default());
    }

    /// Gives a node that is down an empty disk, with an identity of its own. With `joins` it waits to be
    /// added again; otherwise it believes that it starts the cluster.
    pub(super) fn wipe(&mut self, node: NodeId, joins: bool) {
        let mut settings = self.cluster.host(node).settings().clone();
        settings.disk = settings.disk.map(|disk| DiskId(disk.0 + 100));
        if joins {
            settings.bootstrap = Membership::default();
        }
        self.cluster.replace_disk(settings, Disk::default());
    }
}

/// A disk from its line in a script: `n1 t7: 1 1 4`.
fn disk(line: &str) -> Disk {
    let (head, terms) = line.split_once(':').expect("a log's line has a colon");
    let term = head.split_once('t').expect("a log's line names the term").1;
    let mut disk = Disk {
        hard_state: HardState {
            term: Term(number(term)),
            voted_for: None,
        },
        ..Disk::default()
    };
    for (index, term) in (1..).zip(terms.split_whitespace()) {
        let previous = disk.log.last().map_or(LogHash::EMPTY, |e| e.hash);
        let id = LogId::new(number(term), index);
        disk.log.push(Entry::new(previous, id, Payload::Noop));
    }
    disk
}

fn number(text: &str) -> u64 {
    text.trim().parse().expect("terms are numbers")
}
