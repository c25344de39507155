//! The memberships in the log. The newest is in force, committed or not (§6); older ones come back
//! when it is truncated, and are what a snapshot of an earlier index remembers.

use shakedown_history::{Index, NodeId};

use crate::entry::{Entry, Payload};
use crate::membership::Membership;
use crate::snapshot::{Snapshot, SnapshotHeader};

/// The memberships from the last compacted one on, with the entry that carries each; never empty.
#[derive(Debug)]
pub(crate) struct Configurations {
    stack: Vec<(Index, Membership)>,
}

impl Configurations {
    /// What is in force before any entry after the snapshot.
    pub(crate) fn new(bootstrap: &Membership, snapshot: Option<&Snapshot>) -> Self {
        let first = match snapshot {
            Some(Snapshot { header, .. }) => (header.membership_index, header.membership.clone()),
            None => (Index(0), bootstrap.clone()),
        };
        Self { stack: vec![first] }
    }

    /// The newest.
    pub(crate) fn latest(&self) -> &Membership {
        &self.newest().1
    }

    /// The entry that carries the newest; zero for the bootstrap membership.
    pub(crate) fn latest_index(&self) -> Index {
        self.newest().0
    }

    fn newest(&self) -> &(Index, Membership) {
        self.stack.last().expect("there is always one")
    }

    /// The newest that is carried by an entry at or before `index`.
    pub(crate) fn at(&self, index: Index) -> (Index, &Membership) {
        let known = self.stack.iter().rev().find(|(at, _)| *at <= index);
        let (at, membership) = known.unwrap_or(&self.stack[0]);
        (*at, membership)
    }

    /// Whether `node` votes in the newest, or in an earlier one that may come back as long as only
    /// what is at or before `commit_index` is known to be committed.
    pub(crate) fn may_need(&self, node: NodeId, commit_index: Index) -> bool {
        let in_force = self.stack.iter().rposition(|(at, _)| *at <= commit_index);
        let mut possible = self.stack[in_force.unwrap_or(0)..].iter();
        possible.any(|(_, membership)| membership.votes(node))
    }

    /// Takes note of an entry that was appended; gives back the membership before, if this is a new
    /// one.
    pub(crate) fn note(&mut self, entry: &Entry) -> Option<Membership> {
        let Payload::Config(membership) = &entry.payload else {
            return None;
        };
        if entry.id.index <= self.latest_index() {
            // Known from the snapshot already.
            return None;
        }
        let old = self.latest().clone();
        self.stack.push((entry.id.index, membership.clone()));
        Some(old)
    }

    /// Takes back what entries from `from` on carried; gives back each, newest first, with the one
    /// that is in force again.
    pub(crate) fn truncate(&mut self, from: Index) -> Vec<(Index, Membership)> {
        let mut gone = Vec::new();
        while self.stack.len() > 1 && self.latest_index() >= from {
            gone.extend(self.stack.pop());
        }
        gone
    }

    /// Begins with what a snapshot says, in place of all up to its last entry. A node that knew of no
    /// members before learns of them so.
    pub(crate) fn rebase(&mut self, snapshot: &SnapshotHeader) {
        self.stack.retain(|(at, _)| *at > snapshot.last.index);
        let first = (snapshot.membership_index, snapshot.membership.clone());
        self.stack.insert(0, first);
    }

    /// Forgets what no snapshot at or after `base` needs.
    pub(crate) fn compact(&mut self, base: Index) {
        let needed = self.stack.iter().rposition(|(at, _)| *at <= base);
        self.stack.drain(..needed.unwrap_or(0));
    }

    /// The planted bug `alone-after-restart`.
    pub(crate) fn shrink_to(&mut self, node: NodeId) {
        let (at, _) = self.stack.pop().expect("there is always one");
        self.stack.push((at, Membership::of_voters([node])));
    }
}

#[cfg(test)]
mod tests;
