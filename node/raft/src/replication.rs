//! Log replication, the leader's side (§5.3), and the commit rule (§5.4.2).

use bytes::Bytes;
use shakedown_history::event::Role as RoleName;
use shakedown_history::{Event, Index, LogId, NodeId};

use crate::entry::{Entry, Payload};
use crate::io::{Committed, Refusal, Reply, Token};
use crate::membership::DiskId;
use crate::message::{AppendOutcome, Body};
use crate::planted::PlantedBug;
use crate::progress::{Parcel, Progress};
use crate::raft::Raft;
use crate::role::{Leadership, Role};

impl Raft {
    pub(crate) fn on_propose(&mut self, proposals: Vec<(Token, Bytes)>) {
        let why = if self.leadership().is_none() {
            let leader = self.leader();
            Refusal::NotLeader { leader }
        } else if self.transfer.is_some() {
            Refusal::Transferring
        } else {
            return self.take_in(proposals);
        };
        let refused = proposals
            .into_iter()
            .map(|(token, _)| Reply::Refused { token, why });
        self.output.reply.extend(refused);
    }

    fn take_in(&mut self, proposals: Vec<(Token, Bytes)>) {
        let mut entries = Vec::with_capacity(proposals.len());
        let (mut last, mut hash) = (self.log.last(), self.log.last_hash());
        for (token, command) in proposals {
            let id = LogId {
                term: self.term(),
                index: last.index.next(),
            };
            let entry = Entry::new(hash, id, Payload::Command(command));
            (last, hash) = (id, entry.hash);
            entries.push(entry);
            self.proposals.insert((id.index, id.term), token);
            self.output.reply.push(Reply::Appended { token, id });
        }
        self.append(entries);
        self.replicate();
    }

    pub(crate) fn append_as_leader(&mut self, payload: Payload) -> LogId {
        let id = LogId {
            term: self.term(),
            index: self.log.last().index.next(),
        };
        self.append(vec![Entry::new(self.log.last_hash(), id, payload)]);
        id
    }

    /// Sends every peer what may go to it now.
    pub(crate) fn replicate(&mut self) {
        for peer in self.peer_ids() {
            self.replicate_to(peer);
        }
    }

    pub(crate) fn replicate_to(&mut self, peer: NodeId) {
        while let Some(parcel) = self.next_parcel(peer) {
            match parcel {
                Parcel::Entries { prev, upto } => self.send_entries(peer, prev, upto),
                Parcel::Chunk { snapshot, offset } => self.send_chunk(peer, &snapshot, offset),
            }
        }
    }

    fn next_parcel(&mut self, peer: NodeId) -> Option<Parcel> {
        let snapshot = self.snapshots.latest();
        let Role::Leader(leadership) = &mut self.role else {
            return None;
        };
        let progress = leadership.peers.get_mut(&peer)?;
        progress.next_parcel(&self.log, snapshot, &self.settings)
    }

    /// Sends every peer an AppendEntries without entries, with the current read round.
    pub(crate) fn send_heartbeats(&mut self) {
        for peer in self.peer_ids() {
            let Role::Leader(leadership) = &mut self.role else {
                return;
            };
            let progress = leadership.peers.get_mut(&peer);
            let prev = progress.map(|progress| progress.heartbeat_prev(&self.log));
            if let Some(prev) = prev {
                self.send_entries(peer, prev, prev);
            }
        }
    }

    /// Called at each heartbeat tick, before the heartbeats.
    pub(crate) fn suspect_losses(&mut self) {
        if let Some(leadership) = self.leadership_mut() {
            leadership
                .peers
                .values_mut()
                .for_each(Progress::suspect_loss);
        }
    }

    fn send_entries(&mut self, peer: NodeId, prev: Index, upto: Index) {
        let prev = self.log.id_at(prev).expect("what is sent is in the log");
        let body = Body::AppendEntries {
            prev,
            entries: self.log.between(prev.index, upto).to_vec(),
            leader_commit: self.commit_index,
            round: self.round(),
        };
        self.send(peer, body);
    }

    pub(crate) fn round(&self) -> u64 {
        let leadership = self.leadership().expect("only a leader sends rounds");
        leadership.reads.round()
    }

    pub(crate) fn on_append_entries_reply(
        &mut self,
        follower: NodeId,
        disk: Option<DiskId>,
        outcome: AppendOutcome,
        round: u64,
    ) {
        if !self.hear_of(follower, disk, round) {
            return;
        }
        let match_goes_back = self.deviates(PlantedBug::MatchGoesBack);
        let agreeable = match outcome {
            AppendOutcome::Matched(index) => index,
            AppendOutcome::Rejected { try_from, .. } => self.log.last_at_most(try_from).index,
        };
        let Some(progress) = self.progress_mut(follower) else {
            return;
        };
        match outcome {
            AppendOutcome::Matched(index) => {
                progress.matched(index);
                if match_goes_back {
                    progress.match_index = index;
                }
            }
            AppendOutcome::Rejected {
                prev_index,
                try_from,
                repairing,
            } => {
                if repairing {
                    // What it still has may lie before this leader's own base.
                    progress.forget(prev_index, try_from.index, agreeable);
                }
                progress.rejected(prev_index, agreeable);
            }
        }
        self.after_hearing_of(follower);
    }

