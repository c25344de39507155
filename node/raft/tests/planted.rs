//! Planted bugs, and how a simulation of whole clusters finds them.
//!
//! The table of bugs names for each the check that shows it and a seed with which it does. Whenever the
//! simulation or the core changes, seeds come to mean other runs; `survey` finds them anew:
//!
//! ```text
//! SIMULATION_SURVEY=1 SIMULATION_SEEDS=1000 cargo test --release -p shakedown-raft \
//!     --features planted-bugs --test planted -- --nocapture survey
//! ```

mod cluster;
#[allow(dead_code, reason = "each test uses a part of this")]
mod random_run;

use std::collections::BTreeMap;
use std::panic;

use random_run::{Finding, run};
use shakedown_raft::PlantedBug;

/// How many of the bugs must be found.
const FOUND_MIN: usize = 60;

/// Bugs make nodes find their own state broken, and stop: nobody wants to read of it.
fn hide_panics() {
    let show = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let is_ours = info
            .location()
            .is_some_and(|l| l.file().ends_with("planted.rs"));
        if is_ours {
            show(info);
        }
    }));
}

fn findings(bug: PlantedBug, seed: u64) -> Vec<Finding> {
    panic::catch_unwind(|| run(seed, Some(bug)).findings()).unwrap_or_default()
}

#[test]
fn every_planted_bug_is_found_by_its_check() {
    if !cfg!(feature = "planted-bugs") {
        println!("skipped: built without the feature planted-bugs");
        return;
    }
    hide_panics();
    let shown = |bug: &&PlantedBug| bug.row().simulation.count > 0;
    let bugs: Vec<_> = PlantedBug::ALL.iter().filter(shown).collect();
    let missed: Vec<String> = bugs
        .iter()
        .filter(|bug| {
            let row = bug.row();
            let findings = findings(***bug, row.simulation.seed);
            !findings.iter().any(|found| found.check == row.invariant)
        })
        .map(|bug| {
            format!(
                "{bug} by {} with seed {}",
                bug.row().invariant,
                bug.row().simulation.seed
            )
        })
        .collect();
    assert!(
        missed.is_empty(),
        "not found: {missed:#?}; run the survey anew"
    );
    assert!(
        bugs.len() >= FOUND_MIN,
        "only {} bugs are found",
        bugs.len()
    );
}

#[test]
fn without_the_feature_no_bug_does_anything() {
    if cfg!(feature = "planted-bugs") {
        println!("skipped: built with the feature planted-bugs");
        return;
    }
    for bug in PlantedBug::ALL {
        let seed = bug.row().simulation.seed;
        let (with, without) = (run(seed, Some(*bug)), run(seed, None));
        assert!(
            with == without,
            "{bug} changes what happens with seed {seed}"
        );
    }
}

fn number(name: &str, default: u64) -> u64 {
    let asked = std::env::var(name).ok();
    asked.map_or(default, |n| n.parse().expect("a number"))
}

/// The bugs that `PLANTED_BUG` names; all without it.
fn bugs() -> Vec<PlantedBug> {
    match std::env::var("PLANTED_BUG") {
        Ok(names) => names
            .split(',')
            .map(|n| n.parse().expect("a planted bug"))
            .collect(),
        Err(_) => PlantedBug::ALL.to_vec(),
    }
}

/// Takes minutes, and says for each planted bug by what and how often it is found.
#[test]
fn survey() {
    if std::env::var_os("SIMULATION_SURVEY").is_none() {
        println!("skipped: set SIMULATION_SURVEY to run it");
        return;
    }
    hide_panics();
    let seeds = number("SIMULATION_SEEDS", 200);
    for bug in bugs() {
        let mut by_check: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let (mut found, mut stopped) = (0, 0);
        for seed in 0..seeds {
            let (findings, stops) = panic::catch_unwind(|| {
                let run = run(seed, Some(bug));
                (run.findings(), run.stopped)
            })
            .unwrap_or_default();
            stopped += u64::from(stops > 0);
            found += u64::from(!findings.is_empty());
            for finding in findings {
                by_check.entry(finding.check).or_insert((0, seed)).0 += 1;
            }
        }
        println!("{bug}: {found} of {seeds}, stopped {stopped}: {by_check:?}");
        let telltale = by_check.iter().max_by_key(|(check, (count, _))| {
            // A check names what is broken; that the cluster does not serve only says that something is.
            (*check != "liveness", *count)
        });
        if let Some((check, (count, seed))) = telltale {
            println!("{bug}: \"{check}\" {count} of {seeds} seed {seed}");
        }
    }
}
