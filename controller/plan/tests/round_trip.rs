//! A plan that is written, defaults filled in, reads back as the same plan.

use std::time::Duration;

use proptest::prelude::*;
use shakedown_plan::{
    Campaign, Clock, ClockFaults, Faults, KillFaults, Known, MembershipChange, MembershipFaults,
    Mix, NetworkKind, Node, Plan, Range, ReadMode, Successor, Target, TransferFaults, Workload,
};

const KNOWN: Known<'_> = Known {
    planted_bugs: &["stale-read"],
};

fn milliseconds(min: u64, max: u64) -> Range<Duration> {
    Range::new(Duration::from_millis(min), Duration::from_millis(max))
}

prop_compose! {
    fn nodes()(
        heartbeat in 1_u64..100,
        election in 200_u64..400,
        more in 0_u64..400,
        bug in any::<bool>(),
        guards in any::<[bool; 3]>(),
        read_mode in prop::sample::select(vec![ReadMode::Index, ReadMode::Lease, ReadMode::Local]),
        clock_drift_ppm in 0_u64..1_000_000,
        snapshot_every in 1_u64..1_000_000,
        log_retention in any::<u32>(),
    ) -> Node {
        Node {
            pre_vote: guards[0],
            check_quorum: guards[1],
            sticky_leader: guards[2],
            read_mode,
            clock_drift_ppm,
            snapshot_every,
            log_retention: log_retention.into(),
            election_timeout: milliseconds(election, election + more),
            heartbeat: Duration::from_millis(heartbeat),
            planted_bug: bug.then(|| "stale-read".to_owned()),
        }
    }
}

prop_compose! {
    fn workloads()(
        processes in 1_usize..1_000,
        keys in 1_usize..10_000,
        skew in 0.0..10.0,
        rate in prop::option::of(0.001..1e6),
        timeout_us in 1_u64..10_000_000,
        weights in any::<[u16; 3]>(),
    ) -> Workload {
        let mix = Mix { read: weights[0].into(), write: u32::from(weights[1]) + 1, cas: weights[2].into() };
        let timeout = Duration::from_micros(timeout_us);
        Workload { processes, keys, skew, rate, timeout, mix, ..Workload::default() }
    }
}

prop_compose! {
    fn faults()(all in any::<bool>(), every in 50_u64..5_000, slow in 0.01..1.0, fast in 1.0..100.0, named in 1_u64..4) -> Faults {
        let node = shakedown_history::NodeId;
        let targets = vec![Target::Leader, Target::Nodes(vec![node(named), node(named + 1)])];
        let clock = ClockFaults {
            targets: targets.clone(),
            clocks: vec![Clock::Monotonic],
            rate: Range::new(slow, fast),
            ..ClockFaults::default()
        };
        let membership = MembershipFaults {
            changes: vec![MembershipChange::ShrinkGrow],
            targets: vec![Target::Follower, Target::Nodes(vec![node(named)])],
        };
        let transfer = TransferFaults { to: vec![Successor::Voter], every: milliseconds(every, 2 * every) };
        let some = Faults {
            kill: Some(KillFaults { targets }),
            clock: Some(clock),
            membership: Some(membership),
            transfer: Some(transfer),
            ..Faults::default()
        };
        if all { Faults::all() } else { some }
    }
}

prop_compose! {
    fn plans()(
        name in "[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,20}",
        seed in any::<u64>(),
        time in 10_u64..80_000,
        nodes in 4_usize..=15,
        node in nodes(),
        workload in workloads(),
        faults in faults(),
        runs in prop::option::of(1_u64..1_000),
    ) -> Plan {
        Plan {
            name,
            seed,
            time: Duration::from_secs(time),
            nodes,
            network: if seed % 2 == 0 { NetworkKind::Switch } else { NetworkKind::Iptables },
            node,
            workload,
            faults,
            campaign: runs.map(|runs| Campaign { runs, ..Campaign::default() }),
            ..Plan::default()
        }
    }
}

proptest! {
    #[test]
    fn a_written_plan_reads_back_as_the_same(plan in plans()) {
        let text = plan.to_yaml();
        let (again, _) = Plan::parse("written.yaml", &text, &KNOWN).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
        prop_assert_eq!(again, plan);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(name|faults|time|kill|- |: |\\[|\\]|\\{|\\}|\n|  |&a|\\*a|[0-9]|\\PC){0,40}") {
        let _ = Plan::parse("any.yaml", &text, &KNOWN);
    }
}

#[test]
fn a_plan_of_one_line_is_complete() {
    let (plan, lints) = Plan::parse("p.yaml", "name: p\n", &KNOWN).unwrap();
    assert_eq!(
        plan,
        Plan {
            name: "p".to_owned(),
            ..Plan::default()
        }
    );
    assert_eq!(lints, []);
    assert!(plan.faults.families().is_empty());
}

#[test]
fn a_family_with_nothing_behind_it_has_its_defaults() {
    let (plan, _) = Plan::parse("p.yaml", "name: p\nfaults:\n  kill:\n", &KNOWN).unwrap();
    assert_eq!(
        plan.faults,
        Faults {
            kill: Some(KillFaults::default()),
            ..Faults::default()
        }
    );
}

#[test]
fn the_embedded_plan_spells_out_what_the_defaults_are() {
    let embedded = Plan::embedded();
    let defaults = Plan {
        name: "default".to_owned(),
        faults: embedded.faults.clone(),
        ..Plan::default()
    };
    assert_eq!(embedded, defaults);
}

#[test]
fn runs_of_a_campaign_differ_in_their_seed_alone() {
    let plan = Plan {
        seed: 7,
        campaign: Some(Campaign::default()),
        ..Plan::embedded()
    };
    assert_eq!(
        plan.for_run(3),
        Plan {
            seed: 10,
            ..Plan::embedded()
        }
    );
}

#[test]
fn a_range_may_be_a_single_value_and_a_rate_a_plain_number() {
    let text = "name: p\nfaults: { clock: { rate: 2, offset: 1s } }\nschedule: { gap: 500ms }\n";
    let (plan, _) = Plan::parse("p.yaml", text, &KNOWN).unwrap();
    let clock = plan.faults.clock.unwrap();
    assert_eq!(
        (clock.rate, clock.offset),
        (Range::new(2.0, 2.0), milliseconds(1_000, 1_000))
    );
    assert_eq!(plan.schedule.gap, milliseconds(500, 500));
}
