//! `shakedown bench`: every figure comes out, whatever it is, and nothing stays behind.

use crate::support::{Bench, Outcome, shakedown};

fn bench(bench: &Bench, arguments: &[&str]) -> Outcome {
    let mut command = shakedown();
    command.arg("bench").args(arguments);
    command
        .args(["--format", "json", "--dir"])
        .arg(bench.path());
    let outcome = Outcome::of(command.output().unwrap());
    outcome.assert_code(0);
    let left = bench.path().read_dir().unwrap().count();
    assert_eq!(left, 0, "files stay behind");
    outcome
}

#[test]
fn throughput_is_measured_for_every_load_without_a_rival() {
    let place = Bench::new();
    let arguments = "--against none --connections 1,3 --time 300ms --rounds 1";
    let arguments: Vec<_> = arguments.split(' ').collect();
    let said = bench(&place, &arguments).said;
    assert_eq!(said["figure"], "throughput");
    let rows = said["rows"].as_array().unwrap();
    let loads: Vec<_> = rows
        .iter()
        .map(|row| {
            format!(
                "{} by {}",
                row["operation"].as_str().unwrap(),
                row["connections"]
            )
        })
        .collect();
    assert_eq!(loads, ["put by 1", "put by 3", "get by 1", "get by 3"]);
    for row in rows {
        let median = &row["systems"][0]["median"];
        assert!(median["ops_per_s"].as_f64().unwrap() > 0.0, "{row}");
    }
    let syncs = rows[0]["systems"][0]["median"]["fsyncs_per_s"].as_f64();
    assert!(syncs.unwrap() > 0.0, "puts are synced");
}

#[test]
fn killed_leaders_are_replaced_and_timed() {
    let said = bench(&Bench::new(), &["failover", "--rounds", "2"]).said;
    let rounds = said["rounds_ms"].as_array().unwrap();
    assert_eq!(rounds.len(), 2);
    assert!(rounds.iter().all(|ms| ms.as_f64().unwrap() > 0.0), "{said}");
}

#[test]
fn a_restarted_node_catches_up_and_its_memory_is_known() {
    let arguments = ["restart", "--entries", "500", "--connections", "8"];
    let said = bench(&Bench::new(), &arguments).said;
    assert_eq!(said["entries"], 500);
    assert_eq!(said["memory"].as_array().unwrap().len(), 3);
    let seconds = |name: &str| said[name].as_f64().unwrap();
    assert!(0.0 < seconds("answers_s") && seconds("answers_s") <= seconds("caught_up_s"));
}
