//! Follower, pre-candidate, candidate, leader, and every transition between them (Figure 4).

use std::collections::{BTreeMap, BTreeSet};

use shakedown_history::event::{HardState, Role as RoleName};
use shakedown_history::{Event, NodeId, Term};

use crate::entry::Payload;
use crate::io::{Refusal, Reply};
use crate::lease::Lease;
use crate::message::Body;
use crate::planted::PlantedBug;
use crate::progress::Progress;
use crate::raft::Raft;
use crate::read::Reads;

/// A node's part, with the state that only that part has.
#[derive(Debug)]
pub(crate) enum Role {
    Follower { leader: Option<NodeId> },
    PreCandidate { votes: Votes },
    Candidate { votes: Votes },
    Leader(Leadership),
}

/// Who has said yes, this node included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Votes {
    pub(crate) voters: BTreeSet<NodeId>,
    /// How many votes arrived, repeated ones too; only planted bugs look at it.
    pub(crate) arrived: usize,
}

/// The state of a leader, new in each term (Figure 2, volatile state on leaders).
#[derive(Debug)]
pub(crate) struct Leadership {
    /// Everyone else in the configuration.
    pub(crate) peers: BTreeMap<NodeId, Progress>,
    pub(crate) reads: Reads,
    pub(crate) lease: Lease,
    /// Ticks since the election.
    pub(crate) now: u64,
}

impl Role {
    pub(crate) fn name(&self) -> RoleName {
        match self {
            Self::Follower { .. } => RoleName::Follower,
            Self::PreCandidate { .. } => RoleName::PreCandidate,
            Self::Candidate { .. } => RoleName::Candidate,
            Self::Leader(_) => RoleName::Leader,
        }
    }
}

impl Raft {
    pub(crate) fn leadership(&self) -> Option<&Leadership> {
        match &self.role {
            Role::Leader(leadership) => Some(leadership),
            _ => None,
        }
    }

    pub(crate) fn leadership_mut(&mut self) -> Option<&mut Leadership> {
        match &mut self.role {
            Role::Leader(leadership) => Some(leadership),
            _ => None,
        }
    }

    /// Enters a term that another node has shown to exist (§5.1). The vote of the old term is over.
    pub(crate) fn adopt_term(&mut self, term: Term) {
        assert!(term > self.term(), "terms only grow");
        self.step_down("saw a higher term", term);
        self.hard_state = HardState {
            term,
            voted_for: None,
        };
        self.role = Role::Follower { leader: None };
        self.refuse_forwarded_reads();
    }

    /// Acknowledges the leader of the current term (§5.2).
    pub(crate) fn follow(&mut self, leader: NodeId) {
        match &self.role {
            Role::Follower { leader: known } => self.assert_one_leader(*known, leader),
            Role::PreCandidate { .. } | Role::Candidate { .. } => {
                self.step_down("another node won the election", self.term());
            }
            Role::Leader(_) => unreachable!("a leader does not follow another of its own term"),
        }
        self.vouch_for(leader);
        self.role = Role::Follower {
            leader: Some(leader),
        };
        self.conclude_transfer(leader);
    }

    /// Asks the others whether they would vote for this node, which changes nothing for anybody
    /// (dissertation §9.6).
    pub(crate) fn become_pre_candidate(&mut self) {
        self.election_timer.reset();
        if self.deviates(PlantedBug::PreVoteClearsVote) {
            self.hard_state.voted_for = None;
        }
        self.role = Role::PreCandidate {
            votes: Votes::default(),
        };
        self.refuse_forwarded_reads();
        self.trace(Event::BecomePreCandidate);
        self.count_vote(self.node());
        if !matches!(self.role, Role::PreCandidate { .. }) {
            // Its own vote was enough.
            return;
        }
        let last = self.log.last();
        for peer in self.peers() {
            self.send(peer, Body::RequestPreVote { last });
        }
    }

