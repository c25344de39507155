//! Beyond the budget a check is inconclusive and says so; a hard key does not keep the others from being decided.

use std::time::Duration;

use serde_json::{Value, json};
use shakedown_checker::{Budget, CheckReport, Register, Verdict, check_linearizability};
use shakedown_history::{History, Op, OpKind, ProcessId};

use crate::PlainRegister;
use crate::simulator::{Shape, simulate};

fn record(ops: &mut Vec<Op>, process: u64, kind: OpKind, f: &str, key: &str, value: Value) {
    ops.push(Op {
        index: ops.len() as u64,
        time: ops.len() as u64,
        process: ProcessId(process),
        kind,
        f: f.into(),
        key: Some(key.into()),
        value,
        node: None,
        error: None,
        witness: None,
        is_final: false,
    });
}

/// A key that no budget of this test decides by the general engine: many concurrent cas in a ring, and then a
/// read of what nobody wrote.
fn hard(ops: &mut Vec<Op>) {
    let ring = |i: u64| json!([i % 5, (i + 1 + i / 5) % 5]);
    record(ops, 1000, OpKind::Invoke, "write", "hard", json!(0));
    record(ops, 1000, OpKind::Ok, "write", "hard", json!(0));
    for i in 0..60 {
        record(ops, i, OpKind::Invoke, "cas", "hard", ring(i));
        record(ops, 100 + i, OpKind::Invoke, "write", "hard", json!(i % 5));
    }
    record(ops, 2000, OpKind::Invoke, "read", "hard", Value::Null);
    record(ops, 2000, OpKind::Ok, "read", "hard", json!("nobody"));
    for i in 0..60 {
        record(ops, i, OpKind::Ok, "cas", "hard", ring(i));
        record(ops, 100 + i, OpKind::Ok, "write", "hard", json!(i % 5));
    }
}

fn easy(ops: &mut Vec<Op>, key: &str, seen: i64) {
    for (f, asked, told) in [
        ("write", json!(1), json!(1)),
        ("read", Value::Null, json!(seen)),
    ] {
        record(ops, 3000, OpKind::Invoke, f, key, asked);
        record(ops, 3000, OpKind::Ok, f, key, told);
    }
}

fn check(ops: Vec<Op>, budget: Budget) -> CheckReport {
    check_linearizability(&History::new(ops).unwrap(), &PlainRegister, budget)
}

const SHORT: Budget = Budget {
    time: Duration::from_millis(300),
    memory_bytes: 1 << 28,
};

#[test]
fn a_hard_key_is_inconclusive_and_named() {
    let mut ops = Vec::new();
    hard(&mut ops);
    easy(&mut ops, "a", 1);
    easy(&mut ops, "b", 1);
    let report = check(ops, SHORT);
    assert_eq!(report.verdict, Verdict::Inconclusive);
    let told = "2 keys linearizable by search; key hard not decided within 300ms: 1 of its 122 returned ops were";
    assert!(report.summary.ends_with(told), "{}", report.summary);
}

#[test]
fn a_hard_key_does_not_mask_a_violation() {
    let mut ops = Vec::new();
    hard(&mut ops);
    easy(&mut ops, "a", 2);
    let report = check(ops, SHORT);
    assert_eq!(report.verdict, Verdict::Violation);
    assert_eq!(report.anomalies[0].key.as_deref(), Some("a"));
    assert!(
        report.summary.contains("key hard not decided"),
        "{}",
        report.summary
    );
}

#[test]
fn memory_ends_too() {
    let mut ops = Vec::new();
    hard(&mut ops);
    let report = check(
        ops,
        Budget {
            time: Duration::from_secs(600),
            memory_bytes: 1 << 20,
        },
    );
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(
        report.summary.contains("within 1048576 bytes"),
        "{}",
        report.summary
    );
}

#[test]
fn the_register_engine_sees_through_it() {
    let mut ops = Vec::new();
    hard(&mut ops);
    let report = check_linearizability(&History::new(ops).unwrap(), &Register, SHORT);
    assert_eq!(report.verdict, Verdict::Violation, "{}", report.summary);
    assert_eq!(report.anomalies[0].kind, "phantom-value");
}

#[test]
fn more_open_ops_than_the_engines_can_tell_apart_are_inconclusive() {
    let mut ops = Vec::new();
    for process in 0..1100 {
        record(
            &mut ops,
            process,
            OpKind::Invoke,
            "write",
            "x",
            json!(process),
        );
    }
    for process in 0..1100 {
        record(&mut ops, process, OpKind::Ok, "write", "x", json!(process));
    }
    let report = check(ops, Budget::default());
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(
        report.summary.contains("more than 1024 ops are open"),
        "{}",
        report.summary
    );
}

#[test]
fn no_time_at_all_decides_nothing_wrongly() {
    for stale in [false, true] {
        let history = simulate(Shape {
            stale,
            ..Shape::default()
        });
        let budget = Budget {
            time: Duration::ZERO,
            memory_bytes: 1 << 20,
        };
        let report = check_linearizability(&history, &Register, budget);
        assert_eq!(report.verdict, Verdict::Inconclusive);
    }
}

#[test]
fn a_history_of_another_model_is_a_harness_error() {
    let mut ops = Vec::new();
    record(&mut ops, 1, OpKind::Invoke, "append", "x", json!(1));
    let report = check(ops, Budget::default());
    assert_eq!(report.verdict, Verdict::HarnessError);
    assert!(
        report
            .summary
            .contains("#0: a register knows read, write and cas"),
        "{}",
        report.summary
    );
}
