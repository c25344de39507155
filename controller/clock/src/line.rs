//! The map from real time to skewed time: piecewise linear, pure arithmetic.

use crate::Clock;

/// A straight line: at real time `origin_ns` the clock reads `base_ns`, and from there it runs at
/// `rate_q32 / 2³²` of real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Real time, in nanoseconds.
    pub origin_ns: i64,
    /// What the clock reads at the origin, in nanoseconds.
    pub base_ns: i64,
    /// Its speed relative to real time, as a 32.32 fixed-point number.
    pub rate_q32: i64,
}

impl Line {
    /// Real time itself.
    pub const REAL: Self = Self {
        origin_ns: 0,
        base_ns: 0,
        rate_q32: 1 << 32,
    };

    /// The skewed time at a real time. The payload does the same sum in machine code.
    #[must_use]
    pub fn at(self, real_ns: i64) -> i64 {
        let elapsed = i128::from(real_ns.wrapping_sub(self.origin_ns));
        let scaled = (elapsed * i128::from(self.rate_q32)) >> 32;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the payload keeps the low 64 bits too"
        )]
        let scaled = scaled as i64;
        self.base_ns.wrapping_add(scaled)
    }
}

/// What one clock reads at any real time from the last change but one: one line until `switch_ns`,
/// another from there on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// In force until the switch.
    pub before: Line,
    /// In force from its origin on, which is the switch.
    pub after: Line,
}

impl Timeline {
    /// Real time, always.
    pub const REAL: Self = Self {
        before: Line::REAL,
        after: Line::REAL,
    };

    /// How many bytes [`Timeline::to_bytes`] makes.
    pub(crate) const LEN: usize = 48;

    /// When `after` takes over, in real nanoseconds.
    #[must_use]
    pub fn switch_ns(&self) -> i64 {
        self.after.origin_ns
    }

    /// The line in force at a real time.
    #[must_use]
    pub fn line_at(&self, real_ns: i64) -> Line {
        if real_ns < self.switch_ns() {
            self.before
        } else {
            self.after
        }
    }

    /// The skewed time at a real time.
    #[must_use]
    pub fn at(&self, real_ns: i64) -> i64 {
        self.line_at(real_ns).at(real_ns)
    }

    /// The timeline that follows this one until `switch_ns`, then jumps by `step_ns`, and runs on at
    /// `rate_q32`, or as fast as before.
    #[must_use]
    pub fn changed(&self, switch_ns: i64, step_ns: i64, rate_q32: Option<i64>) -> Self {
        let before = self.line_at(switch_ns);
        let after = Line {
            origin_ns: switch_ns,
            base_ns: before.at(switch_ns).saturating_add(step_ns),
            rate_q32: rate_q32.unwrap_or(before.rate_q32),
        };
        Self { before, after }
    }

    /// As the payload reads it: `switch`, base and rate after, origin, base and rate before.
    pub(crate) fn to_bytes(self) -> [u8; Self::LEN] {
        let Self { before, after } = self;
        let words = [
            after.origin_ns,
            after.base_ns,
            after.rate_q32,
            before.origin_ns,
            before.base_ns,
            before.rate_q32,
        ];
        let mut bytes = [0; Self::LEN];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let mut words = bytes
            .chunks_exact(8)
            .map(|chunk| i64::from_le_bytes(chunk.try_into().expect("chunks of eight")));
        let mut line = || {
            let mut word = || words.next().expect("six words");
            Line {
                origin_ns: word(),
                base_ns: word(),
                rate_q32: word(),
            }
        };
        let after = line();
        Self {
            after,
            before: line(),
        }
    }
}

/// The timelines of both clocks of a process. By default both are real.
///
/// They are maps between *the host's* clocks and the process's, so those of one process can be given
/// to the next: it reads the clocks as if the machine's had run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timelines {
    /// Of [`Clock::Realtime`].
    pub realtime: Timeline,
    /// Of [`Clock::Monotonic`].
    pub monotonic: Timeline,
}