    /// Stands for election in the next term (§5.2). Its own vote counts once it is durable.
    /// `transfer` says that the leader asked for it.
    pub(crate) fn become_candidate(&mut self, transfer: bool) {
        self.hard_state = HardState {
            term: self.term().next(),
            voted_for: Some(self.node()),
        };
        self.role = Role::Candidate {
            votes: Votes::default(),
        };
        self.election_timer.reset();
        self.refuse_forwarded_reads();
        let last = self.log.last();
        self.trace(Event::BecomeCandidate { last });
        // A learner is asked too: it may be a voter already, by a configuration that it has not seen.
        for peer in self.peers() {
            let request = Body::RequestVote { last, transfer };
            if self.deviates(PlantedBug::CandidateBeforeFsync) {
                self.send(peer, request);
            } else {
                self.send_after_persist(peer, request);
            }
        }
        if self.deviates(PlantedBug::CandidateBeforeFsync) {
            self.count_vote(self.node());
        }
    }

    /// Takes the lead (§5.2) and opens the term with a no-op, without which it could not learn what
    /// is committed (§8).
    pub(crate) fn become_leader(&mut self, votes: BTreeSet<NodeId>) {
        let is_candidate = matches!(self.role, Role::Candidate { .. });
        assert!(is_candidate, "only a candidate is elected");
        let last = self.log.last();
        // Learners are asked too, and a server that is being removed may win: their votes do not count.
        let counts =
            |n: &NodeId| self.membership().votes(*n) || self.deviates(PlantedBug::CountAnyVote);
        let votes = votes.into_iter().filter(counts).collect();
        self.trace(Event::BecomeLeader {
            last,
            votes,
            config: self.config().clone(),
        });
        let peers = self.peers().into_iter();
        self.role = Role::Leader(Leadership {
            peers: peers.map(|n| (n, Progress::new(last.index, 0))).collect(),
            reads: Reads::default(),
            lease: Lease::default(),
            now: 0,
        });
        self.conclude_transfer(self.node());
        if !self.deviates(PlantedBug::NoNoop) {
            self.append_as_leader(Payload::Noop);
        }
        self.replicate();
    }

    /// Gives up being leader or candidate; a follower stays what it is. Commands that were proposed
    /// stay open, because another leader may still commit them; reads end here.
    pub(crate) fn step_down(&mut self, reason: &str, seen_term: Term) {
        let role = std::mem::replace(&mut self.role, Role::Follower { leader: None });
        match role {
            Role::Follower { .. } => {
                self.role = role;
                return;
            }
            Role::PreCandidate { .. } | Role::Candidate { .. } => {}
            Role::Leader(leadership) => {
                // The timer stood still during the leadership: what it shows is long out of date.
                self.election_timer.reset();
                self.drop_lease(&leadership.lease, reason);
                self.refuse_reads(leadership.reads);
                self.refuse_open_proposals_definitely();
            }
        }
        if self.deviates(PlantedBug::ClearVoteOnStepDown) {
            self.hard_state.voted_for = None;
        }
        self.trace(Event::StepDown {
            reason: reason.to_owned(),
            seen_term,
        });
    }

    fn refuse_reads(&mut self, reads: Reads) {
        let refused = reads.into_tokens().map(|token| Reply::Refused {
            token,
            why: Refusal::LeadershipLost,
        });
        self.output.reply.extend(refused);
    }

    /// The planted bug `definite-error`: a deposed leader says of what it had appended that it
    /// certainly has no effect.
    fn refuse_open_proposals_definitely(&mut self) {
        if self.deviates(PlantedBug::DefiniteError) {
            let open = std::mem::take(&mut self.proposals).into_values();
            let why = Refusal::NotLeader { leader: None };
            self.output
                .reply
                .extend(open.map(|token| Reply::Refused { token, why }));
        }
    }

    /// Everyone in the configuration but this node, in order.
    pub(crate) fn peers(&self) -> BTreeSet<NodeId> {
        let config = self.config();
        let members = [&config.voters, &config.outgoing, &config.learners];
        let members = members.into_iter().flatten().copied();
        members.filter(|n| *n != self.node()).collect()
    }

    /// After the configuration has changed: whoever is new is fed, and who is gone is forgotten.
    pub(crate) fn renew_peers(&mut self) {
        let (members, last) = (self.peers(), self.log.last().index);
        if let Some(leadership) = self.leadership_mut() {
            leadership.peers.retain(|node, _| members.contains(node));
            for node in members {
                // With the entry that adds it still to be sent, it is probed at once.
                let now = leadership.now;
                let new = || Progress::new(last.prev(), now);
                leadership.peers.entry(node).or_insert_with(new);
            }
        }
    }
}
