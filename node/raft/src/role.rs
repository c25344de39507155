//! Follower, candidate, leader, and every transition between them (Figure 4).

use std::collections::{BTreeMap, BTreeSet};

use shakedown_history::event::{HardState, Role as RoleName};
use shakedown_history::{Event, NodeId, Term};

use crate::entry::Payload;
use crate::io::{Refusal, Reply};
use crate::message::Body;
use crate::progress::Progress;
use crate::raft::Raft;
use crate::read::Reads;

/// A node's part, with the state that only that part has.
#[derive(Debug)]
pub(crate) enum Role {
    Follower { leader: Option<NodeId> },
    Candidate { votes: BTreeSet<NodeId> },
    Leader(Leadership),
}

/// The state of a leader, new in each term (Figure 2, volatile state on leaders).
#[derive(Debug)]
pub(crate) struct Leadership {
    /// Everyone else in the configuration.
    pub(crate) peers: BTreeMap<NodeId, Progress>,
    pub(crate) reads: Reads,
    /// Ticks since the election.
    pub(crate) now: u64,
}

impl Role {
    pub(crate) fn name(&self) -> RoleName {
        match self {
            Self::Follower { .. } => RoleName::Follower,
            Self::Candidate { .. } => RoleName::Candidate,
            Self::Leader(_) => RoleName::Leader,
        }
    }
}

impl Raft {
    pub(crate) fn leadership(&self) -> Option<&Leadership> {
        match &self.role {
            Role::Leader(leadership) => Some(leadership),
            Role::Follower { .. } | Role::Candidate { .. } => None,
        }
    }

    pub(crate) fn leadership_mut(&mut self) -> Option<&mut Leadership> {
        match &mut self.role {
            Role::Leader(leadership) => Some(leadership),
            Role::Follower { .. } | Role::Candidate { .. } => None,
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
    }

    /// Acknowledges the leader of the current term (§5.2).
    pub(crate) fn follow(&mut self, leader: NodeId) {
        match &self.role {
            Role::Follower { leader: known } => self.assert_one_leader(*known, leader),
            Role::Candidate { .. } => {
                self.step_down("another node won the election", self.term());
            }
            Role::Leader(_) => unreachable!("a leader does not follow another of its own term"),
        }
        self.role = Role::Follower {
            leader: Some(leader),
        };
    }

    /// Stands for election in the next term (§5.2). Its own vote counts once it is durable.
    pub(crate) fn become_candidate(&mut self) {
        self.hard_state = HardState {
            term: self.term().next(),
            voted_for: Some(self.node()),
        };
        self.role = Role::Candidate {
            votes: BTreeSet::new(),
        };
        self.election_timer.reset();
        let last = self.log.last();
        self.trace(Event::BecomeCandidate { last });
        // A learner is asked too: it may be a voter already, by a configuration that it has not seen.
        for peer in self.peers() {
            self.send_after_persist(
                peer,
                Body::RequestVote {
                    last,
                    transfer: false,
                },
            );
        }
    }

    /// Takes the lead (§5.2) and opens the term with a no-op, without which it could not learn what
    /// is committed (§8).
    pub(crate) fn become_leader(&mut self, votes: BTreeSet<NodeId>) {
        assert!(matches!(self.role, Role::Candidate { .. }));
        let last = self.log.last();
        self.trace(Event::BecomeLeader {
            last,
            votes: votes.into_iter().collect(),
            config: self.config().clone(),
        });
        let peers = self.peers().into_iter();
        self.role = Role::Leader(Leadership {
            peers: peers.map(|n| (n, Progress::new(last.index))).collect(),
            reads: Reads::default(),
            now: 0,
        });
        self.append_as_leader(Payload::Noop);
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
            Role::Candidate { .. } => {}
            Role::Leader(leadership) => {
                // The timer stood still during the leadership: what it shows is long out of date.
                self.election_timer.reset();
                self.refuse_reads(leadership.reads);
            }
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

    /// Everyone in the configuration but this node, in order.
    fn peers(&self) -> BTreeSet<NodeId> {
        let config = self.config();
        let members = [&config.voters, &config.outgoing, &config.learners];
        let members = members.into_iter().flatten().copied();
        members.filter(|n| *n != self.node()).collect()
    }
}
