//! The running cluster: its hosts, the network between them, and the system on them.
//!
//! - `membership`: who belongs to it

mod membership;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::future::join_all;
use shakedown_agent::protocol::{Command, KillSignal, NodeState, Reply};
use shakedown_history::{Evidence, FaultId, NodeId};
use shakedown_network::{Counters, Host as Port, Link, Network};
use tokio::sync::{Mutex, mpsc};

use crate::host::{AgentEvent, AgentLink, Host};
use crate::system::{NodeStatus, Start, System};

/// How long a node may take to end after a signal.
const KILL_DEADLINE_MS: u64 = 5_000;
/// How long a node may take to say how it is before it counts as silent.
const STATUS_PATIENCE: Duration = Duration::from_millis(500);

/// One node: where it lives and our hands there.
struct Member {
    node: NodeId,
    link: AgentLink,
}

/// The cluster under test. All methods can be called by several faults at once.
pub struct Cluster {
    system: Arc<dyn System>,
    members: Vec<Member>,
    network: Mutex<Cuts>,
    /// Which fault has hold of which node's process.
    claims: std::sync::Mutex<BTreeMap<NodeId, FaultId>>,
    absences: std::sync::Mutex<Absences>,
    /// How long the cluster may take to serve again when nothing is wrong any more.
    recovery: Duration,
}

/// Which nodes are not what they were at the run's start.
#[derive(Default)]
struct Absences {
    /// Those whose disk was wiped, ever: they know no members but those they hear of.
    wiped: BTreeSet<NodeId>,
    /// Those that a fault has removed or wiped, and that do not vote again yet.
    displaced: BTreeSet<NodeId>,
}

/// The network, and which fault has cut which links.
struct Cuts {
    network: Box<dyn Network>,
    by_fault: BTreeMap<FaultId, Vec<Link>>,
}

impl Cluster {
    /// Starts an agent on each host. `recovery` is how long the cluster may take to serve again when
    /// nothing is wrong any more.
    ///
    /// # Errors
    /// If one cannot be started.
    pub async fn assemble(
        system: Arc<dyn System>,
        network: Box<dyn Network>,
        hosts: &[(NodeId, Box<dyn Host>)],
        recovery: Duration,
    ) -> anyhow::Result<Self> {
        let mut members = Vec::new();
        for (node, host) in hosts {
            let link = host.start_agent().await;
            members.push(Member {
                node: *node,
                link: link.with_context(|| format!("host of {node}"))?,
            });
        }
        let network = Mutex::new(Cuts {
            network,
            by_fault: BTreeMap::new(),
        });
        Ok(Self {
            system,
            members,
            network,
            claims: std::sync::Mutex::default(),
            absences: std::sync::Mutex::default(),
            recovery,
        })
    }

    /// All nodes, in order.
    pub fn nodes(&self) -> Vec<NodeId> {
        self.members.iter().map(|m| m.node).collect()
    }

    /// The system that runs on it.
    pub fn system(&self) -> &dyn System {
        self.system.as_ref()
    }

    /// How long it may take to serve again when nothing is wrong any more.
    pub fn recovery(&self) -> Duration {
        self.recovery
    }

    /// The agent of a node's host.
    pub fn agent(&self, node: NodeId) -> &AgentLink {
        let member = self.members.iter().find(|m| m.node == node);
        &member.expect("faults target nodes of the plan only").link
    }

    /// What a node's agent says unasked; can be taken once.
    pub async fn events(&self, node: NodeId) -> Option<mpsc::UnboundedReceiver<AgentEvent>> {
        self.agent(node).events().await
    }

    /// Starts a node's process, again if it ran before.
    ///
    /// # Errors
    /// If it runs already or the program cannot be started.
    pub async fn start(&self, node: NodeId) -> anyhow::Result<()> {
        let start = if self.absences().wiped.contains(&node) {
            Start::Joiner
        } else {
            Start::Founder
        };
        let command = Command::StartNode(self.system.start(node, start));
        let started = self.agent(node).ask(command).await;
        match started.with_context(|| format!("start {node}"))? {
            Reply::Started { .. } => Ok(()),
            other => bail!("start {node}: the agent answered {other:?}"),
        }
    }

    /// Kills a node's process with SIGKILL and reaps it.
    ///
    /// # Errors
    /// If it does not run.
    pub async fn kill(&self, node: NodeId) -> anyhow::Result<Evidence> {
        let command = Command::KillNode {
            signal: KillSignal::Kill,
            deadline_ms: KILL_DEADLINE_MS,
        };
        self.evidence(node, command).await
    }

    /// Gives a command to a node's agent whose answer is evidence.
    ///
    /// # Errors
    /// If the agent refuses or is gone.
    pub async fn evidence(&self, node: NodeId, command: Command) -> anyhow::Result<Evidence> {
        let doing = format!("{command:?} on {node}");
        let evidence = self
            .agent(node)
            .ask_evidence(command)
            .await
            .context(doing)?;
        Ok(Evidence {
            node: Some(node),
            ..evidence
        })
    }

