//! The verbs of the interaction scripts.

mod verb;

use std::fmt::Write as _;
use std::mem;

use bytes::Bytes;
use datadriven::TestCase;
use shakedown_history::event::{HardState, ReadMode, Role};
use shakedown_raft::{
    Durable, Entry, Input, LogHash, LogId, Membership, Message, NodeId, Payload, Settings, Term,
    Token,
};

use crate::cluster::{Cluster, Disk};
use crate::render;
use verb::Verb;

#[derive(Default)]
pub(crate) struct Script {
    cluster: Cluster,
    held: Vec<Message>,
    /// The clock of all nodes: it moves with every tick.
    now_ns: u64,
}

/// Which messages a verb is about.
struct Selection {
    from: Option<NodeId>,
    to: Option<NodeId>,
    kind: Option<String>,
}

impl Selection {
    fn take(verb: &mut Verb) -> Self {
        Self {
            from: verb.try_take("from").map(NodeId),
            to: verb.try_take("to").map(NodeId),
            kind: verb.try_take("kind"),
        }
    }

    fn selects(&self, message: &Message) -> bool {
        let kind = message.body.kind();
        self.from.is_none_or(|from| from == message.from)
            && self.to.is_none_or(|to| to == message.to)
            && self.kind.as_ref().is_none_or(|asked| asked == kind)
    }
}

impl Script {
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
        let shown = self.verb(&mut verb);
        verb.assert_all_taken();
        shown
    }

    fn verb(&mut self, verb: &mut Verb) -> Vec<String> {
        let mut shown = Vec::new();
        match verb.name.as_str() {
            "add-nodes" => self.add_nodes(verb),
            "campaign" => self.campaign(node(verb)),
            "tick" => {
                let (node, count) = (node(verb), verb.take::<usize>("count"));
                (0..count).for_each(|_| self.tick(node));
            }
            "propose" => {
                let token = Token(verb.take("value"));
                let command = Bytes::from(token.0.to_string());
                self.cluster
                    .feed(node(verb), Input::Propose { token, command });
            }
            "read" => {
                let token = Token(verb.take("token"));
                let mode = match verb.take_flag("lease") {
                    true => ReadMode::Lease,
                    false => ReadMode::Index,
                };
                let read = Input::Read {
                    token,
                    mode,
                    now_ns: self.now_ns,
                };
                self.cluster.feed(node(verb), read);
            }
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
            "crash" => self.cluster.crash(node(verb)),
            "restart" => self.cluster.restart(node(verb)),
            "stabilize" => self.stabilize(verb),
            "log" => shown.extend(self.nodes().map(|node| render::log(&self.cluster, node))),
            "network" => {
                shown.extend(self.cluster.network.iter().map(render::in_flight));
                shown.extend(
                    self.held
                        .iter()
                        .map(|m| format!("held: {}", render::in_flight(m))),
                );
            }
            "status" => shown.push(self.status(node(verb))),
            _ => self.network_verb(verb),
        }
        shown
    }

    fn network_verb(&mut self, verb: &mut Verb) {
        let selection = Selection::take(verb);
        if verb.name == "release" {
            let released = self.held.extract_if(.., |m| selection.selects(m));
            self.cluster.network.extend(released);
            return;
        }
        let network = mem::take(&mut self.cluster.network);
        let (mut selected, rest): (Vec<_>, Vec<_>) =
            network.into_iter().partition(|m| selection.selects(m));
        self.cluster.network = rest;
        match verb.name.as_str() {
            "deliver" => {
                for message in selected {
                    self.cluster.network.insert(0, message);
                    self.cluster.deliver(0);
                }
            }
            "drop" => {}
            "hold" => self.held.extend(selected),
            "duplicate" => {
                self.held.extend(selected.iter().cloned());
                self.cluster.network.extend(selected);
            }
            "reverse" => {
                selected.reverse();
                self.cluster.network.extend(selected);
            }
            other => panic!("no verb is called {other}"),
        }
    }

    fn add_nodes(&mut self, verb: &mut Verb) {
        let disks: Vec<Disk> = if verb.take_flag("logs") {
            verb.input.lines().map(disk).collect()
        } else {
            vec![Disk::default(); verb.take("count")]
        };
        let election_timeout: Option<u64> = verb.try_take("election-timeout");
        let entries_per_message_max = verb.try_take("entries-per-message").unwrap_or(8);
        let voters = (1..=disks.len() as u64).map(NodeId);
        for (node, disk) in voters.clone().zip(disks) {
            let settings = Settings {
                node,
                disk: None,
                bootstrap: Membership::of_voters(voters.clone()),
                election_timeout_ticks_min: election_timeout.unwrap_or(10),
                election_timeout_ticks_max: election_timeout.unwrap_or(20),
                heartbeat_ticks: 3,
                pre_vote: false,
                check_quorum: true,
                sticky_leader: false,
                lease_ns: 0,
                entries_per_message_max,
                bytes_per_message_max: 1 << 20,
                bytes_in_flight_max: 1 << 20,
                messages_in_flight_max: 16,
                snapshot_chunk_bytes: 1 << 10,
                log_retention: 0,
                disk_stall_ticks: u64::MAX,
                incarnation: 1,
                seed: node.0,
                planted_bug: None,
            };
            self.cluster.add(settings, disk);
        }
    }

    fn tick(&mut self, node: NodeId) {
        self.now_ns += 1;
        let now_ns = self.now_ns;
        self.cluster.feed(node, Input::Tick { now_ns });
    }

    /// Ticks until the node stands for election: at most the longest election timeout.
    fn campaign(&mut self, node: NodeId) {
        let term = |script: &Self| {
            script
                .cluster
                .host(node)
                .core()
                .expect("the node is up")
                .term()
        };
        let before = term(self);
        for _ in 0..20 {
            self.tick(node);
            if term(self) > before {
                return;
            }
        }
        panic!("{node} does not stand for election");
    }

    fn stabilize(&mut self, verb: &mut Verb) {
        let only = verb.try_take_list("nodes");
        let only = only.map_or(self.nodes().collect(), |ids: Vec<u64>| {
            ids.into_iter().map(NodeId).collect::<Vec<_>>()
        });
        loop {
            let network = &self.cluster.network;
            let within = |m: &Message| only.contains(&m.from) && only.contains(&m.to);
            if let Some(node) = only
                .iter()
                .find(|n| self.cluster.host(**n).unpersisted() > 0)
            {
                self.cluster.persist_all(*node);
            } else if let Some(position) = network.iter().position(within) {
                self.cluster.deliver(position);
            } else {
                return;
            }
        }
    }

    fn status(&self, node: NodeId) -> String {
        let Some(core) = self.cluster.host(node).core() else {
            return format!("{node} down");
        };
        let status = core.status();
        let role = format!("{:?}", status.role).to_lowercase();
        let mut text = format!("{node} t{} {role}", status.term);
        if status.role != Role::Leader {
            let leader = status.leader.map_or("nobody".to_owned(), |n| n.to_string());
            write!(text, ", follows {leader}").expect("a string grows");
        }
        write!(
            text,
            ", last {}, commit {}",
            status.last, status.commit_index
        )
        .expect("a string grows");
        for (peer, index) in status.match_indexes {
            write!(text, ", {peer} matches {index}").expect("a string grows");
        }
        text
    }

    fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.cluster.hosts.keys().copied()
    }
}

fn node(verb: &mut Verb) -> NodeId {
    NodeId(verb.take("node"))
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
