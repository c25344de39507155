//! One node of the test: a core, its disk, and a driver that keeps the contract of `Output`.

use std::collections::VecDeque;

use shakedown_history::jsonl::{FORMAT_VERSION, Format};
use shakedown_history::{NodeTrace, Segment, TraceHeader, TraceRecord};
use shakedown_raft::{
    AfterPersist, Committed, Entry, Event, HardState, Input, Output, Persist, PlantedBug, Raft,
    Read, Reply, Settings, Snapshot, Term,
};

use super::Happened;
use super::disk::Disk;
use super::machine::Machine;

/// An output that is not on disk yet.
#[derive(Debug)]
struct Unpersisted {
    term: Term,
    persist: Persist,
    after: AfterPersist,
}

/// One node.
#[derive(Debug)]
pub(crate) struct Host {
    settings: Settings,
    core: Option<Raft>,
    disk: Disk,
    unpersisted: VecDeque<Unpersisted>,
    /// Its own snapshot on its way to the disk.
    unsaved: Option<Snapshot>,
    /// Confirmed reads that must see more than is applied.
    waiting_reads: Vec<Read>,
    /// What it has applied.
    pub(crate) machine: Machine,
    /// What it did, as the checker reads it.
    pub(crate) trace: NodeTrace,
    pub(super) now: u64,
}

