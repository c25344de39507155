//! The command line of a node.

use std::time::Duration;

use shakedown_history::NodeId;
use shakedown_plan::ReadMode;

use super::Embedded;
use crate::system::{Start, System as _};

/// How fine a node counts time, unless its heartbeats are finer.
const TICK: Duration = Duration::from_millis(5);

impl Embedded {
    /// `shakedown node ...`
    pub(super) fn command_line(&self, node: NodeId, start: Start) -> Vec<String> {
        let mut argv = vec![self.program.display().to_string(), "node".to_owned()];
        let pairs = self.identity(node).into_iter().chain(self.behaviour());
        for (name, value) in pairs {
            argv.extend([format!("--{name}"), value]);
        }
        match start {
            Start::Founder => {
                for peer in self.addresses.keys() {
                    let address = self.peer_address(*peer);
                    argv.extend(["--peer".to_owned(), format!("{peer}={address}")]);
                }
            }
            Start::Joiner => {
                let address = self.peer_address(node).to_string();
                argv.extend(["--join".to_owned(), "--peer-addr".to_owned(), address]);
            }
        }
        argv
    }

    /// Who the node is, and where.
    fn identity(&self, node: NodeId) -> Vec<(&'static str, String)> {
        vec![
            ("id", node.to_string()),
            ("cluster", self.plan.name.clone()),
            ("token", self.token.clone()),
            ("data-dir", self.data_dir(node).display().to_string()),
            ("trace", self.run.trace(node).display().to_string()),
            ("client-addr", self.client_address(node).to_string()),
            // The node mixes in its own id: no two share their timeouts.
            ("seed", self.plan.seed.to_string()),
        ]
    }

    /// How all nodes behave.
    fn behaviour(&self) -> Vec<(&'static str, String)> {
        let node = &self.plan.node;
        let millis = |d: Duration| d.as_millis().to_string();
        let timeouts = node.election_timeout;
        let range = format!("{}..{}", millis(timeouts.min()), millis(timeouts.max()));
        let lease = match node.read_mode {
            ReadMode::Lease => "auto",
            ReadMode::Index | ReadMode::Local => "off",
        };
        let mut flags = vec![
            ("tick-ms", millis(TICK.min(node.heartbeat))),
            ("heartbeat-ms", millis(node.heartbeat)),
            ("election-timeout-ms", range),
            ("pre-vote", node.pre_vote.to_string()),
            ("check-quorum", node.check_quorum.to_string()),
            ("sticky-leader", node.sticky_leader.to_string()),
            ("read-mode", node.read_mode.to_string()),
            ("lease-ms", lease.to_owned()),
            ("clock-drift-ppm", node.clock_drift_ppm.to_string()),
            ("snapshot-every", node.snapshot_every.to_string()),
            ("log-retention", node.log_retention.to_string()),
        ];
        if let Some(bug) = &node.planted_bug {
            flags.push(("planted-bug", bug.clone()));
        }
        flags
    }
}
