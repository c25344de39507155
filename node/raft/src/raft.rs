//! The node: its state, and the one function that changes it.

use std::collections::BTreeMap;
use std::mem;

use shakedown_history::event::{HardState, Role as RoleName};
use shakedown_history::{Configuration, Event, Index, LogHash, LogId, NodeId, Term};

use crate::configurations::Configurations;
use crate::disk::Disk;
use crate::election::ElectionTimer;
use crate::entry::Entry;
use crate::invariants::Before;
use crate::io::{Base, Input, Output, Recovered, Token};
use crate::log::Log;
use crate::membership::Membership;
use crate::message::{Body, Message};
use crate::planted::PlantedBug;
use crate::read::ForwardedReads;
use crate::repair::Repair;
use crate::role::Role;
use crate::settings::Settings;
use crate::snapshotting::Snapshots;
use crate::status::Status;
use crate::transfer::Transfer;

/// One node of a Raft cluster.
#[derive(Debug)]
pub struct Raft {
    pub(crate) settings: Settings,
    /// As in memory; on disk only once the driver says so.
    pub(crate) hard_state: HardState,
    pub(crate) log: Log,
    pub(crate) configurations: Configurations,
    pub(crate) snapshots: Snapshots,
    pub(crate) disk: Disk,
    /// What was lost to a damaged disk, until it is made good.
    pub(crate) repair: Option<Repair>,
    pub(crate) commit_index: Index,
    pub(crate) role: Role,
    pub(crate) election_timer: ElectionTimer,
    /// Commands taken in whose index is not decided yet. They outlive the leadership: what was
    /// appended may still be committed by another leader, or overwritten.
    pub(crate) proposals: BTreeMap<(Index, Term), Token>,
    /// Reads numbered so far.
    pub(crate) reads_started: u64,
    /// Reads that wait for the leader's answer.
    pub(crate) forwarded: ForwardedReads,
    /// A leadership that this node has let go, until it is known who took it.
    pub(crate) transfer: Option<Transfer>,
    /// The node's clock, as the driver last told it. Only leases depend on it.
    pub(crate) now_ns: u64,
    /// The output of the step under way.
    pub(crate) output: Output,
}

impl Raft {
    /// A node as it comes up: a follower without a leader, to whom nothing is known to be committed
    /// but what its snapshot covers.
    ///
    /// # Panics
    /// If the settings contradict themselves, or if what was recovered is not a log: contiguous from
    /// its base, in nondecreasing terms up to the current one, each hash continuing the one before,
    /// and reaching back to the snapshot.
    #[must_use]
    pub fn new(settings: Settings, recovered: Recovered) -> Self {
        settings.assert_sound();
        let election_timer = ElectionTimer::new(&settings);
        let snapshots = Snapshots::new(recovered.snapshot);
        let mut raft = Self {
            configurations: Configurations::new(&settings.bootstrap, snapshots.latest()),
            settings,
            hard_state: recovered.hard_state,
            log: Log::after(recovered.base),
            commit_index: snapshots.last().index,
            snapshots,
            disk: Disk::new(recovered.hard_state),
            repair: recovered.loss.map(Repair::new),
            role: Role::Follower { leader: None },
            election_timer,
            proposals: BTreeMap::new(),
            reads_started: 0,
            forwarded: ForwardedReads::default(),
            transfer: None,
            now_ns: 0,
            output: Output::default(),
        };
        raft.recover_log(recovered.log);
        Before::of(&raft).assert_step_to(&raft, &Output::default());
        raft
    }

    fn recover_log(&mut self, entries: Vec<Entry>) {
        self.assert_continue_log(&entries);
        for entry in entries {
            self.configurations.note(&entry);
            self.log.push(entry);
        }
        if self.deviates(PlantedBug::AloneAfterRestart) {
            self.configurations.shrink_to(self.node());
        }
        self.disk.recovered(self.log.last().index);
        assert!(
            self.log.contains(self.snapshots.last()) || self.snapshots.latest().is_none(),
            "the log from {} to {} does not hold the snapshot's last entry {}",
            self.log.base().id,
            self.log.last(),
            self.snapshots.last()
        );
    }

