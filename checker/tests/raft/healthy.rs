//! A correct cluster breaks no promise, whatever happens to it.

use proptest::prelude::*;
use shakedown_checker::Verdict;
use shakedown_history::event::ConfigStep;
use shakedown_history::{Event, NodeTrace};

use crate::simulation::{Simulation, Step};

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(any::<Step>(), 0..800)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_healthy_cluster_breaks_no_promise(size in 1..6_u64, steps in steps()) {
        let story = Simulation::run(size, &steps);
        prop_assert_eq!(story.violations(), "");
    }
}

/// Long pseudo-random runs, so that the property above is known not to be about quiet clusters.
fn long_run(seed: u64) -> Vec<Step> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..20_000).map(|_| (byte(), byte(), byte())).collect()
}

fn count(traces: &[NodeTrace], wanted: impl Fn(&Event) -> bool) -> usize {
    let records = traces
        .iter()
        .flat_map(|t| &t.segments)
        .flat_map(|s| &s.records);
    records.filter(|r| wanted(&r.ev)).count()
}

/// How many elections, commits, truncations, snapshots, answers and starts a run has; and how many
/// configurations taken and given up, reads, compactions, losses and repairs.
fn events(traces: &[NodeTrace]) -> [usize; 12] {
    [
        count(traces, |e| matches!(e, Event::BecomeLeader { .. })),
        count(traces, |e| matches!(e, Event::Commit { .. })),
        count(traces, |e| matches!(e, Event::Truncate { .. })),
        count(traces, |e| matches!(e, Event::SnapshotInstalled { .. })),
        count(traces, |e| matches!(e, Event::ClientAck { .. })),
        count(traces, |e| matches!(e, Event::Start { .. })),
        count(traces, |e| is_config(e, ConfigStep::Append)),
        count(traces, |e| is_config(e, ConfigStep::Rollback)),
        count(traces, |e| matches!(e, Event::ReadServed { .. })),
        count(traces, |e| matches!(e, Event::Compact { .. })),
        count(traces, |e| matches!(e, Event::Start { lost: Some(_), .. })),
        count(traces, |e| matches!(e, Event::Repaired { .. })),
    ]
}

fn is_config(event: &Event, step: ConfigStep) -> bool {
    matches!(event, Event::ConfigChange { what, .. } if *what == step)
}

#[test]
fn long_eventful_runs_pass_every_check() {
    let mut sum = [0; 12];
    for seed in 1..=8 {
        let story = Simulation::run(5, &long_run(seed));
        for (sum, events) in sum.iter_mut().zip(events(&story.traces())) {
            *sum += events;
        }
        for report in story.reports() {
            assert_eq!(report.verdict, Verdict::Pass, "seed {seed}: {report:#?}",);
        }
    }
    let at_least = [150, 2_000, 50, 50, 800, 1_000, 300, 5, 50, 50, 20, 5];
    assert!(
        sum.iter().zip(at_least).all(|(sum, least)| *sum >= least),
        "{sum:?}"
    );
}
