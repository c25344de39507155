//! What pages say, and that they always say the same.

use shakedown_checker::{CheckReport, RunVerdict, Verdict};
use shakedown_history::History;
use shakedown_report::{IndexPage, RunPage, RunSummary, render_index, render_run};

use crate::fixture;

/// The page's own HTML, a tag a line, without styles, script, policy and data.
fn skeleton(page: &str) -> String {
    let mut text = page.to_owned();
    for (open, close) in [
        ("<style>", "</style>"),
        ("octet-stream\">", "</script>"),
        ("<script>", "</script>"),
    ] {
        while let Some(from) = text.find(open).map(|at| at + open.len()) {
            let to = from + text[from..].find(close).expect("every element is closed");
            if text[from..to] == *"…" {
                break;
            }
            text.replace_range(from..to, "…");
        }
    }
    let hash = text.find("sha256-").expect("the policy names the script");
    let end = hash + text[hash..].find('\'').expect("in quotes");
    text.replace_range(hash..end, "sha256-…");
    text.replace("><", ">\n<")
}

#[test]
fn a_violation_is_argued() {
    insta::assert_snapshot!(skeleton(&render_run(&fixture::violation(20))));
}

#[test]
fn a_run_that_was_cut_off_has_a_page() {
    insta::assert_snapshot!(skeleton(&render_run(&fixture::empty())));
}

fn index(runs: Vec<RunSummary>) -> IndexPage {
    IndexPage {
        title: "nightly".to_owned(),
        tool: "shakedown 0.1.0".to_owned(),
        runs,
        planted_bugs: None,
        notes: Vec::new(),
    }
}

fn summaries() -> Vec<RunSummary> {
    let (broken, cut_off) = (fixture::violation(20), fixture::empty());
    vec![
        RunSummary::of(&broken, "nightly", "1/report.html"),
        RunSummary::of(&cut_off, "smoke", "2/report.html"),
    ]
}

#[test]
fn an_index_groups_what_was_broken() {
    let page = render_index(&IndexPage {
        planted_bugs: Some((5, 6)),
        ..index(summaries())
    });
    insta::assert_snapshot!(skeleton(&page));
}

#[test]
fn without_failures_an_index_says_how_little_that_proves() {
    let pass = RunSummary {
        verdict: Verdict::Pass,
        ..summaries().remove(0)
    };
    let page = render_index(&index(vec![pass; 500]));
    assert!(page.contains("None of 500 runs broke a promise; 500 passed."));
    assert!(page.contains("at most 0.6 % of their kind fail"));
    let none = render_index(&index(Vec::new()));
    assert!(
        none.contains("No run has been recorded here yet.")
            && !none.contains("class=\"opening pass\"")
    );
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let render = || render_run(&fixture::violation(20));
    assert!(render() == render());
    assert!(render_index(&index(summaries())) == render_index(&index(summaries())));
}

#[test]
fn every_verdict_has_a_page() {
    let words = [
        (Verdict::Pass, "Pass", "Every check holds"),
        (Verdict::Violation, "Violation", "gives no anomaly to draw"),
        (
            Verdict::Inconclusive,
            "Inconclusive",
            "does not show that all is well",
        ),
        (
            Verdict::HarnessError,
            "Harness error",
            "says nothing about the system",
        ),
    ];
    for (verdict, word, reason) in words {
        let check = CheckReport::new("coverage", "faults bite", verdict, "what the check said");
        let page = RunPage {
            verdict: RunVerdict::of_checks(vec![check]),
            ..fixture::empty()
        };
        let html = render_run(&page);
        for expected in [word, reason, "what the check said"] {
            assert!(html.contains(expected), "{verdict:?}: no {expected:?}");
        }
    }
    let unchecked = RunPage {
        verdict: RunVerdict::of_checks(Vec::new()),
        ..fixture::empty()
    };
    assert!(render_run(&unchecked).contains("No check has looked at this run."));
}

#[test]
fn what_is_missing_is_said() {
    let page = RunPage {
        history: Some(History::new(Vec::new()).unwrap()),
        notes: vec!["trace/n3.jsonl:17: seq is 9 where 8 is due".to_owned()],
        plan_yaml: String::new(),
        ..fixture::empty()
    };
    let html = render_run(&page);
    for expected in [
        "The history is empty",
        "trace/n3.jsonl:17: seq is 9 where 8 is due",
        "The plan could not be read",
        "Nothing was recorded that could be drawn",
    ] {
        assert!(html.contains(expected), "no {expected:?}");
    }
}

#[test]
fn traces_on_another_clock_are_not_drawn_as_if_on_ours() {
    let mut page = fixture::violation(20);
    assert!(!render_run(&page).contains("are not on the run&#39;s clock"));
    page.header.origin_mono_ns = 0;
    let html = render_run(&page);
    assert!(
        html.contains("The trace of n1 is not drawn"),
        "the page remarks on it"
    );
}

/// What the no-script timeline says about each stretch of a node's life.
#[test]
fn nodes_are_drawn_as_leaders_candidates_down_and_paused() {
    let html = render_run(&fixture::violation(60));
    for expected in [
        "★ t1, 0.400 s to 15.100 s",
        "★ t2, 11.500 s to 22.000 s",
        "down, 22.000 s to 25.000 s",
        "? t3, 23.200 s to 23.600 s",
        "paused, 34.000 s to 37.000 s",
        "★ t5, 36.200 s to 58.029 s",
    ] {
        assert!(html.contains(expected), "no {expected:?}");
    }
}
