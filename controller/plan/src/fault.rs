//! One fault: what the schedule says, and what it comes to when it is injected.

use serde::{Deserialize, Serialize};
use shakedown_history::{FaultSpec, NodeId};

use crate::faults::{Clock, Family, MembershipChange, Shape, Successor};
use crate::partition::{Link, partition_links};
use crate::target::{Target, resolve_target, shuffled};

/// A fault of a schedule. Whom it hits is still a rule: who leads is known only at run time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// Cut links between nodes.
    Partition {
        /// Which.
        shape: Shape,
    },
    /// SIGKILL; at the fault's end the node is started again.
    Kill {
        /// Whom.
        target: Target,
    },
    /// SIGSTOP; at the fault's end SIGCONT.
    Pause {
        /// Whom.
        target: Target,
    },
    /// A wrong clock.
    Clock {
        /// Whose.
        target: Target,
        /// Which clock.
        clock: Clock,
        /// How far it jumps at once, in milliseconds; back if negative, which only the realtime
        /// clock does.
        offset_ms: i64,
        /// How fast it runs from then on; 1 is real time.
        rate: f64,
    },
    /// Nodes leave the cluster; at the fault's end they are added again.
    Membership {
        /// How.
        change: MembershipChange,
        /// Who leaves first.
        target: Target,
    },
    /// The leadership is handed on, again and again.
    Transfer {
        /// To whom.
        to: Successor,
        /// From one transfer to the next, in milliseconds.
        every_ms: u64,
    },
}

/// What a fault comes to in a cluster whose leader is known: the one thing to inject.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// One line for people: `kill n1 n4 (minority)`.
    pub summary: String,
    /// The nodes that it hits, in order.
    pub targets: Vec<NodeId>,
    /// The links that it cuts, as (sender, receiver); only between nodes.
    pub cut: Vec<Link>,
    /// Whether it takes its targets down: killed, paused and removed nodes serve nobody.
    pub down: bool,
    /// Whether one of the targets is the leader.
    pub hits_leader: bool,
    /// Whether a majority of the nodes is up and connected among itself both ways while this fault,
    /// and no other, is in force. If so ops must be able to succeed.
    pub leaves_majority: bool,
    /// Whether the leader is down or without a majority, so that another must be elected (if there
    /// is a majority left) or will be (after healing), given longer than the election timeout.
    pub deposes_leader: bool,
}

impl Fault {
    /// Which family it is of.
    #[must_use]
    pub fn family(&self) -> Family {
        match self {
            Self::Partition { .. } => Family::Partition,
            Self::Kill { .. } => Family::Kill,
            Self::Pause { .. } => Family::Pause,
            Self::Clock { .. } => Family::Clock,
            Self::Membership { .. } => Family::Membership,
            Self::Transfer { .. } => Family::Transfer,
        }
    }

    /// What the fault comes to among `nodes`, of whom `leader` leads if that is known. The step's
    /// `draw` decides what the rule leaves open; nothing else does.
    ///
    /// # Panics
    /// If there are fewer nodes than the fault needs: a validated plan has enough.
    #[must_use]
    pub fn resolve(&self, nodes: &[NodeId], leader: Option<NodeId>, draw: u64) -> Hit {
        let target = |target| resolve_target(target, nodes, leader, draw);
        match self {
            Self::Partition { shape } => {
                let partition = partition_links(*shape, nodes, leader, draw);
                Hit {
                    summary: partition.summary,
                    hits_leader: leader.is_some_and(|leader| partition.targets.contains(&leader)),
                    deposes_leader: leader
                        .is_some_and(|l| !keeps_majority(l, nodes, &partition.cut)),
                    targets: partition.targets,
                    cut: partition.cut,
                    down: false,
                    leaves_majority: partition.leaves_majority,
                }
            }
            Self::Kill { target: rule } => Hit::down("kill", rule, target(rule), nodes, leader),
            Self::Pause { target: rule } => Hit::down("pause", rule, target(rule), nodes, leader),
            Self::Clock {
                target: rule,
                clock,
                offset_ms,
                rate,
            } => {
                let targets = target(rule);
                let whose = names(&targets);
                let summary = format!(
                    "clock of {whose} ({rule}): {clock} {offset_ms:+} ms, then {rate} times as fast"
                );
                Hit::harmless(summary, targets, leader)
            }
            Self::Membership {
                change,
                target: rule,
            } => {
                let leaving = leavers(*change, target(rule), nodes, draw);
                Hit::down(&change.to_string(), rule, leaving, nodes, leader)
            }
            Self::Transfer { to, every_ms } => {
                let summary = format!("leadership handed on every {every_ms} ms ({to})");
                Hit {
                    deposes_leader: leader.is_some(),
                    ..Hit::harmless(summary, leader.into_iter().collect(), leader)
                }
            }
        }
    }
}

