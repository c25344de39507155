//! Clusters whose members come and go, whose logs are cut short, and whose leaders hand over.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Bench, Outcome, no_sandbox};

/// The lines of one of a run's files, without its header.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().skip(1);
    lines.map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// What is said to have proved that the faults of a family bit, one list a fault.
fn evidence_of(outcome: &Outcome, family: &str) -> Vec<Vec<String>> {
    let journal = lines(&outcome.path("run_dir").join("faults.jsonl"));
    let ids: Vec<&Value> = journal
        .iter()
        .filter(|line| line["event"]["inject"]["family"] == family)
        .map(|line| &line["fault"])
        .collect();
    let healed = journal
        .iter()
        .filter(|line| ids.contains(&&line["fault"]))
        .filter_map(|line| line["event"]["healed"]["evidence"].as_array());
    let summary = |evidence: &Value| {
        assert_eq!(evidence["bit"], true, "{evidence:#}");
        evidence["summary"].as_str().unwrap().to_owned()
    };
    healed
        .map(|list| list.iter().map(summary).collect())
        .collect()
}

/// How many records of an event the nodes have traced.
fn traced(outcome: &Outcome, event: &str) -> usize {
    let traces = fs::read_dir(outcome.path("run_dir").join("trace")).unwrap();
    let texts = traces.map(|t| fs::read_to_string(t.unwrap().path()).unwrap());
    texts.map(|text| text.matches(event).count()).sum()
}

#[test]
fn nodes_leave_and_vote_again() {
    if no_sandbox() {
        return;
    }
    let bench = Bench::new();
    let plan = bench.plan(
        "name: leaving\ntime: 14s\nnode: { snapshot_every: 200, log_retention: 50 }\nfaults: { membership: }\n\
         schedule: { quiet: 500ms, gap: 200ms..400ms, length: 1500ms }\n",
    );
    let outcome = bench.run(&[&plan]);
    outcome.assert_code(0);
    let faults = evidence_of(&outcome, "membership");
    assert!(faults.len() >= 3, "each change has its turn: {faults:#?}");
    for evidence in &faults {
        let said = evidence.join("\n");
        assert!(
            said.contains("is no member since index") && said.contains("votes again after"),
            "{said}"
        );
    }
    let all = faults.concat().join("\n");
    assert!(all.contains("files removed"), "a disk was wiped: {all}");
}

#[test]
fn who_lags_behind_a_short_log_is_sent_a_snapshot() {
    if no_sandbox() {
        return;
    }
    let bench = Bench::new();
    let plan = bench.plan(
        "name: short-logs\ntime: 10s\nnode: { snapshot_every: 50, log_retention: 10 }\n\
         faults:\n  kill: { targets: [one, leader] }\n  partition: { shapes: [isolate-one] }\n\
         schedule: { quiet: 500ms, gap: 200ms..400ms, length: 1500ms..1700ms }\n",
    );
    let outcome = bench.run(&[&plan]);
    outcome.assert_code(0);
    assert!(
        traced(&outcome, "snapshot_made") > 10,
        "snapshots are taken"
    );
    let installed = traced(&outcome, "snapshot_installed");
    assert!(installed > 0, "nobody was sent one");
}

#[test]
fn the_leadership_is_handed_on() {
    if no_sandbox() {
        return;
    }
    let bench = Bench::new();
    let plan = bench.plan(
        "name: handing-on\ntime: 8s\nfaults: { transfer: }\n\
         schedule: { quiet: 500ms, gap: 200ms..400ms, length: 2s }\n",
    );
    let outcome = bench.run(&[&plan]);
    outcome.assert_code(0);
    let faults = evidence_of(&outcome, "transfer");
    assert!(faults.len() >= 2, "{faults:#?}");
    assert!(faults.concat().iter().all(|said| said.contains(" → ")));
}

#[test]
fn followers_serve_reads_and_leases_hold_while_clocks_drift_a_little() {
    if no_sandbox() {
        return;
    }
    let bench = Bench::new();
    let plan = bench.plan(
        "name: cheap-reads\ntime: 10s\n\
         node: { election_timeout: 300ms..600ms, read_mode: lease, clock_drift_ppm: 100000 }\n\
         workload: { reads_at: home, timeout: 1s }\n\
         faults:\n  clock: { clocks: [monotonic], offset: 1ms..5ms, rate: 0.95..1.05, targets: [one, leader] }\n  \
         partition: { shapes: [isolate-leader] }\n\
         schedule: { quiet: 500ms, gap: 200ms..400ms, length: 2s }\n",
    );
    let outcome = bench.run(&[&plan]);
    outcome.assert_code(0);
    let ops = lines(&outcome.path("run_dir").join("history.jsonl"));
    let reads = ops
        .iter()
        .filter(|op| op["f"] == "read" && op["type"] == "ok");
    let nodes: std::collections::BTreeSet<_> = reads.map(|op| op["node"].to_string()).collect();
    assert_eq!(nodes.len(), 5, "every node serves reads: {nodes:?}");
}
