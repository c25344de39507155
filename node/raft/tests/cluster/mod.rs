//! A cluster of cores without processes, disks or sockets: the test decides what happens next.
#![allow(dead_code, reason = "each test uses a part of this")]

mod disk;
mod host;
pub(crate) mod machine;

use std::collections::BTreeMap;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use shakedown_raft::{Event, Index, Input, LogId, Message, NodeId, Reply, Settings, Term, Token};

pub(crate) use disk::Disk;
pub(crate) use host::Host;

/// One thing that happened, for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// A node did something.
    Traced(NodeId, Term, Event),
    /// A node sent something.
    Sent(Message),
    /// A message arrived at a running node.
    Arrived(Message),
    /// A message arrived at a node that is down.
    Lost(Message),
    /// A request was answered.
    Answered(NodeId, Reply),
    /// A change of the membership was answered: it is committed there.
    Changed(NodeId, Token, LogId),
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The command took effect, now or when it was first asked for.
    Written(Token),
    /// The registers as the node has them.
    Read(Token, BTreeMap<u64, u64>),
    /// This attempt certainly has no effect.
    Refused(Token),
}

/// The nodes and what is on its way between them.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    /// The nodes, up or down.
    pub(crate) hosts: BTreeMap<NodeId, Host>,
    /// What is on its way, oldest first.
    pub(crate) network: Vec<Message>,
    /// What happened, in order.
    pub(crate) journal: Vec<Happened>,
    /// Whether state machines apply what is committed only when told to [`Cluster::work`].
    pub(crate) lags: bool,
    /// How often a node has stopped itself because of what it found; only with a planted bug.
    pub(crate) stopped: u32,
    /// Counts what happened; the traces' clock.
    now: u64,
}

impl Cluster {
    /// Adds a node and starts it with what its disk holds.
    pub(crate) fn add(&mut self, settings: Settings, disk: Disk) {
        let node = settings.node;
        self.hosts
            .insert(node, Host::new(settings, disk, self.lags));
        self.with(node, |host, record| host.start(record));
    }

    /// The node.
    pub(crate) fn host(&self, node: NodeId) -> &Host {
        &self.hosts[&node]
    }

    /// Gives a running node an input; nothing happens to one that is down.
    pub(crate) fn feed(&mut self, node: NodeId, input: Input) {
        self.with(node, |host, record| host.feed(input, record));
    }

    /// Lets the oldest outputs of a node reach its disk, in one sync.
    pub(crate) fn persist(&mut self, node: NodeId, outputs: usize) {
        self.with(node, |host, record| host.persist(outputs, record));
    }

    /// Lets everything reach the node's disk.
    pub(crate) fn persist_all(&mut self, node: NodeId) {
        self.persist(node, usize::MAX);
    }

    /// Kills a node: all that is not on its disk is gone.
    pub(crate) fn crash(&mut self, node: NodeId) {
        self.with(node, |host, _| host.crash());
    }

    /// Kills a node in the middle of a sync: the first so many writes survive.
    pub(crate) fn crash_torn(&mut self, node: NodeId, writes: usize) {
        self.with(node, |host, _| host.crash_torn(writes));
    }

    /// Lets the node's next sync fail, if it waits for one.
    pub(crate) fn fail_sync(&mut self, node: NodeId) {
        self.with(node, |host, record| host.fail_sync(record));
    }

    /// Lets a state machine that lags do some of what is committed.
    pub(crate) fn work(&mut self, node: NodeId, tasks: usize) {
        self.with(node, |host, record| host.work(tasks, record));
    }

    /// Writes the node's state machine down without telling the core.
    pub(crate) fn write_down(&mut self, node: NodeId) {
        self.with(node, |host, _| host.write_down());
    }

    /// Tells the core what was written down.
    pub(crate) fn hand_over_snapshot(&mut self, node: NodeId) {
        self.with(node, |host, record| host.hand_over_snapshot(record));
    }

    /// What clients were told since the last time, and by whom.
    pub(crate) fn take_answers(&mut self) -> Vec<(NodeId, Answer)> {
        let answers = self.hosts.iter_mut().flat_map(|(node, host)| {
            let answers = mem::take(&mut host.answers);
            answers.into_iter().map(|answer| (*node, answer))
        });
        answers.collect()
    }

    /// Moves the traces' clock on, to `now_ns` at least.
    pub(crate) fn set_clock(&mut self, now_ns: u64) {
        self.now = self.now.max(now_ns);
    }

    /// Writes the node's state machine down.
    pub(crate) fn snapshot(&mut self, node: NodeId) {
        self.with(node, |host, record| host.take_snapshot(record));
    }

    /// Lets a snapshot that was taken reach the disk.
    pub(crate) fn save_snapshot(&mut self, node: NodeId) {
        self.with(node, |host, record| host.save_snapshot(record));
    }

    /// Damages an entry on the disk of a node that is down.
    pub(crate) fn corrupt(&mut self, node: NodeId, index: Index) {
        self.with(node, |host, _| host.disk_mut().corrupt(index));
    }

    /// Puts another disk into a node that is down.
    pub(crate) fn replace_disk(&mut self, settings: Settings, disk: Disk) {
        let node = settings.node;
        self.with(node, |host, _| host.replace_disk(settings, disk));
    }

    /// Starts a node that is down.
    pub(crate) fn restart(&mut self, node: NodeId) {
        self.with(node, |host, record| host.start(record));
    }

    /// Takes one message off the network and hands it to its addressee.
    pub(crate) fn deliver(&mut self, position: usize) {
        let message = self.network.remove(position);
        let host = self.hosts.get(&message.to);
        if host.is_none_or(|host| host.core().is_none()) {
            self.journal.push(Happened::Lost(message));
            return;
        }
        self.journal.push(Happened::Arrived(message.clone()));
        self.feed(message.to, Input::Receive(message));
    }

    fn with(&mut self, node: NodeId, act: impl FnOnce(&mut Host, &mut Vec<Happened>)) {
        let host = self.hosts.get_mut(&node).expect("the node exists");
        let from = self.journal.len();
        self.now += 1;
        host.now = self.now;
        if host.settings().planted_bug.is_none() {
            act(host, &mut self.journal);
        } else if catch_unwind(AssertUnwindSafe(|| act(host, &mut self.journal))).is_err() {
            // It found its state broken, and its process ends.
            host.crash();
            self.stopped += 1;
        }
        let sent = self.journal[from..].iter().filter_map(|h| match h {
            Happened::Sent(message) => Some(message.clone()),
            _ => None,
        });
        self.network.extend(sent);
    }
}
