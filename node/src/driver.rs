//! The only loop: takes ticks, messages, requests, and what disk and state machine have done, steps the
//! protocol core, and does what the core's outputs demand, in the order that
//! [`shakedown_raft::Output`] demands.
//!
//! - `durability`: what waits for the disk
//! - `apply`, `state_machine`: committed entries on their way to the state machine, on its own thread
//! - `applied`: what it did with them
//! - `snapshots`: when the state machine is written down
//! - `requests`, `clients`: what is wanted, and what waits for a decision
//! - `admission`: what a leader lets in
//! - `status`: what other parts may know
//! - this file: the loop and the order of effects
//!
//! All that arrives while one round of effects is under way makes the next round: one write to the
//! trace, then one batch for the disk, then messages, then answers, then one batch for the state machine.

mod admission;
mod applied;
mod apply;
mod clients;
mod durability;
mod requests;
mod snapshots;
mod state_machine;
mod status;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use shakedown_history::{Event, Index, LogId, Term};
use shakedown_raft::{
    AfterPersist, Durable, Input, Membership, Message, PlantedBug, Raft, Snapshot, Token,
};
use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::clock;
use crate::metrics::Metrics;
use crate::request::Request;
use crate::storage::{DiskFailure, SnapshotSaver, Synced, Writer};
use crate::trace::TraceWriter;
use crate::transport::Transport;
use admission::Admission;
use apply::Applier;
use clients::Clients;
use durability::Durability;
use snapshots::Snapshots;
use state_machine::Job;
pub use state_machine::StateMachine;
pub use status::NodeStatus;

/// The most inputs of a kind that make one round: enough to share a sync, few enough to keep time.
const ROUND_LEN_MAX: usize = 256;

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

/// The node: protocol, disk, state machine and the ways out.
#[derive(Debug)]
pub struct Driver {
    raft: Raft,
    membership: Membership,
    applier: Applier,
    last_applied: Index,
    trace: TraceWriter,
    durability: Durability,
    snapshots: Snapshots,
    to_save: Option<Snapshot>,
    admission: Admission,
    /// Commands of this round, to be proposed together.
    proposals: Vec<(Token, Bytes)>,
    clients: Clients,
    local_reads: u64,
    transport: Transport,
    messages: Vec<Message>,
    status: watch::Sender<NodeStatus>,
    metrics: Arc<Metrics>,
    fsyncs: u64,
    ticks: u64,
    ticked: bool,
    planted_bug: Option<PlantedBug>,
}

/// What a driver is made of.
#[derive(Debug)]
pub struct Parts {
    /// The core, freshly recovered.
    pub raft: Raft,
    /// The members that the transport knows.
    pub membership: Membership,
    /// What is on disk.
    pub durable: Durable,
    /// The disk.
    pub writer: Writer,
    /// The disk, for snapshots.
    pub saver: SnapshotSaver,
    /// After how many applied entries a snapshot is due.
    pub snapshot_every: u64,
    /// The state machine as the latest snapshot left it.
    pub machine: StateMachine,
    /// The trace, with the start already in it.
    pub trace: TraceWriter,
    /// The way to the peers.
    pub transport: Transport,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// A deviation at this layer.
    pub planted_bug: Option<PlantedBug>,
}

