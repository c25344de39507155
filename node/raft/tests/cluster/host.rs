//! One node of the test: a core, its disk, and a driver that keeps the contract of `Output`.
//!
//! - this file: a process that comes up, takes inputs and dies
//! - `durability`: what is on its way to the disk, and what waits for it
//! - `application`: the state machine behind the commit index, reads and snapshots
//! - `record`: the trace

mod application;
mod durability;
mod record;

use std::collections::{BTreeMap, VecDeque};

use shakedown_history::NodeTrace;
use shakedown_history::event::{ClientSeq, ReadMode};
use shakedown_raft::{
    Event, HardState, Input, Output, PlantedBug, Raft, Read, Reply, Settings, Snapshot, Term, Token,
};

use super::disk::Disk;
use super::machine::{Command, Machine};
use super::{Answer, Happened};
use application::Task;
use durability::Unpersisted;

/// One node.
#[derive(Debug)]
pub(crate) struct Host {
    settings: Settings,
    core: Option<Raft>,
    disk: Disk,
    unpersisted: VecDeque<Unpersisted>,
    /// Its own snapshot on its way to the disk.
    unsaved: Option<Snapshot>,
    /// What it has applied.
    pub(crate) machine: Machine,
    /// Whether what is committed waits for [`Host::work`] before it is applied.
    lags: bool,
    /// What is committed and not applied yet.
    backlog: VecDeque<Task>,
    /// Confirmed reads that must see more than is applied.
    waiting_reads: Vec<Read>,
    /// Contents that were written down and are not handed to the core yet.
    taken: Option<(shakedown_raft::Index, bytes::Bytes)>,
    /// What it did, as the checker reads it.
    pub(crate) trace: NodeTrace,
    /// What clients are to be told.
    pub(super) answers: Vec<Answer>,
    pub(super) now: u64,
    /// The node's own clock, as its core was last told it.
    clock_ns: u64,
    /// Whose requests were proposed here.
    asked: BTreeMap<Token, ClientSeq>,
    /// When each session was last used, by this node's clock; only a planted bug looks at it.
    session_used_ns: BTreeMap<u64, u64>,
}

impl Host {
    pub(super) fn new(settings: Settings, disk: Disk, lags: bool) -> Self {
        let trace = NodeTrace {
            node: settings.node,
            segments: Vec::new(),
        };
        Self {
            settings,
            core: None,
            disk,
            unpersisted: VecDeque::new(),
            unsaved: None,
            machine: Machine::default(),
            lags,
            backlog: VecDeque::new(),
            waiting_reads: Vec::new(),
            taken: None,
            trace,
            answers: Vec::new(),
            now: 0,
            clock_ns: 0,
            asked: BTreeMap::new(),
            session_used_ns: BTreeMap::new(),
        }
    }

    /// What the node is told when it starts.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The core, if the node is up.
    pub(crate) fn core(&self) -> Option<&Raft> {
        self.core.as_ref()
    }

    /// What is on disk.
    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Whether the process around the core has this planted bug.
    pub(crate) fn deviates(&self, bug: PlantedBug) -> bool {
        cfg!(feature = "planted-bugs") && self.settings.planted_bug == Some(bug)
    }

