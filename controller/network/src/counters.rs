//! What went over each link: the evidence that a fault bit.

use crate::host::Link;
use std::collections::BTreeMap;
use std::ops::{AddAssign, Sub};

/// A number of packets, and their bytes from the IP header on.
///
/// The kernel hands over large TCP segments whole, so that one packet here may be up to 64 KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How many.
    pub packets: u64,
    /// Their sizes added up.
    pub bytes: u64,
}

impl Traffic {
    /// One packet of so many bytes.
    pub(crate) fn packet(bytes: usize) -> Traffic {
        Traffic {
            packets: 1,
            bytes: bytes as u64,
        }
    }
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, more: Traffic) {
        self.packets += more.packets;
        self.bytes += more.bytes;
    }
}

impl Sub for Traffic {
    type Output = Traffic;

    fn sub(self, earlier: Traffic) -> Traffic {
        Traffic {
            packets: self.packets - earlier.packets,
            bytes: self.bytes - earlier.bytes,
        }
    }
}

/// What went over one link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Handed to the receiver.
    pub delivered: Traffic,
    /// Dropped because the link was cut.
    pub dropped: Traffic,
    /// Dropped by a packet fault: loss, or a rate's full queue.
    pub lost: Traffic,
    /// Held back by a packet fault.
    pub delayed: Traffic,
    /// Second copies delivered.
    pub duplicated: Traffic,
    /// Delivered with a flipped bit.
    pub corrupted: Traffic,
}

impl Sub for LinkCounters {
    type Output = LinkCounters;

    fn sub(self, earlier: LinkCounters) -> LinkCounters {
        LinkCounters {
            delivered: self.delivered - earlier.delivered,
            dropped: self.dropped - earlier.dropped,
            lost: self.lost - earlier.lost,
            delayed: self.delayed - earlier.delayed,
            duplicated: self.duplicated - earlier.duplicated,
            corrupted: self.corrupted - earlier.corrupted,
        }
    }
}

/// What went over every link since the network was built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// For each link of the network.
    pub links: BTreeMap<Link, LinkCounters>,
    /// Packets that the network itself lost for want of buffer space. No fault asked for it; TCP
    /// recovers from a few, many mean that the machine is overloaded.
    pub overruns: u64,
}

impl Counters {
    /// What went over one link; nothing over a link that does not exist.
    #[must_use]
    pub fn link(&self, link: Link) -> LinkCounters {
        self.links.get(&link).copied().unwrap_or_default()
    }

    /// What went over every link between an earlier reading and this one.
    ///
    /// # Panics
    ///
    /// If the other reading is the later one, or of another network.
    #[must_use]
    pub fn since(&self, earlier: &Counters) -> Counters {
        let difference = |(&link, &now): (&Link, &LinkCounters)| (link, now - earlier.link(link));
        Counters {
            links: self.links.iter().map(difference).collect(),
            overruns: self.overruns - earlier.overruns,
        }
    }
}
