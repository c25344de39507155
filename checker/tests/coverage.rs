//! What a run must show to count, clause by clause.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use serde_json::{Value, json};
use shakedown_checker::{CheckReport, CoverageContract, Verdict, check_coverage};
use shakedown_history::fault::FaultWindow;
use shakedown_history::{
    Configuration, Event, Evidence, FaultId, FaultSpec, Format, History, LogId, NodeId, NodeTrace,
    Op, OpKind, ProcessId, Segment, Term, TraceHeader, TraceRecord,
};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
/// What the machine's monotonic clock showed when the run started.
const ORIGIN: u64 = 77 * SECOND;

/// One run: all times in nanoseconds since its start.
struct Run {
    ops: Vec<Op>,
    faults: Vec<FaultWindow>,
    /// When a leader was elected, and in which term.
    elections: Vec<(u64, u64)>,
    contract: CoverageContract,
}

impl Run {
    /// An op each 100 ms for 10 s; n1, the leader, is cut off from 2 s to 5 s, and n2 elected at 3 s.
    fn good() -> Self {
        let mut run = Self {
            ops: Vec::new(),
            faults: vec![partition(0, 2 * SECOND, 5 * SECOND)],
            elections: vec![(SECOND, 1), (3 * SECOND, 2)],
            contract: CoverageContract::default(),
        };
        for tenth in 0..100 {
            run.op(tenth * 100 * MS, "write", OpKind::Ok);
        }
        run
    }

    /// An op that takes 10 ms.
    fn op(&mut self, time: u64, f: &str, completion: OpKind) {
        for (time, kind) in [(time, OpKind::Invoke), (time + 10 * MS, completion)] {
            let index = self.ops.len() as u64;
            self.ops.push(Op {
                index,
                time,
                process: ProcessId(index / 2),
                kind,
                f: f.into(),
                key: None,
                value: Value::Null,
                node: None,
                error: None,
                witness: None,
                is_final: false,
            });
        }
    }

    /// Nothing is ok from `from` to `to`.
    fn idle(mut self, from: u64, to: u64) -> Self {
        for op in self
            .ops
            .iter_mut()
            .filter(|op| op.time >= from && op.time <= to)
        {
            if op.kind == OpKind::Ok {
                op.kind = OpKind::Info;
            }
        }
        self
    }

    fn fault(mut self, change: impl FnOnce(&mut FaultWindow)) -> Self {
        change(&mut self.faults[0]);
        self
    }

    fn contract(mut self, change: impl FnOnce(&mut CoverageContract)) -> Self {
        change(&mut self.contract);
        self
    }

    fn report(&self) -> CheckReport {
        let history = History::new(self.ops.clone()).unwrap();
        let traces = [trace(&self.elections)];
        check_coverage(&history, &self.faults, &traces, ORIGIN, &self.contract)
    }

    fn passes(&self) {
        let report = self.report();
        assert_eq!(report.verdict, Verdict::Pass, "{}", report.summary);
    }

    fn is_inconclusive(&self, summary: &str) {
        let report = self.report();
        assert_eq!(
            (report.verdict, report.summary.as_str()),
            (Verdict::Inconclusive, summary)
        );
        assert_eq!(report.anomalies, []);
    }
}

fn partition(id: u64, injected: u64, healed: u64) -> FaultWindow {
    let summary = "82 packets dropped".into();
    FaultWindow {
        fault: FaultId(id),
        spec: FaultSpec {
            family: "partition".into(),
            summary: "partition n1 | n2 n3".into(),
            targets: vec![NodeId(1)],
            hits_leader: true,
            deposes_leader: true,
            leaves_majority: true,
            params: Value::Null,
        },
        begun: injected,
        injected: Some(injected),
        healed: Some(healed),
        skipped: None,
        failed: None,
        evidence: vec![Evidence {
            node: Some(NodeId(1)),
            bit: true,
            summary,
            detail: Value::Null,
        }],
    }
}