impl Host {
    pub(super) fn new(settings: Settings, disk: Disk) -> Self {
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
            waiting_reads: Vec::new(),
            machine: Machine::default(),
            trace,
            now: 0,
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

    /// How many outputs are not on disk yet.
    pub(crate) fn unpersisted(&self) -> usize {
        self.unpersisted.len()
    }

    /// What is on disk.
    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The log as the core holds it: what is on disk, changed by what is on its way there.
    pub(crate) fn log_in_memory(&self) -> Vec<Entry> {
        let mut disk = self.disk.clone();
        self.unpersisted
            .iter()
            .for_each(|output| disk.write(&output.persist));
        disk.log
    }

    pub(super) fn start(&mut self, happened: &mut Vec<Happened>) {
        assert!(self.core.is_none(), "{} is up already", self.settings.node);
        if cfg!(feature = "planted-bugs")
            && self.settings.planted_bug == Some(PlantedBug::ForgetVote)
        {
            self.disk.hard_state = HardState::default();
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
        self.waiting_reads.clear();
    }

    pub(super) fn feed(&mut self, input: Input, happened: &mut Vec<Happened>) {
        let Some(core) = &mut self.core else {
            return;
        };
        let output = core.step(input);
        self.carry_out(output, happened);
    }

    /// Puts the oldest outputs on disk with one sync, and lets loose what waited for them.
    pub(super) fn persist(&mut self, outputs: usize, happened: &mut Vec<Happened>) {
        let count = outputs.min(self.unpersisted.len());
        let synced: Vec<_> = self.unpersisted.drain(..count).collect();
        if self.core.is_none() || synced.is_empty() {
            return;
        }
        let (old_state, old_last) = (self.disk.hard_state, self.disk.last());
        for output in &synced {
            self.disk.write(&output.persist);
        }
        let durable = self.disk.durable();
        let mut events = Vec::new();
        if durable.hard_state != old_state {
            events.push(Event::HardStateDurable(durable.hard_state));
        }
        if durable.last != old_last {
            events.push(Event::AppendDurable { last: durable.last });
        }
        self.record(self.term(), events, happened);
        for output in synced {
            self.let_loose(output.term, output.after, happened);
        }
        self.feed(Input::Persisted(durable), happened);
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
        if persist.is_empty() && self.unpersisted.is_empty() {
            self.let_loose(term, after_persist, happened);
        } else {
            let after = after_persist;
            self.unpersisted.push_back(Unpersisted {
                term,
                persist,
                after,
            });
        }
        if let Some(snapshot) = install {
            self.machine = Machine::restore(&snapshot.data);
            self.record_digest(term, happened);
        }
        if let Some(snapshot) = save {
            self.unsaved = Some(snapshot);
            self.record_digest(term, happened);
        }
        for committed in apply {
            self.apply(term, committed, happened);
        }
        for reply in reply {
            if let Reply::ReadReady(read) = reply {
                self.waiting_reads.push(read);
            }
            happened.push(Happened::Answered(self.settings.node, reply));
        }
        self.serve_reads(term, happened);
    }

    fn let_loose(&mut self, term: Term, after: AfterPersist, happened: &mut Vec<Happened>) {
        if term == self.term() {
            self.record(term, after.trace, happened);
            happened.extend(after.send.into_iter().map(Happened::Sent));
        }
    }

    fn apply(&mut self, term: Term, committed: Committed, happened: &mut Vec<Happened>) {
        let Committed { entry, token } = committed;
        let applied = self.machine.apply(&entry);
        let id = entry.id;
        let apply = Event::Apply {
            id,
            hash: entry.hash,
            effect: applied.effect,
            client: applied.client,
        };
        self.record(term, vec![apply], happened);
        self.record_digest(term, happened);
        if let (Some(_), Some(client)) = (token, applied.client) {
            self.record(term, vec![Event::ClientAck { client, id }], happened);
        } else if let Some(token) = token {
            happened.push(Happened::Changed(self.settings.node, token, id));
        }
    }

    fn record_digest(&mut self, term: Term, happened: &mut Vec<Happened>) {
        let (state, sessions) = self.machine.digest();
        let digest = Event::Digest {
            index: self.machine.applied.index,
            state,
            sessions,
        };
        self.record(term, vec![digest], happened);
    }

    /// Writes down the state machine as it is.
    pub(super) fn take_snapshot(&mut self, happened: &mut Vec<Happened>) {
        let (at, data) = (self.machine.applied.index, self.machine.save());
        self.feed(Input::SnapshotTaken { at, data }, happened);
    }

    /// Lets the snapshot reach the disk.
    pub(super) fn save_snapshot(&mut self, happened: &mut Vec<Happened>) {
        if let Some(snapshot) = self.unsaved.take() {
            self.disk.save(&snapshot);
            self.feed(Input::SnapshotSaved(snapshot.header.last), happened);
        }
    }

    /// Puts another disk into a node that is down.
    pub(super) fn replace_disk(&mut self, settings: Settings, disk: Disk) {
        assert!(self.core.is_none(), "the node is down");
        self.settings = settings;
        self.disk = disk;
        self.machine = Machine::default();
    }

    /// The disk of a node that is down.
    pub(super) fn disk_mut(&mut self) -> &mut Disk {
        assert!(self.core.is_none(), "the node is down");
        &mut self.disk
    }

    /// A follower's read may be confirmed before the follower has what it must see.
    fn serve_reads(&mut self, term: Term, happened: &mut Vec<Happened>) {
        let applied = self.machine.applied.index;
        let due = self.waiting_reads.extract_if(.., |r| r.index <= applied);
        let served = due.map(|read| Event::ReadServed {
            read: read.number,
            index: read.index,
            applied,
            mode: read.mode,
        });
        let served = served.collect();
        self.record(term, served, happened);
    }

    fn term(&self) -> Term {
        self.core.as_ref().map(Raft::term).expect("the node is up")
    }

    fn open_segment(&mut self, incarnation: u64) {
        let header = TraceHeader {
            format: Format::Trace,
            version: FORMAT_VERSION,
            cluster: "simulation".to_owned(),
            node: self.settings.node,
            disk: match self.settings.disk {
                Some(disk) => format!("{:032x}", disk.0),
                None => format!("disk of {}", self.settings.node),
            },
            incarnation,
        };
        let records = Vec::new();
        self.trace.segments.push(Segment {
            header,
            records,
            first_line: 1,
            torn: false,
        });
    }

    fn record(&mut self, term: Term, events: Vec<Event>, happened: &mut Vec<Happened>) {
        let segment = self
            .trace
            .segments
            .last_mut()
            .expect("a node that runs has started");
        for ev in events {
            happened.push(Happened::Traced(self.settings.node, term, ev.clone()));
            let seq = segment.records.len() as u64 + 1;
            segment.records.push(TraceRecord {
                seq,
                mono: self.now,
                term,
                ev,
            });
        }
    }
}
