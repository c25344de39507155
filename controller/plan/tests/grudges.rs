//! Whom faults hit and which links partitions cut.

use std::collections::BTreeSet;

use proptest::prelude::*;
use shakedown_history::fault::FaultWindow;
use shakedown_history::{Evidence, FaultId, NodeId};
use shakedown_plan::{
    Clock, Family, Fault, Faults, KillFaults, Link, Partition, PauseFaults, Shape, Target,
    leaves_majority, partition_links, resolve_target,
};

fn cluster(count: u64) -> Vec<NodeId> {
    (1..=count).map(NodeId).collect()
}

/// Whom `node` can exchange messages with both ways, itself included.
fn reach(node: NodeId, nodes: &[NodeId], cut: &[Link]) -> BTreeSet<NodeId> {
    let open = |peer: &NodeId| !cut.contains(&(node, *peer)) && !cut.contains(&(*peer, node));
    nodes.iter().copied().filter(open).collect()
}

/// The groups of nodes that reach each other, if reaching is transitive.
fn groups(nodes: &[NodeId], cut: &[Link]) -> BTreeSet<BTreeSet<NodeId>> {
    nodes.iter().map(|node| reach(*node, nodes, cut)).collect()
}

fn cut_both_ways(partition: &Partition) -> bool {
    partition
        .cut
        .iter()
        .all(|(a, b)| partition.cut.contains(&(*b, *a)))
}