fn trace(elections: &[(u64, u64)]) -> NodeTrace {
    let record = |(time, term): &(u64, u64)| {
        let last = LogId::default();
        let ev = Event::BecomeLeader {
            last,
            votes: Vec::new(),
            config: Configuration::default(),
        };
        TraceRecord {
            seq: 1,
            mono: ORIGIN + time,
            term: Term(*term),
            ev,
        }
    };
    let header = TraceHeader {
        format: Format::Trace,
        version: 1,
        cluster: "c".into(),
        node: NodeId(1),
        disk: "d".into(),
        incarnation: 1,
    };
    let records = elections.iter().map(record).collect();
    let segment = Segment {
        header,
        records,
        first_line: 1,
        torn: false,
    };
    NodeTrace {
        node: NodeId(1),
        segments: vec![segment],
    }
}

#[test]
fn a_run_whose_faults_bit_and_whose_clients_were_served_counts() {
    let report = Run::good().report();
    assert_eq!(report.verdict, Verdict::Pass);
    assert_eq!(report.summary, "100 ops were ok; 1 of 1 faults bit");
}

#[test]
fn a_run_without_faults_may_count() {
    let mut run = Run::good();
    run.faults.clear();
    run.passes();
}

#[test]
fn a_fault_without_bite_does_not_count() {
    let run = Run::good().fault(|f| {
        f.evidence[0].bit = false;
        f.evidence[0].summary = "0 packets dropped".into();
    });
    run.is_inconclusive("Fault 0 (partition n1 | n2 n3) did not bite n1: 0 packets dropped.");
    run.contract(|c| c.every_fault_bites = false).passes();
}

#[test]
fn a_fault_without_evidence_does_not_count() {
    let run = Run::good().fault(|f| f.evidence.clear());
    run.is_inconclusive("Fault 0 (partition n1 | n2 n3) left no evidence that it bit.");
}

#[test]
fn a_fault_that_was_never_healed_does_not_count() {
    let run = Run::good().fault(|f| f.healed = None);
    run.is_inconclusive(
        "Fault 0 (partition n1 | n2 n3) was never healed, so nothing shows that it bit.",
    );
}

#[test]
fn a_fault_that_never_came_into_force_does_not_count() {
    let run = Run::good().fault(|f| (f.injected, f.healed) = (None, None));
    run.is_inconclusive("The run was cut off before fault 0 (partition n1 | n2 n3) was in force.");
}

#[test]
fn skipped_faults_count_neither_way_unless_all_are() {
    let mut run = Run::good();
    let skipped = |f: &mut FaultWindow| {
        (f.injected, f.healed, f.evidence) = (None, None, Vec::new());
        f.skipped = Some("n1 was down already".into());
    };
    let mut second = partition(1, 6 * SECOND, 7 * SECOND);
    skipped(&mut second);
    run.faults.push(second);
    run.passes();
    run.fault(skipped).is_inconclusive(
        "None of the 2 scheduled faults was injected; the first was not because: n1 was down already.",
    );
}

#[test]
fn a_failed_fault_is_a_harness_error() {
    let run = Run::good().fault(|f| f.failed = Some("no such process".into()));
    let report = run.report();
    assert_eq!(report.verdict, Verdict::HarnessError);
    let says = "The harness failed at fault 0 (partition n1 | n2 n3): no such process.";
    assert!(report.summary.starts_with(says), "{}", report.summary);
}

#[test]
fn clients_must_be_served_while_a_majority_can() {
    let run = Run::good().idle(2 * SECOND, 5 * SECOND);
    run.is_inconclusive(
        "Only 0 ops were ok during the 3.0 s of fault 0 (partition n1 | n2 n3), although a majority could serve; 1 asked for.",
    );
    run.fault(|f| f.spec.leaves_majority = false).passes();
}

#[test]
fn an_op_invoked_before_the_fault_does_not_show_service_during_it() {
    let mut run = Run::good().idle(2 * SECOND - 200 * MS, 6 * SECOND);
    let before = run
        .ops
        .iter()
        .position(|op| op.time == 2 * SECOND - 100 * MS)
        .unwrap();
    run.ops[before + 1].kind = OpKind::Ok;
    run.ops[before].time = 2 * SECOND - MS;
    run.ops[before + 1].time = 2 * SECOND;
    assert_eq!(run.report().verdict, Verdict::Inconclusive);
}

