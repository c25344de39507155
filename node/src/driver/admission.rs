//! What a leader lets in. A leader that is cut off from its followers, or whose state machine lags,
//! would otherwise fill its memory and disk.

use std::collections::VecDeque;

use shakedown_history::{Index, LogId};

/// How many uncommitted entries a leader takes in before it refuses more.
const UNCOMMITTED_LEN_MAX: u64 = 4096;

/// How many bytes of commands may be uncommitted.
const UNCOMMITTED_BYTES_MAX: usize = 64 << 20;

/// How many committed entries the state machine may be behind.
const APPLY_LAG_MAX: u64 = 16_384;

/// Where a leader's log and state machine stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// The end of the log.
    pub(super) last: Index,
    /// How far it is committed.
    pub(super) committed: Index,
    /// How far it is applied.
    pub(super) applied: Index,
}

/// The commands that this leader has taken in and nobody has committed.
#[derive(Debug, Default)]
pub(super) struct Admission {
    uncommitted: VecDeque<(LogId, usize)>,
    bytes: usize,
}

impl Admission {
    /// Whether one more write may come in.
    pub(super) fn has_room(&self, progress: Progress) -> bool {
        let Progress {
            last,
            committed,
            applied,
        } = progress;
        last.0.saturating_sub(committed.0) < UNCOMMITTED_LEN_MAX
            && committed.0.saturating_sub(applied.0) < APPLY_LAG_MAX
            && self.bytes < UNCOMMITTED_BYTES_MAX
    }

    /// A command of `len` bytes is in the log. What was appended behind it in an earlier term is gone.
    pub(super) fn appended(&mut self, id: LogId, len: usize) {
        while self
            .uncommitted
            .back()
            .is_some_and(|(last, _)| last.index >= id.index)
        {
            self.bytes -= self.uncommitted.pop_back().map_or(0, |(_, len)| len);
        }
        self.uncommitted.push_back((id, len));
        self.bytes += len;
    }

    /// The log is committed up to here, whoever's entries these are.
    pub(super) fn committed(&mut self, upto: Index) {
        while self
            .uncommitted
            .front()
            .is_some_and(|(first, _)| first.index <= upto)
        {
            self.bytes -= self.uncommitted.pop_front().map_or(0, |(_, len)| len);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: usize = UNCOMMITTED_BYTES_MAX / 2;

    fn progress(last: u64, committed: u64, applied: u64) -> Progress {
        Progress {
            last: Index(last),
            committed: Index(committed),
            applied: Index(applied),
        }
    }

    #[test]
    fn a_leader_refuses_when_entries_bytes_or_the_state_machine_pile_up() {
        let mut admission = Admission::default();
        assert!(admission.has_room(progress(UNCOMMITTED_LEN_MAX, 1, 1)));
        assert!(!admission.has_room(progress(UNCOMMITTED_LEN_MAX, 0, 0)));
        assert!(!admission.has_room(progress(APPLY_LAG_MAX + 7, APPLY_LAG_MAX + 7, 7)));
        admission.appended(LogId::new(1, 1), LARGE);
        assert!(admission.has_room(progress(1, 0, 0)));
        admission.appended(LogId::new(1, 2), LARGE);
        assert!(!admission.has_room(progress(2, 0, 0)));
        admission.committed(Index(1));
        assert!(admission.has_room(progress(2, 1, 1)));
    }

    #[test]
    fn what_was_overwritten_does_not_count() {
        let mut admission = Admission::default();
        for index in 1..=2 {
            admission.appended(LogId::new(1, index), LARGE);
        }
        admission.appended(LogId::new(3, 1), 1);
        assert!(admission.has_room(progress(1, 0, 0)));
        admission.committed(Index(1));
        assert_eq!(admission.bytes, 0);
    }
}
