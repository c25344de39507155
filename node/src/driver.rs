//! The only loop: takes ticks, messages, requests and the disk's completions, steps the protocol core,
//! and does what the core's outputs demand, in the order that [`shakedown_raft::Output`] demands.
//!
//! - `durability`: what waits for the disk
//! - `clients`: what waits for a decision, and the answers
//! - `apply`: committed entries on their way to the state machine
//! - `reads`: what the log does not see
//! - this file: the loop and the order of effects
//!
//! All that arrives while one round of effects is under way makes the next round: one write to the
//! trace, then one batch for the disk, then messages, then answers.

mod apply;
mod clients;
mod durability;
mod reads;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use shakedown_history::event::Role;
use shakedown_history::{Event, Index, LogId, NodeId, Term};
use shakedown_raft::{
    AfterPersist, Durable, Input, Loss, Member, Message, PlantedBug, Raft, Reply, Status,
};
use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::kv::Store;
use crate::request::{Answer, Ask, Request};
use crate::storage::{DiskFailure, Synced, Writer};
use crate::trace::TraceWriter;
use crate::transport::Transport;
use clients::Clients;
use durability::Durability;

/// The most inputs of a kind that make one round: enough to share a sync, few enough to keep time.
const ROUND_LEN_MAX: usize = 256;

/// How many uncommitted entries a leader takes in before it refuses more. A leader cut off from its
/// followers would otherwise fill its memory and disk.
const UNCOMMITTED_LEN_MAX: u64 = 4096;

/// How often a node forgets requests whose clients are gone, in ticks.
const SWEEP_TICKS: u64 = 200;

/// What feeds the loop.
#[derive(Debug)]
pub struct Inbox {
    /// From the peers.
    pub messages: mpsc::Receiver<Message>,
    /// From the API.
    pub requests: mpsc::Receiver<Request>,
    /// How long a tick is.
    pub tick: Duration,
}

/// What other parts may know of the node.
#[derive(Clone, Debug)]
pub struct NodeStatus {
    /// What the core says.
    pub raft: Status,
    /// How far the state machine is.
    pub last_applied: Index,
    /// How many syncs of the log have succeeded since the start.
    pub fsyncs: u64,
    /// The last entry that the latest snapshot covers.
    pub snapshot: Option<LogId>,
    /// The last entry that was compacted away.
    pub log_base: LogId,
    /// What is known of the members besides whether they vote.
    pub members: BTreeMap<NodeId, Member>,
    /// Whom the leadership is being handed to.
    pub transferring_to: Option<NodeId>,
    /// What is known of entries that a damaged disk has lost.
    pub loss: Option<Loss>,
}

impl NodeStatus {
    fn new(raft: Status, last_applied: Index, fsyncs: u64) -> Self {
        Self {
            raft,
            last_applied,
            fsyncs,
            snapshot: None,
            log_base: LogId::default(),
            members: BTreeMap::new(),
            transferring_to: None,
            loss: None,
        }
    }
}

/// The node: protocol, disk, state machine and the ways out.
#[derive(Debug)]
pub struct Driver {
    raft: Raft,
    store: Store,
    last_applied: Index,
    trace: TraceWriter,
    durability: Durability,
    clients: Clients,
    transport: Transport,
    messages: Vec<Message>,
    status: watch::Sender<NodeStatus>,
    fsyncs: u64,
    ticks: u64,
    planted_bug: Option<PlantedBug>,
}

/// What a driver is made of.
#[derive(Debug)]
pub struct Parts {
    /// The core, freshly recovered.
    pub raft: Raft,
    /// What is on disk.
    pub durable: Durable,
    /// The disk.
    pub writer: Writer,
    /// An empty state machine.
    pub store: Store,
    /// The trace, with the start already in it.
    pub trace: TraceWriter,
    /// The way to the peers.
    pub transport: Transport,
    /// A deviation at this layer.
    pub planted_bug: Option<PlantedBug>,
}

impl Driver {
    /// A driver before its first input, and where to watch its status.
    #[must_use]
    pub fn new(parts: Parts) -> (Self, watch::Receiver<NodeStatus>) {
        let (status, watch) = watch::channel(NodeStatus::new(parts.raft.status(), Index(0), 0));
        let driver = Self {
            raft: parts.raft,
            store: parts.store,
            last_applied: Index(0),
            trace: parts.trace,
            durability: Durability::new(parts.writer, parts.durable),
            clients: Clients::default(),
            transport: parts.transport,
            messages: Vec::new(),
            status,
            fsyncs: 0,
            ticks: 0,
            planted_bug: parts.planted_bug,
        };
        (driver, watch)
    }

    /// Runs until the disk fails.
    ///
    /// # Errors
    /// The disk's failure; it is in the trace. The process must end.
    pub async fn run(mut self, mut inbox: Inbox) -> Result<Infallible, DiskFailure> {
        let mut clock = ticks(inbox.tick);
        let mut messages = Vec::new();
        let mut requests = Vec::new();
        loop {
            // Biased, so that which branch wins is no matter of chance. Ticks stand before messages:
            // they come rarely, and a busy node must not forget the time.
            tokio::select! {
                biased;
                outcome = self.durability.outcome() => self.on_persisted(outcome)?,
                _ = clock.tick() => self.on_tick(),
                n = inbox.messages.recv_many(&mut messages, ROUND_LEN_MAX) => {
                    assert!(n > 0, "the transport outlives the driver");
                    messages.drain(..).for_each(|message| self.step(Input::Receive(message)));
                }
                n = inbox.requests.recv_many(&mut requests, ROUND_LEN_MAX) => {
                    assert!(n > 0, "the API outlives the driver");
                    requests.drain(..).for_each(|request| self.on_request(request));
                }
            }
            self.take_effect();
        }
    }

