//! What one link does to a packet.

use crate::counters::{LinkCounters, Traffic};
use crate::packet_faults::PacketFaults;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::{Duration, Instant};

/// So long a packet may queue for a limited rate; packets that would wait longer are lost.
const RATE_QUEUE: Duration = Duration::from_millis(200);

/// One direction between two hosts.
#[derive(Debug)]
pub(super) struct LinkState {
    pub(super) is_cut: bool,
    pub(super) faults: PacketFaults,
    pub(super) counters: LinkCounters,
    /// A stream of its own, so that what strikes this link's packets does not depend on other
    /// links' traffic.
    random: ChaCha8Rng,
    /// Until when packets already occupy a link of limited rate.
    busy_until: Option<Instant>,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is dropped, and counted already.
    Drop,
    /// It is delivered, unless its link is cut by then.
    Deliver {
        /// When.
        due: Instant,
        /// Whether twice.
        twice: bool,
        /// With this choice of a bit flipped.
        corrupt: Option<u64>,
    },
}

impl LinkState {
    /// A whole link. `stream` tells it from others of the same seed.
    pub(super) fn new(seed: u64, stream: u64) -> LinkState {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream);
        LinkState {
            is_cut: false,
            faults: PacketFaults::default(),
            counters: LinkCounters::default(),
            random,
            busy_until: None,
        }
    }

    /// Decides about a packet of so many bytes.
    pub(super) fn decide(&mut self, now: Instant, bytes: usize) -> Decision {
        if self.is_cut {
            self.counters.dropped += Traffic::packet(bytes);
            return Decision::Drop;
        }
        if self.faults.is_none() {
            return Decision::Deliver {
                due: now,
                twice: false,
                corrupt: None,
            };
        }
        match self.delay(now, bytes) {
            Some(due) if !self.strikes(self.faults.loss) => {
                let twice = self.strikes(self.faults.duplicate);
                let corrupt = self
                    .strikes(self.faults.corrupt)
                    .then(|| self.random.next_u64());
                Decision::Deliver {
                    due,
                    twice,
                    corrupt,
                }
            }
            _ => {
                self.counters.lost += Traffic::packet(bytes);
                Decision::Drop
            }
        }
    }

    /// When the packet is due; none if the queue is full.
    fn delay(&mut self, now: Instant, bytes: usize) -> Option<Instant> {
        let sent = match self.faults.rate_bits_per_second {
            None => now,
            Some(rate) => self.queue(now, bytes, rate)?,
        };
        if self.strikes(self.faults.reorder) {
            return Some(sent);
        }
        let PacketFaults { delay, jitter, .. } = self.faults;
        if jitter.is_zero() {
            return Some(sent + delay);
        }
        let varied =
            (delay + jitter.mul_f64(2.0 * self.random.random::<f64>())).checked_sub(jitter);
        Some(sent + varied.unwrap_or_default())
    }

    /// When the last bit of the packet is through; none if the queue is full.
    fn queue(&mut self, now: Instant, bytes: usize, rate_bits_per_second: u64) -> Option<Instant> {
        let start = self.busy_until.map_or(now, |busy| busy.max(now));
        if start > now + RATE_QUEUE {
            return None;
        }
        let nanoseconds = bytes as u128 * 8 * 1_000_000_000 / u128::from(rate_bits_per_second);
        let takes = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        self.busy_until = start.checked_add(takes);
        self.busy_until
    }

    fn strikes(&mut self, probability: f64) -> bool {
        // Faults that are off draw nothing, and so do not shift what others draw.
        probability > 0.0 && self.random.random_bool(probability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disturbed(faults: PacketFaults) -> LinkState {
        LinkState {
            faults,
            ..LinkState::new(1, 1)
        }
    }

    fn due(decision: Decision) -> Option<Instant> {
        match decision {
            Decision::Drop => None,
            Decision::Deliver { due, .. } => Some(due),
        }
    }

    #[test]
    fn a_whole_link_delivers_at_once() {
        let now = Instant::now();
        let decision = LinkState::new(1, 1).decide(now, 100);
        assert_eq!(
            decision,
            Decision::Deliver {
                due: now,
                twice: false,
                corrupt: None
            }
        );
    }

    #[test]
    fn a_cut_link_drops_and_counts() {
        let mut link = LinkState {
            is_cut: true,
            ..LinkState::new(1, 1)
        };
        assert_eq!(link.decide(Instant::now(), 100), Decision::Drop);
        assert_eq!(
            link.counters.dropped,
            Traffic {
                packets: 1,
                bytes: 100
            }
        );
    }

    #[test]
    fn the_same_seed_decides_the_same() {
        let faults = PacketFaults {
            loss: 0.3,
            duplicate: 0.2,
            corrupt: 0.1,
            ..Default::default()
        };
        let now = Instant::now();
        let decisions = |seed, stream| {
            let mut link = LinkState {
                faults,
                ..LinkState::new(seed, stream)
            };
            (0..100).map(|_| link.decide(now, 100)).collect::<Vec<_>>()
        };
        assert_eq!(decisions(7, 1), decisions(7, 1));
        assert_ne!(decisions(7, 1), decisions(8, 1));
        assert_ne!(decisions(7, 1), decisions(7, 2));
    }

    #[test]
    fn probabilities_strike_about_as_often_as_asked() {
        let mut link = disturbed(PacketFaults {
            loss: 0.3,
            ..Default::default()
        });
        let now = Instant::now();
        let drops = (0..10_000)
            .filter(|_| link.decide(now, 100) == Decision::Drop)
            .count();
        assert!((2_800..3_200).contains(&drops), "{drops} of 10000 lost");
        assert_eq!(link.counters.lost.packets, drops as u64);
    }

    #[test]
    fn delay_and_jitter_stay_within_their_bounds() {
        let (delay, jitter) = (Duration::from_millis(10), Duration::from_millis(3));
        let mut link = disturbed(PacketFaults {
            delay,
            jitter,
            ..Default::default()
        });
        let now = Instant::now();
        let waits: Vec<Duration> = (0..1000)
            .map(|_| due(link.decide(now, 100)).unwrap() - now)
            .collect();
        assert!(
            waits
                .iter()
                .all(|wait| (delay - jitter..=delay + jitter).contains(wait))
        );
        assert!(waits.iter().any(|wait| *wait < delay - jitter / 2));
        assert!(waits.iter().any(|wait| *wait > delay + jitter / 2));
    }

    #[test]
    fn a_limited_rate_spaces_packets_and_loses_what_would_wait_too_long() {
        let rate_bits_per_second = Some(8_000_000);
        let mut link = disturbed(PacketFaults {
            rate_bits_per_second,
            ..Default::default()
        });
        let now = Instant::now();
        // 1000 bytes at a megabyte per second take a millisecond each.
        let first: Vec<_> = (0..3)
            .map(|_| due(link.decide(now, 1000)).unwrap() - now)
            .collect();
        assert_eq!(first, [1, 2, 3].map(Duration::from_millis));
        let accepted = (0..1000)
            .filter(|_| link.decide(now, 1000) != Decision::Drop)
            .count();
        assert_eq!(accepted, 198, "until the last waits 200 ms");
    }

    #[test]
    fn reordered_packets_skip_the_delay() {
        let delay = Duration::from_millis(10);
        let mut link = disturbed(PacketFaults {
            delay,
            reorder: 0.5,
            ..Default::default()
        });
        let now = Instant::now();
        let waits: Vec<Duration> = (0..100)
            .map(|_| due(link.decide(now, 100)).unwrap() - now)
            .collect();
        assert!(waits.contains(&Duration::ZERO) && waits.contains(&delay));
    }
}
