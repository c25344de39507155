//! What a leader knows of one peer's log, and how fast it feeds it.

use std::collections::VecDeque;

use shakedown_history::Index;

/// The most messages with entries that a leader has under way to one peer.
pub(crate) const MESSAGES_IN_FLIGHT_MAX: usize = 16;

/// What a leader knows of one peer.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Up to here the peer's log is known to agree, durably. Never goes back.
    pub(crate) match_index: Index,
    /// The next entry to send.
    pub(crate) next_index: Index,
    /// The latest read round that the peer echoed.
    pub(crate) round: u64,
    /// The leader's tick at which the peer was last heard of.
    pub(crate) heard_at: u64,
    flow: Flow,
}

#[derive(Debug)]
enum Flow {
    /// The leader looks for the place where the logs agree, one message at a time.
    Probe {
        /// Whether that message is under way.
        asked: bool,
    },
    /// The logs agree, and entries leave without waiting for answers (§10.2.1 of the dissertation).
    Replicate {
        /// Where each message under way ends.
        in_flight: VecDeque<Index>,
        /// Whether a heartbeat interval has begun since anything was heard of these.
        overdue: bool,
    },
}

/// A message's worth of entries: those after `prev`, up to `upto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) prev: Index,
    pub(crate) upto: Index,
}

impl Progress {
    /// A peer of which nothing is known, seen by a new leader whose log ends at `last`.
    pub(crate) fn new(last: Index) -> Self {
        Self {
            match_index: Index::default(),
            next_index: last.next(),
            round: 0,
            heard_at: 0,
            flow: Flow::Probe { asked: false },
        }
    }

    /// The next entries to send now, if any may go; they count as sent. The leader's log ends at `last`.
    pub(crate) fn next_batch(&mut self, last: Index, entries_max: usize) -> Option<Batch> {
        if self.next_index > last {
            return None;
        }
        let prev = self.next_index.prev();
        let upto = last.min(Index(prev.0.saturating_add(entries_max as u64)));
        match &mut self.flow {
            Flow::Probe { asked: true } => return None,
            Flow::Probe { asked } => *asked = true,
            Flow::Replicate { in_flight, .. } if in_flight.len() >= MESSAGES_IN_FLIGHT_MAX => {
                return None;
            }
            Flow::Replicate { in_flight, overdue } => {
                if in_flight.is_empty() {
                    *overdue = false;
                }
                in_flight.push_back(upto);
                self.next_index = upto.next();
            }
        }
        Some(Batch { prev, upto })
    }

    /// The entry on which a heartbeat rests. Where the logs are known to agree it is the last such
    /// entry: the follower has it, so that a heartbeat is never refused for entries still under way.
    /// While probing it is the probe again, for the first may be lost.
    pub(crate) fn heartbeat_prev(&mut self) -> Index {
        match &mut self.flow {
            Flow::Probe { asked } => {
                *asked = true;
                self.next_index.prev()
            }
            Flow::Replicate { .. } => self.match_index,
        }
    }

    /// Called at each heartbeat tick. Entries of which nothing was heard for a whole interval count
    /// as lost: the next heartbeat probes behind the last entry known to match.
    pub(crate) fn suspect_loss(&mut self) {
        let Flow::Replicate { in_flight, overdue } = &mut self.flow else {
            return;
        };
        if in_flight.is_empty() {
            return;
        }
        if !*overdue {
            *overdue = true;
            return;
        }
        self.flow = Flow::Probe { asked: false };
        self.next_index = self.match_index.next();
    }

    /// The peer's log agrees up to `index`. An older answer that comes late changes nothing.
    pub(crate) fn matched(&mut self, index: Index) {
        let advanced = index > self.match_index;
        self.match_index = self.match_index.max(index);
        match &mut self.flow {
            // An answer to an earlier probe does not say that this one succeeded.
            Flow::Probe { .. } if index.next() < self.next_index => {}
            Flow::Probe { .. } => {
                self.flow = Flow::Replicate {
                    in_flight: VecDeque::new(),
                    overdue: false,
                };
            }
            Flow::Replicate { in_flight, overdue } => {
                in_flight.retain(|upto| *upto > self.match_index);
                *overdue &= !advanced;
            }
        }
        self.next_index = self.next_index.max(self.match_index.next());
    }

    /// The peer has no such entry at `prev`; the logs may agree at `agreeable`. An
    /// answer to a message that is out of date changes nothing.
    pub(crate) fn rejected(&mut self, prev: Index, agreeable: Index) {
        let stale = match self.flow {
            Flow::Probe { .. } => prev.next() != self.next_index,
            Flow::Replicate { .. } => false,
        };
        if stale || prev <= self.match_index {
            return;
        }
        self.next_index = agreeable.next().min(prev).max(self.match_index.next());
        self.flow = Flow::Probe { asked: false };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replicating(match_index: u64) -> Progress {
        let mut progress = Progress::new(Index(match_index));
        progress.matched(Index(match_index));
        progress
    }

    #[test]
    fn a_probe_goes_out_once_until_it_is_answered_or_a_heartbeat_repeats_it() {
        let mut progress = Progress::new(Index(5));
        let batch = Batch {
            prev: Index(5),
            upto: Index(7),
        };
        assert_eq!(progress.next_batch(Index(9), 2), Some(batch));
        assert_eq!(progress.next_batch(Index(9), 2), None);
        assert_eq!(progress.heartbeat_prev(), Index(5));
    }

    #[test]
    fn messages_in_flight_are_bounded() {
        let mut progress = replicating(0);
        let sent = std::iter::from_fn(|| progress.next_batch(Index(1000), 1)).count();
        assert_eq!(sent, MESSAGES_IN_FLIGHT_MAX);
        progress.matched(Index(3));
        let sent = std::iter::from_fn(|| progress.next_batch(Index(1000), 1)).count();
        assert_eq!(sent, 3, "three places became free");
    }

    #[test]
    fn a_rejection_backs_off_at_least_one_entry_and_never_behind_the_match() {
        let mut progress = Progress::new(Index(9));
        progress.rejected(Index(9), Index(12));
        assert_eq!(progress.next_index, Index(9));
        progress.rejected(Index(9), Index(3));
        assert_eq!(progress.next_index, Index(9), "answered already");
        progress.matched(Index(8));
        progress.next_batch(Index(20), 100);
        progress.rejected(Index(20), Index(2));
        assert_eq!(progress.next_index, Index(9));
    }

    #[test]
    fn entries_unheard_of_for_an_interval_are_sent_again() {
        let mut progress = replicating(4);
        progress.next_batch(Index(6), 10);
        progress.suspect_loss();
        assert_eq!(progress.next_index, Index(7), "an interval has only begun");
        progress.suspect_loss();
        assert_eq!(
            (progress.heartbeat_prev(), progress.next_index),
            (Index(4), Index(5))
        );
        progress.matched(Index(4));
        let batch = Batch {
            prev: Index(4),
            upto: Index(6),
        };
        assert_eq!(progress.next_batch(Index(6), 10), Some(batch));
    }

    #[test]
    fn an_older_answer_does_not_take_the_match_back() {
        let mut progress = replicating(4);
        progress.next_batch(Index(6), 10);
        progress.matched(Index(6));
        progress.matched(Index(5));
        assert_eq!(
            (progress.match_index, progress.next_index),
            (Index(6), Index(7))
        );
    }
}
