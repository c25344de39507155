//! One measurement of one system, and the median of some.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde::Serialize;

use crate::cluster::Cluster;
use crate::load::{Load, Tally};
use crate::system::System;

/// What one measurement found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Operations per second that ended well.
    pub ops_per_s: f64,
    /// The median latency, in milliseconds.
    pub p50_ms: f64,
    /// Of a hundred operations the slowest, in milliseconds.
    pub p99_ms: f64,
    /// Operations that did not end well.
    pub errors: u64,
    /// How often the leader synced its log, per second.
    pub fsyncs_per_s: f64,
    /// Operations a sync of the leader's log; of writes, the mean batch.
    pub ops_per_fsync: f64,
    /// Processor time of all nodes for one operation, in microseconds.
    pub nodes_us_per_op: f64,
    /// Processor time of the load generator for one operation, in microseconds.
    pub client_us_per_op: f64,
}

/// What is read before and after the time that counts.
struct Counters {
    at: Instant,
    fsyncs: u64,
    nodes: Duration,
    client: Duration,
}

impl Counters {
    async fn read<S: System>(cluster: &Cluster<S>, leader: usize) -> anyhow::Result<Self> {
        Ok(Self {
            at: Instant::now(),
            fsyncs: cluster.system.fsyncs(leader).await?,
            nodes: cluster.cpu_time()?,
            client: own_cpu_time()?,
        })
    }
}

fn own_cpu_time() -> anyhow::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let microseconds =
        usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(microseconds)?))
}

/// Puts a load on the leader and measures what comes of it. Returns the first error with it.
///
/// # Errors
/// If the leader tells nothing about itself.
pub(crate) async fn measure<S: System>(
    cluster: &Cluster<S>,
    leader: usize,
    load: &Load,
) -> anyhow::Result<(Sample, Option<String>)> {
    let counters = async {
        tokio::time::sleep_until(load.begin).await;
        let before = Counters::read(cluster, leader).await?;
        tokio::time::sleep_until(load.end).await;
        anyhow::Ok((before, Counters::read(cluster, leader).await?))
    };
    let (tally, counters) = tokio::join!(load.run(&cluster.system, leader), counters);
    let (before, after) = counters?;
    let seconds = (load.end - load.begin).as_secs_f64();
    let sample = Sample::new(&tally, seconds, &before, &after);
    Ok((sample, tally.first_error))
}

impl Sample {
    fn new(tally: &Tally, seconds: f64, before: &Counters, after: &Counters) -> Self {
        let ops_per_s = tally.latencies_us.len() as f64 / seconds;
        let between = (after.at - before.at).as_secs_f64();
        // A leader that started anew in between counts from zero.
        let fsyncs_per_s = after.fsyncs.saturating_sub(before.fsyncs) as f64 / between;
        let us_per_op = |before: Duration, after: Duration| {
            let used = after.saturating_sub(before).as_secs_f64() / between;
            ratio(used * 1e6, ops_per_s)
        };
        let ms = |quantile| tally.latencies_us.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            ops_per_s,
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            errors: tally.errors,
            fsyncs_per_s,
            ops_per_fsync: ratio(ops_per_s, fsyncs_per_s),
            nodes_us_per_op: us_per_op(before.nodes, after.nodes),
            client_us_per_op: us_per_op(before.client, after.client),
        }
    }

    /// The median of every figure on its own, and the sum of all errors.
    #[must_use]
    pub fn median(samples: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(samples.iter().map(figure).collect());
        Self {
            ops_per_s: of(|s| s.ops_per_s),
            p50_ms: of(|s| s.p50_ms),
            p99_ms: of(|s| s.p99_ms),
            errors: samples.iter().map(|s| s.errors).sum(),
            fsyncs_per_s: of(|s| s.fsyncs_per_s),
            ops_per_fsync: of(|s| s.ops_per_fsync),
            nodes_us_per_op: of(|s| s.nodes_us_per_op),
            client_us_per_op: of(|s| s.client_us_per_op),
        }
    }
}

/// `of / to`; zero if there is nothing to compare with.
pub(crate) fn ratio(of: f64, to: f64) -> f64 {
    if to == 0.0 { 0.0 } else { of / to }
}

/// The middle one, or the mean of the two in the middle; zero of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        len if len % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_round_does_not_move_a_median() {
        assert_eq!(median(vec![1.0, 900.0, 3.0]), 3.0);
        assert_eq!(median(vec![1.0, 4.0]), 2.5);
        assert_eq!(median(vec![]), 0.0);
        let sample = |ops_per_s, errors| Sample {
            ops_per_s,
            errors,
            ..Sample::default()
        };
        let median = Sample::median(&[sample(10.0, 1), sample(0.1, 2), sample(11.0, 0)]);
        assert_eq!((median.ops_per_s, median.errors), (10.0, 3));
    }
}
