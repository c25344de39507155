//! Three processes of one system on loopback.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::time::sleep;

use crate::process::{Memory, Process};
use crate::system::{Client as _, NODES, System, key, value};

/// How long a cluster may take to serve.
const SERVING_DEADLINE: Duration = Duration::from_secs(60);
/// How often a node is asked for its state while we wait for one.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// A cluster whose processes end with it.
#[derive(Debug)]
pub(crate) struct Cluster<S> {
    /// What it is.
    pub(crate) system: S,
    processes: Vec<Option<Process>>,
    logs: PathBuf,
}

impl<S: System> Cluster<S> {
    /// Starts all nodes, whose output goes to files in `logs`.
    ///
    /// # Errors
    /// If a process cannot be started.
    pub(crate) fn start(system: S, logs: PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&logs)?;
        let mut cluster = Self {
            system,
            processes: (0..NODES).map(|_| None).collect(),
            logs,
        };
        for node in 0..NODES {
            cluster.start_node(node)?;
        }
        Ok(cluster)
    }

    /// Starts a node that does not run.
    ///
    /// # Errors
    /// If its process cannot be started.
    pub(crate) fn start_node(&mut self, node: usize) -> anyhow::Result<()> {
        let log = self.logs.join(format!("{node}.log"));
        self.processes[node] = Some(Process::start(self.system.command(node), &log)?);
        Ok(())
    }

    /// Kills a node as `kill -9` does.
    pub(crate) fn kill_node(&mut self, node: usize) {
        self.processes[node] = None;
    }

    /// Suspends all nodes.
    ///
    /// # Errors
    /// If one is gone.
    pub(crate) fn pause(&self) -> anyhow::Result<()> {
        self.running().try_for_each(Process::pause)
    }

    /// Lets all suspended nodes go on.
    ///
    /// # Errors
    /// If one is gone.
    pub(crate) fn resume(&self) -> anyhow::Result<()> {
        self.running().try_for_each(Process::resume)
    }

    /// How much processor time all nodes have used.
    ///
    /// # Errors
    /// If one is gone.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        self.running().map(Process::cpu_time).sum()
    }

    /// How much memory each node has.
    ///
    /// # Errors
    /// If one is gone.
    pub(crate) fn memory(&self) -> anyhow::Result<Vec<Memory>> {
        self.running().map(Process::memory).collect()
    }

    /// Waits until a node leads and has committed a write. Returns it.
    ///
    /// # Errors
    /// If a process ends, or nothing of this kind happens in time.
    pub(crate) async fn serving_leader(&mut self) -> anyhow::Result<usize> {
        let deadline = Instant::now() + SERVING_DEADLINE;
        let mut last = anyhow::anyhow!("no node leads");
        while Instant::now() < deadline {
            for node in 0..NODES {
                self.check_alive(node)?;
                if self.processes[node].is_none() {
                    continue;
                }
                match self.leads_and_writes(node).await {
                    Ok(true) => return Ok(node),
                    Ok(false) => {}
                    Err(e) => last = e,
                }
            }
            sleep(POLL_INTERVAL).await;
        }
        let name = self.system.name();
        Err(last.context(format!("{name} serves nobody for {SERVING_DEADLINE:?}")))
    }

    async fn leads_and_writes(&self, node: usize) -> anyhow::Result<bool> {
        let attempt = async {
            if !self.system.leads(node).await? {
                return Ok(false);
            }
            let mut client = self.system.connect(node).await?;
            client.put(&key(0), &value(0)).await.map(|()| true)
        };
        tokio::time::timeout(Duration::from_secs(5), attempt)
            .await
            .context("no answer within 5 s")?
    }

    /// # Errors
    /// If the node's process ended by itself.
    pub(crate) fn check_alive(&mut self, node: usize) -> anyhow::Result<()> {
        if let Some(end) = self.processes[node].as_mut().and_then(Process::ended) {
            bail!("node {} of {} ended: {end}", node + 1, self.system.name());
        }
        Ok(())
    }

    fn running(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().flatten()
    }
}

/// Addresses on loopback on which nobody listens now.
///
/// # Errors
/// If there are none.
pub(crate) fn free_addresses() -> anyhow::Result<[SocketAddr; NODES]> {
    // All are held until the last is found, so that no two are the same.
    let mut held = Vec::new();
    for _ in 0..NODES {
        held.push(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
    }
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); NODES];
    for (address, listener) in addresses.iter_mut().zip(&held) {
        *address = listener.local_addr()?;
    }
    Ok(addresses)
}
