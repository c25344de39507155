//! Leader election: timeouts and votes (§5.2, §5.4.1), pre-votes (dissertation §9.6) and the deference
//! to a leader that serves (§6).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shakedown_history::{Event, LogId, NodeId};

use crate::membership::DiskId;
use crate::message::Body;
use crate::planted::PlantedBug;
use crate::raft::Raft;
use crate::role::Role;
use crate::settings::Settings;

/// Counts down to the next election.
#[derive(Debug)]
pub(crate) struct ElectionTimer {
    ticks_min: u64,
    ticks_max: u64,
    ticks_left: u64,
    /// Since a leader was heard, or the process started: a process that starts may have
    /// promised a leader just before that it hears it.
    ticks_unheard: u64,
    random: ChaCha8Rng,
}

impl ElectionTimer {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut timer = Self {
            ticks_min: settings.election_timeout_ticks_min,
            ticks_max: settings.election_timeout_ticks_max,
            ticks_left: 0,
            ticks_unheard: 0,
            random: ChaCha8Rng::seed_from_u64(settings.seed),
        };
        match settings.planted_bug() {
            Some(PlantedBug::SameTimeouts) => timer.ticks_max = timer.ticks_min,
            Some(PlantedBug::ForgottenPromise) => timer.ticks_unheard = timer.ticks_min,
            _ => {}
        }
        timer.reset();
        timer
    }

    /// Starts again with a timeout drawn anew, so that two nodes do not collide for ever (§5.2).
    pub(crate) fn reset(&mut self) {
        self.ticks_left = self.random.random_range(self.ticks_min..=self.ticks_max);
    }

    /// A leader was heard.
    pub(crate) fn heard_leader(&mut self) {
        self.ticks_unheard = 0;
        self.reset();
    }

    /// Lets a tick pass, and says whether the timeout has run out.
    fn tick(&mut self) -> bool {
        self.ticks_left = self.ticks_left.saturating_sub(1);
        self.ticks_unheard += 1;
        self.ticks_left == 0
    }

    /// Whether a leader was heard within the shortest election timeout.
    fn is_leader_near(&self) -> bool {
        self.ticks_unheard < self.ticks_min
    }
}

impl Raft {
    pub(crate) fn on_tick(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
        self.watch_disk();
        if self.leadership().is_some() {
            self.on_leader_tick();
        } else if self.election_timer.tick() && self.may_campaign() {
            self.campaign();
        }
    }

    fn campaign(&mut self) {
        if self.settings.pre_vote {
            self.become_pre_candidate();
        } else {
            self.become_candidate(false);
        }
    }

    /// Whether this node may stand for election: it votes, from the disk that it is known by, has lost
    /// nothing, and its disk works. One that the newest configuration leaves out still stands while
    /// that is not committed: it may be the only one who has the entry (dissertation §4.2.2).
    fn may_campaign(&self) -> bool {
        let membership = self.membership();
        let needed = self.configurations.may_need(self.node(), self.commit_index)
            && !membership.config.learners.contains(&self.node());
        let votes = membership.votes(self.node())
            || needed
            || (self.deviates(PlantedBug::LearnerCampaigns)
                && !membership.config.voters.is_empty());
        votes
            && self.trusts(self.node(), self.settings.disk)
            && !self.is_repairing()
            && !self.is_disk_stalled()
    }

    /// Whether a promise of `node` made on `disk` counts.
    pub(crate) fn trusts(&self, node: NodeId, disk: Option<DiskId>) -> bool {
        self.membership().trusts(node, disk) || self.deviates(PlantedBug::AnyDisk)
    }

    fn on_leader_tick(&mut self) {
        let heartbeat_ticks = self.settings.heartbeat_ticks;
        let leadership = self.leadership_mut().expect("called on a leader");
        leadership.now += 1;
        let is_heartbeat = leadership.now.is_multiple_of(heartbeat_ticks);
        if self.is_disk_stalled() {
            return self.step_down("its disk completes nothing", self.term());
        }
        if self.settings.check_quorum
            && !self.hears_quorum()
            && !self.deviates(PlantedBug::NoCheckQuorum)
        {
            let reason = "heard from no quorum for an election timeout";
            return self.step_down(reason, self.term());
        }
        self.tick_transfer();
        if is_heartbeat {
            self.suspect_losses();
            self.open_round();
            self.send_heartbeats();
            self.replicate();
            self.bind_disks();
            self.serve_reads();
        }
    }

    /// Whether a quorum answered within the longest election timeout. A leader for whom it did not
    /// steps down: by then the others may have elected another, and its clients should learn that
    /// they are at the wrong place. (Safety does not rest on it.)
    fn hears_quorum(&self) -> bool {
        let patience_ticks = self.settings.election_timeout_ticks_max;
        let Some(leadership) = self.leadership() else {
            return false;
        };
        self.is_quorum(|node| match leadership.peers.get(&node) {
            Some(peer) => leadership.now - peer.heard_at < patience_ticks,
            None => node == self.node(),
        })
    }

