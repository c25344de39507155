//! The node: its state, and the one function that changes it.

use shakedown_history::event::Role;
use shakedown_history::{Configuration, Index, LogHash, LogId, NodeId, Term};

use crate::io::{Input, Output, Recovered};
use crate::settings::Settings;
use crate::status::Status;

/// One node of a Raft cluster.
#[derive(Debug)]
pub struct Raft {
    settings: Settings,
    recovered: Recovered,
}

impl Raft {
    /// A node as it comes up, a follower without a leader.
    ///
    /// # Panics
    /// If the settings contradict themselves or the recovered log is not contiguous.
    #[must_use]
    pub fn new(settings: Settings, recovered: Recovered) -> Self {
        Self {
            settings,
            recovered,
        }
    }

    /// Takes one input and says what must be done about it, in the order that [`Output`] demands.
    pub fn step(&mut self, input: Input) -> Output {
        drop(input);
        Output::default()
    }

    /// This node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.settings.node
    }

    /// Its part.
    #[must_use]
    pub fn role(&self) -> Role {
        Role::Follower
    }

    /// Its current term.
    #[must_use]
    pub fn term(&self) -> Term {
        self.recovered.hard_state.term
    }

    /// Who leads the current term, as far as this node knows.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        None
    }

    /// How far the log is known to be committed.
    #[must_use]
    pub fn commit_index(&self) -> Index {
        Index(0)
    }

    /// The end of the log, on disk or not.
    #[must_use]
    pub fn last(&self) -> LogId {
        self.recovered.log.last().map(|e| e.id).unwrap_or_default()
    }

    /// The chained hash up to [`Raft::last`].
    #[must_use]
    pub fn last_hash(&self) -> LogHash {
        self.recovered.log.last().map_or(LogHash::EMPTY, |e| e.hash)
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> &Configuration {
        &self.settings.bootstrap
    }

    /// All of that at once.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            node: self.node(),
            role: self.role(),
            term: self.term(),
            leader: self.leader(),
            commit_index: self.commit_index(),
            last: self.last(),
            config: self.config().clone(),
            match_indexes: Vec::new(),
        }
    }
}
