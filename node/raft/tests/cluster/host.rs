//! One node of the test: a core, its disk, and a driver that keeps the contract of `Output`.

use std::collections::VecDeque;

use shakedown_history::event::{ClientSeq, ReadMode};
use shakedown_history::jsonl::{FORMAT_VERSION, Format};
use shakedown_history::{NodeTrace, Segment, TraceHeader, TraceRecord};
use shakedown_raft::{
    AfterPersist, Committed, Durable, Entry, Event, HardState, Index, Input, LogHash, LogWrite,
    Output, Payload, Persist, PlantedBug, Raft, Read, Recovered, Reply, Settings, Term,
};

use super::Happened;

/// What survives a crash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    /// Term and vote.
    pub(crate) hard_state: HardState,
    /// The log.
    pub(crate) log: Vec<Entry>,
}

impl Disk {
    fn write(&mut self, persist: &Persist) {
        self.hard_state = persist.hard_state.unwrap_or(self.hard_state);
        for write in &persist.log {
            match write {
                LogWrite::Truncate { from } => self.log.retain(|e| e.id.index < *from),
                LogWrite::Append(entries) => self.log.extend(entries.iter().cloned()),
            }
        }
    }
}

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
    /// The entries applied since the start.
    pub(crate) applied: Vec<Entry>,
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
            applied: Vec::new(),
            trace,
            now: 0,
        }
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
            ..self.settings.clone()
        };
        let core = Raft::new(
            settings,
            Recovered {
                hard_state: self.disk.hard_state,
                log: self.disk.log.clone(),
            },
        );
        self.open_segment(incarnation);
        let start = Event::Start {
            hard_state: self.disk.hard_state,
            snapshot: None,
            first: Index(1),
            last: core.last(),
            last_hash: core.last_hash(),
            applied: Index(0),
            commit: core.commit_index(),
            config: core.config().clone(),
        };
        self.record(core.term(), vec![start], happened);
        self.core = Some(core);
    }

    pub(super) fn crash(&mut self) {
        self.core = None;
        self.unpersisted.clear();
        self.applied.clear();
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
        let (old_state, old_last) = (self.disk.hard_state, self.durable().last);
        for output in &synced {
            self.disk.write(&output.persist);
        }
        let durable = self.durable();
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
        for committed in apply {
            self.apply(term, committed, happened);
        }
        for reply in reply {
            if let Reply::ReadReady(read) = reply {
                self.serve(term, read, happened);
            }
            happened.push(Happened::Answered(self.settings.node, reply));
        }
    }

    fn let_loose(&mut self, term: Term, after: AfterPersist, happened: &mut Vec<Happened>) {
        if term == self.term() {
            self.record(term, after.trace, happened);
            happened.extend(after.send.into_iter().map(Happened::Sent));
        }
    }

    fn apply(&mut self, term: Term, committed: Committed, happened: &mut Vec<Happened>) {
        let Committed { entry, token } = committed;
        let client = client_of(&entry);
        let id = entry.id;
        let mut events = vec![
            Event::Apply {
                id,
                hash: entry.hash,
                effect: client.is_some(),
                client,
            },
            Event::Digest {
                index: id.index,
                state: entry.hash,
                sessions: LogHash::EMPTY,
            },
        ];
        self.applied.push(entry);
        if let Some(token) = token {
            let client = ClientSeq {
                client: token.0,
                seq: 1,
            };
            events.push(Event::ClientAck { client, id });
        }
        self.record(term, events, happened);
    }

    /// The state machine is always up to date here: what is committed is applied in the same step.
    fn serve(&mut self, term: Term, read: Read, happened: &mut Vec<Happened>) {
        let applied = self.applied.last().map(|e| e.id.index).unwrap_or_default();
        assert!(applied >= read.index, "a read waits for what it must see");
        let served = Event::ReadServed {
            read: read.number,
            index: read.index,
            applied,
            mode: ReadMode::Index,
        };
        self.record(term, vec![served], happened);
    }

    fn term(&self) -> Term {
        self.core.as_ref().map(Raft::term).expect("the node is up")
    }

    fn durable(&self) -> Durable {
        let last = self.disk.log.last().map(|e| e.id);
        Durable {
            hard_state: self.disk.hard_state,
            last: last.unwrap_or_default(),
        }
    }

    fn open_segment(&mut self, incarnation: u64) {
        let header = TraceHeader {
            format: Format::Trace,
            version: FORMAT_VERSION,
            cluster: "simulation".to_owned(),
            node: self.settings.node,
            disk: format!("disk of {}", self.settings.node),
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

/// A test's command is the text of its token's number.
fn client_of(entry: &Entry) -> Option<ClientSeq> {
    let Payload::Command(bytes) = &entry.payload else {
        return None;
    };
    let client = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.parse().ok());
    Some(ClientSeq {
        client: client.expect("a command is a number"),
        seq: 1,
    })
}