/// Who leaves: the target, and drawn ones beside it if the change takes more.
fn leavers(
    change: MembershipChange,
    mut first: Vec<NodeId>,
    nodes: &[NodeId],
    draw: u64,
) -> Vec<NodeId> {
    let others = shuffled(nodes, draw);
    let missing = change.leavers().saturating_sub(first.len());
    let beside: Vec<NodeId> = others
        .into_iter()
        .filter(|node| !first.contains(node))
        .take(missing)
        .collect();
    first.extend(beside);
    first.sort_unstable();
    first
}

impl Hit {
    /// A fault that leaves all nodes up and connected.
    fn harmless(summary: String, targets: Vec<NodeId>, leader: Option<NodeId>) -> Self {
        Self {
            summary,
            hits_leader: leader.is_some_and(|leader| targets.contains(&leader)),
            targets,
            cut: Vec::new(),
            down: false,
            leaves_majority: true,
            deposes_leader: false,
        }
    }

    /// A fault that takes its targets down.
    fn down(
        verb: &str,
        rule: &Target,
        targets: Vec<NodeId>,
        nodes: &[NodeId],
        leader: Option<NodeId>,
    ) -> Self {
        let hits_leader = leader.is_some_and(|leader| targets.contains(&leader));
        Self {
            summary: format!("{verb} {} ({rule})", names(&targets)),
            leaves_majority: leaves_majority(nodes, &targets, &[]),
            targets,
            cut: Vec::new(),
            down: true,
            hits_leader,
            deposes_leader: hits_leader,
        }
    }

    /// Whether this fault and those already in force leave a majority up and connected when they are
    /// taken together. Each of them alone may, and all of them not: two of five down, one cut off.
    #[must_use]
    pub fn leaves_majority_beside(&self, nodes: &[NodeId], in_force: &[&Self]) -> bool {
        let all = || in_force.iter().copied().chain([self]);
        let down: Vec<NodeId> = all()
            .filter(|hit| hit.down)
            .flat_map(|hit| hit.targets.iter().copied())
            .collect();
        let cut: Vec<Link> = all().flat_map(|hit| hit.cut.iter().copied()).collect();
        leaves_majority(nodes, &down, &cut)
    }

    /// The fault as it is journalled.
    #[must_use]
    pub fn spec(&self, fault: &Fault) -> FaultSpec {
        FaultSpec {
            family: fault.family().to_string(),
            summary: self.summary.clone(),
            targets: self.targets.clone(),
            hits_leader: self.hits_leader,
            deposes_leader: self.deposes_leader,
            leaves_majority: self.leaves_majority,
            params: serde_json::to_value(fault).expect("a fault holds nothing that JSON cannot"),
        }
    }
}

/// Whether a majority of `nodes` is up and connected among itself both ways while the nodes of
/// `down` are down and the links of `cut`, as (sender, receiver), carry nothing. For faults that
/// overlap, pass what all of them do.
///
/// # Panics
/// If there are more than 20 nodes.
#[must_use]
pub fn leaves_majority(nodes: &[NodeId], down: &[NodeId], cut: &[Link]) -> bool {
    assert!(
        nodes.len() <= 20,
        "all groups of {} nodes are too many to try",
        nodes.len()
    );
    let up: Vec<NodeId> = nodes
        .iter()
        .copied()
        .filter(|node| !down.contains(node))
        .collect();
    let hears_from: Vec<u32> = up
        .iter()
        .map(|to| {
            let senders = up
                .iter()
                .enumerate()
                .filter(|(_, from)| !cut.contains(&(**from, *to)));
            senders.fold(0, |mask, (i, _)| mask | 1 << i)
        })
        .collect();
    (0..1_u32 << up.len()).any(|group| {
        group.count_ones() as usize > nodes.len() / 2
            && (0..up.len()).all(|i| group & (1 << i) == 0 || group & !hears_from[i] == 0)
    })
}

/// Whether `leader` has links both ways with a majority, itself included.
fn keeps_majority(leader: NodeId, nodes: &[NodeId], cut: &[Link]) -> bool {
    let linked =
        |peer: &&NodeId| !cut.contains(&(leader, **peer)) && !cut.contains(&(**peer, leader));
    nodes.iter().filter(linked).count() > nodes.len() / 2
}

/// `n1 n4`.
pub(crate) fn names(nodes: &[NodeId]) -> String {
    nodes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}
