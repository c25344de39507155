//! A schedule follows from plan and seed alone, fits into the plan's time, and shows early what the
//! plan offers.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use shakedown_history::NodeId;
use shakedown_plan::{
    ClockFaults, Fault, Faults, KillFaults, MembershipChange, MembershipFaults, Pacing,
    PartitionFaults, PauseFaults, Plan, Range, Schedule, Shape, Successor, Target, TransferFaults,
};

fn milliseconds(min: u64, max: u64) -> Range<Duration> {
    Range::new(Duration::from_millis(min), Duration::from_millis(max))
}

prop_compose! {
    fn ranges(lowest: u64)(min in lowest..3_000, more in 0_u64..3_000) -> Range<Duration> {
        milliseconds(min, min + more)
    }
}

prop_compose! {
    fn plans()(
        seed in any::<u64>(),
        seconds in 1_u64..90,
        used in any::<[bool; 6]>(),
        quiet in 0_u64..2_000,
        gap in ranges(0),
        length in ranges(50),
        overlap in 1_usize..6,
    ) -> Plan {
        let faults = Faults {
            partition: used[0].then(PartitionFaults::default),
            kill: used[1].then(KillFaults::default),
            pause: used[2].then(PauseFaults::default),
            clock: used[3].then(ClockFaults::default),
            membership: used[4].then(MembershipFaults::default),
            transfer: used[5].then(TransferFaults::default),
        };
        let schedule = Pacing { quiet: Duration::from_millis(quiet), gap, length, overlap };
        Plan { seed, time: Duration::from_secs(seconds), faults, schedule, ..Plan::default() }
    }
}

proptest! {
    #[test]
    fn every_fault_lies_between_the_quiets_and_is_as_long_as_planned(plan in plans()) {
        let schedule = Schedule::draw(&plan);
        for (i, step) in schedule.steps.iter().enumerate() {
            prop_assert_eq!(step.id.0, i as u64);
            prop_assert!(step.start >= plan.schedule.quiet);
            prop_assert!(step.end() + plan.schedule.quiet <= plan.time);
            prop_assert!(step.length >= plan.schedule.length.min());
            prop_assert!(step.length <= plan.schedule.length.max());
        }
        prop_assert!(schedule.steps.is_sorted_by_key(|step| step.start));
    }

    #[test]
    fn no_more_faults_are_in_force_than_allowed_and_no_two_of_a_family(plan in plans()) {
        let steps = Schedule::draw(&plan).steps;
        for step in &steps {
            let begun = &steps[..=step.id.0 as usize];
            let in_force: Vec<_> =
                begun.iter().filter(|s| s.end() > step.start).map(|s| s.fault.family()).collect();
            prop_assert!(in_force.len() <= plan.schedule.overlap);
            prop_assert_eq!(in_force.iter().collect::<BTreeSet<_>>().len(), in_force.len());
        }
    }

    #[test]
    fn without_overlap_the_gap_is_kept(plan in plans()) {
        let plan = Plan { schedule: Pacing { overlap: 1, ..plan.schedule }, ..plan };
        for pair in Schedule::draw(&plan).steps.windows(2) {
            let gap = pair[1].start - pair[0].end();
            prop_assert!(plan.schedule.gap.min() <= gap && gap <= plan.schedule.gap.max());
        }
    }

    #[test]
    fn every_family_has_its_turn_before_any_has_its_second(plan in plans()) {
        let steps = Schedule::draw(&plan).steps;
        let families = plan.faults.families().len();
        let first: BTreeSet<_> = steps.iter().take(families).map(|s| s.fault.family()).collect();
        prop_assert_eq!(first.len(), families.min(steps.len()));
    }

    #[test]
    fn there_are_at_least_as_many_faults_as_promised(plan in plans()) {
        prop_assert!(Schedule::draw(&plan).steps.len() >= Schedule::steps_min(&plan));
    }

    #[test]
    fn the_same_plan_gives_the_same_schedule_and_it_survives_writing(plan in plans()) {
        let schedule = Schedule::draw(&plan);
        prop_assert_eq!(&schedule, &Schedule::draw(&plan));
        let text = serde_json::to_string(&schedule).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Schedule>(&text).unwrap(), &schedule);
        let text = serde_yaml::to_string(&schedule).unwrap();
        prop_assert_eq!(&serde_yaml::from_str::<Schedule>(&text).unwrap(), &schedule);
    }

    #[test]
    fn clock_faults_keep_to_their_ranges_and_the_monotonic_clock_never_goes_back(plan in plans()) {
        for step in Schedule::draw(&plan).steps {
            if let Fault::Clock { clock, offset_ms, rate, .. } = step.fault {
                prop_assert!((10..=10_000).contains(&offset_ms.abs()));
                prop_assert!(offset_ms > 0 || clock == shakedown_plan::Clock::Realtime);
                prop_assert!((0.5..=2.0).contains(&rate));
            }
        }
    }
}

#[test]
fn half_a_minute_shows_every_family_with_every_seed() {
    for seed in 0..500 {
        let plan = Plan {
            seed,
            ..Plan::embedded()
        };
        let seen: BTreeSet<_> = Schedule::draw(&plan)
            .steps
            .iter()
            .map(|step| step.fault.family())
            .collect();
        assert_eq!(seen.len(), 4, "seed {seed}");
    }
}