proptest! {
    #[test]
    fn partitions_cut_links_between_nodes_once_and_always_the_same(
        shape in prop::sample::select(Shape::ALL.to_vec()), count in 4_u64..=15, leader in prop::option::of(1_u64..=4), draw in any::<u64>(),
    ) {
        let nodes = cluster(count);
        let leader = leader.map(NodeId);
        let partition = partition_links(shape, &nodes, leader, draw);
        prop_assert!(!partition.cut.is_empty() && !partition.targets.is_empty());
        prop_assert!(partition.cut.is_sorted() && partition.targets.is_sorted());
        let distinct: BTreeSet<_> = partition.cut.iter().collect();
        prop_assert_eq!(distinct.len(), partition.cut.len());
        prop_assert!(partition.cut.iter().all(|(a, b)| a != b && nodes.contains(a) && nodes.contains(b)));
        prop_assert!(shape == Shape::OneWay || cut_both_ways(&partition));
        prop_assert_eq!(partition, partition_links(shape, &nodes, leader, draw));
    }

    #[test]
    fn isolating_cuts_exactly_one_node_off(count in 2_u64..=15, leader in 1_u64..=2, draw in any::<u64>()) {
        let nodes = cluster(count);
        let leader = Some(NodeId(leader));
        for shape in [Shape::IsolateOne, Shape::IsolateLeader] {
            let partition = partition_links(shape, &nodes, leader, draw);
            prop_assert_eq!(partition.targets.len(), 1);
            let alone = partition.targets[0];
            prop_assert!(shape == Shape::IsolateOne || Some(alone) == leader);
            let others: BTreeSet<_> = nodes.iter().copied().filter(|node| *node != alone).collect();
            prop_assert_eq!(groups(&nodes, &partition.cut), BTreeSet::from([BTreeSet::from([alone]), others]));
            prop_assert_eq!(partition.leaves_majority, count > 2);
        }
    }

    #[test]
    fn halves_are_disjoint_cover_the_cluster_and_differ_by_one_at_most(count in 2_u64..=15, draw in any::<u64>()) {
        let nodes = cluster(count);
        let partition = partition_links(Shape::Halves, &nodes, None, draw);
        let groups = groups(&nodes, &partition.cut);
        prop_assert_eq!(groups.len(), 2);
        prop_assert_eq!(groups.iter().map(BTreeSet::len).sum::<usize>(), nodes.len());
        prop_assert!(groups.iter().all(|half| half.len() == nodes.len() / 2 || half.len() == nodes.len().div_ceil(2)));
        prop_assert_eq!(groups.iter().flatten().collect::<BTreeSet<_>>().len(), nodes.len());
        prop_assert_eq!(partition.leaves_majority, count % 2 == 1);
    }

    #[test]
    fn a_random_minority_leaves_a_majority(count in 3_u64..=15, draw in any::<u64>()) {
        let nodes = cluster(count);
        let partition = partition_links(Shape::RandomMinority, &nodes, None, draw);
        prop_assert!(partition.targets.len() * 2 < nodes.len());
        prop_assert_eq!(groups(&nodes, &partition.cut).len(), 2);
        prop_assert!(partition.leaves_majority);
    }

    #[test]
    fn over_a_bridge_both_halves_see_one_node_and_not_each_other(count in 3_u64..=15, draw in any::<u64>()) {
        let nodes = cluster(count);
        let partition = partition_links(Shape::Bridge, &nodes, None, draw);
        let sees_all: Vec<_> = nodes.iter().filter(|node| reach(**node, &nodes, &partition.cut).len() == nodes.len()).collect();
        prop_assert_eq!(sees_all.len(), 1);
        let bridge = *sees_all[0];
        prop_assert!(!partition.targets.contains(&bridge));
        let others: Vec<_> = nodes.iter().copied().filter(|node| *node != bridge).collect();
        let halves = groups(&others, &partition.cut);
        prop_assert_eq!(halves.len(), 2);
        prop_assert!(halves.iter().all(|half| half.len().abs_diff(others.len() - half.len()) <= 1));
    }

    #[test]
    fn in_a_ring_every_node_sees_another_majority_and_none_is_connected(count in 4_u64..=15, draw in any::<u64>()) {
        let nodes = cluster(count);
        let partition = partition_links(Shape::MajoritiesRing, &nodes, None, draw);
        let seen: Vec<_> = nodes.iter().map(|node| reach(*node, &nodes, &partition.cut)).collect();
        prop_assert!(seen.iter().all(|group| group.len() * 2 > nodes.len() && group.len() < nodes.len()));
        prop_assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), nodes.len());
        prop_assert!(!partition.leaves_majority);
    }

    #[test]
    fn one_way_lets_a_few_send_or_receive_but_not_both(count in 3_u64..=15, leader in prop::option::of(1_u64..=3), draw in any::<u64>()) {
        let nodes = cluster(count);
        let partition = partition_links(Shape::OneWay, &nodes, leader.map(NodeId), draw);
        let few = &partition.targets;
        prop_assert!(few.len() * 2 < nodes.len());
        let deaf = partition.cut.iter().all(|(_, to)| few.contains(to));
        let mute = partition.cut.iter().all(|(from, _)| few.contains(from));
        prop_assert!(deaf != mute);
        prop_assert_eq!(partition.cut.len(), few.len() * (nodes.len() - few.len()));
        prop_assert!(partition.leaves_majority);
    }

    #[test]
    fn targets_are_as_many_as_they_say(count in 3_u64..=15, leader in 1_u64..=3, draw in any::<u64>()) {
        let nodes = cluster(count);
        let leader = Some(NodeId(leader));
        let size = |target| resolve_target(&target, &nodes, leader, draw).len() as u64;
        prop_assert_eq!(size(Target::One), 1);
        prop_assert_eq!(size(Target::All), count);
        prop_assert!(size(Target::Minority) * 2 < count && (size(Target::Minority) + 1) * 2 >= count);
        prop_assert!(size(Target::Majority) * 2 > count && (size(Target::Majority) - 1) * 2 <= count);
        prop_assert_eq!(resolve_target(&Target::Leader, &nodes, leader, draw), Vec::from_iter(leader));
        prop_assert_eq!(resolve_target(&Target::Leader, &nodes, None, draw).len(), 1);
    }

    #[test]
    fn a_majority_is_left_if_no_more_than_a_minority_is_down(count in 1_u64..=15, draw in any::<u64>()) {
        let nodes = cluster(count);
        for target in [Target::One, Target::Minority, Target::Majority, Target::All] {
            let hit = Fault::Kill { target }.resolve(&nodes, None, draw);
            prop_assert_eq!(hit.leaves_majority, hit.targets.len() < nodes.len().div_ceil(2));
        }
    }
}

#[test]
fn every_node_is_drawn_sooner_or_later() {
    let nodes = cluster(5);
    let drawn: BTreeSet<_> = (0..200)
        .map(|draw| resolve_target(&Target::One, &nodes, None, draw))
        .collect();
    assert_eq!(drawn.len(), 5);
    let minorities: BTreeSet<_> = (0..500)
        .map(|draw| resolve_target(&Target::Minority, &nodes, None, draw))
        .collect();
    assert_eq!(minorities.len(), 10);
}

#[test]
fn one_way_comes_in_all_its_kinds() {
    let nodes = cluster(5);
    let kinds: BTreeSet<(bool, usize)> = (0..200)
        .map(|draw| partition_links(Shape::OneWay, &nodes, Some(NodeId(3)), draw))
        .map(|p| {
            (
                p.cut.iter().all(|(_, to)| p.targets.contains(to)),
                p.targets.len(),
            )
        })
        .collect();
    assert_eq!(
        kinds.len(),
        4,
        "deaf and mute, one and two nodes: {kinds:?}"
    );
}

