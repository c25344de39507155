//! The Raft node that comes with shakedown: `shakedown node`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use shakedown_agent::protocol::StartNode;
use shakedown_history::{NodeId, RunDir, Term};
use shakedown_plan::Plan;
use shakedown_workloads::{Client, NodeClient};

use super::{NodeStatus, System};

const CLIENT_PORT: u16 = 8080;
const PEER_PORT: u16 = 7000;

/// The embedded node, as a plan configures it.
pub struct Embedded {
    program: PathBuf,
    addresses: BTreeMap<NodeId, IpAddr>,
    data: PathBuf,
    run: RunDir,
    plan: Plan,
}

impl Embedded {
    /// Nodes at `addresses` that keep their data below `data`.
    ///
    /// # Errors
    /// If our own executable cannot be found.
    pub fn new(
        plan: &Plan,
        run: &RunDir,
        data: PathBuf,
        addresses: BTreeMap<NodeId, IpAddr>,
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find our own executable")?;
        Ok(Self {
            program,
            addresses,
            data,
            run: run.clone(),
            plan: plan.clone(),
        })
    }

    fn client_address(&self, node: NodeId) -> SocketAddr {
        SocketAddr::new(self.addresses[&node], CLIENT_PORT)
    }
}

impl System for Embedded {
    fn start(&self, node: NodeId) -> StartNode {
        let settings = &self.plan.node;
        let election = &settings.election_timeout;
        let millis = |d: Duration| d.as_millis().to_string();
        let mut argv = vec![self.program.display().to_string(), "node".to_owned()];
        let mut flag = |name: &str, value: String| {
            argv.push(format!("--{name}"));
            argv.push(value);
        };
        flag("id", node.to_string());
        flag("cluster", self.plan.name.clone());
        flag(
            "data-dir",
            self.data.join(node.to_string()).display().to_string(),
        );
        flag("trace", self.run.trace(node).display().to_string());
        flag("client-addr", self.client_address(node).to_string());
        for (peer, address) in &self.addresses {
            flag(
                "peer",
                format!("{peer}={}", SocketAddr::new(*address, PEER_PORT)),
            );
        }
        // The node mixes in its own id: no two share their timeouts.
        flag("seed", self.plan.seed.to_string());
        flag("heartbeat-ms", millis(settings.heartbeat));
        let range = format!("{}..{}", millis(election.min()), millis(election.max()));
        flag("election-timeout-ms", range);
        if let Some(bug) = &settings.planted_bug {
            flag("planted-bug", bug.clone());
        }
        StartNode {
            argv,
            env: BTreeMap::new(),
            log: self.run.log(node),
            workdir: PathBuf::from("/"),
        }
    }

    fn status_address(&self, node: NodeId) -> SocketAddr {
        self.client_address(node)
    }

    fn read_status(&self, status: &Value) -> Option<NodeStatus> {
        Some(NodeStatus {
            leads: status["role"] == "leader",
            term: Term(status["term"].as_u64()?),
        })
    }

    fn client(&self, home: usize, _session: u64) -> anyhow::Result<Box<dyn Client>> {
        let nodes = self
            .addresses
            .keys()
            .map(|n| (*n, self.client_address(*n)))
            .collect();
        let timeout = self.plan.workload.timeout;
        let client = NodeClient::new(nodes, home, timeout);
        Ok(Box::new(client.context("cannot set up an HTTP client")?))
    }
}