    pub(super) fn start(&mut self, happened: &mut Vec<Happened>) {
        assert!(self.core.is_none(), "{} is up already", self.settings.node);
        if self.deviates(PlantedBug::ForgetVote) {
            self.disk.hard_state = HardState {
                term: self.disk.last().term,
                voted_for: None,
            };
        }
        if self.deviates(PlantedBug::CorruptionIsTheEnd) {
            self.disk.loss = None;
        }
        let incarnation = self.trace.segments.len() as u64 + 1;
        // Each start draws other timeouts, as a process seeded from its run and incarnation does.
        let seed = self.settings.seed ^ (incarnation << 32);
        let settings = Settings {
            seed,
            incarnation,
            ..self.settings.clone()
        };
        let recovered = self.disk.recover();
        let snapshot = recovered.snapshot.clone();
        self.machine = match &snapshot {
            Some(snapshot) => Machine::restore(&snapshot.data),
            None => Machine::default(),
        };
        let core = Raft::new(settings, recovered);
        self.open_segment(incarnation);
        let start = Event::Start {
            hard_state: self.disk.hard_state,
            first: core.base().id.index.next(),
            last: core.last(),
            last_hash: core.last_hash(),
            applied: core.commit_index(),
            commit: core.commit_index(),
            config: core.config().clone(),
            lost: self.disk.loss.map(|loss| loss.upto),
            snapshot: snapshot.map(|snapshot| snapshot.header.meta()),
        };
        self.record(core.term(), vec![start], happened);
        self.core = Some(core);
    }

    pub(super) fn crash(&mut self) {
        self.core = None;
        self.unpersisted.clear();
        self.unsaved = None;
        self.backlog.clear();
        self.waiting_reads.clear();
        self.taken = None;
        self.asked.clear();
        self.session_used_ns.clear();
    }

    pub(super) fn feed(&mut self, input: Input, happened: &mut Vec<Happened>) {
        if let Input::Tick { now_ns } | Input::Read { now_ns, .. } = input {
            self.clock_ns = now_ns;
        }
        if let Input::Propose { token, command } = &input {
            self.asked.insert(*token, Command::decode(command).client);
        }
        if self.deviates(PlantedBug::StaleRead)
            && self.core.is_some()
            && let Input::Read { token, .. } = input
        {
            return self.serve_stale(token, happened);
        }
        let Some(core) = &mut self.core else {
            return;
        };
        let output = core.step(input);
        self.carry_out(output, happened);
    }

    fn carry_out(&mut self, output: Output, happened: &mut Vec<Happened>) {
        let Output {
            term,
            trace,
            persist,
            send,
            after_persist,
            install,
            save,
            apply,
            reply,
        } = output;
        self.record(term, trace, happened);
        happened.extend(send.into_iter().map(Happened::Sent));
        self.begin_to_persist(term, persist, after_persist, happened);
        if let Some(snapshot) = install {
            // It covers whatever is not applied yet.
            self.backlog.clear();
            self.backlog.push_back(Task::Install(snapshot));
        }
        self.backlog.extend(apply.into_iter().map(Task::Apply));
        if !self.lags {
            self.work(usize::MAX, happened);
        }
        if let Some(snapshot) = save {
            self.unsaved = Some(snapshot);
        }
        for reply in reply {
            self.answer(term, reply, happened);
        }
        self.serve_reads(happened);
    }

    fn answer(&mut self, term: Term, reply: Reply, happened: &mut Vec<Happened>) {
        match reply {
            Reply::ReadReady(read) => self.waiting_reads.push(read),
            Reply::Refused { token, .. } => self.answers.push(Answer::Refused(token)),
            Reply::Appended { token, id } if self.deviates(PlantedBug::AckBeforeCommit) => {
                let client = self.asked[&token];
                self.record(term, vec![Event::ClientAck { client, id }], happened);
                self.answers.push(Answer::Written(token));
            }
            Reply::Appended { .. } | Reply::Transferred { .. } => {}
        }
        happened.push(Happened::Answered(self.settings.node, reply));
    }

    /// The planted bug `stale-read`: the core is not asked.
    fn serve_stale(&mut self, token: Token, happened: &mut Vec<Happened>) {
        let number = token.0;
        let applied = self.machine.applied.index;
        let served = Event::ReadServed {
            read: number,
            index: applied,
            applied,
            mode: ReadMode::Local,
        };
        let events = vec![Event::ReadStart { read: number }, served];
        self.record(self.term(), events, happened);
        let registers = self.machine.registers.clone();
        self.answers.push(Answer::Read(token, registers));
    }

    fn term(&self) -> Term {
        self.core.as_ref().map(Raft::term).expect("the node is up")
    }
}
