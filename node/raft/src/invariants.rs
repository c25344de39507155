//! What must hold whenever a step ends. Checked in release too: a node that finds its state broken
//! must stop before anyone relies on it.
//!
//! A planted bug breaks promises on purpose, and the tester outside is to find out, not these
//! asserts: they are off while one is active.

use shakedown_history::event::HardState;
use shakedown_history::{Index, LogId, NodeId};

use crate::entry::Entry;
use crate::io::Output;
use crate::raft::Raft;
use crate::role::{Leadership, Role};

impl Raft {
    /// Whether this node means to keep its promises.
    fn is_sound(&self) -> bool {
        self.planted_bug().is_none()
    }

    /// Called when `leader` claims a term of which `known` is known to be the leader.
    pub(crate) fn assert_one_leader(&self, known: Option<NodeId>, leader: NodeId) {
        assert!(
            known.is_none_or(|n| n == leader) || !self.is_sound(),
            "two leaders in term {}: {known:?} and {leader}",
            self.term()
        );
    }

    /// Called before a leader's entries are added: their hashes show that its log before them is this
    /// one.
    pub(crate) fn assert_continue_log(&self, entries: &[Entry]) {
        let (mut last, mut hash) = (self.log.last(), self.log.last_hash());
        for entry in entries {
            assert!(
                entry.continues(hash) || !self.is_sound(),
                "the hash of entry {} does not continue the log that ends in {last}",
                entry.id,
            );
            assert!(
                entry.id.term >= last.term || !self.is_sound(),
                "entry {} is of an earlier term than {last} before it",
                entry.id
            );
            (last, hash) = (entry.id, entry.hash);
        }
    }

    /// Called before the log is cut.
    pub(crate) fn assert_may_truncate(&self, from: Index) {
        assert!(
            self.leadership().is_none() || !self.is_sound(),
            "a leader never cuts its log (Leader Append-Only, Figure 3)"
        );
        assert!(
            from > self.commit_index || !self.is_sound(),
            "entry {from} is to be removed, but everything up to {} is committed",
            self.commit_index
        );
    }
}

/// What a step is compared with: the state before it.
#[derive(Debug)]
pub(crate) struct Before {
    pub(crate) hard_state: HardState,
    commit_index: Index,
    last: LogId,
    led: bool,
}

impl Before {
    pub(crate) fn of(raft: &Raft) -> Self {
        Self {
            hard_state: raft.hard_state,
            commit_index: raft.commit_index,
            last: raft.log.last(),
            led: raft.leadership().is_some(),
        }
    }

    pub(crate) fn assert_step_to(&self, raft: &Raft, output: &Output) {
        if !raft.is_sound() {
            return;
        }
        self.assert_votes(raft);
        self.assert_commit(raft, output);
        self.assert_log(raft);
        match &raft.role {
            Role::Follower { leader } => assert_ne!(*leader, Some(raft.node())),
            Role::PreCandidate { .. } => {}
            Role::Candidate { .. } => assert_own_vote(raft),
            Role::Leader(leadership) => {
                assert_own_vote(raft);
                assert_leadership(raft, leadership);
            }
        }
        assert_messages(raft, output);
    }

    fn assert_votes(&self, raft: &Raft) {
        let (old, new) = (self.hard_state, raft.hard_state);
        assert!(new.term >= old.term, "terms never go back");
        assert!(
            new.term > old.term || old.voted_for.is_none() || new.voted_for == old.voted_for,
            "one vote a term: it went from {:?} to {:?} in term {}",
            old.voted_for,
            new.voted_for,
            new.term
        );
    }

    fn assert_commit(&self, raft: &Raft, output: &Output) {
        assert!(
            raft.commit_index >= self.commit_index,
            "commit never goes back"
        );
        assert!(
            raft.commit_index <= raft.log.last().index,
            "only what is in the log is committed"
        );
        let from = output.install.as_ref().map(|s| s.header.last.index);
        let from = from.unwrap_or(self.commit_index);
        let due = (from.0 + 1)..=raft.commit_index.0;
        let applied = output
            .apply
            .iter()
            .map(|committed| committed.entry.id.index.0);
        assert!(
            applied.eq(due),
            "what is committed is applied, all of it, in order and once"
        );
        let undecided = raft.proposals.keys().next();
        assert!(
            undecided.is_none_or(|(index, _)| *index > raft.commit_index),
            "a request is answered when its index is decided"
        );
    }

    fn assert_log(&self, raft: &Raft) {
        let last = raft.log.last();
        assert!(
            last.term <= raft.term(),
            "no entry is of a later term than the node"
        );
        assert!(
            raft.disk.durable_index <= last.index,
            "nothing is durable that is not in the log"
        );
        let (base, snapshot) = (raft.log.base().id.index, raft.snapshots.last().index);
        assert!(
            base <= snapshot && snapshot <= raft.commit_index,
            "what is compacted, up to {base}, is under the snapshot up to {snapshot}, and that is \
             committed"
        );
        assert!(
            raft.configuration_index() <= last.index,
            "the configuration in force is in the log"
        );
        assert!(
            !(self.led && raft.leadership().is_some()) || last >= self.last,
            "a leader's log only grows (Leader Append-Only, Figure 3)"
        );
    }
}

/// Who stands for election or leads has given its one vote to itself.
fn assert_own_vote(raft: &Raft) {
    let voted_for = raft.hard_state.voted_for;
    assert!(
        voted_for == Some(raft.node()),
        "{} is {:?} of a term in which it voted for {voted_for:?}",
        raft.node(),
        raft.role()
    );
}

fn assert_leadership(raft: &Raft, leadership: &Leadership) {
    let last = raft.log.last();
    assert_eq!(
        last.term,
        raft.term(),
        "a leader opens its term with a no-op"
    );
    assert!(
        leadership.peers.keys().copied().eq(raft.peers()),
        "a leader feeds everyone in its configuration, and nobody else"
    );
    for (peer, progress) in &leadership.peers {
        let (matched, next) = (progress.match_index, progress.next_index);
        assert!(
            matched <= last.index,
            "{peer} matches at {matched}, behind the log's end"
        );
        assert!(
            matched < next,
            "{peer} matches at {matched}, yet {next} is to be sent"
        );
        assert!(
            next <= last.index.next(),
            "{next} is to be sent to {peer} and does not exist"
        );
    }
    let agreed = raft.log.id_at(raft.agreed_index(&raft.acks()));
    assert!(
        agreed.is_none_or(|id| id.term != raft.term() || id.index <= raft.commit_index),
        "what a quorum holds of the leader's own term is committed"
    );
}

fn assert_messages(raft: &Raft, output: &Output) {
    for message in output.send.iter().chain(&output.after_persist.send) {
        assert_eq!(message.from, raft.node(), "a node speaks for itself");
        assert_ne!(message.to, raft.node(), "a node does not write to itself");
        assert_eq!(
            message.term,
            raft.term(),
            "a node speaks in its current term"
        );
    }
}
