//! The system's own order: used where it is right, and never believed.

use shakedown_checker::{Budget, Register, Verdict, check_linearizability};
use shakedown_history::{History, Index, Op, OpKind};

use crate::simulator::{Shape, simulate};

fn with_witness(stale: bool, seed: u64) -> History {
    simulate(Shape {
        ops: 2000,
        keys: 3,
        lost_per_mille: 20,
        witness: true,
        stale,
        seed,
        ..Shape::default()
    })
}

fn lied_about(history: &History, lie: impl Fn(&mut Op)) -> History {
    let mut ops = history.ops().to_vec();
    ops.iter_mut()
        .filter(|op| op.kind == OpKind::Ok)
        .for_each(lie);
    History::new(ops).unwrap()
}

fn check(history: &History) -> (Verdict, String) {
    let report = check_linearizability(history, &Register, Budget::default());
    (report.verdict, report.summary)
}

#[test]
fn the_right_order_decides_without_a_search() {
    let (verdict, summary) = check(&with_witness(false, 1));
    assert_eq!(verdict, Verdict::Pass);
    assert!(
        summary.ends_with("3 keys linearizable in the system's own order, verified"),
        "{summary}"
    );
}

#[test]
fn a_wrong_order_does_not_harm_a_good_history() {
    for seed in 0..5 {
        let lies = lied_about(&with_witness(false, seed), |op| {
            if let Some(witness) = &mut op.witness {
                witness.index = Index(op.index % 7);
            }
        });
        let (verdict, summary) = check(&lies);
        assert_eq!(verdict, Verdict::Pass);
        assert!(
            summary.ends_with("3 keys linearizable by search"),
            "{summary}"
        );
    }
}

#[test]
fn no_order_saves_a_bad_history() {
    for seed in 0..5 {
        let history = with_witness(true, seed);
        assert_eq!(check(&history).0, Verdict::Violation);
        let lies = lied_about(&history, |op| op.witness = None);
        assert_eq!(check(&lies).0, Verdict::Violation);
    }
}

#[test]
fn an_order_against_real_time_is_not_believed() {
    // The values fit the claimed order; only time does not.
    let history = with_witness(false, 9);
    let mut ops: Vec<Op> = history.ops().to_vec();
    let read = ops
        .iter()
        .position(|op| op.kind == OpKind::Ok && op.f == "read" && !op.value.is_null());
    let read = read.unwrap();
    let (key, value) = (ops[read].key.clone(), ops[read].value.clone());
    // Another read that sees the same, by the same claim, at the end of the history.
    for kind in [OpKind::Invoke, OpKind::Ok] {
        let mut late = ops[read].clone();
        late.index = ops.len() as u64;
        late.time = ops[ops.len() - 1].time + 1;
        late.process.0 = 1 << 40;
        late.kind = kind;
        late.value = if kind == OpKind::Ok {
            value.clone()
        } else {
            serde_json::Value::Null
        };
        ops.push(late);
    }
    let replaced = ops[read..]
        .iter()
        .any(|op| op.kind == OpKind::Ok && op.f == "write" && op.key == key && op.value != value);
    assert!(replaced);
    let (_, summary) = check(&History::new(ops).unwrap());
    assert!(
        summary.contains("2 keys linearizable in the system's own order"),
        "{summary}"
    );
}
