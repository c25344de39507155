//! What the node counts about itself, for `GET /metrics`.
//!
//! The driver and the threads around it count with relaxed atomics: a number may be a moment behind
//! another. What the node's status already says is not counted again.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use shakedown_history::Event;
use shakedown_history::event::ReadMode;

/// Everything that is counted since the process started.
#[derive(Debug)]
pub struct Metrics {
    /// Commands handed to the core, each attempt.
    pub proposals: Counter,
    /// Reads served after a round of heartbeats (ReadIndex).
    pub reads_index: Counter,
    /// Reads served within a lease.
    pub reads_lease: Counter,
    /// Reads served from the node's own state.
    pub reads_local: Counter,
    /// Requests that were refused, for whatever reason.
    pub refusals: Counter,
    /// Entries given to the state machine.
    pub entries_applied: Counter,
    /// Elections that this node stood in.
    pub elections: Counter,
    /// Messages handed to connections.
    pub messages_sent: Counter,
    /// Messages that found no room or no connection.
    pub messages_dropped: Counter,
    /// Messages that came in.
    pub messages_received: Counter,
    /// Snapshots that this node made.
    pub snapshots_taken: Counter,
    /// Snapshots that a leader sent and that replaced the state.
    pub snapshots_installed: Counter,
    /// Requests that wait for an answer.
    pub open_requests: Gauge,
    /// Client sessions in the state machine.
    pub sessions: Gauge,
    /// Client connections that are open.
    pub connections: Gauge,
    /// HTTP requests, whatever came of them.
    pub http_requests: Counter,
    /// Bytes written to the log.
    pub log_bytes: Counter,
    /// Requests that were refused because too much was under way.
    pub overloaded: Counter,
    /// How long syncs of the log took, in microseconds.
    pub fsync_us: Histogram,
    /// How many entries one sync made durable.
    pub batch_entries: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            proposals: Counter::default(),
            reads_index: Counter::default(),
            reads_lease: Counter::default(),
            reads_local: Counter::default(),
            refusals: Counter::default(),
            entries_applied: Counter::default(),
            elections: Counter::default(),
            messages_sent: Counter::default(),
            messages_dropped: Counter::default(),
            messages_received: Counter::default(),
            snapshots_taken: Counter::default(),
            snapshots_installed: Counter::default(),
            open_requests: Gauge::default(),
            sessions: Gauge::default(),
            connections: Gauge::default(),
            http_requests: Counter::default(),
            log_bytes: Counter::default(),
            overloaded: Counter::default(),
            fsync_us: Histogram::new(&[
                50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000,
                2_000_000,
            ]),
            batch_entries: Histogram::new(&[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]),
        }
    }
}

impl Metrics {
    /// Counts what the node records of itself.
    pub fn count(&self, event: &Event) {
        match event {
            Event::BecomeCandidate { .. } => self.elections.increment(),
            Event::ReadServed { mode, .. } => match mode {
                ReadMode::Index => self.reads_index.increment(),
                ReadMode::Lease => self.reads_lease.increment(),
                ReadMode::Local => self.reads_local.increment(),
            },
            _ => {}
        }
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    /// How many so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// What it is now.
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    /// One more.
    pub fn increment(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// One less.
    pub fn decrement(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    /// What it was last.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// How many values were how large.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// How many values were at most the bound of that place, and above the one before; at the end
    /// those above all bounds.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    fn new(bounds: &'static [u64]) -> Self {
        Self {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// Counts a value.
    pub fn observe(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        self.counts[place].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    /// Counts a time, in microseconds.
    pub fn observe_time(&self, time: Duration) {
        self.observe(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Each bound with how many values were at most that; at the end none, with how many there were.
    pub fn cumulative(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds.zip(&self.counts).scan(0, |total, (bound, count)| {
            *total += count.load(Relaxed);
            Some((bound, *total))
        })
    }

    /// The sum of all values.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_under_every_bound_that_it_does_not_exceed() {
        let histogram = Histogram::new(&[10, 20]);
        [10, 11, 21, 5]
            .into_iter()
            .for_each(|value| histogram.observe(value));
        let cumulative: Vec<_> = histogram.cumulative().collect();
        assert_eq!(cumulative, [(Some(10), 2), (Some(20), 3), (None, 4)]);
        assert_eq!(histogram.sum(), 47);
    }
}
