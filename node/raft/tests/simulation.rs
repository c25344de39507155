//! Random clusters: messages dropped, doubled, reordered, delayed; nodes killed with what they had not
//! synced, paused, cut off, moved, wiped, with damaged and stalled disks; and then whether Raft kept
//! its promises.
//!
//! One seed decides everything. The promises are checked by the checker that judges real runs, on
//! traces and on the clients' history, and by what only a simulation sees: a healed cluster is one
//! again and serves.

mod cluster;
mod random_run;

use std::panic::catch_unwind;

use random_run::{Finding, run};

/// How many seeds are tried; `SIMULATION_SEEDS` asks for more, `SIMULATION_FIRST` for others.
fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str, default: u64| {
        let asked = std::env::var(name).ok();
        asked.map_or(default, |n| n.parse().expect("a number"))
    };
    let first = number("SIMULATION_FIRST", 0);
    first..first + number("SIMULATION_SEEDS", 150)
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

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in [1, 2, 3] {
        assert_eq!(run(seed, None), run(seed, None), "seed {seed}");
    }
}
