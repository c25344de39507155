//! Membership change (§6): learners come and go in one step; voters change through a joint
//! configuration, in which both the old and the new voters must agree.

use shakedown_history::{Configuration, Index, LogId, NodeId};

use crate::entry::Payload;
use crate::io::{Change, Refusal, Reply, Token};
use crate::membership::{Member, Membership};
use crate::planted::PlantedBug;
use crate::raft::Raft;

impl Raft {
    pub(crate) fn on_change(&mut self, token: Token, change: Change) {
        let next = match self.refuses_change() {
            Some(why) => Err(why),
            None => self.changed(change),
        };
        match next {
            Ok(membership) => {
                let id = self.append_membership(membership);
                self.proposals.insert((id.index, id.term), token);
            }
            Err(why) => self.output.reply.push(Reply::Refused { token, why }),
        }
    }

    /// One change at a time, and only by a leader that has committed an entry of its own term: it may
    /// otherwise not know of a change that is committed already (Ongaro, raft-dev 2015).
    fn refuses_change(&self) -> Option<Refusal> {
        if self.leadership().is_none() {
            let leader = self.leader();
            return Some(Refusal::NotLeader { leader });
        }
        if self.transfer.is_some() {
            return Some(Refusal::Transferring);
        }
        (!self.may_change_membership()).then_some(Refusal::NotNow)
    }

    fn may_change_membership(&self) -> bool {
        let settled = self.configurations.latest_index() <= self.commit_index
            && !self.membership().is_joint()
            || self.deviates(PlantedBug::OverlappingChanges);
        settled && (self.has_committed_in_term() || self.deviates(PlantedBug::ChangeTooEarly))
    }

    /// The membership that a change leads to; a joint one where voters come or go.
    fn changed(&self, change: Change) -> Result<Membership, Refusal> {
        let mut next = self.membership().clone();
        match change {
            Change::AddLearner {
                node,
                address,
                disk,
            } => {
                if next.members.contains_key(&node) {
                    return Err(Refusal::NoSuchChange("it is a member already"));
                }
                insert(&mut next.config.learners, node);
                next.members.insert(node, Member { address, disk });
                return Ok(next);
            }
            Change::Promote(node) => {
                self.assert_promotable(node)?;
                self.begin_joint(&mut next);
                promote(&mut next.config, node);
            }
            Change::Remove(node) if next.config.learners.contains(&node) => {
                remove(&mut next.config.learners, node);
                next.members.remove(&node);
                return Ok(next);
            }
            Change::Remove(node) => {
                self.assert_removable(node)?;
                self.begin_joint(&mut next);
                remove(&mut next.config.voters, node);
            }
            Change::Replace { old, new } => {
                self.assert_promotable(new)?;
                if !next.config.voters.contains(&old) {
                    return Err(Refusal::NoSuchChange(
                        "the one to be replaced does not vote",
                    ));
                }
                self.begin_joint(&mut next);
                promote(&mut next.config, new);
                remove(&mut next.config.voters, old);
            }
        }
        Ok(next)
    }

    /// Puts the present voters beside those to come. The planted bugs of §6 go without, one server at a
    /// time: safe with their guards, and each lacks one.
    fn begin_joint(&self, next: &mut Membership) {
        let at_once = matches!(
            self.planted_bug(),
            Some(PlantedBug::ChangeTooEarly | PlantedBug::OverlappingChanges)
        );
        if !at_once {
            next.config.outgoing = next.config.voters.clone();
        }
    }

    fn assert_promotable(&self, node: NodeId) -> Result<(), Refusal> {
        if !self.membership().config.learners.contains(&node) {
            return Err(Refusal::NoSuchChange("only a learner can become a voter"));
        }
        let leadership = self.leadership().expect("only a leader changes members");
        let matched = leadership.peers.get(&node).map(|peer| peer.match_index);
        let near = self.settings.entries_per_message_max as u64;
        // One that has never answered has not caught up, however short the log.
        let caught_up = matched.is_some_and(|matched| {
            matched.0 > 0 && matched.0.saturating_add(near) >= self.log.last().index.0
        });
        if caught_up || self.deviates(PlantedBug::PromoteEarly) {
            Ok(())
        } else {
            Err(Refusal::LagsBehind)
        }
    }

    fn assert_removable(&self, node: NodeId) -> Result<(), Refusal> {
        let voters = &self.membership().config.voters;
        if !voters.contains(&node) {
            return Err(Refusal::NoSuchChange("it is no member"));
        }
        if voters.len() == 1 {
            return Err(Refusal::NoSuchChange("it is the only voter"));
        }
        Ok(())
    }

    fn append_membership(&mut self, membership: Membership) -> LogId {
        let id = self.append_as_leader(Payload::Config(membership));
        self.renew_peers();
        // The new voters alone may hold more than they did together with the old.
        self.advance_commit();
        self.replicate();
        id
    }

    /// What a leader does once more is committed: it leaves a joint configuration that is committed, and
    /// leaves its post if it is not in the configuration any more.
    pub(crate) fn after_commit_as_leader(&mut self) {
        let committed = self.configurations.latest_index() <= self.commit_index;
        if self.leadership().is_none() || !committed {
            return;
        }
        if self.membership().is_joint() {
            if !self.deviates(PlantedBug::StayJoint) {
                self.leave_joint();
            }
        } else if !self.membership().votes(self.node()) && self.has_committed_in_term() {
            self.leave_to_the_others();
        }
    }

    /// The new voters alone are in force from here on. Who asked for the change is answered when that
    /// is committed too.
    fn leave_joint(&mut self) {
        let joint = LogId {
            term: self.term(),
            index: self.configurations.latest_index(),
        };
        let mut next = self.membership().clone();
        next.config.outgoing.clear();
        let Configuration {
            voters, learners, ..
        } = next.config.clone();
        next.members
            .retain(|node, _| voters.contains(node) || learners.contains(node));
        let asked = self.output.apply.iter_mut();
        let token = asked
            .filter(|committed| committed.entry.id == joint)
            .find_map(|committed| committed.token.take());
        let id = self.append_membership(next);
        if let Some(token) = token {
            self.proposals.insert((id.index, id.term), token);
        }
        // The new voters alone may hold more already.
        self.advance_commit();
    }

    /// Writes down from which disk each member spoke first, where that is not known yet.
    pub(crate) fn bind_disks(&mut self) {
        if self.settings.disk.is_none() || !self.may_change_membership() || self.transfer.is_some()
        {
            return;
        }
        let mut next = self.membership().clone();
        for (node, member) in &mut next.members {
            let spoken = match self.leadership().and_then(|l| l.peers.get(node)) {
                Some(progress) => progress.disk,
                None if *node == self.node() => self.settings.disk,
                None => None,
            };
            member.disk = member.disk.or(spoken);
        }
        if next != *self.membership() {
            self.append_membership(next);
        }
    }

    /// The index of the newest configuration, for asserts.
    pub(crate) fn configuration_index(&self) -> Index {
        self.configurations.latest_index()
    }
}

fn promote(config: &mut Configuration, node: NodeId) {
    remove(&mut config.learners, node);
    insert(&mut config.voters, node);
}

fn insert(nodes: &mut Vec<NodeId>, node: NodeId) {
    if let Err(place) = nodes.binary_search(&node) {
        nodes.insert(place, node);
    }
}

fn remove(nodes: &mut Vec<NodeId>, node: NodeId) {
    nodes.retain(|n| *n != node);
}
