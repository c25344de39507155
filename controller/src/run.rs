//! One run, from top to bottom. After every step the run directory is valid: a run that is cut off
//! anywhere can be checked and reported from what is on disk.

mod clients;
mod recovery;
mod watch_nodes;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use shakedown_history::{Header, NodeId, Phase, RunDir, RunEvent};
use shakedown_network::{Backend, Lan};
use shakedown_plan::{NetworkKind, Plan, Schedule};
use shakedown_sandbox::Sandbox;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::host::{Host, LocalHost};
use crate::interrupt::Interrupt;
use crate::journal::{Journal, RunClock};
use crate::nemesis::Nemesis;
use crate::system::Embedded;
use crate::ui::Progress;
use clients::Clients;
pub use clients::workload;

/// How long the cluster may take to elect its first leader.
const START_PATIENCE: Duration = Duration::from_secs(15);
/// How often we look whether it has.
const START_POLL: Duration = Duration::from_millis(5);

/// One run about to happen.
pub struct Run<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// Where to write it down.
    pub dir: &'a RunDir,
    /// The header of every file.
    pub header: Header,
    /// The run's clock, already started.
    pub clock: RunClock,
    /// Whoever may stop it.
    pub interrupt: Interrupt,
    /// Who watches.
    pub progress: Arc<Progress>,
}

impl Run<'_> {
    /// Does it all, and leaves the records in the run directory. A failure of the harness is recorded
    /// there too.
    ///
    /// # Errors
    /// If the records themselves cannot be written.
    pub async fn conduct(self, sandbox: &Sandbox) -> Result<()> {
        let journal = Arc::new(Journal::create(self.dir, &self.header, self.clock)?);
        match self.all_phases(sandbox, &journal).await {
            Ok(()) => journal.run(RunEvent::Finished),
            Err(error) => {
                tracing::error!("{error:#}");
                journal.run(RunEvent::HarnessError {
                    error: format!("{error:#}"),
                })
            }
        }
    }

    async fn all_phases(&self, sandbox: &Sandbox, journal: &Arc<Journal>) -> Result<()> {
        self.enter(journal, Phase::Boot)?;
        let cluster = Arc::new(self.boot(sandbox).await?);
        watch_nodes::watch(&cluster, journal, self.dir).await;
        let outcome = self.cluster_phases(&cluster, journal).await;
        // Whatever happened, the nodes end in order, and their logs are complete.
        self.enter(journal, Phase::Stop)?;
        outcome.and(cluster.stop().await)
    }

    async fn cluster_phases(&self, cluster: &Arc<Cluster>, journal: &Arc<Journal>) -> Result<()> {
        self.enter(journal, Phase::Start)?;
        self.start_nodes(cluster).await?;
        let mut clients = Clients::create(self)?;

        self.enter(journal, Phase::Work)?;
        let worked = self.work(cluster, journal, &mut clients).await;

        self.enter(journal, Phase::Heal)?;
        cluster.heal_everything().await?;
        worked?;
        if self.interrupt.requested() {
            return journal.run(RunEvent::Interrupted);
        }

        self.enter(journal, Phase::Recover)?;
        if recovery::recover(self, cluster, journal, &mut clients).await? {
            self.enter(journal, Phase::FinalReads)?;
            recovery::final_reads(self, cluster, &mut clients).await?;
        }
        Ok(())
    }

    fn enter(&self, journal: &Journal, phase: Phase) -> Result<()> {
        self.progress.phase(phase);
        journal.phase(phase)
    }

    /// Builds the network and starts an agent on each host.
    async fn boot(&self, sandbox: &Sandbox) -> Result<Cluster> {
        let plan = self.plan;
        let settings = shakedown_network::Settings {
            backend: match plan.network {
                NetworkKind::Switch => Backend::Switch,
                NetworkKind::Iptables => Backend::Iptables,
            },
            nodes: plan.nodes,
            seed: plan.seed,
            short_tcp_backoff: false,
        };
        let Lan { network, nodes } = Lan::build(sandbox, settings)
            .await
            .context("cannot build the network")?;
        let hosts: Vec<(NodeId, Box<dyn Host>)> = plan
            .node_ids()
            .into_iter()
            .zip(nodes)
            .map(|(id, node)| -> (NodeId, Box<dyn Host>) {
                (id, Box::new(LocalHost::new(node.address, node.namespace)))
            })
            .collect();
        let addresses: BTreeMap<NodeId, IpAddr> = hosts
            .iter()
            .map(|(node, host)| (*node, IpAddr::V4(host.address())))
            .collect();
        let data = self.dir.path().join("data");
        let system = Embedded::new(plan, self.dir, data, addresses)?;
        Cluster::assemble(Arc::new(system), network, &hosts, plan.recovery.timeout).await
    }

    /// Starts all nodes, and waits until one leads.
    async fn start_nodes(&self, cluster: &Cluster) -> Result<()> {
        for node in cluster.nodes() {
            cluster.start(node).await?;
        }
        let deadline = Instant::now() + START_PATIENCE;
        while cluster.leader().await.is_none() {
            watch_nodes::all_alive(cluster, self.dir).await?;
            if self.interrupt.requested() {
                bail!("stopped before the cluster had a leader");
            }
            if Instant::now() > deadline {
                bail!(
                    "no node leads {} s after the start; see {}",
                    START_PATIENCE.as_secs(),
                    self.dir.path().join("log").display()
                );
            }
            tokio::time::sleep(START_POLL).await;
        }
        Ok(())
    }

    /// Clients and nemesis side by side, for the plan's time or until somebody interrupts.
    async fn work(
        &self,
        cluster: &Arc<Cluster>,
        journal: &Arc<Journal>,
        clients: &mut Clients,
    ) -> Result<()> {
        let (stop, stopped) = watch::channel(false);
        let nemesis = Nemesis::new(
            Arc::clone(cluster),
            Arc::clone(journal),
            Arc::clone(&self.progress),
            self.plan.schedule.overlap,
        );
        let faults = tokio::spawn(nemesis.work(Schedule::draw(self.plan), stopped.clone()));
        let clock = async {
            tokio::select! {
                () = tokio::time::sleep(self.plan.time) => {}
                () = self.interrupt.wait() => {}
            }
            // Nobody listens any more if clients and nemesis ended by an error.
            let _ = stop.send(true);
        };
        let working = clients.work(cluster, stopped, &stop);
        let (worked, ()) = tokio::join!(working, clock);
        let faults = faults.await.context("the nemesis was lost")?;
        worked.and(faults)
    }
}
