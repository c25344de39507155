//! What a message does to a node: the rules of Figure 2 for all servers, then one handler for each kind.

use shakedown_history::NodeId;

use crate::membership::DiskId;
use crate::message::{AppendOutcome, Body, Message, ReadIndexOutcome};
use crate::planted::PlantedBug;
use crate::raft::Raft;

impl Raft {
    /// The term decides first (§5.1).
    pub(crate) fn on_message(&mut self, message: Message) {
        if message.term < self.term() {
            return self.on_stale(message);
        }
        if self.ignores_candidate(&message) || self.overlooks_term(&message) {
            return;
        }
        if message.term > self.term() {
            self.adopt_term(message.term);
        }
        self.dispatch(message.from, message.disk, message.body);
    }

    fn dispatch(&mut self, from: NodeId, disk: Option<DiskId>, body: Body) {
        match body {
            Body::RequestPreVote { last } => self.on_request_pre_vote(from, disk, last),
            Body::RequestPreVoteReply { granted } => {
                self.on_request_pre_vote_reply(from, disk, granted);
            }
            Body::RequestVote { last, .. } => self.on_request_vote(from, disk, last),
            Body::RequestVoteReply { granted } => self.on_request_vote_reply(from, disk, granted),
            Body::AppendEntries {
                prev,
                entries,
                leader_commit,
                round,
            } => self.on_append_entries(from, prev, entries, leader_commit, round),
            Body::AppendEntriesReply { outcome, round } => {
                self.on_append_entries_reply(from, disk, outcome, round);
            }
            Body::InstallSnapshot {
                header,
                offset,
                chunk,
                round,
            } => self.on_install_snapshot(from, header, offset, &chunk, round),
            Body::InstallSnapshotReply {
                last,
                received,
                round,
            } => self.on_install_snapshot_reply(from, disk, last, received, round),
            Body::TimeoutNow => self.on_timeout_now(from),
            Body::ReadIndex { read } => self.on_read_index(from, read),
            Body::ReadIndexReply { read, outcome } => self.on_read_index_reply(from, read, outcome),
        }
    }

    /// Answers a request of an earlier term, so that its sender learns of the current one. A reply
    /// of an earlier term says nothing about this one, and is dropped.
    fn on_stale(&mut self, message: Message) {
        let from = message.from;
        match message.body {
            Body::RequestPreVote { .. } => {
                let body = Body::RequestPreVoteReply { granted: false };
                self.send_after_persist(from, body);
            }
            Body::RequestVote { .. } => {
                let body = Body::RequestVoteReply { granted: false };
                self.send_after_persist(from, body);
            }
            Body::AppendEntries { .. } if self.deviates(PlantedBug::ObeyOldLeader) => {
                if self.leadership().is_none() {
                    self.dispatch(from, message.disk, message.body);
                }
            }
            Body::AppendEntries { prev, round, .. } => self.reject_entries(from, prev, round),
            Body::InstallSnapshot { header, round, .. } => {
                self.reject_entries(from, header.last, round);
            }
            Body::ReadIndex { read } => {
                let outcome = ReadIndexOutcome::Refused;
                self.send_after_persist(from, Body::ReadIndexReply { read, outcome });
            }
            Body::RequestVoteReply { granted: true }
                if self.deviates(PlantedBug::CountOldVotes) =>
            {
                self.count_vote(from);
            }
            Body::RequestPreVoteReply { .. }
            | Body::RequestVoteReply { .. }
            | Body::AppendEntriesReply { .. }
            | Body::InstallSnapshotReply { .. }
            | Body::TimeoutNow
            | Body::ReadIndexReply { .. } => {}
        }
    }

    /// A node that hears from a leader takes no notice of candidates, not even of their term, unless
    /// the leader itself asked for the election: a removed or cut-off server must not depose a leader
    /// that serves everybody else (§6, last paragraph; dissertation §4.2.3). A question before an election
    /// in this node's own term is answered.
    fn ignores_candidate(&self, message: &Message) -> bool {
        let is_candidate = match message.body {
            Body::RequestVote { transfer, .. } => !transfer,
            Body::RequestPreVote { .. } => message.term > self.term(),
            _ => false,
        };
        is_candidate && self.hears_leader()
    }

    /// The planted bug `ignore-higher-term`: the term in a refused entry is left unseen.
    fn overlooks_term(&self, message: &Message) -> bool {
        let refuses_entries = matches!(
            message.body,
            Body::AppendEntriesReply {
                outcome: AppendOutcome::Rejected { .. },
                ..
            }
        );
        message.term > self.term() && refuses_entries && self.deviates(PlantedBug::IgnoreHigherTerm)
    }
}
