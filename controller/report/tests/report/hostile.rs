//! Whatever a key, a value, an error or a node says, it is text.

use serde_json::json;
use shakedown_checker::{Anomaly, CheckReport, RunVerdict, TraceRef};
use shakedown_history::event::Event;
use shakedown_history::{History, NodeId, Op, OpKind, ProcessId, Term};
use shakedown_report::{IndexPage, RunPage, RunSummary, render_index, render_run};

use crate::fixture;

pub(crate) const HOSTILE: &str = "</script><img src=x onerror=\"alert('1')\"><!--&amp;]]>";

/// A run in which every text is hostile.
pub(crate) fn page() -> RunPage {
    let text = || HOSTILE.to_owned();
    let op = |index, kind, error| Op {
        index,
        time: index * 1_000_000,
        process: ProcessId(index / 2),
        kind,
        f: text(),
        key: Some(text()),
        value: json!([HOSTILE, {HOSTILE: HOSTILE}]),
        node: Some(NodeId(1)),
        error,
        witness: None,
        is_final: false,
    };
    let ops = vec![
        op(0, OpKind::Invoke, None),
        op(1, OpKind::Fail, Some(text())),
        op(2, OpKind::Invoke, None),
        op(3, OpKind::Info, Some(text())),
        op(4, OpKind::Invoke, None),
    ];
    let mut page = fixture::violation(20);
    let record = &mut page.traces[0].segments[0].records[2];
    record.ev = Event::StepDown {
        reason: text(),
        seen_term: Term(1),
    };
    let anomaly = Anomaly {
        kind: text(),
        summary: text(),
        argument: vec![text()],
        key: Some(text()),
        ops: ops.clone(),
        trace: vec![TraceRef {
            node: NodeId(1),
            incarnation: 1,
            seq: 3,
            mono: record.mono,
            what: text(),
        }],
    };
    for fault in &mut page.faults {
        (fault.spec.family, fault.spec.summary) = (text(), text());
        (fault.skipped, fault.failed) = (Some(text()), Some(text()));
        fault.evidence.iter_mut().for_each(|e| e.summary = text());
    }
    page.files[0].path = text();
    page.files[0].sha256 = Some(text());
    page.header.tool = text();
    page.header.argv = vec![text()];
    page.header.started = text();
    RunPage {
        name: text(),
        plan_yaml: text(),
        verdict: RunVerdict::of_checks(vec![CheckReport::of_anomalies(
            HOSTILE,
            HOSTILE,
            vec![anomaly],
            HOSTILE,
        )]),
        history: Some(History::new(ops).expect("the ops are well-formed")),
        notes: vec![text()],
        repeat_command: text(),
        ..page
    }
}

#[test]
fn markup_in_data_stays_text() {
    let page = page();
    let index = IndexPage {
        title: HOSTILE.to_owned(),
        tool: HOSTILE.to_owned(),
        runs: vec![RunSummary::of(&page, HOSTILE, "report.html")],
        planted_bugs: None,
        notes: vec![HOSTILE.to_owned()],
    };
    for html in [render_run(&page), render_index(&index)] {
        assert!(!html.contains("<img"), "no element from data");
        assert!(!html.contains("onerror=\""), "no attribute from data");
        assert!(
            html.contains("&lt;/script&gt;&lt;img"),
            "but its text is there"
        );
    }
}

#[test]
fn a_link_to_a_file_never_leaves_the_directory_by_its_scheme() {
    let mut page = fixture::empty();
    page.files[0].path = "javascript:alert(1)".to_owned();
    assert!(render_run(&page).contains("href=\"./javascript:alert(1)\""));
}
