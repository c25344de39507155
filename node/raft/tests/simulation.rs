//! Random clusters: messages dropped, doubled, reordered and delayed, nodes killed with what they had
//! not synced, partitions; and then whether Raft kept its promises.
//!
//! One seed decides everything. The promises are checked by the checker's own trace checks, the same
//! that judge real runs, and by what only a simulation sees: no read misses a write acknowledged before
//! it came in, and a healed cluster serves again.

mod cluster;
mod random_run;

use random_run::{Run, run};
use shakedown_checker::{CheckReport, Verdict, check_traces};
use shakedown_raft::PlantedBug;

/// How many seeds are tried; `SIMULATION_SEEDS` asks for more.
fn seeds() -> std::ops::Range<u64> {
    let asked = std::env::var("SIMULATION_SEEDS").ok();
    0..asked.map_or(150, |n| n.parse().expect("SIMULATION_SEEDS is a number"))
}

fn violations(run: &Run) -> Vec<CheckReport> {
    let mut reports = check_traces(&run.traces, &run.nodes);
    reports.retain(|report| report.verdict == Verdict::Violation);
    reports
}

#[test]
fn healthy_clusters_keep_every_promise_and_serve_again() {
    let mut commits = 0;
    for seed in seeds() {
        let run = run(seed, None);
        let violations = violations(&run);
        assert!(violations.is_empty(), "seed {seed}: {violations:#?}");
        assert_eq!(run.stale_reads, [], "seed {seed}");
        assert!(
            run.converged,
            "seed {seed}: the healed cluster does not serve"
        );
        assert!(
            run.logs.iter().all(|log| *log == run.logs[0]),
            "seed {seed}: logs differ"
        );
        commits += run.commits_under_faults;
    }
    println!("{commits} commands acknowledged under faults");
    assert!(
        commits > seeds().end * 10,
        "only {commits} commits: too harsh to show anything"
    );
}

#[test]
fn every_promise_is_put_to_the_test() {
    let mut undecided: Option<Vec<String>> = None;
    for seed in seeds() {
        let run = run(seed, None);
        let reports = check_traces(&run.traces, &run.nodes);
        let open = reports.into_iter().filter(|r| r.verdict != Verdict::Pass);
        let open: Vec<String> = open
            .map(|r| format!("{}: {}", r.check, r.summary))
            .collect();
        let check = |line: &String| line.split(':').next().map(str::to_owned);
        let still_open = |line: &String| open.iter().any(|o| check(o) == check(line));
        undecided = Some(match undecided {
            Some(before) => before.into_iter().filter(still_open).collect(),
            None => open,
        });
        if undecided.as_ref().is_some_and(Vec::is_empty) {
            return;
        }
    }
    panic!("no seed decides {undecided:#?}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in [1, 2, 3] {
        assert_eq!(run(seed, None), run(seed, None), "seed {seed}");
    }
}

#[test]
fn planted_bugs_are_found() {
    if !cfg!(feature = "planted-bugs") {
        println!("skipped: built without the feature planted-bugs");
        return;
    }
    let bugs = [
        (PlantedBug::CommitOldTerm, "leader-commit-rule"),
        (PlantedBug::VoteTwice, "vote-uniqueness"),
        (PlantedBug::TruncateAlways, "committed-never-lost"),
        (PlantedBug::ShortQuorum, "election-quorum"),
        (PlantedBug::ForgetVote, "vote-uniqueness"),
    ];
    for (bug, telltale) in bugs {
        // All seeds are run: no assert within the node may forestall what is to be seen from outside.
        let found = seeds().filter(|seed| {
            let violations = violations(&run(*seed, Some(bug)));
            violations.iter().any(|report| report.check == telltale)
        });
        let count = found.count();
        println!(
            "{bug}: found by {telltale} with {count} of {} seeds",
            seeds().end
        );
        assert!(count > 0, "{bug} is not found by {telltale}");
    }
}
