//! Planted bugs, and how a simulation finds them.

mod cluster;
#[allow(dead_code, reason = "each test uses a part of this")]
mod random_run;

use std::collections::BTreeMap;
use std::panic;

use random_run::run;
use shakedown_raft::PlantedBug;

fn number(name: &str, default: u64) -> u64 {
    let asked = std::env::var(name).ok();
    asked.map_or(default, |n| n.parse().expect("a number"))
}

/// The bugs that `PLANTED_BUG` names; all without it.
fn bugs() -> Vec<PlantedBug> {
    match std::env::var("PLANTED_BUG") {
        Ok(names) => names.split(',').map(|n| n.parse().expect("a planted bug")).collect(),
        Err(_) => PlantedBug::ALL.to_vec(),
    }
}

#[test]
#[ignore = "takes minutes; says for each planted bug by what and how often it is found"]
fn survey() {
    panic::set_hook(Box::new(|_| {}));
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
