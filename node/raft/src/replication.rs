//! Log replication (§5.3) and the commit rule (§5.4.2).

use bytes::Bytes;
use shakedown_history::event::Role as RoleName;
use shakedown_history::{Configuration, Event, Index, LogId, NodeId};

use crate::entry::{Entry, Payload};
use crate::io::{Committed, Durable, LogWrite, Refusal, Reply, Token};
use crate::message::{AppendOutcome, Body};
use crate::planted::PlantedBug;
use crate::progress::Progress;
use crate::raft::Raft;
use crate::role::Role;

/// The leader's side.
impl Raft {
    pub(crate) fn on_propose(&mut self, token: Token, command: Bytes) {
        if self.leadership().is_none() {
            let leader = self.leader();
            let why = Refusal::NotLeader { leader };
            self.output.reply.push(Reply::Refused { token, why });
            return;
        }
        let id = self.append_as_leader(Payload::Command(command));
        self.proposals.insert((id.index, id.term), token);
        self.output.reply.push(Reply::Appended { token, id });
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

    /// Sends every peer the entries that may go to it now.
    pub(crate) fn replicate(&mut self) {
        for peer in self.peer_ids() {
            self.replicate_to(peer);
        }
    }

    fn replicate_to(&mut self, peer: NodeId) {
        let last = self.log.last().index;
        let entries_max = self.settings.entries_per_message_max;
        while let Some(batch) = self
            .progress_mut(peer)
            .and_then(|progress| progress.next_batch(last, entries_max))
        {
            self.send_entries(peer, batch.prev, batch.upto);
        }
    }

    /// Sends every peer an AppendEntries without entries, with the current read round.
    pub(crate) fn send_heartbeats(&mut self) {
        for peer in self.peer_ids() {
            if let Some(prev) = self.progress_mut(peer).map(Progress::heartbeat_prev) {
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
        let leadership = self.leadership().expect("only a leader sends entries");
        let prev = self.log.id_at(prev).expect("what is sent is in the log");
        let body = Body::AppendEntries {
            prev,
            entries: self.log.between(prev.index, upto).to_vec(),
            leader_commit: self.commit_index,
            round: leadership.reads.round(),
        };
        self.send(peer, body);
    }

    pub(crate) fn on_append_entries_reply(
        &mut self,
        follower: NodeId,
        outcome: AppendOutcome,
        round: u64,
    ) {
        let Role::Leader(leadership) = &mut self.role else {
            return;
        };
        let Some(progress) = leadership.peers.get_mut(&follower) else {
            return;
        };
        progress.heard_at = leadership.now;
        progress.round = progress.round.max(round);
        match outcome {
            AppendOutcome::Matched(index) => progress.matched(index),
            AppendOutcome::Rejected {
                prev_index,
                try_from,
                ..
            } => progress.rejected(prev_index, self.log.last_at_most(try_from).index),
        }
        self.advance_commit();
        self.replicate_to(follower);
        self.serve_reads();
    }

    /// What was asked to be persisted is on this node's own disk: its own vote counts, and its own
    /// copy of the log, but only as far as that is still the log. A completion about entries that
    /// were overwritten since says nothing about those in their place.
    pub(crate) fn on_persisted(&mut self, durable: Durable) {
        if self.log.contains(durable.last) {
            self.durable_index = self.durable_index.max(durable.last.index);
        }
        if durable.hard_state == self.hard_state && self.hard_state.voted_for == Some(self.node()) {
            self.count_vote(self.node());
        }
        self.advance_commit();
        self.serve_reads();
    }

    /// How far each voter's log is known to agree with this leader's, durably. Empty unless it leads.
    pub(crate) fn acks(&self) -> Vec<(NodeId, Index)> {
        let Some(leadership) = self.leadership() else {
            return Vec::new();
        };
        let match_index = |node: NodeId| match leadership.peers.get(&node) {
            Some(progress) => progress.match_index,
            None => self.durable_index,
        };
        let voters = self.config().voters.iter();
        voters.map(|node| (*node, match_index(*node))).collect()
    }

    /// The last index that a quorum holds durably, by what this leader knows.
    pub(crate) fn agreed_index(&self, acks: &[(NodeId, Index)]) -> Index {
        let holds = |node: NodeId, index: Index| {
            acks.iter()
                .any(|(voter, matched)| *voter == node && *matched >= index)
        };
        let candidates = acks.iter().map(|(_, index)| *index);
        let agreed = candidates.filter(|index| self.is_quorum(|node| holds(node, *index)));
        agreed.max().unwrap_or_default()
    }

    /// Commits what a quorum holds, but by counting only entries of its own term: an older entry on
    /// a quorum may still be overwritten, until one of this term follows it there (§5.4.2, Figure 8).
    fn advance_commit(&mut self) {
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
    }

    fn peer_ids(&self) -> Vec<NodeId> {
        self.leadership()
            .map(|leadership| leadership.peers.keys().copied().collect())
            .unwrap_or_default()
    }

    fn progress_mut(&mut self, peer: NodeId) -> Option<&mut Progress> {
        self.leadership_mut()?.peers.get_mut(&peer)
    }
}

/// The follower's side.
impl Raft {
    pub(crate) fn on_append_entries(
        &mut self,
        leader: NodeId,
        prev: LogId,
        entries: Vec<Entry>,
        leader_commit: Index,
        round: u64,
    ) {
        if self.leadership().is_some() {
            self.assert_one_leader(Some(self.node()), leader);
            return;
        }
        self.follow(leader);
        self.election_timer.reset();
        if !self.log.contains(prev) {
            return self.reject_entries(leader, prev, round);
        }
        let matched = entries.last().map_or(prev, |e| e.id);
        self.adopt_entries(entries);
        if self.deviates(PlantedBug::TruncateAlways) && self.log.last().index > matched.index {
            self.truncate(matched.index.next());
        }
        self.commit_as_follower(leader_commit, matched.index);
        self.output.after_persist.trace.push(Event::Ack {
            to: leader,
            matched,
            reject: false,
        });
        let outcome = AppendOutcome::Matched(matched.index);
        self.send_after_persist(leader, Body::AppendEntriesReply { outcome, round });
    }

    /// Adds what is missing. The log is cut only at a real conflict: an entry that has the index of
    /// a new one and another term. Without one, entries beyond the message stay: the message may be an
    /// old one that comes late.
    fn adopt_entries(&mut self, mut entries: Vec<Entry>) {
        let known = entries
            .iter()
            .take_while(|e| self.log.contains(e.id))
            .count();
        entries.drain(..known);
        let Some(first) = entries.first() else {
            return;
        };
        let from = first.id.index;
        if from <= self.log.last().index {
            self.truncate(from);
        }
        self.append(entries);
    }

    /// Figure 2, AppendEntries, rule 5. Entries behind the message's last may differ from the
    /// leader's, whatever its commit index is.
    fn commit_as_follower(&mut self, leader_commit: Index, prev_plus_len: Index) {
        let index = leader_commit.min(prev_plus_len);
        if index <= self.commit_index {
            return;
        }
        let to = self
            .log
            .id_at(index)
            .expect("the message matched up to here");
        self.trace(Event::Commit {
            to,
            role: RoleName::Follower,
            config: Configuration::default(),
            acks: Vec::new(),
            leader_commit: Some(leader_commit),
            prev_plus_len: Some(prev_plus_len),
        });
        self.commit(index);
    }

    pub(crate) fn reject_entries(&mut self, leader: NodeId, prev: LogId, round: u64) {
        let before_prev = LogId {
            term: prev.term,
            index: Index(prev.index.0.saturating_sub(1)),
        };
        let outcome = AppendOutcome::Rejected {
            prev_index: prev.index,
            try_from: self.log.last_at_most(before_prev),
            repairing: false,
        };
        self.output.after_persist.trace.push(Event::Ack {
            to: leader,
            matched: prev,
            reject: true,
        });
        self.send_after_persist(leader, Body::AppendEntriesReply { outcome, round });
    }
}

/// Both sides.
impl Raft {
    fn append(&mut self, entries: Vec<Entry>) {
        for entry in &entries {
            self.assert_continues_log(entry);
            self.trace(Event::Append {
                id: entry.id,
                hash: entry.hash,
                kind: entry.payload.kind(),
            });
            self.log.push(entry.clone());
        }
        self.output.persist.log.push(LogWrite::Append(entries));
    }

    fn truncate(&mut self, from: Index) {
        self.assert_may_truncate(from);
        let old_last = self.log.last();
        self.trace(Event::Truncate { from, old_last });
        self.log.truncate(from);
        self.durable_index = self.durable_index.min(from.prev());
        self.output.persist.log.push(LogWrite::Truncate { from });
    }

    /// Hands out everything up to `index` for application, each entry with the request that it
    /// answers, and refuses the requests whose entry lost its index to another.
    fn commit(&mut self, index: Index) {
        let entries = self.log.between(self.commit_index, index).to_vec();
        self.commit_index = index;
        for entry in entries {
            let token = self.decide_proposals(entry.id);
            self.output.apply.push(Committed { entry, token });
        }
    }

    fn decide_proposals(&mut self, committed: LogId) -> Option<Token> {
        let mut answered = None;
        while let Some(open) = self.proposals.first_entry() {
            let (index, term) = *open.key();
            if index > committed.index {
                break;
            }
            let token = open.remove();
            if (LogId { term, index }) == committed {
                answered = Some(token);
            } else {
                let why = Refusal::Overwritten;
                self.output.reply.push(Reply::Refused { token, why });
            }
        }
        answered
    }
}
