//! Wrong plans, wrong files, wrong places: an exit code and a sentence that helps, and nothing started.

use std::process::Command;

use crate::support::{Bench, Outcome, ready_plan, shakedown};

fn outcome(command: &mut Command) -> Outcome {
    Outcome::of(command.output().unwrap())
}

#[test]
fn a_wrong_plan_is_refused_with_its_place_and_starts_nothing() {
    let bench = Bench::new();
    let plan = bench.plan("name: wrong\nnodes: 0\nfautls: {}\n");
    let refused = bench.run(&[&plan]);
    refused.assert_code(2);
    assert!(
        refused.stderr.contains("plan.yaml:2:"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("plan.yaml:3:"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("faults"),
        "it says what was meant: {}",
        refused.stderr
    );
    assert!(!bench.store().exists(), "nothing was started");
}

#[test]
fn an_override_is_checked_like_the_plan() {
    let bench = Bench::new();
    let refused = bench.run(&["--nodes", "0"]);
    refused.assert_code(2);
    let refused = bench.run(&["--planted-bug", "no-such-bug"]);
    refused.assert_code(2);
    assert!(
        refused.stderr.contains("stale-read"),
        "it lists the bugs: {}",
        refused.stderr
    );
}

#[test]
fn validate_names_every_mistake_of_every_file() {
    let bench = Bench::new();
    let wrong = bench.plan("name: wrong\nnodes: many\n");
    let refused = outcome(
        shakedown()
            .arg("validate")
            .args([&ready_plan("smoke"), &wrong]),
    );
    refused.assert_code(2);
    assert!(
        refused.stderr.contains("plan.yaml:2:"),
        "{}",
        refused.stderr
    );
    let good = outcome(
        shakedown()
            .arg("validate")
            .args([ready_plan("smoke"), ready_plan("default")]),
    );
    good.assert_code(0);
}

#[test]
fn a_hostile_history_is_an_error_with_its_line() {
    const HEADER: &str = r#"{"format":"shakedown-history","version":1,"seed":1,"tool":"t"}"#;
    let invoke = |index: u64| {
        format!(
            r#"{{"index":{index},"time":{index},"process":1,"type":"invoke","f":"read","key":"x","value":null}}"#
        )
    };
    let cases = [
        (
            "two open ops",
            format!("{HEADER}\n{}\n{}\n", invoke(0), invoke(1)),
            ":3: ",
        ),
        ("reordered", format!("{HEADER}\n{}\n", invoke(5)), ":2: "),
        (
            "nonsense",
            format!("{HEADER}\nnonsense\n{}\n", invoke(0)),
            ":2: ",
        ),
        ("no header", format!("{}\n", invoke(0)), ":1: "),
        ("nothing", String::new(), ":1: "),
    ];
    let dir = tempfile::tempdir().unwrap();
    for (case, text, place) in cases {
        let file = dir.path().join("history.jsonl");
        std::fs::write(&file, text).unwrap();
        let refused = outcome(shakedown().arg("check").arg(&file));
        refused.assert_code(4);
        assert!(refused.stderr.contains(place), "{case}: {}", refused.stderr);
        assert!(
            !refused.stderr.contains("panicked"),
            "{case}: {}",
            refused.stderr
        );
    }
}

#[test]
fn a_history_of_our_own_format_is_checked_on_its_own() {
    let lines = [
        r#"{"format":"shakedown-history","version":1,"seed":1,"tool":"t"}"#,
        r#"{"index":0,"time":0,"process":1,"type":"invoke","f":"write","key":"x","value":1}"#,
        r#"{"index":1,"time":1,"process":1,"type":"ok","f":"write","key":"x","value":1}"#,
        r#"{"index":2,"time":2,"process":2,"type":"invoke","f":"read","key":"x","value":null}"#,
    ];
    let dir = tempfile::tempdir().unwrap();
    for (read, code) in [("1", 0), ("null", 1)] {
        let ok = format!(
            r#"{{"index":3,"time":3,"process":2,"type":"ok","f":"read","key":"x","value":{read}}}"#
        );
        let file = dir.path().join("history.jsonl");
        std::fs::write(&file, format!("{}\n{ok}\n", lines.join("\n"))).unwrap();
        let mut check = shakedown();
        check.arg("check").arg(&file).args(["--format", "json"]);
        let checked = outcome(&mut check);
        checked.assert_code(code);
        assert_eq!(checked.said["checks"][0]["check"], "linearizability");
    }
}

#[test]
fn a_folder_that_is_no_run_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    for command in ["check", "report"] {
        let refused = outcome(shakedown().arg(command).arg(dir.path()));
        refused.assert_code(4);
        assert!(
            refused.stderr.contains("is not a run directory"),
            "{}",
            refused.stderr
        );
    }
}