impl Default for Timelines {
    fn default() -> Self {
        Self {
            realtime: Timeline::REAL,
            monotonic: Timeline::REAL,
        }
    }
}

impl Timelines {
    /// The timeline of one clock.
    #[must_use]
    pub fn of(&self, clock: Clock) -> &Timeline {
        match clock {
            Clock::Realtime => &self.realtime,
            Clock::Monotonic => &self.monotonic,
        }
    }

    /// The same to change it.
    pub fn of_mut(&mut self, clock: Clock) -> &mut Timeline {
        match clock {
            Clock::Realtime => &mut self.realtime,
            Clock::Monotonic => &mut self.monotonic,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR_NS: i64 = 3_600_000_000_000;
    /// A real time of our days, and any time within 30 years after it.
    const NOW_NS: i64 = 1_700_000_000_000_000_000;

    fn rate() -> impl Strategy<Value = i64> {
        0..=4_i64 << 32
    }

    fn after_now() -> impl Strategy<Value = i64> {
        NOW_NS..NOW_NS + 30 * 365 * 24 * HOUR_NS
    }

    proptest! {
        #[test]
        fn a_line_is_exact_integer_arithmetic(
            origin_ns in any::<i32>(), base_ns in any::<i32>(), rate_q32 in rate(), real_ns in any::<i32>(),
        ) {
            let line = Line { origin_ns: origin_ns.into(), base_ns: base_ns.into(), rate_q32 };
            let exact = (i128::from(real_ns) - i128::from(origin_ns)) * i128::from(rate_q32);
            let exact = exact.div_euclid(1 << 32) + i128::from(base_ns);
            prop_assert_eq!(i128::from(line.at(real_ns.into())), exact);
        }

        #[test]
        fn a_change_of_rate_alone_is_continuous(at in after_now(), first in rate(), second in rate()) {
            let timeline = Timeline::REAL.changed(NOW_NS, 0, Some(first)).changed(at, 0, Some(second));
            let (left, right) = (timeline.before.at(at), timeline.at(at));
            prop_assert_eq!(left, right);
        }

        #[test]
        fn a_step_moves_by_that_much_and_keeps_the_rate(at in after_now(), step in -HOUR_NS..HOUR_NS, rate in rate()) {
            let before = Timeline::REAL.changed(NOW_NS, 0, Some(rate));
            let after = before.changed(at, step, None);
            prop_assert_eq!(after.at(at) - before.at(at), step);
            let later = at + HOUR_NS;
            // Each change may round a nanosecond away.
            prop_assert!((step - 1..=step).contains(&(after.at(later) - before.at(later))));
            prop_assert_eq!(after.at(at - 1), before.at(at - 1));
        }

        #[test]
        fn forward_steps_and_rates_never_run_backward(
            changes in prop::collection::vec((1..HOUR_NS, 0..HOUR_NS, rate()), 1..8),
            reads in prop::collection::vec(0..HOUR_NS, 16),
        ) {
            let (mut timeline, mut real_ns, mut last) = (Timeline::REAL, NOW_NS, NOW_NS);
            for (wait, step, rate) in changes {
                let switch = real_ns + wait;
                timeline = timeline.changed(switch, step, Some(rate));
                let mut instants: Vec<i64> = reads.iter().map(|r| real_ns + r % (wait + 1)).collect();
                instants.sort_unstable();
                for instant in instants {
                    prop_assert!(timeline.at(instant) >= last);
                    last = timeline.at(instant);
                }
                real_ns = switch;
            }
        }

        #[test]
        fn bytes_hold_everything(a in any::<[i64; 3]>(), b in any::<[i64; 3]>()) {
            let line = |w: [i64; 3]| Line { origin_ns: w[0], base_ns: w[1], rate_q32: w[2] };
            let timeline = Timeline { before: line(a), after: line(b) };
            prop_assert_eq!(Timeline::from_bytes(&timeline.to_bytes()), timeline);
        }
    }
}