    /// Takes one input and says what must be done about it, in the order that [`Output`] demands.
    ///
    /// # Panics
    /// If an invariant of the protocol is broken: by a bug here, by a driver that does not keep the
    /// contract, or by a peer that lost what it had promised to keep. A node must not go on then.
    pub fn step(&mut self, input: Input) -> Output {
        let before = Before::of(self);
        match input {
            Input::Tick { now_ns } => self.on_tick(now_ns),
            Input::Receive(message) if message.to == self.node() => self.on_message(message),
            Input::Receive(_) => {}
            Input::Propose { token, command } => self.on_propose(vec![(token, command)]),
            Input::ProposeAll(proposals) => self.on_propose(proposals),
            Input::Read {
                token,
                mode,
                now_ns,
            } => self.on_read(token, mode, now_ns),
            Input::ChangeMembership { token, change } => self.on_change(token, change),
            Input::TransferLeadership { token, to } => self.on_transfer(token, to),
            Input::SnapshotTaken { at, data } => self.on_snapshot_taken(at, data),
            Input::SnapshotSaved(last) => self.on_snapshot_saved(last),
            Input::Persisted(durable) => self.on_persisted(durable),
        }
        if self.hard_state != before.hard_state && !self.hides_new_term() {
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
            Role::PreCandidate { .. } | Role::Candidate { .. } => None,
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

    /// Where the log begins: the last entry that is not held any more.
    #[must_use]
    pub fn base(&self) -> Base {
        self.log.base()
    }

    /// At most `len_max` entries from index `from` on, as far as they are held.
    #[must_use]
    pub fn entries(&self, from: Index, len_max: usize) -> &[Entry] {
        let prev = Index(from.0.saturating_sub(1)).max(self.base().id.index);
        let upto = Index(prev.0.saturating_add(len_max as u64)).min(self.last().index);
        if upto <= prev {
            return &[];
        }
        self.log.between(prev, upto)
    }

    /// The membership in force: the newest in the log, committed or not (§6).
    #[must_use]
    pub fn membership(&self) -> &Membership {
        if self.deviates(PlantedBug::ConfigAtCommit) {
            return self.configurations.at(self.commit_index).1;
        }
        self.configurations.latest()
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> &Configuration {
        &self.membership().config
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
            base: self.base().id,
            snapshot: self.snapshots.last(),
            membership: self.membership().clone(),
            match_indexes: self.acks(),
            loss: self.repair.as_ref().map(|repair| repair.loss),
            transferring_to: self.transfer.as_ref().map(|transfer| transfer.to),
        }
    }

    /// Whether the nodes that `agrees` accepts can decide.
    pub(crate) fn is_quorum(&self, agrees: impl Fn(NodeId) -> bool) -> bool {
        let config = self.config();
        if self.deviates(PlantedBug::ShortQuorum) {
            let excused = config.voters.iter().copied().find(|n| !agrees(*n));
            return config.is_quorum(|n| agrees(n) || Some(n) == excused);
        }
        if self.deviates(PlantedBug::HalfJoint) {
            let voters = config.voters.iter().copied();
            return Configuration::of_voters(voters).is_quorum(agrees);
        }
        config.is_quorum(agrees)
    }

    /// Whether this node runs with that planted bug. Always false without the feature `planted-bugs`.
    pub(crate) fn deviates(&self, bug: PlantedBug) -> bool {
        self.planted_bug() == Some(bug)
    }

    /// The planted bug that this node runs with, if it was built to have one.
    pub(crate) fn planted_bug(&self) -> Option<PlantedBug> {
        self.settings.planted_bug()
    }

    /// The planted bug `unsaved-term`: only votes are written down.
    fn hides_new_term(&self) -> bool {
        self.deviates(PlantedBug::UnsavedTerm) && self.hard_state.voted_for.is_none()
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
}
