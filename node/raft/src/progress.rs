//! What a leader knows of one peer's log, and how fast it feeds it.

use std::collections::VecDeque;

use shakedown_history::Index;

use crate::log::Log;
use crate::membership::DiskId;
use crate::settings::Settings;
use crate::snapshot::Snapshot;

/// What a leader knows of one peer.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Up to here the peer's log is known to agree, durably. Goes back only if the peer says that
    /// it has lost entries.
    pub(crate) match_index: Index,
    /// The next entry to send.
    pub(crate) next_index: Index,
    /// The latest read round that the peer echoed.
    pub(crate) round: u64,
    /// The leader's tick at which the peer was last heard of.
    pub(crate) heard_at: u64,
    /// The disk from which the peer last spoke.
    pub(crate) disk: Option<DiskId>,
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
        in_flight: InFlight,
        /// Whether a heartbeat interval has begun since anything was heard of these.
        overdue: bool,
    },
    /// The peer needs entries that are compacted away: it gets a snapshot, piece by piece (§7).
    Snapshot {
        snapshot: Snapshot,
        /// How many bytes the peer has.
        received: u64,
        /// Whether the next piece is under way.
        asked: bool,
        /// Whether a heartbeat interval has begun since anything was heard of it.
        overdue: bool,
    },
}

/// Messages with entries that are under way.
#[derive(Debug, Default)]
struct InFlight {
    /// Where each ends, and how many payload bytes it carries.
    messages: VecDeque<(Index, usize)>,
    bytes: usize,
}

impl InFlight {
    fn push(&mut self, upto: Index, bytes: usize) {
        self.messages.push_back((upto, bytes));
        self.bytes += bytes;
    }

    fn arrived(&mut self, upto: Index) {
        while let Some((end, bytes)) = self.messages.front()
            && *end <= upto
        {
            self.bytes -= bytes;
            self.messages.pop_front();
        }
    }

    fn is_full(&self, settings: &Settings) -> bool {
        self.bytes >= settings.bytes_in_flight_max
            || self.messages.len() >= settings.messages_in_flight_max
    }
}

/// What to send a peer next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parcel {
    /// The entries after `prev`, up to `upto`.
    Entries { prev: Index, upto: Index },
    /// The snapshot's bytes from `offset` on.
    Chunk { snapshot: Snapshot, offset: u64 },
}

impl Progress {
    /// A peer of which nothing is known, seen by a leader whose log ends at `last`.
    pub(crate) fn new(last: Index, now: u64) -> Self {
        Self {
            match_index: Index::default(),
            next_index: last.next(),
            round: 0,
            heard_at: now,
            disk: None,
            flow: Flow::Probe { asked: false },
        }
    }

    /// What may go to the peer now; it counts as sent.
    pub(crate) fn next_parcel(
        &mut self,
        log: &Log,
        snapshot: Option<&Snapshot>,
        settings: &Settings,
    ) -> Option<Parcel> {
        self.begin_snapshot_if_needed(log, snapshot);
        let (prev, last) = (self.next_index.prev(), log.last().index);
        match &mut self.flow {
            Flow::Snapshot {
                snapshot,
                received,
                asked,
                ..
            } => {
                let due = !std::mem::replace(asked, true);
                due.then(|| Parcel::Chunk {
                    snapshot: snapshot.clone(),
                    offset: *received,
                })
            }
            _ if self.next_index > last => None,
            Flow::Probe { asked: true } => None,
            Flow::Probe { asked } => {
                *asked = true;
                let (upto, _) = batch(log, prev, settings);
                Some(Parcel::Entries { prev, upto })
            }
            Flow::Replicate { in_flight, .. } if in_flight.is_full(settings) => None,
            Flow::Replicate { in_flight, overdue } => {
                *overdue &= !in_flight.messages.is_empty();
                let (upto, bytes) = batch(log, prev, settings);
                in_flight.push(upto, bytes);
                self.next_index = upto.next();
                Some(Parcel::Entries { prev, upto })
            }
        }
    }

    fn begin_snapshot_if_needed(&mut self, log: &Log, snapshot: Option<&Snapshot>) {
        let lacks_prev = self.next_index <= log.base().id.index;
        if lacks_prev && !self.receives_snapshot() {
            let snapshot = snapshot.expect("what is compacted is under a snapshot");
            self.flow = Flow::Snapshot {
                snapshot: snapshot.clone(),
                received: 0,
                asked: false,
                overdue: false,
            };
        }
    }