    fn on_tick(&mut self) {
        self.ticks += 1;
        if self.ticks.is_multiple_of(SWEEP_TICKS) {
            self.clients.forget_the_gone();
        }
        self.step(Input::Tick { now_ns: 0 });
    }

    fn on_request(&mut self, request: Request) {
        if self.is_overloaded(&request.ask) {
            self.clients.answer(&request.answer, Answer::Overloaded);
            return;
        }
        match request.ask {
            Ask::Write(command) => {
                let token = self.clients.open_write(command.clone(), request.answer);
                self.step(Input::Propose { token, command });
            }
            Ask::Read { keys, .. } if self.planted_bug == Some(PlantedBug::StaleRead) => {
                self.serve_stale_read(&keys, &request.answer);
            }
            Ask::Read { keys, .. } => {
                let token = self.clients.open_read(keys, request.answer);
                self.step(Input::Read {
                    token,
                    mode: shakedown_history::event::ReadMode::Index,
                    now_ns: 0,
                });
            }
            _ => self.clients.answer(&request.answer, Answer::Overloaded),
        }
    }

    fn is_overloaded(&self, ask: &Ask) -> bool {
        let uncommitted = self.raft.last().index.0 - self.raft.commit_index().0;
        let leads = self.raft.role() == Role::Leader;
        let log_is_full =
            leads && matches!(ask, Ask::Write(_)) && uncommitted >= UNCOMMITTED_LEN_MAX;
        log_is_full || self.clients.are_too_many()
    }

    /// One input, and everything that follows from it but the effects outside this process.
    fn step(&mut self, input: Input) {
        let output = self.raft.step(input);
        assert_eq!(
            output.term,
            self.raft.term(),
            "an output carries the term that it leads to"
        );
        self.record_all(output.term, output.trace);
        self.messages.extend(output.send);
        let last = self.raft.last();
        let released =
            self.durability
                .enqueue(output.persist, last, output.term, output.after_persist);
        if let Some(after) = released {
            self.release(output.term, after);
        }
        output
            .apply
            .into_iter()
            .for_each(|committed| self.apply(committed));
        output
            .reply
            .into_iter()
            .for_each(|reply| self.on_reply(reply));
        self.serve_confirmed_reads();
    }

    fn on_reply(&mut self, reply: Reply) {
        match reply {
            Reply::ReadReady(read) => self.clients.confirm_read(read, self.raft.term()),
            Reply::Transferred { .. } => {}
            Reply::Refused { token, why } => self.clients.refuse(token, why),
            Reply::Appended { token, id } => {
                if self.planted_bug == Some(PlantedBug::AckBeforeCommit) {
                    self.answer_before_commit(token, id);
                }
            }
        }
    }

    fn on_persisted(&mut self, outcome: Result<Synced, DiskFailure>) -> Result<(), DiskFailure> {
        if let Err(failure) = outcome {
            let errno = failure.source.raw_os_error().unwrap_or(0);
            let op = failure.op.to_owned();
            self.record(Event::IoError {
                op,
                errno,
                handled: true,
            });
            self.trace.flush();
            return Err(failure);
        }
        self.fsyncs += 1;
        let done = self.durability.completed();
        if done.wrote_hard_state {
            self.record(Event::HardStateDurable(done.durable.hard_state));
        }
        if done.wrote_log {
            self.record(Event::AppendDurable {
                last: done.durable.last,
            });
        }
        for (term, after) in done.released {
            if term == self.raft.term() {
                self.release(term, after);
            }
        }
        self.step(Input::Persisted(done.durable));
        Ok(())
    }

    fn release(&mut self, term: Term, after: AfterPersist) {
        self.record_all(term, after.trace);
        self.messages.extend(after.send);
    }

    /// Lets the effects of a round leave the process.
    fn take_effect(&mut self) {
        self.trace.flush();
        self.durability.submit();
        self.messages
            .drain(..)
            .for_each(|message| self.transport.send(message));
        self.clients.deliver();
        self.status.send_replace(NodeStatus::new(
            self.raft.status(),
            self.last_applied,
            self.fsyncs,
        ));
    }

    fn record(&mut self, event: Event) {
        self.trace.record(self.raft.term(), event);
    }

    fn record_all(&mut self, term: Term, events: Vec<Event>) {
        events
            .into_iter()
            .for_each(|event| self.trace.record(term, event));
    }
}

/// After a pause (SIGSTOP, a clock that jumped) the missed ticks are skipped, not made up for: the
/// node has not waited all that time in vain, it was not there. Made up for at once, they would start
/// an election before the messages that are already in the socket are read. Skipping, unlike delaying,
/// keeps the pace when a tick is merely late.
fn ticks(tick: Duration) -> Interval {
    let mut clock = interval(tick);
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    clock
}
