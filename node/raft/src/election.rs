//! Leader election: timeouts and votes (§5.2, §5.4.1).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shakedown_history::{Event, LogId, NodeId};

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
    random: ChaCha8Rng,
}

impl ElectionTimer {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut timer = Self {
            ticks_min: settings.election_timeout_ticks_min,
            ticks_max: settings.election_timeout_ticks_max,
            ticks_left: 0,
            random: ChaCha8Rng::seed_from_u64(settings.seed),
        };
        timer.reset();
        timer
    }

    /// Starts again with a timeout drawn anew, so that two nodes do not collide for ever (§5.2).
    pub(crate) fn reset(&mut self) {
        self.ticks_left = self.random.random_range(self.ticks_min..=self.ticks_max);
    }

    /// Lets a tick pass, and says whether the timeout has run out.
    fn tick(&mut self) -> bool {
        self.ticks_left = self.ticks_left.saturating_sub(1);
        self.ticks_left == 0
    }
}

impl Raft {
    pub(crate) fn on_tick(&mut self) {
        if self.leadership().is_some() {
            self.on_leader_tick();
        } else if self.election_timer.tick() && self.config().voters.contains(&self.node()) {
            self.become_candidate();
        }
    }

    fn on_leader_tick(&mut self) {
        let heartbeat_ticks = self.settings.heartbeat_ticks;
        let leadership = self.leadership_mut().expect("called on a leader");
        leadership.now += 1;
        let is_heartbeat = leadership.now.is_multiple_of(heartbeat_ticks);
        if !self.hears_quorum() {
            let reason = "heard from no quorum for an election timeout";
            return self.step_down(reason, self.term());
        }
        if is_heartbeat {
            self.suspect_losses();
            self.open_round();
            self.send_heartbeats();
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

    /// A vote goes to the first who asks in a term (§5.2), if its log is at least as up to date as
    /// this node's own: a later last term, or the same and at least as long (§5.4.1).
    pub(crate) fn on_request_vote(&mut self, candidate: NodeId, candidate_last: LogId) {
        let last = self.log.last();
        let free = self.hard_state.voted_for.is_none_or(|n| n == candidate)
            || self.deviates(PlantedBug::VoteTwice);
        let granted = free && candidate_last >= last;
        if granted {
            self.hard_state.voted_for = Some(candidate);
            self.election_timer.reset();
            self.output.after_persist.trace.push(Event::VoteGranted {
                candidate,
                candidate_last,
                last,
                pre_vote: false,
            });
        }
        self.send_after_persist(candidate, Body::RequestVoteReply { granted });
    }

    pub(crate) fn on_request_vote_reply(&mut self, voter: NodeId, granted: bool) {
        if granted {
            self.count_vote(voter);
        }
    }

    /// A candidate counts each voter once, and leads as soon as they are a quorum.
    pub(crate) fn count_vote(&mut self, voter: NodeId) {
        let Role::Candidate { votes } = &mut self.role else {
            return;
        };
        votes.insert(voter);
        let votes = votes.clone();
        if self.is_quorum(|n| votes.contains(&n)) {
            self.become_leader(votes);
        }
    }
}
