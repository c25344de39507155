//! Throughput and latency of some systems, measured in turns.
//!
//! All clusters stay up, but only the measured one runs: the others are suspended meanwhile. What else the
//! machine does then falls on all alike.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::Instant;

use crate::args::{Against, ThroughputArgs, Trace};
use crate::cluster::Cluster;
use crate::disk;
use crate::embedded::{self, Embedded};
use crate::etcd::Etcd;
use crate::load::{Load, Operation};
use crate::report::{Cell, Comparison, Row};
use crate::sample::{self, Sample};
use crate::system::{KEYS, System};

/// What comes before the time that counts.
const WARM_UP: Duration = Duration::from_secs(1);
/// By how many clients all keys are written first.
const FILL_CONNECTIONS: usize = 64;
const FILL_DEADLINE: Duration = Duration::from_secs(120);

/// One of the compared systems.
enum Subject {
    Embedded(Cluster<Embedded>),
    Etcd(Cluster<Etcd>),
}

impl Subject {
    fn name(&self) -> String {
        match self {
            Self::Embedded(cluster) => cluster.system.name(),
            Self::Etcd(cluster) => cluster.system.name(),
        }
    }

    async fn fill(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Embedded(cluster) => fill(cluster).await,
            Self::Etcd(cluster) => fill(cluster).await,
        }
    }

    async fn measure(&mut self, turn: &Turn) -> anyhow::Result<(Sample, Option<String>)> {
        match self {
            Self::Embedded(cluster) => turn.measure(cluster).await,
            Self::Etcd(cluster) => turn.measure(cluster).await,
        }
    }
}

/// Writes all keys, so that reads find something, and suspends the cluster.
async fn fill<S: System>(cluster: &mut Cluster<S>) -> anyhow::Result<()> {
    let leader = cluster.serving_leader().await?;
    let load = Load {
        operation: Operation::Put,
        connections: FILL_CONNECTIONS,
        begin: Instant::now(),
        end: Instant::now() + FILL_DEADLINE,
        operations_max: KEYS,
    };
    let tally = load.run(&cluster.system, leader).await;
    if let Some(error) = tally.first_error {
        bail!(
            "{} of {KEYS} first writes fail; the first: {error}",
            tally.errors
        );
    }
    cluster.pause()
}

/// What is measured next.
struct Turn {
    operation: Operation,
    connections: usize,
    time: Duration,
}

impl Turn {
    /// Wakes a suspended cluster, measures it, and suspends it again.
    async fn measure<S: System>(
        &self,
        cluster: &mut Cluster<S>,
    ) -> anyhow::Result<(Sample, Option<String>)> {
        cluster.resume()?;
        let leader = cluster.serving_leader().await?;
        let begin = Instant::now() + WARM_UP;
        let load = Load {
            operation: self.operation,
            connections: self.connections,
            begin,
            end: begin + self.time,
            operations_max: u64::MAX,
        };
        let measured = sample::measure(cluster, leader, &load).await?;
        cluster.pause()?;
        Ok(measured)
    }
}

/// Measures everything; tells `progress` what it is about.
///
/// # Errors
/// If a cluster does not start, does not serve, or stops serving.
pub(crate) async fn compare(
    args: &ThroughputArgs,
    progress: &dyn Fn(&str),
) -> anyhow::Result<Comparison> {
    let dir = disk::working_dir(&args.nodes.dir)?;
    let disk = disk::measure(dir.path())?;
    let mut notes: Vec<String> = disk.objection().into_iter().collect();
    let mut subjects = start(args, dir.path(), &mut notes, progress).await?;
    let mut rows = Vec::new();
    for operation in [Operation::Put, Operation::Get] {
        for &connections in &args.connections {
            let turn = Turn {
                operation,
                connections,
                time: args.time,
            };
            let cells = take_turns(&mut subjects, &turn, args.rounds, &mut notes, progress);
            rows.push(Row::new(operation, connections, cells.await?));
        }
    }
    Ok(Comparison {
        rounds: args.rounds,
        time_ms: u64::try_from(args.time.as_millis())?,
        warm_up_ms: u64::try_from(WARM_UP.as_millis())?,
        processors: std::thread::available_parallelism()?.get(),
        disk,
        rows,
        notes,
    })
}

async fn start(
    args: &ThroughputArgs,
    dir: &Path,
    notes: &mut Vec<String>,
    progress: &dyn Fn(&str),
) -> anyhow::Result<Vec<Subject>> {
    let traces: &[bool] = match args.trace {
        Trace::On => &[true],
        Trace::Off => &[false],
        Trace::Both => &[true, false],
    };
    let mut subjects = Vec::new();
    for &trace in traces {
        let place = dir.join(if trace { "traced" } else { "untraced" });
        let settings = embedded::Settings {
            trace,
            token: args.nodes.token.clone(),
            node_args: args.nodes.node_args.clone(),
        };
        let cluster = Cluster::start(Embedded::new(&place, settings)?, place.join("logs"))?;
        let mut subject = Subject::Embedded(cluster);
        progress(&format!("{}: starts", subject.name()));
        match subject.fill().await {
            Ok(()) => subjects.push(subject),
            Err(e) if args.trace == Trace::Both && !trace => {
                notes.push(format!("{} is not measured: {e:#}", subject.name()));
            }
            Err(e) => return Err(e),
        }
    }
    if args.against == Against::Etcd {
        match Etcd::find(&dir.join("etcd"))? {
            None => notes.push(NO_ETCD.to_owned()),
            Some(etcd) => {
                let cluster = Cluster::start(etcd, dir.join("etcd"))?;
                let mut subject = Subject::Etcd(cluster);
                progress(&format!("{}: starts", subject.name()));
                subject.fill().await?;
                subjects.push(subject);
            }
        }
    }
    Ok(subjects)
}

/// Said when there is nothing to compare with.
pub(crate) const NO_ETCD: &str =
    "there is no `etcd` on the PATH: install it, on Debian with `apt-get install etcd-server`";

async fn take_turns(
    subjects: &mut [Subject],
    turn: &Turn,
    rounds: u16,
    notes: &mut Vec<String>,
    progress: &dyn Fn(&str),
) -> anyhow::Result<Vec<Cell>> {
    let mut samples = vec![Vec::new(); subjects.len()];
    for round in 1..=rounds {
        for (subject, samples) in subjects.iter_mut().zip(&mut samples) {
            let name = subject.name();
            let what = format!(
                "{name}, {:?}, {} connections",
                turn.operation, turn.connections
            );
            progress(&format!("{what}, round {round} of {rounds}"));
            let measured = subject.measure(turn).await;
            let (sample, error) = measured.with_context(|| what.clone())?;
            if let Some(error) = error {
                notes.push(format!(
                    "{what}: {} errors; the first: {error}",
                    sample.errors
                ));
            }
            samples.push(sample);
        }
    }
    let cells = subjects.iter().zip(samples);
    Ok(cells
        .map(|(s, samples)| Cell::new(s.name(), samples))
        .collect())
}
