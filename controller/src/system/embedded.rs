//! The Raft node that comes with shakedown: `shakedown node`.
//!
//! - `flags`: its command line
//! - `operator`: what operators ask of it

mod flags;
mod operator;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};
use shakedown_agent::protocol::{StartNode, StatusSource};
use shakedown_history::Configuration;
use shakedown_history::{Index, NodeId, RunDir, Term};
use shakedown_plan::{Plan, ReadsAt};
use shakedown_workloads::{Client, NodeClient};

use super::{Change, NodeStatus, Start, System, Wish};
use operator::Operator;

const CLIENT_PORT: u16 = 8080;
const PEER_PORT: u16 = 7000;

/// The embedded node, as a plan configures it.
pub struct Embedded {
    program: PathBuf,
    addresses: BTreeMap<NodeId, IpAddr>,
    data: PathBuf,
    run: RunDir,
    plan: Plan,
    /// Peers and clients of another run are strangers.
    token: String,
    operator: Operator,
}

impl Embedded {
    /// Nodes at `addresses` that keep their data below `data`.
    ///
    /// # Errors
    /// If our own executable cannot be found, or an HTTP client not be set up.
    pub fn new(
        plan: &Plan,
        run: &RunDir,
        data: PathBuf,
        addresses: BTreeMap<NodeId, IpAddr>,
    ) -> anyhow::Result<Self> {
        let token = shakedown_plan::token(plan.seed);
        Ok(Self {
            program: std::env::current_exe().context("cannot find our own executable")?,
            addresses,
            data,
            run: run.clone(),
            plan: plan.clone(),
            operator: Operator::new(&token).context("cannot set up an HTTP client")?,
            token,
        })
    }

    fn client_address(&self, node: NodeId) -> SocketAddr {
        SocketAddr::new(self.addresses[&node], CLIENT_PORT)
    }

    fn peer_address(&self, node: NodeId) -> SocketAddr {
        SocketAddr::new(self.addresses[&node], PEER_PORT)
    }

    fn url(&self, node: NodeId, path: &str) -> String {
        format!("http://{}{path}", self.client_address(node))
    }
}

/// What of `/v1/status` matters here.
#[derive(Deserialize)]
struct Status {
    role: String,
    term: Term,
    last_index: Index,
    disk: String,
    config: Configuration,
    #[serde(default)]
    members: BTreeMap<NodeId, Member>,
}

#[derive(Deserialize)]
struct Member {
    disk: Option<String>,
}

impl System for Embedded {
    fn start(&self, node: NodeId, start: Start) -> StartNode {
        StartNode {
            argv: self.command_line(node, start),
            env: BTreeMap::new(),
            log: self.run.log(node),
            workdir: PathBuf::from("/"),
        }
    }

    fn data_dir(&self, node: NodeId) -> PathBuf {
        self.data.join(node.to_string())
    }

    fn status_source(&self, node: NodeId) -> StatusSource {
        StatusSource {
            addr: self.client_address(node),
            token: Some(self.token.clone()),
        }
    }

    fn read_status(&self, status: &Value) -> Option<NodeStatus> {
        let status = Status::deserialize(status).ok()?;
        let disks = status.members.into_iter();
        Some(NodeStatus {
            leads: status.role == "leader",
            term: status.term,
            last_index: status.last_index,
            disk: status.disk,
            config: status.config,
            disks: disks.filter_map(|(n, m)| Some((n, m.disk?))).collect(),
        })
    }

    fn client(&self, home: usize) -> anyhow::Result<Box<dyn Client>> {
        let nodes = self.addresses.keys();
        let nodes = nodes.map(|n| (*n, self.client_address(*n))).collect();
        let client = NodeClient::new(nodes, home, self.plan.workload.timeout)
            .context("cannot set up an HTTP client")?
            .with_token(Some(self.token.clone()))
            .with_reads_at_home(self.plan.workload.reads_at == ReadsAt::Home);
        Ok(Box::new(client))
    }

    fn change_members(&self, via: NodeId, change: &Change, patience: Duration) -> Wish<'_, Index> {
        let body = match change {
            Change::Add { node, disk } => json!({
                "change": "add",
                "node": node,
                "address": self.peer_address(*node),
                "disk": disk,
            }),
            Change::Promote(node) => json!({"change": "promote", "node": node}),
            Change::Remove(node) => json!({"change": "remove", "node": node}),
        };
        self.operator
            .change_members(self.url(via, "/v1/members"), body, patience)
    }

    fn hand_over(&self, via: NodeId, to: Option<NodeId>, patience: Duration) -> Wish<'_, NodeId> {
        let url = self.url(via, "/v1/leader");
        self.operator.hand_over(url, json!({ "to": to }), patience)
    }
}
