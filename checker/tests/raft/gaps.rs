//! Traces that cannot show that a promise was kept.

use shakedown_checker::{CheckReport, Verdict, check_traces};
use shakedown_history::{NodeId, NodeTrace};

use crate::story::Story;
use crate::story::membership::learning;

fn legal() -> Story {
    let mut story = Story::of(3);
    story.elect(1, 1, &[1, 2]);
    story.request(1, 1);
    story.replicate(1, &[2]);
    story.commit(1, 2, &[1, 2]);
    story.learn_commit(2, 2);
    story.apply(1);
    story.answer(1, 1, 2);
    story
}

fn nodes() -> Vec<NodeId> {
    (1..=3).map(NodeId).collect()
}

/// What every report says, all alike.
fn all_say(reports: &[CheckReport], verdict: Verdict, clause: &str) {
    for report in reports {
        assert_eq!(
            report.verdict, verdict,
            "{}: {}",
            report.check, report.summary
        );
        assert!(
            report.summary.contains(clause),
            "{}: {}",
            report.check,
            report.summary
        );
    }
}

/// Every promise that a cluster's plain work is about holds for something; the rest says that it was
/// not put to the test.
fn all_hold(reports: &[CheckReport]) {
    let (tested, untested): (Vec<_>, Vec<_>) = reports
        .iter()
        .cloned()
        .partition(|r| r.summary.starts_with("holds for"));
    all_say(
        &untested,
        Verdict::Pass,
        "not put to the test: the traces show no ",
    );
    all_say(&tested, Verdict::Pass, "holds for");
    let names: Vec<&str> = untested.iter().map(|r| r.check.as_str()).collect();
    assert_eq!(
        names,
        [
            "read-index",
            "lease-exclusivity",
            "snapshot-prefix",
            "config-chain",
            "disk-error",
            "repair"
        ]
    );
}

#[test]
fn complete_traces_pass_every_check() {
    all_hold(&legal().reports());
}

#[test]
fn a_node_that_never_joined_need_not_have_run() {
    let mut expected = nodes();
    expected.push(NodeId(4));
    all_hold(&check_traces(&legal().traces(), &expected));
}

#[test]
fn a_node_that_joined_must_have_a_trace() {
    let mut story = Story::with_spares(3, 1);
    story.elect(1, 1, &[1, 2]);
    story.replicate(1, &[2]);
    story.commit(1, 1, &[1, 2]);
    story.change_config(1, learning(&[1, 2, 3], &[4]));
    let traces: Vec<NodeTrace> = story.traces().into_iter().take(3).collect();
    let expected: Vec<NodeId> = (1..=4).map(NodeId).collect();
    all_say(
        &check_traces(&traces, &expected),
        Verdict::Inconclusive,
        "the trace of n4 is missing",
    );
}

#[test]
fn a_missing_trace_is_named() {
    let traces: Vec<NodeTrace> = legal().traces().into_iter().take(2).collect();
    all_say(
        &check_traces(&traces, &nodes()),
        Verdict::Inconclusive,
        "the trace of n3 is missing",
    );
}

#[test]
fn no_traces_show_nothing() {
    all_say(
        &check_traces(&[], &nodes()),
        Verdict::Inconclusive,
        "no node was traced",
    );
    all_say(
        &check_traces(&[], &[]),
        Verdict::Inconclusive,
        "no node was traced",
    );
}

#[test]
fn an_empty_trace_is_named() {
    let mut traces = legal().traces();
    traces[2].segments[0].records.clear();
    all_say(
        &check_traces(&traces, &nodes()),
        Verdict::Inconclusive,
        "the trace of n3 is empty",
    );
}

#[test]
fn a_lost_record_is_named() {
    let mut traces = legal().traces();
    traces[1].segments[0].records.remove(2);
    let reports = check_traces(&traces, &nodes());
    let election_safety = reports
        .iter()
        .find(|r| r.check == "election-safety")
        .unwrap();
    assert_eq!(election_safety.verdict, Verdict::Inconclusive);
    assert!(
        election_safety
            .summary
            .contains("record 4 stands where 3 is due")
    );
}

#[test]
fn an_incarnation_told_twice_is_named() {
    let mut story = legal();
    story.restart(3);
    let mut traces = story.traces();
    traces[2].segments[1].header.incarnation = 1;
    all_say(
        &check_traces(&traces, &nodes()),
        Verdict::Inconclusive,
        "n3 has incarnation 1 twice",
    );
}

#[test]
fn a_violation_counts_even_if_a_trace_is_missing() {
    let mut story = legal();
    story.truncate(2, 2);
    let traces: Vec<NodeTrace> = story.traces().into_iter().take(2).collect();
    let reports = check_traces(&traces, &nodes());
    let lost = reports
        .iter()
        .find(|r| r.check == "committed-never-lost")
        .unwrap();
    assert_eq!(lost.verdict, Verdict::Violation);
}

#[test]
fn a_cluster_of_one_can_pass() {
    let mut story = Story::of(1);
    story.elect(1, 1, &[1]);
    story.request(1, 1);
    story.commit(1, 2, &[1]);
    story.apply(1);
    story.answer(1, 1, 2);
    all_hold(&story.reports());
}
