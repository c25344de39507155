//! The plan: everything that decides a run, or a campaign of many.

use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shakedown_history::NodeId;

use crate::duration;
use crate::faults::Faults;
use crate::finding::{Finding, PlanErrors};
use crate::node::Node;
use crate::range::{Range, milliseconds};
use crate::workload::Workload;

/// The plan of one run, or of a campaign of many. Every field but the name has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// What the plan is called; its runs are stored in a folder of this name.
    pub name: String,
    /// Every choice of the run comes from it.
    pub seed: u64,
    /// How long clients and nemesis work.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub time: Duration,
    /// How many nodes the cluster has: `n1`, `n2`, ...
    pub nodes: usize,
    /// What carries the packets between nodes.
    pub network: NetworkKind,
    /// How each node is set up.
    pub node: Node,
    /// What the clients do.
    pub workload: Workload,
    /// What goes wrong.
    pub faults: Faults,
    /// When it goes wrong.
    pub schedule: Pacing,
    /// What is demanded after everything is healed.
    pub recovery: Recovery,
    /// What each checker may use.
    pub checks: Checks,
    /// What must have happened for a pass to count; without it the verdict is inconclusive.
    pub coverage: Coverage,
    /// Many runs of this plan; absent for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Campaign>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            name: String::new(),
            seed: 1,
            time: Duration::from_secs(30),
            nodes: 5,
            network: NetworkKind::Switch,
            node: Node::default(),
            workload: Workload::default(),
            faults: Faults::default(),
            schedule: Pacing::default(),
            recovery: Recovery::default(),
            checks: Checks::default(),
            coverage: Coverage::default(),
            campaign: None,
        }
    }
}

/// What carries the packets between nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkKind {
    /// A switch of our own in the sandbox's hub.
    Switch,
    /// The kernel's bridge; faults are iptables rules in the nodes.
    Iptables,
}

/// When faults begin and how long they last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pacing {
    /// Without faults before the first and after the last.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub quiet: Duration,
    /// From the end of a fault to the beginning of the next.
    pub gap: Range<Duration>,
    /// How long a fault lasts.
    pub length: Range<Duration>,
    /// How many faults may be in force at once; two of one family never are.
    pub overlap: usize,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            quiet: Duration::from_secs(1),
            gap: milliseconds(500, 2_000),
            length: milliseconds(1_000, 4_000),
            overlap: 1,
        }
    }
}

/// What is demanded after everything is healed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Recovery {
    /// How long the cluster may take to serve again; bounded liveness.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub timeout: Duration,
}

impl Default for Recovery {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(15),
        }
    }
}

/// What each checker may use before it gives up as inconclusive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Checks {
    /// How long a checker may take.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub time: Duration,
    /// How much memory a checker may take, in MiB.
    pub memory_mib: u64,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(60),
            memory_mib: 1024,
        }
    }
}

/// What must have happened for a pass to count; without it the verdict is inconclusive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Coverage {
    /// Each fault must show evidence that it bit.
    pub every_fault_bites: bool,
    /// Each family of the plan must have bitten at least once.
    pub every_family: bool,
    /// So many ops must succeed within the window of each fault that leaves a majority connected.
    pub ok_ops_in_fault_windows: u64,
    /// A new leader must be elected if a fault took the leader from its majority.
    pub leader_change: bool,
}

impl Default for Coverage {
    fn default() -> Self {
        Self {
            every_fault_bites: true,
            every_family: true,
            ok_ops_in_fault_windows: 1,
            leader_change: true,
        }
    }
}

/// Many runs of one plan. Their seeds count up from the plan's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Campaign {
    /// How many runs at most.
    pub runs: u64,
    /// No run begins after this time.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub budget: Duration,
}

impl Default for Campaign {
    fn default() -> Self {
        Self {
            runs: 10,
            budget: Duration::from_secs(600),
        }
    }
}

/// What the caller knows and this crate does not: names that a plan may use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// The names of the planted bugs.
    pub planted_bugs: &'a [&'a str],
}

impl Plan {
    /// Reads and checks a plan file; with the plan come lints: what is allowed and yet looks wrong.
    ///
    /// # Errors
    /// All mistakes in the file, each with line and column; or that it cannot be read.
    pub fn read(path: &Path, known: &Known<'_>) -> Result<(Self, Vec<Finding>), PlanErrors> {
        let text = std::fs::read_to_string(path).map_err(|source| PlanErrors::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&path.display().to_string(), &text, known)
    }

    /// [`Plan::read`] for a text at hand; `file` is for messages.
    ///
    /// # Errors
    /// As [`Plan::read`].
    pub fn parse(
        file: &str,
        text: &str,
        known: &Known<'_>,
    ) -> Result<(Self, Vec<Finding>), PlanErrors> {
        crate::parse::parse(file, text, known)
    }

    /// `plans/default.yaml`, which is part of the program.
    #[must_use]
    pub fn embedded() -> Self {
        let text = include_str!("../../../plans/default.yaml");
        match Self::parse("plans/default.yaml", text, &Known::default()) {
            Ok((plan, _)) => plan,
            Err(errors) => panic!("the embedded plan is tested to be valid: {errors}"),
        }
    }

    /// The complete plan, defaults filled in. It reads back as the same plan.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(self).expect("a plan holds nothing that YAML cannot")
    }

    /// The nodes of the cluster, in order.
    #[must_use]
    pub fn node_ids(&self) -> Vec<NodeId> {
        (1..=self.nodes as u64).map(NodeId).collect()
    }

    /// The plan of one run of the campaign, counted from 0: the same but for the seed.
    #[must_use]
    pub fn for_run(&self, run: u64) -> Self {
        Self {
            seed: self.seed.wrapping_add(run),
            campaign: None,
            ..self.clone()
        }
    }
}
