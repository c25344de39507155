//! Packets that a link holds back.

use crate::host::Link;
use std::collections::BTreeMap;
use std::time::Instant;

/// So many bytes may be held; packets beyond are lost, as in a real network's queues.
const BYTES_MAX: usize = 256 << 20;

/// Held frames, by when they are due; those due at the same moment in the order in which they
/// came.
#[derive(Debug, Default)]
pub(super) struct Held {
    frames: BTreeMap<(Instant, u64), (Link, Vec<u8>)>,
    bytes: usize,
    sequence: u64,
}

impl Held {
    /// Holds a frame until it is due. Whether there was room.
    pub(super) fn hold(&mut self, due: Instant, link: Link, frame: &[u8]) -> bool {
        if self.bytes + frame.len() > BYTES_MAX {
            return false;
        }
        self.bytes += frame.len();
        self.sequence += 1;
        self.frames
            .insert((due, self.sequence), (link, frame.to_vec()));
        true
    }

    /// When the next frame is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.frames.first_key_value().map(|((due, _), _)| *due)
    }

    /// The next frame that is due by now.
    pub(super) fn release(&mut self, now: Instant) -> Option<(Link, Vec<u8>)> {
        let first = self.frames.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let (link, frame) = first.remove();
        self.bytes -= frame.len();
        Some((link, frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use std::time::Duration;

    #[test]
    fn frames_leave_when_due_and_in_the_order_in_which_they_came() {
        let link = Link::new(Host::node(1), Host::node(2));
        let start = Instant::now();
        let due = |ms| start + Duration::from_millis(ms);
        let mut held = Held::default();
        for (ms, name) in [(20, b"c"), (10, b"a"), (10, b"b")] {
            assert!(held.hold(due(ms), link, name));
        }
        assert_eq!(held.next_due(), Some(due(10)));
        assert_eq!(held.release(due(9)), None);
        assert_eq!(held.release(due(10)), Some((link, b"a".to_vec())));
        assert_eq!(held.release(due(10)), Some((link, b"b".to_vec())));
        assert_eq!(held.release(due(10)), None);
        assert_eq!(held.release(due(99)), Some((link, b"c".to_vec())));
        assert_eq!(held.next_due(), None);
    }

    #[test]
    fn there_is_an_end_to_the_room_and_released_frames_make_room() {
        let link = Link::new(Host::node(1), Host::node(2));
        let now = Instant::now();
        let mut held = Held::default();
        let quarter = vec![0; BYTES_MAX / 4];
        (0..4).for_each(|_| assert!(held.hold(now, link, &quarter)));
        assert!(!held.hold(now, link, b"x"));
        assert!(held.release(now).is_some());
        assert!(held.hold(now, link, b"x"));
    }
}
