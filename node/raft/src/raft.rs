//! The node: its state, and the one function that changes it.

use std::collections::BTreeMap;
use std::mem;

use shakedown_history::event::{HardState, Role as RoleName};
use shakedown_history::{Configuration, Event, Index, LogHash, LogId, NodeId, Term};

use crate::election::ElectionTimer;
use crate::invariants::Before;
use crate::io::{Input, Output, Recovered, Token};
use crate::log::Log;
use crate::message::{Body, Message};
use crate::planted::PlantedBug;
use crate::role::Role;
use crate::settings::Settings;
use crate::status::Status;

/// One node of a Raft cluster.
#[derive(Debug)]
pub struct Raft {
    pub(crate) settings: Settings,
    /// As in memory; on disk only once the driver says so.
    pub(crate) hard_state: HardState,
    pub(crate) log: Log,
    /// How far the log, as it is now, is on this node's own disk.
    pub(crate) durable_index: Index,
    pub(crate) commit_index: Index,
    pub(crate) role: Role,
    pub(crate) election_timer: ElectionTimer,
    /// Commands taken in whose index is not decided yet. They outlive the leadership: what was
    /// appended may still be committed by another leader, or overwritten.
    pub(crate) proposals: BTreeMap<(Index, Term), Token>,
    /// Reads numbered so far.
    pub(crate) reads_started: u64,
    /// The output of the step under way.
    pub(crate) output: Output,
}

impl Raft {
    /// A node as it comes up: a follower without a leader, to whom nothing is known to be committed.
    ///
    /// # Panics
    /// If the settings contradict themselves, or if what was recovered is not a log: contiguous from
    /// index 1, in nondecreasing terms up to the current one, each hash continuing the one before.
    #[must_use]
    pub fn new(settings: Settings, recovered: Recovered) -> Self {
        settings.assert_sound();
        let election_timer = ElectionTimer::new(&settings);
        let mut raft = Self {
            settings,
            hard_state: recovered.hard_state,
            log: Log::default(),
            durable_index: Index::default(),
            commit_index: Index::default(),
            role: Role::Follower { leader: None },
            election_timer,
            proposals: BTreeMap::new(),
            reads_started: 0,
            output: Output::default(),
        };
        for entry in recovered.log {
            raft.assert_continues_log(&entry);
            raft.log.push(entry);
        }
        raft.durable_index = raft.log.last().index;
        Before::of(&raft).assert_step_to(&raft, &Output::default());
        raft
    }

    /// Takes one input and says what must be done about it, in the order that [`Output`] demands.
    ///
    /// # Panics
    /// If an invariant of the protocol is broken: by a bug here, by a driver that does not keep the
    /// contract, or by a peer that lost what it had promised to keep. A node must not go on then.
    pub fn step(&mut self, input: Input) -> Output {
        let before = Before::of(self);
        match input {
            Input::Tick { .. } => self.on_tick(),
            Input::Receive(message) if message.to == self.node() => self.on_message(message),
            Input::Receive(_) => {}
            Input::Propose { token, command } => self.on_propose(token, command),
            Input::Read { token, .. } => self.on_read(token),
            Input::Persisted(durable) => self.on_persisted(durable),
            _ => {}
        }
        if self.hard_state != before.hard_state {
            self.output.persist.hard_state = Some(self.hard_state);
        }
        self.output.term = self.term();
        let output = mem::take(&mut self.output);
        before.assert_step_to(self, &output);
        output
    }

    /// This node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.settings.node
    }

    /// Its part.
    #[must_use]
    pub fn role(&self) -> RoleName {
        self.role.name()
    }

    /// Its current term.
    #[must_use]
    pub fn term(&self) -> Term {
        self.hard_state.term
    }

    /// Who leads the current term, as far as this node knows.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Follower { leader } => *leader,
            Role::Candidate { .. } => None,
            Role::Leader(_) => Some(self.node()),
        }
    }

    /// How far the log is known to be committed.
    #[must_use]
    pub fn commit_index(&self) -> Index {
        self.commit_index
    }

    /// The end of the log, on disk or not.
    #[must_use]
    pub fn last(&self) -> LogId {
        self.log.last()
    }

    /// The chained hash up to [`Raft::last`].
    #[must_use]
    pub fn last_hash(&self) -> LogHash {
        self.log.last_hash()
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> &Configuration {
        &self.settings.bootstrap.config
    }

    /// All of that at once.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            node: self.node(),
            role: self.role(),
            term: self.term(),
            leader: self.leader(),
            commit_index: self.commit_index,
            last: self.last(),
            config: self.config().clone(),
            match_indexes: self.acks(),
        }
    }

    /// Whether the nodes that `agrees` accepts can decide.
    pub(crate) fn is_quorum(&self, agrees: impl Fn(NodeId) -> bool) -> bool {
        let config = self.config();
        if self.deviates(PlantedBug::ShortQuorum) {
            let excused = config.voters.iter().copied().find(|n| !agrees(*n));
            return config.is_quorum(|n| agrees(n) || Some(n) == excused);
        }
        config.is_quorum(agrees)
    }

    /// Whether this node runs with that planted bug. Always false without the feature `planted-bugs`.
    pub(crate) fn deviates(&self, bug: PlantedBug) -> bool {
        self.planted_bug() == Some(bug)
    }

    /// The planted bug that this node runs with, if it was built to have one.
    pub(crate) fn planted_bug(&self) -> Option<PlantedBug> {
        let built_in = cfg!(feature = "planted-bugs");
        self.settings.planted_bug.filter(|_| built_in)
    }

    pub(crate) fn trace(&mut self, event: Event) {
        self.output.trace.push(event);
    }

    /// A message that depends on nothing that is not durable yet.
    pub(crate) fn send(&mut self, to: NodeId, body: Body) {
        let message = self.message(to, body);
        self.output.send.push(message);
    }

    /// A message that promises something, and must not leave before that is durable.
    pub(crate) fn send_after_persist(&mut self, to: NodeId, body: Body) {
        let message = self.message(to, body);
        self.output.after_persist.send.push(message);
    }

    fn message(&self, to: NodeId, body: Body) -> Message {
        Message {
            from: self.node(),
            to,
            term: self.term(),
            disk: self.settings.disk,
            body,
        }
    }

    /// The rules of Figure 2 for all servers: the term decides first.
    fn on_message(&mut self, message: Message) {
        if message.term > self.term() {
            self.adopt_term(message.term);
        }
        if message.term < self.term() {
            return self.refuse_stale(&message);
        }
        let from = message.from;
        match message.body {
            Body::RequestVote { last, .. } => self.on_request_vote(from, last),
            Body::RequestVoteReply { granted } => self.on_request_vote_reply(from, granted),
            Body::AppendEntries {
                prev,
                entries,
                leader_commit,
                round,
            } => self.on_append_entries(from, prev, entries, leader_commit, round),
            Body::AppendEntriesReply { outcome, round } => {
                self.on_append_entries_reply(from, outcome, round);
            }
            _ => {}
        }
    }

    /// Answers a request of an earlier term, so that its sender learns of the current one. A reply
    /// of an earlier term says nothing about this one, and is dropped.
    fn refuse_stale(&mut self, message: &Message) {
        match &message.body {
            Body::RequestVote { .. } => {
                let body = Body::RequestVoteReply { granted: false };
                self.send_after_persist(message.from, body);
            }
            Body::AppendEntries { prev, round, .. } => {
                self.reject_entries(message.from, *prev, *round);
            }
            _ => {}
        }
    }
}