#[test]
fn a_window_in_which_another_fault_takes_the_majority_is_not_asked() {
    let mut run = Run::good().idle(2 * SECOND, 5 * SECOND);
    let mut other = partition(1, 4 * SECOND, 6 * SECOND);
    other.spec.leaves_majority = false;
    run.faults.push(other);
    run.passes();
}

#[test]
fn a_short_window_is_not_asked() {
    let short = Run::good().fault(|f| f.healed = Some(2 * SECOND + 900 * MS));
    let run = short.idle(2 * SECOND, 3 * SECOND);
    run.passes();
    let strict = run.contract(|c| c.shortest_window_asked_ms = 900);
    assert_eq!(strict.report().verdict, Verdict::Inconclusive);
}

#[test]
fn some_ops_must_be_ok_in_the_whole_run() {
    let run = Run::good().contract(|c| c.min_ok_ops = 101);
    run.is_inconclusive("Only 100 ops were ok in the whole run; 101 asked for.");
    let mut idle = Run::good();
    idle.ops.clear();
    idle.faults.clear();
    idle.is_inconclusive("Only 0 ops were ok in the whole run; 1 asked for.");
}

#[test]
fn every_f_must_be_ok_once() {
    let mut run = Run::good();
    run.op(11 * SECOND, "cas", OpKind::Fail);
    run.is_inconclusive("Only 0 of 1 cas ops were ok; 1 asked for.");
    run.op(12 * SECOND, "cas", OpKind::Ok);
    run.passes();
}

#[test]
fn final_reads_are_asked_for_themselves() {
    let mut run = Run::good();
    run.op(11 * SECOND, "read", OpKind::Ok);
    run.op(12 * SECOND, "read", OpKind::Fail);
    let count = run.ops.len();
    for op in &mut run.ops[count - 2..] {
        op.is_final = true;
    }
    run.is_inconclusive("Only 0 of 1 final read ops were ok; 1 asked for.");
}

#[test]
fn a_leader_that_is_hit_must_be_replaced_at_least_once() {
    let mut run = Run::good();
    run.elections.pop();
    run.is_inconclusive(
        "No new leader was elected in any of the 1 fault windows that hit a leader, nor in the 10.0 s after.",
    );
    // Too late, and an election of an old term, do not count.
    run.elections.push((16 * SECOND, 2));
    assert_eq!(run.report().verdict, Verdict::Inconclusive);
    run.elections = vec![(SECOND, 2), (3 * SECOND, 1)];
    assert_eq!(run.report().verdict, Verdict::Inconclusive);
    // One replacement in one of the windows is enough.
    run.elections = vec![(SECOND, 1), (7 * SECOND, 2)];
    run.faults.push(partition(1, 6 * SECOND, 8 * SECOND));
    run.passes();
}

#[test]
fn a_leader_may_be_replaced_while_the_fault_is_brought_into_force() {
    let mut run = Run::good();
    run.elections = vec![(SECOND, 1), (SECOND * 3 / 2, 2)];
    assert_eq!(run.report().verdict, Verdict::Inconclusive);
    run.fault(|f| f.begun = SECOND * 5 / 4).passes();
}

#[test]
fn a_fault_that_deposes_no_leader_need_not_replace_one() {
    let mut run = Run::good();
    run.elections.clear();
    assert_eq!(run.report().verdict, Verdict::Inconclusive);
    run.fault(|f| f.spec.deposes_leader = false).passes();
}

#[test]
fn every_unmet_clause_is_named() {
    let mut run = Run::good().idle(0, 20 * SECOND);
    run.elections.clear();
    let summary = run.report().summary;
    assert_eq!(summary.matches(". ").count(), 3, "{summary}");
}

#[test]
fn a_contract_is_written_in_part() {
    let contract: CoverageContract = serde_json::from_value(json!({ "min_ok_ops": 9 })).unwrap();
    assert_eq!(
        contract,
        CoverageContract {
            min_ok_ops: 9,
            ..CoverageContract::default()
        }
    );
    assert!(serde_json::from_value::<CoverageContract>(json!({ "min_ok": 9 })).is_err());
}
