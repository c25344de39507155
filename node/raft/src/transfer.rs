//! Leadership transfer (dissertation §3.10): the leader takes in nothing more, waits until the target
//! has its whole log, and asks it to stand for election at once.

use shakedown_history::{Event, Index, NodeId};

use crate::io::{Refusal, Reply, Token};
use crate::message::Body;
use crate::planted::PlantedBug;
use crate::raft::Raft;

/// A handing over.
#[derive(Clone, Debug)]
pub(crate) struct Transfer {
    pub(crate) to: NodeId,
    /// Who wants to hear of it; nobody if the leader goes of its own accord.
    token: Option<Token>,
    /// Until the leader gives it up and goes on leading.
    ticks_left: u64,
}

impl Raft {
    pub(crate) fn on_transfer(&mut self, token: Token, to: Option<NodeId>) {
        let target = match to {
            Some(node) => Some(node),
            None => self.most_up_to_date_voter(),
        };
        let refusal = if self.leadership().is_none() {
            let leader = self.leader();
            Some(Refusal::NotLeader { leader })
        } else if self.transfer.is_some() {
            Some(Refusal::Transferring)
        } else {
            match target {
                None => Some(Refusal::NoSuchChange("there is nobody else to lead")),
                Some(node) if node == self.node() => {
                    self.output
                        .reply
                        .push(Reply::Transferred { token, to: node });
                    return;
                }
                Some(node) if !self.config().voters.contains(&node) => {
                    Some(Refusal::NoSuchChange("only a voter can lead"))
                }
                Some(_) => None,
            }
        };
        match (refusal, target) {
            (Some(why), _) => self.output.reply.push(Reply::Refused { token, why }),
            (None, target) => {
                let to = target.expect("without one it was refused");
                self.begin_transfer(to, Some(token));
            }
        }
    }

    fn begin_transfer(&mut self, to: NodeId, token: Option<Token>) {
        self.trace(Event::TransferStarted { to });
        self.transfer = Some(Transfer {
            to,
            token,
            ticks_left: self.settings.election_timeout_ticks_max,
        });
        if !self.deviates(PlantedBug::LeaseSurvivesTransfer) {
            self.give_up_lease("hands the leadership over");
        }
        self.hand_over_when_caught_up(to);
    }

    /// Called when something was heard of `peer`.
    pub(crate) fn hand_over_when_caught_up(&mut self, peer: NodeId) {
        let awaited = self.transfer.as_ref().is_some_and(|t| t.to == peer);
        let last = self.log.last().index;
        let caught_up = self
            .leadership()
            .and_then(|leadership| leadership.peers.get(&peer))
            .is_some_and(|progress| progress.match_index == last);
        if awaited && caught_up {
            self.forfeit_lease();
            self.send(peer, Body::TimeoutNow);
        }
    }

    /// A target that does not take over within an election timeout will not: the leader goes on.
    pub(crate) fn tick_transfer(&mut self) {
        let Some(transfer) = &mut self.transfer else {
            return;
        };
        transfer.ticks_left = transfer.ticks_left.saturating_sub(1);
        if transfer.ticks_left == 0 {
            self.end_transfer(false);
        }
    }

    /// It is known who leads after this node.
    pub(crate) fn conclude_transfer(&mut self, leader: NodeId) {
        if let Some(transfer) = &self.transfer {
            let done = transfer.to == leader;
            self.end_transfer(done);
        }
    }

    fn end_transfer(&mut self, done: bool) {
        let Some(Transfer { to, token, .. }) = self.transfer.take() else {
            return;
        };
        self.trace(Event::TransferEnded { to, done });
        let why = Refusal::TransferFailed;
        self.output.reply.extend(token.map(|token| match done {
            true => Reply::Transferred { token, to },
            false => Reply::Refused { token, why },
        }));
    }

    /// A leader that is no longer in the configuration goes, and spares the others the wait for a
    /// timeout (dissertation §4.2.2).
    pub(crate) fn leave_to_the_others(&mut self) {
        self.send_heartbeats();
        if let Some(next) = self.most_up_to_date_voter() {
            self.send(next, Body::TimeoutNow);
        }
        self.step_down("it is no longer in the configuration", self.term());
    }

    fn most_up_to_date_voter(&self) -> Option<NodeId> {
        let leadership = self.leadership()?;
        let voters = self.config().voters.iter();
        let known = voters.filter_map(|node| {
            let progress = leadership.peers.get(node)?;
            Some((progress.match_index, *node))
        });
        known
            .max_by_key(|(matched, node): &(Index, NodeId)| (*matched, std::cmp::Reverse(*node)))
            .map(|(_, node)| node)
    }
}