#[test]
fn named_nodes_are_hit_whatever_the_draw() {
    let target: Target = "n4+n2+n4".parse().unwrap();
    assert_eq!(target.to_string(), "n2+n4");
    assert_eq!(
        resolve_target(&target, &cluster(5), None, 9),
        [NodeId(2), NodeId(4)]
    );
}

#[test]
fn faults_that_overlap_may_take_the_majority_together() {
    let nodes = cluster(5);
    let cut = partition_links(Shape::IsolateLeader, &nodes, Some(NodeId(1)), 0).cut;
    assert!(leaves_majority(&nodes, &[], &cut));
    assert!(leaves_majority(&nodes, &[NodeId(5)], &cut));
    assert!(!leaves_majority(&nodes, &[NodeId(4), NodeId(5)], &cut));
    assert!(!leaves_majority(&nodes, &nodes, &[]));
    let isolate = Fault::Partition {
        shape: Shape::IsolateLeader,
    }
    .resolve(&nodes, Some(NodeId(1)), 0);
    let node = |id| {
        Fault::Kill {
            target: Target::Nodes(vec![NodeId(id)]),
        }
        .resolve(&nodes, None, 0)
    };
    let clock = Fault::Clock {
        target: Target::All,
        clock: Clock::Realtime,
        offset_ms: 1,
        rate: 1.0,
    };
    let clock = clock.resolve(&nodes, None, 0);
    assert!(node(5).leaves_majority_beside(&nodes, &[&isolate, &clock]));
    assert!(!node(5).leaves_majority_beside(&nodes, &[&isolate, &clock, &node(4)]));
}

#[test]
fn a_leader_without_a_majority_is_deposed_and_one_with_it_is_not() {
    let nodes = cluster(5);
    let deposes = |fault: &Fault, leader| fault.resolve(&nodes, leader, 0).deposes_leader;
    let leader = Some(NodeId(2));
    assert!(deposes(
        &Fault::Partition {
            shape: Shape::IsolateLeader
        },
        leader
    ));
    assert!(deposes(
        &Fault::Pause {
            target: Target::Leader
        },
        leader
    ));
    assert!(deposes(
        &Fault::Kill {
            target: Target::All
        },
        leader
    ));
    assert!(!deposes(
        &Fault::Kill {
            target: Target::All
        },
        None
    ));
    let other = Fault::Kill {
        target: Target::Nodes(vec![NodeId(3)]),
    };
    assert!(!deposes(&other, leader));
    assert!(!deposes(
        &Fault::Partition {
            shape: Shape::MajoritiesRing
        },
        leader
    ));
    let halves = Fault::Partition {
        shape: Shape::Halves,
    }
    .resolve(&nodes, leader, 0);
    assert_eq!(
        halves.deposes_leader, halves.hits_leader,
        "the smaller half is the target"
    );
}

#[test]
fn the_journal_says_what_a_fault_came_to() {
    let fault = Fault::Kill {
        target: Target::Leader,
    };
    let spec = fault.resolve(&cluster(3), Some(NodeId(2)), 0).spec(&fault);
    assert_eq!(
        (spec.family.as_str(), spec.summary.as_str()),
        ("kill", "kill n2 (leader)")
    );
    assert_eq!((spec.targets, spec.hits_leader), (vec![NodeId(2)], true));
    assert_eq!(
        spec.params,
        serde_json::json!({ "family": "kill", "target": "leader" })
    );
}

#[test]
fn a_family_counts_once_one_of_its_faults_bit() {
    let faults = Faults {
        kill: Some(KillFaults::default()),
        pause: Some(PauseFaults::default()),
        ..Faults::default()
    };
    let window = |fault: Fault, bit| FaultWindow {
        fault: FaultId(0),
        spec: fault.resolve(&cluster(3), None, 0).spec(&fault),
        begun: 0,
        injected: Some(1),
        healed: Some(2),
        skipped: None,
        failed: None,
        evidence: vec![Evidence {
            node: None,
            bit,
            summary: String::new(),
            detail: serde_json::Value::Null,
        }],
    };
    let kill = window(
        Fault::Kill {
            target: Target::One,
        },
        true,
    );
    let pause = |bit| {
        window(
            Fault::Pause {
                target: Target::One,
            },
            bit,
        )
    };
    assert_eq!(
        faults.never_bit(&[kill.clone(), pause(false)]),
        [Family::Pause]
    );
    assert_eq!(faults.never_bit(&[kill, pause(false), pause(true)]), []);
}
