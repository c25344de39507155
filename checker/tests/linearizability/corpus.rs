//! Small histories, one phenomenon each, with what the checker says about them.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use shakedown_checker::{Budget, CheckReport, Register, Verdict, check_linearizability};
use shakedown_history::History;

use crate::oracle;

/// The corpus files of one folder with their histories.
fn corpus(folder: &str) -> Vec<(PathBuf, History)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    let read = |path: PathBuf| {
        let history = History::read(&path).unwrap().1;
        (path, history)
    };
    paths.into_iter().map(read).collect()
}

fn check(history: &History) -> CheckReport {
    check_linearizability(history, &Register, Budget::default())
}

fn in_words(path: &Path, report: &CheckReport) -> String {
    let name = path.file_stem().unwrap().to_str().unwrap();
    let mut text = format!("## {name}: {:?}\n{}\n", report.verdict, report.summary);
    for anomaly in &report.anomalies {
        writeln!(text, "\n{}: {}", anomaly.kind, anomaly.summary).unwrap();
        for sentence in &anomaly.argument {
            writeln!(text, "  - {sentence}").unwrap();
        }
        let kept: Vec<String> = anomaly.ops.iter().map(|op| op.index.to_string()).collect();
        writeln!(text, "  records {}", kept.join(" ")).unwrap();
    }
    text.push('\n');
    text
}

#[test]
fn good_histories_pass() {
    let mut text = String::new();
    for (path, history) in corpus("good") {
        assert!(oracle::is_linearizable(&history), "{}", path.display());
        let report = check(&history);
        assert_eq!(report.verdict, Verdict::Pass, "{}", path.display());
        text += &in_words(&path, &report);
    }
    insta::assert_snapshot!(text);
}

#[test]
fn bad_histories_are_explained() {
    let mut text = String::new();
    for (path, history) in corpus("bad") {
        assert!(!oracle::is_linearizable(&history), "{}", path.display());
        let report = check(&history);
        assert_eq!(report.verdict, Verdict::Violation, "{}", path.display());
        text += &in_words(&path, &report);
    }
    insta::assert_snapshot!(text);
}
