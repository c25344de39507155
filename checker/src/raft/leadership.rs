//! Whether a node leads at a record of its trace, and whether it knows what is committed.

use shakedown_history::Event;
use shakedown_history::event::Role;

use super::place::Place;

/// A node's leadership over time.
#[derive(Default)]
pub(super) struct Leadership<'a> {
    since: Option<Place<'a>>,
    committed_in_term: bool,
}

impl<'a> Leadership<'a> {
    /// The record with which the present leadership began; none if the node does not lead.
    pub(super) fn since(&self) -> Option<Place<'a>> {
        self.since
    }

    /// Whether the node leads and has committed an entry of its own term. Before, it may not know of
    /// everything that is committed (§8).
    pub(super) fn has_committed_in_term(&self) -> bool {
        self.since.is_some() && self.committed_in_term
    }

    /// Goes past one record of the node.
    pub(super) fn advance(&mut self, place: &Place<'a>) {
        // Without a traced step-down the leadership still ends with its term or its process.
        self.since = self
            .since
            .filter(|l| l.is_of_same_incarnation(place) && l.term() == place.term());
        match place.event() {
            Event::BecomeLeader { .. } => {
                (self.since, self.committed_in_term) = (Some(*place), false);
            }
            Event::StepDown { .. } => self.since = None,
            Event::Commit {
                to,
                role: Role::Leader,
                ..
            } => self.committed_in_term |= to.term == place.term(),
            _ => {}
        }
    }
}
