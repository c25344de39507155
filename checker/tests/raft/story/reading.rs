//! Reads, leases and the handing over of a leadership.

use shakedown_history::event::ReadMode;
use shakedown_history::{Event, Index, NodeId};

use super::Story;

impl Story {
    pub(crate) fn start_read(&mut self, n: u64, read: u64) {
        self.write(n, Event::ReadStart { read });
    }

    /// These nodes confirmed the leadership for a read that must see `index`.
    pub(crate) fn confirm_read(&mut self, n: u64, read: u64, index: u64, acks: &[u64]) {
        let acks = acks.iter().copied().map(NodeId).collect();
        let (index, round) = (Index(index), read);
        self.write(
            n,
            Event::ReadBarrier {
                read,
                index,
                round,
                acks,
            },
        );
    }

    /// The node answers from what it has applied.
    pub(crate) fn serve_read(&mut self, n: u64, read: u64, index: u64, mode: ReadMode) {
        let applied = Index(self.node(n).applied);
        let index = Index(index);
        self.write(
            n,
            Event::ReadServed {
                read,
                index,
                applied,
                mode,
            },
        );
    }

    pub(crate) fn hold_lease(&mut self, n: u64) {
        let (until_mono_ns, basis_mono_ns) = (self.mono + 100, self.mono);
        self.write(
            n,
            Event::Lease {
                until_mono_ns,
                basis_mono_ns,
            },
        );
    }

    pub(crate) fn drop_lease(&mut self, n: u64) {
        let reason = "stepped down".to_owned();
        self.write(n, Event::LeaseDropped { reason });
    }

    pub(crate) fn start_transfer(&mut self, n: u64, to: u64) {
        self.write(n, Event::TransferStarted { to: NodeId(to) });
    }

    pub(crate) fn end_transfer(&mut self, n: u64, to: u64, done: bool) {
        self.write(
            n,
            Event::TransferEnded {
                to: NodeId(to),
                done,
            },
        );
    }
}
