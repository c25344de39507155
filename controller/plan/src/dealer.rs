//! Deals faults in turn, so that what a plan offers is shown as early as possible and not by luck.

use std::time::Duration;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::fault::Fault;
use crate::faults::{
    Clock, ClockFaults, Family, Faults, MembershipChange, MembershipFaults, Shape, Successor,
    TransferFaults,
};
use crate::range::Range;
use crate::target::Target;

/// Cards dealt in drawn order; when none is left, all are shuffled anew.
struct Deck<T> {
    cards: Vec<T>,
    left: Vec<T>,
}

impl<T: Clone> Deck<T> {
    fn new(cards: Vec<T>) -> Self {
        Self {
            cards,
            left: Vec::new(),
        }
    }

    /// The next card that will do. One that will not stays on the deck.
    ///
    /// # Panics
    /// If no card at all will do.
    fn deal(&mut self, random: &mut ChaCha8Rng, will_do: impl Fn(&T) -> bool) -> T {
        if !self.left.iter().any(&will_do) {
            let mut round = self.cards.clone();
            round.shuffle(random);
            self.left.extend(round);
        }
        let position = self
            .left
            .iter()
            .position(will_do)
            .expect("some card must do");
        self.left.remove(position)
    }

    fn deal_any(&mut self, random: &mut ChaCha8Rng) -> T {
        self.deal(random, |_| true)
    }
}

/// Deals faults: a deck of the families, and for each family decks of what it can do.
pub(crate) struct Dealer {
    pub(crate) random: ChaCha8Rng,
    families: Deck<Family>,
    partition: Option<Deck<Shape>>,
    kill: Option<Deck<Target>>,
    pause: Option<Deck<Target>>,
    clock: Option<ClockDealer>,
    membership: Option<MembershipDealer>,
    transfer: Option<TransferDealer>,
}

/// Deals clock faults.
struct ClockDealer {
    targets: Deck<Target>,
    clocks: Deck<Clock>,
    offset: Range<Duration>,
    rate: Range<f64>,
}

/// Deals changes of the membership.
struct MembershipDealer {
    changes: Deck<MembershipChange>,
    targets: Deck<Target>,
}

/// Deals transfers of the leadership.
struct TransferDealer {
    to: Deck<Successor>,
    every: Range<Duration>,
}

impl Dealer {
    pub(crate) fn new(faults: &Faults, random: ChaCha8Rng) -> Self {
        Self {
            random,
            families: Deck::new(faults.families()),
            partition: faults
                .partition
                .as_ref()
                .map(|f| Deck::new(f.shapes.clone())),
            kill: faults.kill.as_ref().map(|f| Deck::new(f.targets.clone())),
            pause: faults.pause.as_ref().map(|f| Deck::new(f.targets.clone())),
            clock: faults.clock.as_ref().map(ClockDealer::new),
            membership: faults.membership.as_ref().map(MembershipDealer::new),
            transfer: faults.transfer.as_ref().map(TransferDealer::new),
        }
    }

    /// The next fault, of a family that is not busy.
    pub(crate) fn deal(&mut self, busy: &[Family]) -> Fault {
        let random = &mut self.random;
        let family = self.families.deal(random, |family| !busy.contains(family));
        let unused = "only families in use are dealt";
        match family {
            Family::Partition => {
                let shapes = self.partition.as_mut().expect(unused);
                Fault::Partition {
                    shape: shapes.deal_any(random),
                }
            }
            Family::Kill => {
                let targets = self.kill.as_mut().expect(unused);
                Fault::Kill {
                    target: targets.deal_any(random),
                }
            }
            Family::Pause => {
                let targets = self.pause.as_mut().expect(unused);
                Fault::Pause {
                    target: targets.deal_any(random),
                }
            }
            Family::Clock => self.clock.as_mut().expect(unused).deal(random),
            Family::Membership => self.membership.as_mut().expect(unused).deal(random),
            Family::Transfer => self.transfer.as_mut().expect(unused).deal(random),
        }
    }
}

impl ClockDealer {
    fn new(faults: &ClockFaults) -> Self {
        Self {
            targets: Deck::new(faults.targets.clone()),
            clocks: Deck::new(faults.clocks.clone()),
            offset: faults.offset,
            rate: faults.rate,
        }
    }

    fn deal(&mut self, random: &mut ChaCha8Rng) -> Fault {
        let target = self.targets.deal_any(random);
        let clock = self.clocks.deal_any(random);
        let ms = draw_duration(random, self.offset).as_millis();
        let forward_ms = i64::try_from(ms).expect("a valid plan's offset fits");
        let back = random.random::<bool>() && clock == Clock::Realtime;
        let offset_ms = if back { -forward_ms } else { forward_ms };
        Fault::Clock {
            target,
            clock,
            offset_ms,
            rate: draw_rate(random, self.rate),
        }
    }
}

impl MembershipDealer {
    fn new(faults: &MembershipFaults) -> Self {
        Self {
            changes: Deck::new(faults.changes.clone()),
            targets: Deck::new(faults.targets.clone()),
        }
    }

    fn deal(&mut self, random: &mut ChaCha8Rng) -> Fault {
        Fault::Membership {
            change: self.changes.deal_any(random),
            target: self.targets.deal_any(random),
        }
    }
}

impl TransferDealer {
    fn new(faults: &TransferFaults) -> Self {
        Self {
            to: Deck::new(faults.to.clone()),
            every: faults.every,
        }
    }

    fn deal(&mut self, random: &mut ChaCha8Rng) -> Fault {
        let every_ms = draw_duration(random, self.every).as_millis();
        Fault::Transfer {
            to: self.to.deal_any(random),
            every_ms: u64::try_from(every_ms).expect("a valid plan's duration fits"),
        }
    }
}

/// A duration from the range, in whole milliseconds where the range has any.
pub(crate) fn draw_duration(random: &mut ChaCha8Rng, range: Range<Duration>) -> Duration {
    let nanoseconds = |duration: Duration| {
        u64::try_from(duration.as_nanos()).expect("a plan's durations fit into 584 years")
    };
    let (min, max) = (nanoseconds(range.min()), nanoseconds(range.max()));
    let drawn = random.random_range(min..=max);
    let rounded = drawn - drawn % 1_000_000;
    Duration::from_nanos(if rounded >= min { rounded } else { min })
}

/// A rate from the range, in thousandths. Where the range has both, slow and fast are equally likely.
fn draw_rate(random: &mut ChaCha8Rng, range: Range<f64>) -> f64 {
    let (min, max) = (range.min(), range.max());
    let slow = random.random::<bool>();
    let (min, max) = match (min < 1.0 && max > 1.0, slow) {
        (true, true) => (min, 1.0),
        (true, false) => (1.0, max),
        (false, _) => (min, max),
    };
    let thousandths = random.random_range(0..=1000_u32);
    let drawn = min + (max - min) * f64::from(thousandths) / 1000.0;
    ((drawn * 1000.0).round() / 1000.0).clamp(min, max)
}
