//! How long and how large a check may grow.

use std::time::{Duration, Instant};

/// The limits of one check. Beyond them it is inconclusive, never wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Wall-clock time.
    pub time: Duration,
    /// Memory for configurations and search bookkeeping, in bytes, by the engines' own accounting. The
    /// history itself is not counted.
    pub memory_bytes: usize,
}

impl Default for Budget {
    /// One minute and one gibibyte.
    fn default() -> Self {
        Self {
            time: Duration::from_secs(60),
            memory_bytes: 1 << 30,
        }
    }
}

/// Why a search stopped without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exhausted {
    /// This attempt's share of the work; a later attempt gets more.
    Effort,
    /// The time of the whole check.
    Time,
    /// The memory of the whole check.
    Memory,
    /// More ops are open at once than the engines can tell apart.
    Concurrency,
}

/// The limits that one attempt at one key must keep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// None if the time is so long that the clock cannot express its end.
    deadline: Option<Instant>,
    memory_bytes: usize,
}

impl Limits {
    /// `budget`, from now on, with its memory shared out among as many `threads`.
    pub(crate) fn new(budget: Budget, threads: usize) -> Self {
        let deadline = Instant::now().checked_add(budget.time);
        Self {
            deadline,
            memory_bytes: budget.memory_bytes / threads.max(1),
        }
    }

    fn is_late(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// What one attempt at one key may still use.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    effort_left: u64,
}

impl Meter {
    /// `effort` is the number of configurations that may be looked at: unlike time it is the same on
    /// every machine.
    pub(crate) fn new(limits: Limits, effort: u64) -> Self {
        Self {
            limits,
            effort_left: effort,
        }
    }

    /// Takes a quarter of what is left into a meter of its own.
    pub(crate) fn quarter(&mut self) -> Self {
        let quarter = self.effort_left / 4;
        self.effort_left -= quarter;
        Self {
            limits: self.limits,
            effort_left: quarter,
        }
    }

    /// What has been spent of the `effort` that this meter started with.
    pub(crate) fn spent(&self, effort: u64) -> u64 {
        effort - self.effort_left
    }

    /// Fails if the time is over.
    pub(crate) fn check_time(&self) -> Result<(), Exhausted> {
        if self.limits.is_late() {
            Err(Exhausted::Time)
        } else {
            Ok(())
        }
    }

    /// Pays for looking at one configuration.
    pub(crate) fn spend(&mut self) -> Result<(), Exhausted> {
        const CLOCK_EVERY: u64 = 4096;
        self.effort_left = self.effort_left.checked_sub(1).ok_or(Exhausted::Effort)?;
        if self.effort_left.is_multiple_of(CLOCK_EVERY) {
            self.check_time()
        } else {
            Ok(())
        }
    }

    /// Fails if the attempt, which says that it holds `bytes` now, holds too much.
    pub(crate) fn hold(&self, bytes: usize) -> Result<(), Exhausted> {
        if bytes > self.limits.memory_bytes {
            Err(Exhausted::Memory)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_effort_and_memory_end() {
        let budget = Budget {
            time: Duration::ZERO,
            memory_bytes: 100,
        };
        let mut meter = Meter::new(Limits::new(budget, 2), 2);
        assert_eq!(meter.spend(), Ok(()));
        assert_eq!(meter.spend(), Err(Exhausted::Time));
        assert_eq!(meter.spend(), Err(Exhausted::Effort));
        assert_eq!(
            (meter.hold(50), meter.hold(51)),
            (Ok(()), Err(Exhausted::Memory))
        );
    }

    #[test]
    fn an_endless_budget_is_none() {
        let budget = Budget {
            time: Duration::MAX,
            memory_bytes: usize::MAX,
        };
        assert_eq!(Meter::new(Limits::new(budget, 1), 0).check_time(), Ok(()));
    }
}