    /// What a node's process is doing.
    ///
    /// # Errors
    /// If its agent is gone.
    pub async fn state(&self, node: NodeId) -> anyhow::Result<NodeState> {
        match self.agent(node).ask(Command::NodeState).await? {
            Reply::NodeState(state) => Ok(state),
            other => bail!("state of {node}: the agent answered {other:?}"),
        }
    }

    /// What a node says of itself; none if it does not answer.
    pub async fn status(&self, node: NodeId) -> Option<NodeStatus> {
        let source = self.system.status_source(node);
        let asked = self.agent(node).ask(Command::Status(source));
        match tokio::time::timeout(STATUS_PATIENCE, asked).await {
            Ok(Ok(Reply::Status(status))) => self.system.read_status(&status),
            _ => None,
        }
    }

    /// What the nodes say of themselves; those that do not answer are left out.
    async fn statuses(&self) -> Vec<(NodeId, NodeStatus)> {
        let asked = self
            .members
            .iter()
            .map(|m| async { Some((m.node, self.status(m.node).await?)) });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// The leader of the highest term, by the nodes' own account.
    pub async fn leader(&self) -> Option<NodeId> {
        self.leading().await.map(|(leader, _)| leader)
    }

    /// Cuts links on behalf of a fault, in addition to what others have cut.
    ///
    /// # Errors
    /// If the network cannot be changed.
    pub async fn cut(&self, fault: FaultId, links: Vec<Link>) -> anyhow::Result<Duration> {
        let mut cuts = self.network.lock().await;
        cuts.by_fault.insert(fault, links);
        cuts.apply()
    }

    /// Heals what a fault has cut.
    ///
    /// # Errors
    /// If the network cannot be changed.
    pub async fn mend(&self, fault: FaultId) -> anyhow::Result<Duration> {
        let mut cuts = self.network.lock().await;
        cuts.by_fault.remove(&fault);
        cuts.apply()
    }

    /// Packets delivered and dropped so far.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn counters(&self) -> anyhow::Result<Counters> {
        Ok(self.network.lock().await.network.counters()?)
    }

    /// Reserves the processes of those `nodes` that no other fault holds, and returns them.
    pub fn claim(&self, fault: FaultId, nodes: &[NodeId]) -> Vec<NodeId> {
        let mut claims = lock(&self.claims);
        let free: Vec<_> = nodes
            .iter()
            .copied()
            .filter(|n| !claims.contains_key(n))
            .collect();
        claims.extend(free.iter().map(|n| (*n, fault)));
        free
    }

    /// Gives back what a fault has claimed.
    pub fn release(&self, fault: FaultId) {
        let mut claims = lock(&self.claims);
        claims.retain(|_, holder| *holder != fault);
    }

    fn absences(&self) -> MutexGuard<'_, Absences> {
        lock(&self.absences)
    }

    /// Undoes every fault, whoever injected it: no cut link, no paused or dead node, no skewed clock, and
    /// every node votes.
    ///
    /// # Errors
    /// The first that could not be undone; the others are tried all the same.
    pub async fn heal_everything(&self) -> anyhow::Result<()> {
        let mut outcome = {
            let mut cuts = self.network.lock().await;
            cuts.by_fault.clear();
            cuts.apply().map(drop)
        };
        for node in self.nodes() {
            let healed = self.heal_node(node).await;
            outcome = outcome.and(healed.with_context(|| format!("heal {node}")));
        }
        let restored = self.restore_all().await;
        outcome.and(restored.context("cannot bring back nodes that a fault took away"))
    }

    async fn heal_node(&self, node: NodeId) -> anyhow::Result<()> {
        let mut state = self.state(node).await?;
        if matches!(state, NodeState::Stopped { .. }) {
            self.evidence(node, Command::ResumeNode).await?;
            state = self.state(node).await?;
        }
        self.evidence(node, Command::ResetClocks { status: None })
            .await?;
        if !matches!(state, NodeState::Running { .. }) {
            self.start(node).await?;
        }
        Ok(())
    }

    /// Ends all nodes.
    ///
    /// # Errors
    /// If one that runs cannot be ended.
    pub async fn stop(&self) -> anyhow::Result<()> {
        let stops = self.members.iter().map(|m| async {
            match self.state(m.node).await? {
                NodeState::Running { .. } | NodeState::Stopped { .. } => {
                    self.kill(m.node).await.map(drop)
                }
                NodeState::NotStarted | NodeState::Exited { .. } => Ok(()),
            }
        });
        join_all(stops).await.into_iter().collect()
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Cuts {
    fn apply(&mut self) -> anyhow::Result<Duration> {
        let mut links: Vec<Link> = self.by_fault.values().flatten().copied().collect();
        links.sort_unstable();
        links.dedup();
        self.network
            .cut(&links)
            .context("cannot change the network")
    }
}

/// The link from one node to another.
pub fn link(from: NodeId, to: NodeId) -> Link {
    Link {
        from: port(from),
        to: port(to),
    }
}

fn port(node: NodeId) -> Port {
    Port::node(node.0 as usize)
}
