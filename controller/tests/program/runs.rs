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
    let mut checks = verdict["checks"].as_array().unwrap().iter();
    let check = checks
        .find(|check| check["check"] == "linearizability")
        .unwrap();
    assert_eq!(check["verdict"], "violation");
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
fn quick_planted_bugs_are_found() {
    if no_sandbox() {
        return;
    }
    let bench = Bench::new();
    let broken = [
        ("ack-before-commit", "client-acknowledgement"),
        ("truncate-always", "committed-never-lost"),
        ("short-quorum", "election-quorum"),
    ];
    for (bug, promise) in broken {
        let outcome = bench.run(&[&ready_plan("smoke"), "--planted-bug", bug]);
        outcome.assert_code(1);
        let verdict = verdict(&outcome.path("run_dir"));
        let mut checks = verdict["checks"].as_array().unwrap().iter();
        let check = checks.find(|check| check["check"] == promise).unwrap();
        assert_eq!(check["verdict"], "violation", "{bug}: {check:#}");
    }
}

#[test]
fn a_campaign_counts_its_seeds_up_and_keeps_to_the_rate() {
    if no_sandbox() {
        return;
    }
    let bench = Bench::new();
    let plan = bench.plan("name: calm\nseed: 7\ntime: 4s\nfaults: {}\nworkload: { rate: 50 }\n");
    let mut command = shakedown();
    command.args([
        "campaign", &plan, "--runs", "2", "--format", "json", "--store",
    ]);
    let outcome = Outcome::of(command.arg(bench.store()).output().unwrap());
    outcome.assert_code(0);
    let runs = outcome.said["runs"].as_array().unwrap();
    let seeds: Vec<_> = runs
        .iter()
        .map(|run| run["seed"].as_u64().unwrap())
        .collect();
    assert_eq!(seeds, [7, 8]);
    for run in runs {
        // 50 a second for four seconds, and a dozen after healing.
        let ops = run["ops"].as_u64().unwrap();
        assert!((50..400).contains(&ops), "{ops} ops");
    }
    assert!(bench.store().join("index.html").exists());
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
fn a_controller_that_breaks_down_is_a_harness_error_with_a_report() {
    if no_sandbox() {
        return;
    }
    let bench = Bench::new();
    let mut command = shakedown();
    command
        .args(["run", &ready_plan("smoke"), "--format", "json", "--store"])
        .arg(bench.store());
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(Duration::from_secs(30), "the first op", || {
        history_lines(&bench.store()) > 10
    });
    // The outer process waits for the sandbox's init, whose child is the controller itself.
    let init = child_of(child.id());
    let inside = nix::unistd::Pid::from_raw(i32::try_from(child_of(init)).unwrap());
    nix::sys::signal::kill(inside, nix::sys::signal::Signal::SIGKILL).unwrap();
    let outcome = Outcome::of(child.wait_with_output().unwrap());
    outcome.assert_code(4);
    assert_complete(&outcome);
    let summary = outcome.said["summary"].as_str().unwrap();
    assert!(
        summary.contains("broke down") && summary.contains("SIGKILL"),
        "{summary}"
    );
    assert_eq!(
        processes(&bench.store().display().to_string()),
        Vec::<String>::new()
    );
}

#[test]
fn a_full_disk_is_the_harness_s_fault_and_the_records_stay_readable() {
    if no_sandbox() || !nix::unistd::geteuid().is_root() {
        println!("skipped: only root can mount a small disk");
        return;
    }
    let bench = Bench::new();
    // A mount namespace of its own: the small disk goes with the shell.
    let script = "mount -t tmpfs -o size=6m tmpfs \"$1\" && \
        \"$2\" run \"$3\" --store \"$1/store\"; echo run $?; \
        \"$2\" check \"$1/store/latest\" --format json > /dev/null; echo check $?";
    let output = std::process::Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(bench.path())
        .arg(env!("CARGO_BIN_EXE_shakedown"))
        .arg(ready_plan("smoke"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("run 4\n") && said.contains("check 4\n"),
        "{said}\n{stderr}"
    );
    assert!(
        stderr.contains("full") || stderr.contains("No space left"),
        "{stderr}"
    );
}

#[test]
fn a_node_that_does_not_start_is_a_harness_error_with_its_last_words() {
    if no_sandbox() {
        return;
    }
    let bench = Bench::new();
    let plan = bench.plan("name: nowhere\ntime: 5s\nfaults: {}\n");
    // The first node's trace cannot be written: its place is taken by a folder, just in time. Where the node
    // was faster, the next run is tried.
    let outcome = (0..20).find_map(|attempt| {
        let store = bench.path().join(format!("store-{attempt}"));
        let mut command = shakedown();
        command
            .args(["run", &plan, "--format", "json", "--store"])
            .arg(&store);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let trace = store.join("latest/trace");
        while !trace.exists() && child.try_wait().unwrap().is_none() {
            std::hint::spin_loop();
        }
        let in_time = fs::create_dir(trace.join("n1.jsonl")).is_ok();
        if !in_time {
            child.kill().unwrap();
        }
        let output = child.wait_with_output().unwrap();
        in_time.then(|| Outcome::of(output))
    });
    let outcome = outcome.expect("one of twenty nodes is slower than making a folder");
    outcome.assert_code(4);
    let summary = outcome.said["summary"].as_str().unwrap();
    assert!(summary.contains("n1.jsonl"), "{summary}");
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
    // By another process: a child that some other test starts meanwhile must not inherit the file while it is
    // open for writing, or it cannot be executed.
    let mut copy = std::process::Command::new("cp");
    assert!(
        copy.arg(env!("CARGO_BIN_EXE_shakedown"))
            .arg(&program)
            .status()
            .unwrap()
            .success()
    );
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

/// The first child of a process.
fn child_of(parent: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    children.split_whitespace().next().unwrap().parse().unwrap()
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
