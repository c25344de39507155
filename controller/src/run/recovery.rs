//! After healing: the cluster has to serve again in bounded time, and everything is read once more.

use std::time::Duration;

use anyhow::Result;
use shakedown_history::RunEvent;
use shakedown_workloads::{Clock as _, Outcome, Request};
use tokio::time::Instant;

use super::Run;
use super::clients::Clients;
use crate::cluster::Cluster;
use crate::journal::Journal;

const PAUSE: Duration = Duration::from_millis(25);

/// Writes through every node, itself or by the leader that it names, until one write through each has
/// succeeded. Says whether that happened within the plan's time.
pub(super) async fn recover(
    run: &Run<'_>,
    cluster: &Cluster,
    journal: &Journal,
    clients: &mut Clients,
) -> Result<bool> {
    let begin = run.clock.now_ns();
    let deadline = Instant::now() + run.plan.recovery.timeout;
    for home in 0..cluster.nodes().len() {
        let mut attempts = Attempts {
            home,
            deadline,
            last_error: String::new(),
        };
        let served = attempts
            .until_ok(run, cluster, clients, Clients::probe)
            .await?;
        if !served {
            let within_ns = run.clock.now_ns() - begin;
            journal.run(RunEvent::NotRecovered {
                within_ns,
                last_error: attempts.last_error,
            })?;
            return Ok(false);
        }
    }
    journal.run(RunEvent::Recovered {
        after_ns: run.clock.now_ns() - begin,
    })?;
    Ok(true)
}

/// Reads every key, each through another node.
pub(super) async fn final_reads(
    run: &Run<'_>,
    cluster: &Cluster,
    clients: &mut Clients,
) -> Result<()> {
    let deadline = Instant::now() + run.plan.recovery.timeout;
    let nodes = cluster.nodes().len();
    for (number, read) in clients.final_reads().into_iter().enumerate() {
        let mut attempts = Attempts {
            home: number % nodes,
            deadline,
            last_error: String::new(),
        };
        attempts
            .until_ok(run, cluster, clients, |_| read.clone())
            .await?;
    }
    Ok(())
}

/// Attempts at one thing through one node.
struct Attempts {
    home: usize,
    deadline: Instant,
    last_error: String,
}

impl Attempts {
    async fn until_ok(
        &mut self,
        run: &Run<'_>,
        cluster: &Cluster,
        clients: &mut Clients,
        request: impl Fn(&Clients) -> Request,
    ) -> Result<bool> {
        while Instant::now() < self.deadline && !run.interrupt.requested() {
            let (process, mut client) = clients.fresh(cluster, self.home)?;
            let request = request(clients);
            match clients.ask(process, client.as_mut(), &request).await? {
                Outcome::Ok(_) => return Ok(true),
                Outcome::Fail { error } | Outcome::Info { error } => self.last_error = error,
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(false)
    }
}
