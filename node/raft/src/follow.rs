//! Log replication, the follower's side (§5.3), and what both sides do to the log.

use shakedown_history::event::{ConfigStep, Role as RoleName};
use shakedown_history::{Configuration, Event, Index, LogId, NodeId};

use crate::entry::{Entry, Payload};
use crate::io::LogWrite;
use crate::message::{AppendOutcome, Body};
use crate::planted::PlantedBug;
use crate::raft::Raft;

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
        self.election_timer.heard_leader();
        if !self.agrees_at(prev) {
            return self.reject_entries(leader, prev, round);
        }
        let matched = entries.last().map_or(prev, |e| e.id);
        self.adopt_entries(entries);
        if self.deviates(PlantedBug::TruncateAlways) && self.log.last().index > matched.index {
            self.truncate(matched.index.next());
        }
        self.commit_as_follower(leader_commit, matched.index);
        self.note_repaired_up_to(matched);
        let matched = match self.planted_bug() {
            Some(PlantedBug::AckOwnLast) => self.log.last(),
            _ => matched,
        };
        self.acknowledge(leader, matched, round);
    }

    /// Whether the log before the new entries is the leader's. What was compacted is committed: every
    /// leader has it.
    fn agrees_at(&mut self, prev: LogId) -> bool {
        let base = self.log.base().id.index;
        match self.planted_bug() {
            Some(PlantedBug::CompactedPrevConflicts) if prev.index < base => {
                if self.log.len() > 0 {
                    self.truncate(base.next());
                }
                false
            }
            _ => prev.index < base || self.log.contains(prev),
        }
    }

    /// Says that the log agrees with the leader's up to `matched`, once that is durable.
    pub(crate) fn acknowledge(&mut self, leader: NodeId, matched: LogId, round: u64) {
        let event = Event::Ack {
            to: leader,
            matched,
            reject: false,
        };
        let outcome = AppendOutcome::Matched(matched.index);
        let reply = Body::AppendEntriesReply { outcome, round };
        if self.deviates(PlantedBug::AckBeforeFsync) {
            self.trace(event);
            self.send(leader, reply);
        } else {
            self.output.after_persist.trace.push(event);
            self.send_after_persist(leader, reply);
        }
    }

    /// Adds what is missing. The log is cut only at a real conflict: an entry that has the index of
    /// a new one and another term. Without one, entries beyond the message stay: the message may be an
    /// old one that comes late.
    fn adopt_entries(&mut self, mut entries: Vec<Entry>) {
        let base = self.log.base().id.index;
        let (last, keeps_conflict) = (
            self.log.last().index,
            self.deviates(PlantedBug::KeepConflict),
        );
        let rewrites = self.deviates(PlantedBug::RewriteMatching);
        let is_known = |e: &Entry| {
            e.id.index <= base
                || (self.log.contains(e.id) && !rewrites)
                || (keeps_conflict && e.id.index <= last)
        };
        let known = entries.iter().take_while(|e| is_known(e)).count();
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
        let index = match self.planted_bug() {
            Some(PlantedBug::CommitBeyondMatch) => leader_commit.min(self.log.last().index),
            _ => leader_commit.min(prev_plus_len),
        };
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
            repairing: self.repair.is_some(),
        };
        self.output.after_persist.trace.push(Event::Ack {
            to: leader,
            matched: prev,
            reject: true,
        });
        self.send_after_persist(leader, Body::AppendEntriesReply { outcome, round });
    }

    /// Adds entries at the end; a configuration among them is in force at once.
    pub(crate) fn append(&mut self, entries: Vec<Entry>) {
        for entry in &entries {
            self.assert_continues_log(entry);
            self.trace(Event::Append {
                id: entry.id,
                hash: entry.hash,
                kind: entry.payload.kind(),
            });
            self.log.push(entry.clone());
            if let (Some(old), Payload::Config(new)) =
                (self.configurations.note(entry), &entry.payload)
            {
                self.trace(Event::ConfigChange {
                    what: ConfigStep::Append,
                    index: entry.id.index,
                    old: old.config,
                    new: new.config.clone(),
                });
            }
        }
        self.output.persist.log.push(LogWrite::Append(entries));
    }

    /// Removes entries; configurations among them are no longer in force.
    pub(crate) fn truncate(&mut self, from: Index) {
        self.assert_may_truncate(from);
        let old_last = self.log.last();
        self.trace(Event::Truncate { from, old_last });
        self.log.truncate(from);
        self.disk.truncated(from);
        self.output.persist.log.push(LogWrite::Truncate { from });
        if self.deviates(PlantedBug::NoRollback) {
            return;
        }
        let mut gone = self.configurations.truncate(from).into_iter().peekable();
        while let Some((index, old)) = gone.next() {
            let restored = gone.peek().map(|(_, before)| before.config.clone());
            let new = restored.unwrap_or_else(|| self.configurations.latest().config.clone());
            self.trace(Event::ConfigChange {
                what: ConfigStep::Rollback,
                index,
                old: old.config,
                new,
            });
        }
    }
}
