//! Whole runs of real clusters: healthy ones pass, planted bugs are found, and whatever happens there
//! is a verdict, a report, and nothing left behind.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Bench, Outcome, no_sandbox, ready_plan, shakedown};
use serde_json::Value;

fn verdict(run_dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(run_dir.join("verdict.json")).unwrap()).unwrap()
}

/// All that a run must leave, whatever its verdict.
fn assert_complete(outcome: &Outcome) {
    let dir = outcome.path("run_dir");
    for file in [
        "plan.yaml",
        "history.jsonl",
        "faults.jsonl",
        "run.jsonl",
        "verdict.json",
    ] {
        assert!(dir.join(file).exists(), "{file} is missing");
    }
    let page = fs::read_to_string(outcome.path("report")).unwrap();
    assert!(page.contains("Content-Security-Policy"));
}

#[test]
fn a_healthy_cluster_under_faults_passes() {
    if no_sandbox() {
        return;
    }
    let bench = Bench::new();
    let outcome = bench.run(&[&ready_plan("smoke")]);
    outcome.assert_code(0);
    assert_complete(&outcome);
    assert!(outcome.said["ops"].as_u64().unwrap() > 100);
    assert_eq!(
        outcome.said["faults"].as_array().unwrap().len(),
        4,
        "every family bit"
    );
    let again = shakedown()
        .arg("check")
        .arg(outcome.path("run_dir"))
        .output()
        .unwrap();
    assert_eq!(
        again.status.code(),
        Some(0),
        "the files alone lead to the same verdict"
    );
    assert!(bench.store().join("latest/report.html").exists());
    let index = fs::read_to_string(bench.store().join("index.html")).unwrap();
    assert!(index.contains("report.html"));
}

#[test]
fn the_same_cuts_work_as_firewall_rules() {
    if no_sandbox() || !Path::new("/usr/sbin/iptables-restore").exists() {
        println!("skipped: no sandbox or no iptables here");
        return;
    }
    let bench = Bench::new();
    let plan = bench.plan(
        "name: rules\ntime: 6s\nnetwork: iptables\nfaults:\n  partition: {}\nschedule:\n  gap: 300ms..600ms\n  length: 1s..1500ms\n",
    );
    let outcome = bench.run(&[&plan]);
    outcome.assert_code(0);
}

#[test]
fn a_stale_read_is_found_and_explained() {
    if no_sandbox() {
        return;
    }
    let bench = Bench::new();
    let outcome = bench.run(&[&ready_plan("smoke"), "--planted-bug", "stale-read"]);
    outcome.assert_code(1);
    assert_complete(&outcome);
    let verdict = verdict(&outcome.path("run_dir"));
    let check = &verdict["checks"][0];
    assert_eq!(
        (&check["check"], &check["verdict"]),
        (&"linearizability".into(), &"violation".into())
    );
    let anomaly = &check["anomalies"][0];
    assert!(!anomaly["argument"].as_array().unwrap().is_empty());
    assert!(
        anomaly["ops"].as_array().unwrap().len() < 20,
        "the history is cut down"
    );
    let page = fs::read_to_string(outcome.path("report")).unwrap();
    assert!(page.contains("<svg"), "the page draws it");
}

#[test]
fn ctrl_c_heals_stops_and_reports_what_there_is() {
    if no_sandbox() {
        return;
    }
    let bench = Bench::new();
    let mut command = shakedown();
    command.args(["run", &ready_plan("default"), "--format", "json", "--store"]);
    let child = command
        .arg(bench.store())
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(Duration::from_secs(30), "the first op", || {
        history_lines(&bench.store()) > 10
    });
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let outcome = Outcome::of(child.wait_with_output().unwrap());
    outcome.assert_code(3);
    assert_complete(&outcome);
}

#[test]
fn sigkill_leaves_nothing_and_the_run_can_still_be_judged() {
    if no_sandbox() {
        return;
    }
    let bench = Bench::new();
    for delay_ms in [30, 700, 2500] {
        let store = bench.path().join(format!("store-{delay_ms}"));
        let mut command = shakedown();
        command
            .args(["run", &ready_plan("smoke"), "--store"])
            .arg(&store);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(delay_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        let mark = store.display().to_string();
        wait_for(Duration::from_secs(10), "everything to be gone", || {
            processes(&mark).is_empty()
        });
        if store.join("latest/plan.yaml").exists() {
            let run = store.join("latest");
            let judged = shakedown().arg("check").arg(&run).output().unwrap();
            assert_eq!(
                judged.status.code(),
                Some(4),
                "cut off: a harness error, never a pass"
            );
            let reported = shakedown().arg("report").arg(&run).output().unwrap();
            assert_eq!(reported.status.code(), Some(0));
        }
    }
}

#[test]
fn an_ordinary_user_needs_no_root() {
    if no_sandbox() {
        return;
    }
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: not root, so every other test has shown this already");
        return;
    }
    let bench = Bench::new();
    let program = bench.path().join("shakedown");
    fs::copy(env!("CARGO_BIN_EXE_shakedown"), &program).unwrap();
    fs::copy(ready_plan("smoke"), bench.path().join("smoke.yaml")).unwrap();
    let nobody = nix::unistd::Uid::from_raw(65534);
    nix::unistd::chown(bench.path(), Some(nobody), None).unwrap();
    let output = std::process::Command::new(&program)
        .args(["run", "smoke.yaml", "--time", "6s", "--format", "json"])
        .current_dir(bench.path())
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    let outcome = Outcome::of(output);
    // Six seconds are too short for every family: what counts is that the cluster ran and was judged.
    assert!(
        [0, 3].contains(&outcome.code),
        "{:#}\n{}",
        outcome.said,
        outcome.stderr
    );
    assert!(outcome.said["ops"].as_u64().unwrap() > 100);
}

fn wait_for(patience: Duration, what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !done() {
        assert!(Instant::now() < deadline, "waited {patience:?} for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn history_lines(store: &Path) -> usize {
    fs::read_to_string(store.join("latest/history.jsonl")).map_or(0, |text| text.lines().count())
}

/// The processes on this machine whose command line has `mark` in it.
fn processes(mark: &str) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(mark))
        .collect()
}