    /// Whether the peer is being sent a snapshot.
    pub(crate) fn receives_snapshot(&self) -> bool {
        matches!(self.flow, Flow::Snapshot { .. })
    }

    /// The entry on which a heartbeat rests. Where the logs are known to agree it is the last such
    /// entry: the follower has it, so that a heartbeat is never refused for entries still under way.
    /// While probing it is the probe again, for the first may be lost. Beside a snapshot it says
    /// nothing about the log.
    pub(crate) fn heartbeat_prev(&mut self, log: &Log) -> Index {
        let base = log.base().id.index;
        match &mut self.flow {
            Flow::Probe { asked } => {
                *asked = true;
                self.next_index.prev().max(base)
            }
            Flow::Replicate { .. } => self.match_index.max(base),
            Flow::Snapshot { .. } => base,
        }
    }

    /// Called at each heartbeat tick. What was not answered for a whole interval counts as lost: the
    /// next heartbeat probes behind the last entry known to match, and a piece of a snapshot is sent
    /// again.
    pub(crate) fn suspect_loss(&mut self) {
        match &mut self.flow {
            Flow::Probe { .. } => {}
            Flow::Replicate { in_flight, overdue } => {
                if in_flight.messages.is_empty() {
                    return;
                }
                if !std::mem::replace(overdue, true) {
                    return;
                }
                self.flow = Flow::Probe { asked: false };
                self.next_index = self.match_index.next();
            }
            Flow::Snapshot { asked, overdue, .. } => {
                let was_overdue = std::mem::replace(overdue, true);
                *asked &= !was_overdue;
            }
        }
    }

    /// The peer's log agrees up to `index`. An older answer that comes late changes nothing.
    pub(crate) fn matched(&mut self, index: Index) {
        let advanced = index > self.match_index;
        self.match_index = self.match_index.max(index);
        let replicate = Flow::Replicate {
            in_flight: InFlight::default(),
            overdue: false,
        };
        match &mut self.flow {
            // An answer to an earlier probe does not say that this one succeeded.
            Flow::Probe { .. } if index.next() < self.next_index => {}
            Flow::Snapshot { snapshot, .. } if index < snapshot.header.last.index => {}
            Flow::Probe { .. } => self.flow = replicate,
            Flow::Snapshot { .. } => {
                self.next_index = index.next();
                self.flow = replicate;
            }
            Flow::Replicate { in_flight, overdue } => {
                in_flight.arrived(self.match_index);
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
            Flow::Snapshot { .. } => true,
        };
        if stale || prev <= self.match_index {
            return;
        }
        self.next_index = agreeable.next().min(prev).max(self.match_index.next());
        self.flow = Flow::Probe { asked: false };
    }

    /// The peer has lost entries that it had acknowledged: it has no such entry at `prev`, holds no more
    /// than up to `held`, and its log may agree at `agreeable`, or before that where this leader has
    /// compacted its own.
    pub(crate) fn forget(&mut self, prev: Index, held: Index, agreeable: Index) {
        if held < self.match_index {
            self.match_index = Index::default();
            self.next_index = agreeable.next().min(prev);
            self.flow = Flow::Probe { asked: false };
        }
    }

    /// The peer has that many bytes of the snapshot that ends at `last`.
    pub(crate) fn chunk_received(&mut self, last: Index, bytes: u64) {
        if let Flow::Snapshot {
            snapshot,
            received,
            asked,
            overdue,
        } = &mut self.flow
            && snapshot.header.last.index == last
        {
            *received = bytes.min(snapshot.header.len);
            (*asked, *overdue) = (false, false);
        }
    }
}

/// How far one message after `prev` may reach, and how many payload bytes it then has.
fn batch(log: &Log, prev: Index, settings: &Settings) -> (Index, usize) {
    let mut bytes = 0;
    let upto = log
        .between(prev, log.last().index)
        .iter()
        .take(settings.entries_per_message_max)
        .enumerate()
        .take_while(|(position, entry)| {
            bytes += entry.payload_len();
            *position == 0 || bytes <= settings.bytes_per_message_max
        })
        .last()
        .map_or(prev, |(_, entry)| entry.id.index);
    (upto, bytes.min(settings.bytes_per_message_max))
}

#[cfg(test)]
mod tests;
