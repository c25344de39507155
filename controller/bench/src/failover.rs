//! How long nobody can write after the leader was killed.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::future::select_all;
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};

use crate::args::{FailoverArgs, Of};
use crate::cluster::{Cluster, POLL_INTERVAL};
use crate::compare::NO_ETCD;
use crate::disk;
use crate::embedded::{self, ELECTION_TIMEOUT_MS, Embedded};
use crate::etcd::Etcd;
use crate::sample::median;
use crate::system::{Client as _, NODES, System, key, value};

/// How long a probing write may take before it is sent again. A follower may have sent it to the dead leader;
/// far less could be shorter than a write takes on a slow disk.
const PROBE_DEADLINE: Duration = Duration::from_millis(200);
const FAILOVER_DEADLINE: Duration = Duration::from_secs(60);
/// The election timeout of etcd's servers, in milliseconds: the least and twice that.
const ETCD_ELECTION_TIMEOUT_MS: (u64, u64) = (1000, 2000);

/// What killed leaders cost.
#[derive(Debug, Serialize)]
pub struct Failovers {
    /// Of which system.
    pub system: String,
    /// From which range its nodes draw their election timeouts, in milliseconds.
    pub election_timeout_ms: (u64, u64),
    /// From the kill until another node had committed a write, in milliseconds, in order of the rounds.
    pub rounds_ms: Vec<f64>,
    /// Their median.
    pub median_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// Kills leaders one after the other; tells `progress` what came of each.
///
/// # Errors
/// If the cluster does not come to serve, at first or after a kill.
pub(crate) async fn failovers(
    args: &FailoverArgs,
    progress: &dyn Fn(&str),
) -> anyhow::Result<Failovers> {
    let dir = disk::working_dir(&args.nodes.dir)?;
    let place = dir.path().join("nodes");
    match args.of {
        Of::Shakedown => {
            let settings = embedded::Settings {
                trace: true,
                token: args.nodes.token.clone(),
                node_args: args.nodes.node_args.clone(),
            };
            let system = Embedded::new(&place, settings)?;
            let mut cluster = Cluster::start(system, dir.path().join("logs"))?;
            kill_leaders(&mut cluster, ELECTION_TIMEOUT_MS, args.rounds, progress).await
        }
        Of::Etcd => {
            let system = Etcd::find(&place)?.context(NO_ETCD)?;
            let mut cluster = Cluster::start(system, dir.path().join("logs"))?;
            kill_leaders(
                &mut cluster,
                ETCD_ELECTION_TIMEOUT_MS,
                args.rounds,
                progress,
            )
            .await
        }
    }
}

async fn kill_leaders<S: System>(
    cluster: &mut Cluster<S>,
    election_timeout_ms: (u64, u64),
    rounds: u16,
    progress: &dyn Fn(&str),
) -> anyhow::Result<Failovers> {
    let mut rounds_ms = Vec::new();
    for round in 1..=rounds {
        let leader = cluster.serving_leader().await?;
        all_take_part(cluster, leader).await?;
        let killed = Instant::now();
        cluster.kill_node(leader);
        let probes = (0..NODES)
            .filter(|node| *node != leader)
            .map(|node| Box::pin(probe(&cluster.system, node)));
        let (served, ..) = timeout(FAILOVER_DEADLINE, select_all(probes))
            .await
            .with_context(|| format!("nobody serves {FAILOVER_DEADLINE:?} after the kill"))?;
        let ms = (served - killed).as_secs_f64() * 1e3;
        progress(&format!("round {round} of {rounds}: {ms:.0} ms"));
        rounds_ms.push(ms);
        cluster.start_node(leader)?;
    }
    Ok(Failovers {
        system: cluster.system.name(),
        election_timeout_ms,
        median_ms: median(rounds_ms.clone()),
        max_ms: rounds_ms.iter().copied().fold(0.0, f64::max),
        rounds_ms,
    })
}

/// Writes to one node until it takes a write, with a new client after each that fails. Returns when that was.
async fn probe<S: System>(system: &S, node: usize) -> Instant {
    for n in 0.. {
        let write = async {
            let mut client = system.connect(node).await?;
            client.put(&key(n), &value(n)).await
        };
        match timeout(PROBE_DEADLINE, write).await {
            Ok(Ok(())) => break,
            Ok(Err(e)) => tracing::debug!("node {}: {e:#}", node + 1),
            Err(e) => tracing::debug!("node {}: {e}", node + 1),
        }
        sleep(POLL_INTERVAL).await;
    }
    Instant::now()
}

/// Waits until every node has made a new write durable: a kill before that would find no majority.
async fn all_take_part<S: System>(cluster: &mut Cluster<S>, leader: usize) -> anyhow::Result<()> {
    let deadline = Instant::now() + FAILOVER_DEADLINE;
    let mut client = cluster.system.connect(leader).await?;
    for node in 0..NODES {
        let mut before = None;
        for n in 0.. {
            // A node that was just started does not answer yet.
            let now = cluster.system.fsyncs(node).await.ok();
            before = before.or(now);
            if now > before {
                break;
            }
            cluster.check_alive(node)?;
            ensure!(
                Instant::now() < deadline,
                "node {} takes no part again",
                node + 1
            );
            client.put(&key(n), &value(n)).await?;
            sleep(POLL_INTERVAL).await;
        }
    }
    Ok(())
}

impl Display for Failovers {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (min, max) = self.election_timeout_ms;
        writeln!(
            f,
            "{}: {} leaders killed; from the kill until another node had committed a write:",
            self.system,
            self.rounds_ms.len()
        )?;
        writeln!(
            f,
            "median {:.0} ms, longest {:.0} ms; election timeouts are {min} to {max} ms",
            self.median_ms, self.max_ms
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failovers_read_as_two_lines() {
        let failovers = Failovers {
            system: "shakedown".to_owned(),
            election_timeout_ms: (150, 300),
            rounds_ms: vec![180.0, 260.4, 410.0],
            median_ms: 260.4,
            max_ms: 410.0,
        };
        insta::assert_snapshot!(failovers.to_string());
    }
}