#[test]
fn every_shape_and_target_has_its_turn_before_any_has_its_second() {
    let faults = Faults {
        partition: Some(PartitionFaults {
            shapes: Shape::ALL.to_vec(),
        }),
        kill: Some(KillFaults::default()),
        ..Faults::default()
    };
    for seed in 0..50 {
        let plan = Plan {
            seed,
            time: Duration::from_secs(300),
            faults: faults.clone(),
            ..Plan::default()
        };
        let (mut shapes, mut targets): (Vec<Shape>, Vec<Target>) = Default::default();
        for step in Schedule::draw(&plan).steps {
            match step.fault {
                Fault::Partition { shape } => shapes.push(shape),
                Fault::Kill { target } => targets.push(target),
                other => panic!("{other:?} is not in the plan"),
            }
        }
        assert_eq!(
            shapes.iter().take(7).collect::<BTreeSet<_>>().len(),
            7,
            "seed {seed}"
        );
        assert_eq!(
            targets.iter().take(5).collect::<BTreeSet<_>>().len(),
            5,
            "seed {seed}"
        );
    }
}

#[test]
fn every_change_of_the_membership_has_its_turn_before_any_has_its_second() {
    for seed in 0..50 {
        let plan = Plan {
            seed,
            time: Duration::from_secs(60),
            faults: Faults {
                membership: Some(MembershipFaults::default()),
                ..Faults::default()
            },
            ..Plan::default()
        };
        let steps = Schedule::draw(&plan).steps;
        let changes: BTreeSet<_> = steps
            .iter()
            .take(3)
            .map(|step| match step.fault {
                Fault::Membership { change, .. } => change,
                ref other => panic!("{other:?} is not in the plan"),
            })
            .collect();
        assert_eq!(changes, MembershipChange::ALL.into(), "seed {seed}");
    }
}

proptest! {
    #[test]
    fn as_many_nodes_leave_as_the_change_says_and_the_target_is_among_them(
        draw in any::<u64>(),
        change in prop::sample::select(MembershipChange::ALL.to_vec()),
        count in 3_u64..=7,
        leader in 1_u64..=3,
    ) {
        let nodes: Vec<NodeId> = (1..=count).map(NodeId).collect();
        let leader = NodeId(leader);
        let hit = |target| Fault::Membership { change, target }.resolve(&nodes, Some(leader), draw);
        let deposing = hit(Target::Leader);
        prop_assert_eq!(deposing.targets.len(), change.leavers());
        prop_assert!(deposing.targets.contains(&leader) && deposing.deposes_leader);
        prop_assert!(deposing.targets.is_sorted() && deposing.down);
        let beside = hit(Target::Follower);
        prop_assert_eq!(beside.targets.len(), change.leavers());
        prop_assert!(beside.targets.iter().any(|n| *n != leader));
        prop_assert_eq!(beside, hit(Target::Follower));
    }

    #[test]
    fn the_leadership_goes_to_another_voter_or_the_leader_chooses(
        draw in any::<u64>(),
        round in 0_u64..10,
        leader in 1_u64..=3,
    ) {
        let voters: Vec<NodeId> = (1..=3).map(NodeId).collect();
        let leader = NodeId(leader);
        let named = Successor::Voter.named(&voters, leader, draw, round).unwrap();
        prop_assert!(named != leader && voters.contains(&named));
        prop_assert_eq!(Successor::MostUpToDate.named(&voters, leader, draw, round), None);
        prop_assert_eq!(Successor::Voter.named(&[leader], leader, draw, round), None);
    }
}

#[test]
fn the_leadership_does_not_always_go_to_the_same_node() {
    let voters: Vec<NodeId> = (1..=5).map(NodeId).collect();
    let named: BTreeSet<_> = (0..50)
        .map(|round| Successor::Voter.named(&voters, NodeId(1), 7, round))
        .collect();
    assert_eq!(named.len(), 4);
}

#[test]
fn realtime_clocks_go_back_as_well_as_forward_and_run_slow_as_well_as_fast() {
    let faults = Faults {
        clock: Some(ClockFaults::default()),
        ..Faults::default()
    };
    let plan = Plan {
        time: Duration::from_secs(600),
        faults,
        ..Plan::default()
    };
    let drawn: Vec<(i64, f64)> = Schedule::draw(&plan)
        .steps
        .into_iter()
        .filter_map(|step| match step.fault {
            Fault::Clock {
                offset_ms, rate, ..
            } => Some((offset_ms, rate)),
            _ => None,
        })
        .collect();
    assert!(drawn.iter().any(|d| d.0 < 0) && drawn.iter().any(|d| d.0 > 0));
    assert!(drawn.iter().any(|d| d.1 < 0.8) && drawn.iter().any(|d| d.1 > 1.3));
}

#[test]
fn a_healthy_plan_has_no_faults() {
    assert_eq!(Schedule::draw(&Plan::default()), Schedule::default());
}

/// If this changes, runs recorded by earlier versions are no longer reproduced by their seed.
#[test]
fn the_schedule_of_the_default_plan() {
    let plan = Plan::embedded();
    let lines: Vec<String> = Schedule::draw(&plan)
        .steps
        .iter()
        .map(|step| {
            let hit = step
                .fault
                .resolve(&plan.node_ids(), Some(NodeId(2)), step.draw);
            format!(
                "{} {:?} +{:?} {}",
                step.id, step.start, step.length, hit.summary
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