impl Driver {
    /// A driver before its first input, and where to watch its status.
    #[must_use]
    pub fn new(parts: Parts) -> (Self, watch::Receiver<NodeStatus>) {
        let last_applied = parts.machine.applied();
        let (status, watch) = watch::channel(NodeStatus {
            raft: parts.raft.status(),
            last_applied,
            fsyncs: 0,
        });
        let driver = Self {
            raft: parts.raft,
            membership: parts.membership,
            applier: Applier::start(parts.machine),
            last_applied,
            trace: parts.trace,
            durability: Durability::new(parts.writer, parts.durable),
            snapshots: Snapshots::new(parts.saver, parts.snapshot_every, last_applied),
            to_save: None,
            admission: Admission::default(),
            proposals: Vec::new(),
            clients: Clients::default(),
            local_reads: 0,
            transport: parts.transport,
            messages: Vec::new(),
            status,
            metrics: parts.metrics,
            fsyncs: 0,
            ticks: 0,
            ticked: false,
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
                outcome = self.snapshots.saved() => self.on_saved(outcome)?,
                _ = clock.tick() => self.on_tick(),
                outcomes = self.applier.outcomes() => self.on_applied(outcomes),
                n = inbox.messages.recv_many(&mut messages, ROUND_LEN_MAX) => {
                    assert!(n > 0, "the transport outlives the driver");
                    self.metrics.messages_received.add(n as u64);
                    messages.drain(..).for_each(|message| self.step(Input::Receive(message)));
                }
                n = inbox.requests.recv_many(&mut requests, ROUND_LEN_MAX) => {
                    assert!(n > 0, "the API outlives the driver");
                    let now_ns = self.now_ns();
                    self.on_requests(requests.drain(..), now_ns);
                }
            }
            self.take_effect();
        }
    }

    /// What leases are counted by: the node's own clock that no step of the wall clock moves.
    fn now_ns(&self) -> u64 {
        match self.planted_bug {
            Some(PlantedBug::WallClockLease) => clock::believed_realtime_ns(),
            _ => clock::believed_monotonic_ns(),
        }
    }

    fn on_tick(&mut self) {
        self.ticks += 1;
        self.ticked = true;
        if self.ticks.is_multiple_of(SWEEP_TICKS) {
            self.clients.forget_the_gone();
        }
        let now_ns = self.now_ns();
        self.step(Input::Tick { now_ns });
    }

    /// One input, and everything that follows from it but the effects outside this process.
    fn step(&mut self, input: Input) {
        let output = self.raft.step(input);
        let term = self.raft.term();
        assert_eq!(
            output.term, term,
            "an output carries the term that it leads to"
        );
        if output.install.is_some() {
            self.finish_applying();
        }
        self.record_all(term, output.trace);
        self.messages.extend(output.send);
        let last = self.raft.last();
        let released = self
            .durability
            .enqueue(output.persist, last, term, output.after_persist);
        if let Some(after) = released {
            self.release(term, after);
        }
        if let Some(snapshot) = output.install {
            self.install(snapshot);
        }
        if !output.apply.is_empty() {
            self.admission.committed(self.raft.commit_index());
        }
        for committed in output.apply {
            self.on_committed(committed);
        }
        for reply in output.reply {
            self.on_reply(reply);
        }
        if output.save.is_some() {
            assert!(self.to_save.is_none(), "one snapshot is under way");
            self.to_save = output.save;
        }
    }

    fn on_persisted(&mut self, outcome: Result<Synced, DiskFailure>) -> Result<(), DiskFailure> {
        let synced = match outcome.map_err(|failure| self.record_failure(failure)) {
            Err(_) if self.planted_bug == Some(PlantedBug::IgnoreIoError) => Synced::default(),
            outcome => outcome?,
        };
        self.fsyncs += synced.fsyncs;
        self.metrics.log_bytes.add(synced.bytes);
        self.metrics.fsync_us.observe_time(synced.took);
        let done = self.durability.completed();
        self.metrics.batch_entries.observe(done.entries);
        if done.wrote_hard_state {
            self.record(Event::HardStateDurable(done.durable.hard_state));
        }
        if let Some(last) = done.snapshot {
            self.record(Event::SnapshotDurable { last });
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

    fn on_saved(&mut self, outcome: Result<LogId, DiskFailure>) -> Result<(), DiskFailure> {
        let last = outcome.map_err(|failure| self.record_failure(failure))?;
        self.metrics.snapshots_taken.increment();
        self.step(Input::SnapshotSaved(last));
        Ok(())
    }

    /// The last record of a node that cannot trust its disk any more.
    fn record_failure(&mut self, failure: DiskFailure) -> DiskFailure {
        self.record(Event::IoError {
            op: failure.op.to_owned(),
            errno: failure.source.raw_os_error().unwrap_or(0),
            handled: self.planted_bug != Some(PlantedBug::IgnoreIoError),
        });
        self.trace.flush();
        failure
    }

    fn release(&mut self, term: Term, after: AfterPersist) {
        self.record_all(term, after.trace);
        self.messages.extend(after.send);
    }

    /// Lets the effects of a round leave the process.
    fn take_effect(&mut self) {
        self.queue_confirmed_reads();
        if self.snapshots.is_due(self.last_applied) {
            self.applier.push(Job::TakeSnapshot);
        }
        if self.something_leaves() {
            self.trace.flush();
            self.durability.submit();
            if let Some(snapshot) = self.to_save.take() {
                self.snapshots.save(snapshot);
            }
            self.send_messages();
            self.clients.deliver();
            self.publish_status();
        }
        self.applier.submit();
    }

    /// Whether anybody could see what this round did. If not, its records may wait for the next that
    /// somebody can, but not longer than a tick.
    fn something_leaves(&mut self) -> bool {
        std::mem::take(&mut self.ticked)
            || self.durability.is_about_to_write()
            || self.to_save.is_some()
            || !self.messages.is_empty()
            || self.clients.have_answers()
    }

    fn send_messages(&mut self) {
        if *self.raft.membership() != self.membership {
            self.membership = self.raft.membership().clone();
            self.transport.update(&self.membership);
        }
        for message in self.messages.drain(..) {
            let taken = self.transport.send(message);
            match taken {
                true => self.metrics.messages_sent.increment(),
                false => self.metrics.messages_dropped.increment(),
            }
        }
    }

    fn publish_status(&mut self) {
        self.status.send_replace(NodeStatus {
            raft: self.raft.status(),
            last_applied: self.last_applied,
            fsyncs: self.fsyncs,
        });
        self.metrics.open_requests.set(self.clients.len() as u64);
    }

    fn record(&mut self, event: Event) {
        self.trace.record(self.raft.term(), event);
    }

    fn record_all(&mut self, term: Term, events: Vec<Event>) {
        for event in events {
            self.metrics.count(&event);
            self.trace.record(term, event);
        }
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
