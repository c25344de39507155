//! Latency and throughput over the run: 200 windows, and totals by `f`.

use std::collections::BTreeMap;

use crate::pairs::{Outcome, Pair};

/// Into how many windows a run is divided.
pub(crate) const WINDOWS: usize = 200;

/// Latencies of some ops, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Latency {
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
}

impl Latency {
    /// The nearest-rank percentiles; none of nothing.
    pub(crate) fn of(mut durations_ns: Vec<u64>) -> Option<Self> {
        durations_ns.sort_unstable();
        let max = *durations_ns.last()?;
        let rank = |percent: usize| durations_ns[(durations_ns.len() * percent).div_ceil(100) - 1];
        Some(Self {
            p50: rank(50),
            p99: rank(99),
            max,
        })
    }
}

/// The run in windows of equal length.
pub(crate) struct Windows {
    pub(crate) end_ns: u64,
    pub(crate) width_ns: u64,
    /// Of the `ok` ops invoked in each window.
    pub(crate) latency: Vec<Option<Latency>>,
    /// How many ops ended in each window as ok, fail and info.
    pub(crate) ended: Vec<[u64; 3]>,
}

impl Windows {
    pub(crate) fn of(pairs: &[Pair<'_>], end_ns: u64) -> Self {
        let width_ns = end_ns.div_ceil(WINDOWS as u64).max(1);
        let window = |ns: u64| {
            usize::try_from(ns / width_ns)
                .expect("at most 200")
                .min(WINDOWS - 1)
        };
        let mut durations: Vec<Vec<u64>> = vec![Vec::new(); WINDOWS];
        let mut ended = vec![[0; 3]; WINDOWS];
        for pair in pairs {
            let (Some(end), Some(duration)) = (pair.end_ns(), pair.duration_ns()) else {
                continue;
            };
            let outcome = pair.outcome();
            ended[window(end)][outcome as usize] += 1;
            if outcome == Outcome::Ok {
                durations[window(pair.start_ns())].push(duration);
            }
        }
        let latency = durations.into_iter().map(Latency::of).collect();
        Self {
            end_ns,
            width_ns,
            latency,
            ended,
        }
    }
}

/// What became of the ops with one `f`.
#[derive(Default)]
pub(crate) struct Totals {
    /// By [`Outcome`].
    pub(crate) outcomes: [usize; 4],
    /// Of the `ok` ones.
    pub(crate) latency: Option<Latency>,
}

/// Totals by `f`, in alphabetical order.
pub(crate) fn totals<'a>(pairs: &[Pair<'a>]) -> BTreeMap<&'a str, Totals> {
    let mut totals: BTreeMap<&str, Totals> = BTreeMap::new();
    let mut durations: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for pair in pairs {
        let f = pair.invoke.f.as_str();
        totals.entry(f).or_default().outcomes[pair.outcome() as usize] += 1;
        if let (Outcome::Ok, Some(duration)) = (pair.outcome(), pair.duration_ns()) {
            durations.entry(f).or_default().push(duration);
        }
    }
    for (f, durations) in durations {
        totals.entry(f).or_default().latency = Latency::of(durations);
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let latency = Latency::of((1..=100).rev().collect()).unwrap();
        assert_eq!(
            latency,
            Latency {
                p50: 50,
                p99: 99,
                max: 100
            }
        );
        assert_eq!(
            Latency::of(vec![7]),
            Some(Latency {
                p50: 7,
                p99: 7,
                max: 7
            })
        );
        assert_eq!(Latency::of(Vec::new()), None);
    }
}