    /// Takes note of a sign of life. Says whether it counts: the peer is known, and speaks from its
    /// own disk.
    pub(crate) fn hear_of(&mut self, peer: NodeId, disk: Option<DiskId>, round: u64) -> bool {
        if !self.trusts(peer, disk) {
            return false;
        }
        let Some(leadership) = self.leadership_mut() else {
            return false;
        };
        let now = leadership.now;
        let Some(progress) = leadership.peers.get_mut(&peer) else {
            return false;
        };
        progress.heard_at = now;
        progress.round = progress.round.max(round);
        progress.disk = disk;
        true
    }

    pub(crate) fn after_hearing_of(&mut self, peer: NodeId) {
        self.advance_commit();
        self.replicate_to(peer);
        self.hand_over_when_caught_up(peer);
        self.extend_lease();
        self.serve_reads();
    }

    /// How far each voter's log is known to agree with this leader's, durably. Empty unless it leads.
    pub(crate) fn acks(&self) -> Vec<(NodeId, Index)> {
        let Some(leadership) = self.leadership() else {
            return Vec::new();
        };
        let membership = self.membership();
        let mut voters = membership.voters();
        if self.deviates(PlantedBug::CountLearners) {
            voters.extend(membership.config.learners.iter().copied());
        }
        let match_index = |node: NodeId| self.match_index(leadership, node);
        voters.into_iter().map(|n| (n, match_index(n))).collect()
    }

    fn match_index(&self, leadership: &Leadership, node: NodeId) -> Index {
        match leadership.peers.get(&node) {
            Some(progress) => progress.match_index,
            None if self.deviates(PlantedBug::LeaderCountsUnsynced) => self.log.last().index,
            None => self.disk.durable_index,
        }
    }

    /// The last index that a quorum holds durably, by what this leader knows.
    pub(crate) fn agreed_index(&self, acks: &[(NodeId, Index)]) -> Index {
        let majority = self.config().voters.len() / 2 + 1;
        let counted = |index: Index| acks.iter().filter(|(_, matched)| *matched >= index).count();
        let holds = |node: NodeId, index: Index| {
            acks.iter()
                .any(|(voter, matched)| *voter == node && *matched >= index)
        };
        let is_removed = !self.membership().votes(self.node());
        let agrees = |index: Index| match self.planted_bug() {
            Some(PlantedBug::CountLearners) => counted(index) >= majority,
            Some(PlantedBug::RemovedLeaderCounts) if is_removed => counted(index) + 1 >= majority,
            _ => self.is_quorum(|node| holds(node, index)),
        };
        if self.deviates(PlantedBug::UnsortedQuorum) {
            return acks
                .get(acks.len() / 2)
                .map_or(Index(0), |(_, index)| *index);
        }
        let candidates = acks.iter().map(|(_, index)| *index);
        candidates.filter(|i| agrees(*i)).max().unwrap_or_default()
    }

    /// Commits what a quorum holds, but by counting only entries of its own term: an older entry on
    /// a quorum may still be overwritten, until one of this term follows it there (§5.4.2, Figure 8).
    pub(crate) fn advance_commit(&mut self) {
        let acks = self.acks();
        let agreed = self.agreed_index(&acks);
        if agreed <= self.commit_index {
            return;
        }
        let to = self.log.id_at(agreed).expect("a match is within the log");
        if to.term != self.term() && !self.deviates(PlantedBug::CommitOldTerm) {
            return;
        }
        self.trace(Event::Commit {
            to,
            role: RoleName::Leader,
            config: self.config().clone(),
            acks,
            leader_commit: None,
            prev_plus_len: None,
        });
        self.commit(to.index);
        self.after_commit_as_leader();
    }

    pub(crate) fn peer_ids(&self) -> Vec<NodeId> {
        self.leadership()
            .map(|leadership| leadership.peers.keys().copied().collect())
            .unwrap_or_default()
    }

    pub(crate) fn progress_mut(&mut self, peer: NodeId) -> Option<&mut Progress> {
        self.leadership_mut()?.peers.get_mut(&peer)
    }

    /// Hands out everything up to `index` for application, each entry with the request that it
    /// answers, and refuses the requests whose entry lost its index to another.
    pub(crate) fn commit(&mut self, index: Index) {
        let entries = self.log.between(self.commit_index, index).to_vec();
        self.commit_index = index;
        for entry in entries {
            let token = self.decide_proposals(entry.id);
            self.output.apply.push(Committed { entry, token });
        }
    }

    /// Refuses what stood at indexes up to `committed` and lost, and gives back the request that stands
    /// there.
    pub(crate) fn decide_proposals(&mut self, committed: LogId) -> Option<Token> {
        let mut answered = None;
        while let Some(open) = self.proposals.first_entry() {
            let (index, term) = *open.key();
            if index > committed.index {
                break;
            }
            let token = open.remove();
            let same_index = index == committed.index;
            if (LogId { term, index }) == committed
                || (same_index && self.deviates(PlantedBug::AnswerByIndex))
            {
                answered = Some(token);
            } else {
                let why = Refusal::Overwritten;
                self.output.reply.push(Reply::Refused { token, why });
            }
        }
        answered
    }
}
