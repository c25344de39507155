//! What operators and damaged disks do to the simulated cluster: snapshots, configurations, reads, crashes.

use shakedown_history::Index;
use shakedown_history::event::ReadMode;

use super::Simulation;
use crate::story::membership::{joint, learning, voters};

impl Simulation {
    /// A node writes down what it has applied, and now and then compacts its log.
    pub(super) fn snapshot(&mut self, n: u64, how: u8) {
        let node = self.story.node(n);
        let before = node.snapshot.as_ref().map_or(0, |s| s.last.index.0);
        if node.applied <= before {
            return;
        }
        self.story.take_snapshot(n, node.applied);
        if how.is_multiple_of(8) {
            return;
        }
        self.story.save_snapshot(n);
        if how.is_multiple_of(2) {
            let upto = self
                .story
                .node(n)
                .applied
                .saturating_sub(u64::from(how % 5));
            self.story.compact(n, upto.max(1));
        }
    }

    pub(super) fn send_snapshot(&mut self, leader: u64, to: u64) {
        let (node, follower) = (self.story.node(leader), self.story.node(to));
        let upto = node.applied;
        if leader == to || follower.term > node.term || upto <= follower.applied {
            return;
        }
        let term = node.term;
        self.hear(to, term);
        self.story.install_snapshot(to, leader, upto);
        self.repair(to, upto);
        self.acknowledge(to, leader, upto);
    }

    /// Somebody asks the leader for something that needs a commit of its term.
    pub(super) fn operate(&mut self, leader: u64, how: u8) {
        let node = self.story.node(leader);
        let committed = node
            .commit
            .checked_sub(1)
            .map(|_| node.entry(node.commit).id.term.0);
        if committed != Some(node.term) {
            return;
        }
        match how % 4 {
            0 => self.change_config(leader),
            1 => self.read(leader, ReadMode::Lease),
            _ => self.read(leader, ReadMode::Index),
        }
    }

    /// The next of three configurations, of which each has the same quorums.
    fn change_config(&mut self, leader: u64) {
        let node = self.story.node(leader);
        let all: Vec<u64> = self.story.nodes.iter().map(|n| n.id.0).collect();
        let in_flight = node.configs.last().is_some_and(|(i, _)| *i > node.commit);
        if in_flight {
            return;
        }
        let present = node.config();
        let next = if !present.outgoing.is_empty() {
            voters(&all)
        } else if present.learners.is_empty() {
            learning(&all, &[9])
        } else {
            joint(&all, &all)
        };
        self.story.change_config(leader, next);
    }

    /// A read that whoever still follows this leader, or could, confirms at once.
    fn read(&mut self, leader: u64, mode: ReadMode) {
        let node = self.story.node(leader);
        let (term, commit) = (node.term, node.commit);
        let followers = self.story.nodes.iter().filter(|n| n.term <= term);
        let acks: Vec<u64> = followers.map(|n| n.id.0).collect();
        if acks.len() <= self.story.nodes.len() / 2 || node.applied < commit {
            return;
        }
        self.reads += 1;
        if mode == ReadMode::Lease {
            self.story.hold_lease(leader);
        }
        self.story.start_read(leader, self.reads);
        if mode == ReadMode::Index {
            self.story.confirm_read(leader, self.reads, commit, &acks);
        }
        self.story.serve_read(leader, self.reads, commit, mode);
    }

    pub(super) fn is_lost(&self, n: u64) -> bool {
        self.lost[usize::try_from(n).unwrap()].is_some()
    }

    /// A log that agrees with a leader's up to `matched`, on disk, has what was lost, or what replaced it.
    pub(super) fn repair(&mut self, n: u64, matched: u64) {
        let lost = &mut self.lost[usize::try_from(n).unwrap()];
        let Some((upto, term)) = *lost else {
            return;
        };
        let is_later = matched > 0 && self.story.node(n).entry(matched).id.term.0 > term;
        if matched >= upto || is_later {
            *lost = None;
            self.story.repaired(n);
        }
    }

    /// The process dies; of what was not synced, the disk has any state.
    pub(super) fn crash(&mut self, n: u64, how: u8) {
        let node = self.story.node_mut(n);
        if let Some(left) = node
            .unsynced
            .get(usize::from(how) % (node.unsynced.len() + 1))
        {
            node.disk_log.clone_from(left);
        }
        let lost = self.lost[usize::try_from(n).unwrap()];
        self.story.start_with(n, lost.map(|(upto, _)| Index(upto)));
    }

    /// The process dies, and its disk loses the end of the log, though not the snapshot.
    pub(super) fn damage(&mut self, n: u64, how: u8) {
        let node = self.story.node_mut(n);
        let covered = node.snapshot.as_ref().map_or(0, |s| s.last.index.0);
        let end = node.disk_log.len() as u64;
        let kept = end.saturating_sub(u64::from(how % 4)).max(covered);
        node.disk_log.truncate(usize::try_from(kept).unwrap());
        let lost = &mut self.lost[usize::try_from(n).unwrap()];
        let upto = lost.map_or(end, |(upto, _)| upto.max(end));
        *lost = Some((upto, node.disk_state.term.0));
        self.story.start_with(n, Some(Index(upto)));
    }
}
