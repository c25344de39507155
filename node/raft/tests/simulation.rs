//! Random clusters: messages dropped, doubled, reordered, delayed; nodes killed with what they had not
//! synced, paused, cut off, moved, wiped, with damaged and stalled disks; and then whether Raft kept
//! its promises.
//!
//! One seed decides everything. The promises are checked by the checker that judges real runs, on
//! traces and on the clients' history, and by what only a simulation sees: a healed cluster is one
//! again and serves.

mod cluster;
mod random_run;

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use random_run::{Finding, run};
use shakedown_checker::Verdict;

/// How many seeds are tried; `SIMULATION_SEEDS` asks for more, `SIMULATION_FIRST` for others.
fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str, default: u64| {
        let asked = std::env::var(name).ok();
        asked.map_or(default, |n| n.parse().expect("a number"))
    };
    let first = number("SIMULATION_FIRST", 0);
    first..first + number("SIMULATION_SEEDS", 1_500)
}

/// What is wrong with a seed of the sound core; a panic is too.
fn findings(seed: u64) -> Vec<Finding> {
    let judged = catch_unwind(|| {
        let run = run(seed, None);
        if let Ok(directory) = std::env::var("SIMULATION_TRACES") {
            run.write_traces(&directory);
        }
        run.findings()
    });
    match judged {
        Ok(findings) => findings,
        Err(panic) => {
            let literal = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = panic.downcast_ref::<String>().cloned().or(literal);
            let what = text.unwrap_or_else(|| "a panic without words".to_owned());
            let check = "panic".to_owned();
            vec![Finding { check, what }]
        }
    }
}

#[test]
fn healthy_clusters_keep_every_promise_and_serve_again() {
    let mut failed = Vec::new();
    for seed in seeds() {
        let findings = findings(seed);
        if !findings.is_empty() {
            println!("seed {seed}: {findings:#?}");
            println!(
                "repeat it: SIMULATION_FIRST={seed} SIMULATION_SEEDS=1 cargo test -p shakedown-raft \
                 --test simulation healthy"
            );
            failed.push(seed);
        }
    }
    assert!(failed.is_empty(), "{} seeds fail: {failed:?}", failed.len());
}

/// Every kind of event that a sound node writes.
const EVENTS: [&str; 29] = [
    "ack",
    "append",
    "append_durable",
    "apply",
    "become_candidate",
    "become_leader",
    "become_pre_candidate",
    "client_ack",
    "commit",
    "compact",
    "config_change",
    "digest",
    "hard_state_durable",
    "io_error",
    "lease",
    "lease_dropped",
    "read_barrier",
    "read_served",
    "read_start",
    "repaired",
    "snapshot_durable",
    "snapshot_installed",
    "snapshot_made",
    "start",
    "step_down",
    "transfer_ended",
    "transfer_started",
    "truncate",
    "vote_granted",
];

fn kind(event: &shakedown_raft::Event) -> String {
    match serde_json::to_value(event).expect("plain data") {
        serde_json::Value::Object(fields) => fields.keys().next().expect("a name").clone(),
        name => name.as_str().expect("a name").to_owned(),
    }
}

#[test]
fn every_event_happens_and_every_promise_is_put_to_the_test() {
    let mut missing: BTreeSet<String> = EVENTS.iter().map(|name| (*name).to_owned()).collect();
    let mut open: Option<BTreeSet<String>> = None;
    let mut answered = 0;
    for seed in 0..100 {
        let run = run(seed, None);
        let segments = run.traces.iter().flat_map(|trace| &trace.segments);
        for record in segments.flat_map(|segment| &segment.records) {
            missing.remove(&kind(&record.ev));
        }
        let undecided = run.reports().into_iter();
        let undecided =
            undecided.filter(|r| r.verdict != Verdict::Pass || says_nothing(&r.summary));
        let undecided: BTreeSet<String> = undecided.map(|report| report.check).collect();
        open = Some(open.map_or(undecided.clone(), |open| &open & &undecided));
        answered += run.answered_under_faults;
    }
    assert!(missing.is_empty(), "never happened: {missing:?}");
    assert!(
        open.as_ref().is_some_and(BTreeSet::is_empty),
        "never decided: {open:?}"
    );
    assert!(
        answered > 500,
        "only {answered} answers: too harsh to show anything"
    );
}

/// Whether a check passed because there was nothing to look at.
fn says_nothing(summary: &str) -> bool {
    summary.starts_with("not put to the test")
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in [1, 2, 3] {
        assert_eq!(run(seed, None), run(seed, None), "seed {seed}");
    }
}
