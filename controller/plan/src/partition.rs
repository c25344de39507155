//! Which links a partition cuts: Jepsen's grudges (`jepsen.nemesis`), as directed links.

use shakedown_history::NodeId;

use crate::fault::{leaves_majority, names};
use crate::faults::Shape;
use crate::target::{minority_size, shuffled};

/// A link that carries packets one way: from the sender to the receiver.
pub type Link = (NodeId, NodeId);

/// A partition of known nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// One line for people: `partition n1 | n2 n3 (isolate-leader)`.
    pub summary: String,
    /// The nodes that it is aimed at, in order: the smaller side, or all where there are no sides.
    pub targets: Vec<NodeId>,
    /// The links that it cuts, sorted. Clients keep reaching every node.
    pub cut: Vec<Link>,
    /// Whether a majority remains connected among itself both ways.
    pub leaves_majority: bool,
}

/// Decides the links of a partition. `draw` decides what the shape leaves open; `leader` is who
/// leads, if that is known: where the shape needs one and there is none, a drawn node stands in.
///
/// # Panics
/// If there are fewer nodes than [`Shape::nodes_min`]: a validated plan has enough.
#[must_use]
pub fn partition_links(
    shape: Shape,
    nodes: &[NodeId],
    leader: Option<NodeId>,
    draw: u64,
) -> Partition {
    let needed = shape.nodes_min();
    assert!(
        nodes.len() >= needed,
        "{shape} needs {needed} nodes, there are {}",
        nodes.len()
    );
    let order = shuffled(nodes, draw);
    let (targets, mut cut, groups) = match shape {
        Shape::IsolateOne => sides(&order, 1),
        Shape::IsolateLeader => sides(&leader_first(&order, leader), 1),
        Shape::Halves => sides(&order, nodes.len() / 2),
        Shape::RandomMinority => sides(&order, minority_of_drawn_size(nodes.len(), draw)),
        Shape::Bridge => bridge(&order),
        Shape::MajoritiesRing => majorities_ring(&order),
        Shape::OneWay => one_way(&order, leader, draw),
    };
    cut.sort_unstable();
    let leaves_majority = leaves_majority(nodes, &[], &cut);
    Partition {
        summary: format!("partition {groups} ({shape})"),
        targets,
        cut,
        leaves_majority,
    }
}

/// Who is hit, what is cut, and how the groups look.
type Grudge = (Vec<NodeId>, Vec<Link>, String);

/// The first `size` nodes of `order` on one side, the others on the other.
fn sides(order: &[NodeId], size: usize) -> Grudge {
    let (few, rest) = split(order, size);
    let cut = both_ways(&few, &rest);
    let groups = format!("{} | {}", names(&few), names(&rest));
    (few, cut, groups)
}

/// Two halves that only the first node of `order` still reaches, and which are therefore hit.
fn bridge(order: &[NodeId]) -> Grudge {
    let (bridge, others) = order.split_first().expect("a bridge has three nodes");
    let (left, right) = split(others, others.len() / 2);
    let cut = both_ways(&left, &right);
    let groups = format!("{} | {bridge} | {}", names(&left), names(&right));
    let mut targets = others.to_vec();
    targets.sort_unstable();
    (targets, cut, groups)
}

/// The nodes in a ring, each connected to as few neighbours on either side as make a majority with
/// itself. Neighbourhoods differ, and none is connected throughout.
fn majorities_ring(order: &[NodeId]) -> Grudge {
    let count = order.len();
    let distance_max = (count / 2).div_ceil(2);
    let apart = |i: usize, j: usize| {
        let steps = i.abs_diff(j);
        steps.min(count - steps) > distance_max
    };
    let pairs = (0..count).flat_map(|i| (0..count).map(move |j| (i, j)));
    let cut = pairs
        .filter(|(i, j)| apart(*i, *j))
        .map(|(i, j)| (order[i], order[j]))
        .collect();
    let mut targets = order.to_vec();
    targets.sort_unstable();
    let ring: Vec<String> = order.iter().map(ToString::to_string).collect();
    (targets, cut, format!("in a ring {}", ring.join("-")))
}

/// The leader or a drawn minority can send but not receive, or receive but not send.
fn one_way(order: &[NodeId], leader: Option<NodeId>, draw: u64) -> Grudge {
    let (few, rest) = if draw & 1 == 0 {
        split(&leader_first(order, leader), 1)
    } else {
        split(order, minority_of_drawn_size(order.len(), draw))
    };
    let deaf = draw & 2 == 0;
    if deaf {
        let groups = format!("{} -> {}, not back", names(&few), names(&rest));
        let cut = links(&rest, &few);
        (few, cut, groups)
    } else {
        let groups = format!("{} -> {}, not back", names(&rest), names(&few));
        let cut = links(&few, &rest);
        (few, cut, groups)
    }
}

/// `draw` decides between one node and the largest minority.
fn minority_of_drawn_size(nodes: usize, draw: u64) -> usize {
    let largest = minority_size(nodes) as u64;
    1 + usize::try_from((draw >> 2) % largest).expect("a minority is small")
}

fn leader_first(order: &[NodeId], leader: Option<NodeId>) -> Vec<NodeId> {
    let mut order = order.to_vec();
    if let Some(leader) = leader {
        order.sort_by_key(|node| *node != leader);
    }
    order
}

fn split(order: &[NodeId], size: usize) -> (Vec<NodeId>, Vec<NodeId>) {
    let (mut few, mut rest) = (order[..size].to_vec(), order[size..].to_vec());
    few.sort_unstable();
    rest.sort_unstable();
    (few, rest)
}

fn links(from: &[NodeId], to: &[NodeId]) -> Vec<Link> {
    from.iter()
        .flat_map(|a| to.iter().map(|b| (*a, *b)))
        .collect()
}

fn both_ways(left: &[NodeId], right: &[NodeId]) -> Vec<Link> {
    let mut cut = links(left, right);
    cut.extend(links(right, left));
    cut
}
