//! Whom a fault hits: in the plan as a rule, at run time as nodes.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use rand::seq::SliceRandom;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use shakedown_history::NodeId;

use crate::random::stream;

/// Whom a fault hits. Written `one`, `minority`, `majority`, `leader`, `follower`, `all`, or the nodes
/// themselves: `n3`, `n1+n2`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Target {
    /// One node, drawn.
    One,
    /// As many as may fail while the others still are a majority: two of five. Drawn.
    Minority,
    /// As few as stop the cluster: three of five. Drawn.
    Majority,
    /// Who leads when the fault is injected; one drawn node if nobody is known to.
    Leader,
    /// One node that does not lead, drawn.
    Follower,
    /// Every node.
    All,
    /// These, sorted and without repetition.
    Nodes(Vec<NodeId>),
}

/// How many nodes of a cluster of `nodes` may fail while the rest still is a majority.
#[must_use]
pub fn minority_size(nodes: usize) -> usize {
    nodes.saturating_sub(1) / 2
}

/// How many nodes of a cluster of `nodes` are a majority.
#[must_use]
pub fn majority_size(nodes: usize) -> usize {
    nodes / 2 + 1
}

/// The nodes that a target stands for, in order. `draw` decides where the target leaves a choice,
/// `leader` is who leads now, if that is known: a cluster without a leader has one drawn node hit
/// instead. Named nodes are taken as they are.
///
/// # Panics
/// If there are no nodes.
#[must_use]
pub fn resolve_target(
    target: &Target,
    nodes: &[NodeId],
    leader: Option<NodeId>,
    draw: u64,
) -> Vec<NodeId> {
    assert!(!nodes.is_empty(), "a fault needs a cluster");
    let some = |count| pick(nodes, count, draw);
    match target {
        Target::One => some(1),
        Target::Minority => some(minority_size(nodes.len())),
        Target::Majority => some(majority_size(nodes.len())),
        Target::Leader => leader.map_or_else(|| some(1), |leader| vec![leader]),
        Target::Follower => pick(&followers(nodes, leader), 1, draw),
        Target::All => some(nodes.len()),
        Target::Nodes(named) => named.clone(),
    }
}

/// Who does not lead. Whoever is alone leads, sooner or later, and is hit nevertheless.
fn followers(nodes: &[NodeId], leader: Option<NodeId>) -> Vec<NodeId> {
    if nodes.len() == 1 {
        return nodes.to_vec();
    }
    let others = nodes.iter().copied().filter(|n| Some(*n) != leader);
    others.collect()
}

/// `count` of the nodes, drawn without repetition, in order.
pub(crate) fn pick(nodes: &[NodeId], count: usize, draw: u64) -> Vec<NodeId> {
    let mut picked = shuffled(nodes, draw);
    picked.truncate(count);
    picked.sort_unstable();
    picked
}

/// The nodes in drawn order.
pub(crate) fn shuffled(nodes: &[NodeId], draw: u64) -> Vec<NodeId> {
    let mut order = nodes.to_vec();
    order.shuffle(&mut stream(draw, "target"));
    order
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::One => "one",
            Self::Minority => "minority",
            Self::Majority => "majority",
            Self::Leader => "leader",
            Self::Follower => "follower",
            Self::All => "all",
            Self::Nodes(nodes) => {
                let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
                return f.pad(&names.join("+"));
            }
        })
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "one" => Self::One,
            "minority" => Self::Minority,
            "majority" => Self::Majority,
            "leader" => Self::Leader,
            "follower" => Self::Follower,
            "all" => Self::All,
            _ => {
                let named: Result<Vec<NodeId>, _> = text.split('+').map(str::parse).collect();
                let mut nodes = named.map_err(|_| {
                    format!("`{text}` is not a target: write one, minority, majority, leader, follower, all, or nodes such as n3 or n1+n2")
                })?;
                nodes.sort_unstable();
                nodes.dedup();
                Self::Nodes(nodes)
            }
        })
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

impl TryFrom<String> for Target {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl JsonSchema for Target {
    fn schema_name() -> Cow<'static, str> {
        "Target".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Whom a fault hits: one, minority, majority, leader, follower, all, or the nodes themselves: n3, n1+n2.",
            "anyOf": [
                { "enum": ["one", "minority", "majority", "leader", "follower", "all"] },
                { "type": "string", "pattern": r"^n[0-9]+(\+n[0-9]+)*$" },
            ],
        })
    }
}