    /// Whether there is a leader that others should not disturb: one that this node has heard within
    /// the shortest election timeout, or itself while a quorum hears it.
    pub(crate) fn hears_leader(&self) -> bool {
        if !self.settings.sticky_leader {
            return false;
        }
        match &self.role {
            Role::Leader(_) => self.settings.check_quorum && self.hears_quorum(),
            _ => self.election_timer.is_leader_near(),
        }
    }

    /// A pre-vote says that a vote would be given, and binds nobody.
    pub(crate) fn on_request_pre_vote(
        &mut self,
        candidate: NodeId,
        disk: Option<DiskId>,
        candidate_last: LogId,
    ) {
        let granted = !self.hears_leader()
            && self.leadership().is_none()
            && self.would_vote(candidate, disk, candidate_last);
        if granted {
            self.trace(Event::VoteGranted {
                candidate,
                candidate_last,
                last: self.log.last(),
                pre_vote: true,
            });
        }
        self.send(candidate, Body::RequestPreVoteReply { granted });
    }

    pub(crate) fn on_request_pre_vote_reply(
        &mut self,
        voter: NodeId,
        disk: Option<DiskId>,
        granted: bool,
    ) {
        let asked = matches!(self.role, Role::PreCandidate { .. });
        if granted && asked && self.trusts(voter, disk) {
            self.count_vote(voter);
        }
    }

    /// A vote goes to the first who asks in a term (§5.2), if its log is at least as up to date as
    /// this node's own: a later last term, or the same and at least as long (§5.4.1).
    pub(crate) fn on_request_vote(
        &mut self,
        candidate: NodeId,
        disk: Option<DiskId>,
        candidate_last: LogId,
    ) {
        let free = self.hard_state.voted_for.is_none_or(|n| n == candidate)
            || self.deviates(PlantedBug::VoteTwice);
        let granted =
            free && self.leadership().is_none() && self.would_vote(candidate, disk, candidate_last);
        if granted {
            self.hard_state.voted_for = Some(candidate);
        }
        if granted || self.deviates(PlantedBug::RefusalResetsTimer) {
            self.election_timer.reset();
        }
        let event = granted.then(|| Event::VoteGranted {
            candidate,
            candidate_last,
            last: self.log.last(),
            pre_vote: false,
        });
        let reply = Body::RequestVoteReply { granted };
        if self.deviates(PlantedBug::VoteBeforeFsync) {
            self.output.trace.extend(event);
            self.send(candidate, reply);
        } else {
            self.output.after_persist.trace.extend(event);
            self.send_after_persist(candidate, reply);
        }
    }

    /// The log decides (§5.4.1), and whether either side may promise anything. A candidate that speaks
    /// from another disk than the one it is known by is refused, unless its log reaches beyond this
    /// one: then it may have been replaced in an entry that this node has not seen.
    fn would_vote(&self, candidate: NodeId, disk: Option<DiskId>, candidate_last: LogId) -> bool {
        let last = self.last_for_votes();
        let up_to_date = match self.planted_bug() {
            Some(PlantedBug::LongestLogWins) => candidate_last.index >= last.index,
            Some(PlantedBug::TermAndLength) => {
                candidate_last.term >= last.term && candidate_last.index >= last.index
            }
            _ => candidate_last >= last,
        };
        let refuses_as_learner =
            self.deviates(PlantedBug::LearnerRefusesVote) && !self.membership().votes(self.node());
        up_to_date
            && !self.is_repairing()
            && !refuses_as_learner
            && (self.trusts(candidate, disk) || candidate_last > last)
    }

    fn last_for_votes(&self) -> LogId {
        if self.deviates(PlantedBug::EmptyAfterCompaction) && self.log.len() == 0 {
            return LogId::default();
        }
        self.log.last()
    }

    pub(crate) fn on_request_vote_reply(
        &mut self,
        voter: NodeId,
        disk: Option<DiskId>,
        granted: bool,
    ) {
        let asked = matches!(self.role, Role::Candidate { .. });
        if granted && asked && self.trusts(voter, disk) {
            self.count_vote(voter);
        }
    }

    /// A candidate counts each voter once, and leads as soon as they are a quorum; a pre-candidate then
    /// becomes a candidate.
    pub(crate) fn count_vote(&mut self, voter: NodeId) {
        let (Role::PreCandidate { votes } | Role::Candidate { votes }) = &mut self.role else {
            return;
        };
        votes.voters.insert(voter);
        votes.arrived += 1;
        let votes = votes.clone();
        let majority = self.config().voters.len() / 2 + 1;
        let enough = match self.planted_bug() {
            Some(PlantedBug::CountVotesTwice) => votes.arrived >= majority,
            Some(PlantedBug::CountAnyVote) => votes.voters.len() >= majority,
            _ => self.is_quorum(|n| votes.voters.contains(&n)),
        };
        match &self.role {
            Role::PreCandidate { .. } if enough => self.become_candidate(false),
            Role::Candidate { .. } if enough => self.become_leader(votes.voters),
            _ => {}
        }
    }

    /// The leader hands over to this node (dissertation §3.10).
    pub(crate) fn on_timeout_now(&mut self, leader: NodeId) {
        let is_from_leader = self.leader() == Some(leader);
        if is_from_leader && self.leader() != Some(self.node()) && self.may_campaign() {
            self.become_candidate(true);
        }
    }
}
