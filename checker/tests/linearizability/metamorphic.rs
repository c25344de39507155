//! What must not change a verdict, and what must.

use proptest::prelude::*;
use serde_json::json;
use shakedown_checker::{Budget, Verdict, check_linearizability};
use shakedown_history::{History, Op, OpKind, ProcessId};

use crate::simulator::{Shape, simulate};
use crate::{PlainRegister, oracle, script, verdict};

fn changed(history: &History, change: impl Fn(&mut Op)) -> History {
    let mut ops = history.ops().to_vec();
    ops.iter_mut().for_each(change);
    History::new(ops).unwrap()
}

fn renumbered(mut ops: Vec<Op>) -> History {
    for (index, op) in (0..).zip(&mut ops) {
        op.index = index;
    }
    History::new(ops).unwrap()
}

fn verdict_of_oracle(history: &History) -> Verdict {
    if oracle::is_linearizable(history) {
        Verdict::Pass
    } else {
        Verdict::Violation
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn names_and_clocks_do_not_matter(script in script::scripts(4, 40, 3), shift in 0..1_000_000u64) {
        let history = script::play(&script, false);
        let other = changed(&history, |op| {
            op.time = op.time * 3 + shift;
            op.key = op.key.as_ref().map(|key| format!("renamed {key}"));
            op.process = ProcessId(op.process.0 + shift);
        });
        prop_assert_eq!(verdict(&history), verdict(&other));
    }

    #[test]
    fn a_prefix_of_a_good_history_is_good(script in script::scripts(4, 40, 3), cut in 0..40usize) {
        let history = script::play(&script, true);
        prop_assume!(verdict(&history) == Verdict::Pass);
        let prefix = history.ops()[..cut.min(history.ops().len())].to_vec();
        prop_assert_ne!(verdict(&History::new(prefix).unwrap()), Verdict::Violation);
    }

    #[test]
    fn the_engines_agree_on_larger_histories(
        script in script::scripts(6, 90, 4),
        distinct: bool,
    ) {
        let history = script::play(&script, distinct);
        let general = check_linearizability(&history, &PlainRegister, Budget::default());
        prop_assert_eq!(general.verdict, verdict(&history));
    }
}

/// Small good histories.
fn small(seed: u64) -> History {
    let values = [Some(2), Some(3), None][usize::try_from(seed % 3).unwrap()];
    simulate(Shape {
        ops: 9,
        clients: 3,
        values,
        lost_per_mille: 150,
        seed,
        ..Shape::default()
    })
}

/// Checks what becomes of small good histories; `mutate` gets each and a number to choose by, and returns
/// none if there is nothing to choose. Returns how many of them were bad.
fn mutants(mutate: impl Fn(&History, usize) -> Option<History>) -> usize {
    let mut bad = 0;
    for seed in 0..1500 {
        let Some(mutant) = mutate(&small(seed), usize::try_from(seed / 3).unwrap()) else {
            continue;
        };
        let expected = verdict_of_oracle(&mutant);
        assert_eq!(verdict(&mutant), expected, "seed {seed}");
        bad += usize::from(expected == Verdict::Violation);
    }
    bad
}

/// The position of the one that `choice` chooses.
fn chosen(history: &History, choice: usize, suits: impl Fn(&Op) -> bool) -> Option<usize> {
    let all = history.ops().iter().enumerate().filter(|(_, op)| suits(op));
    let all: Vec<usize> = all.map(|(at, _)| at).collect();
    (!all.is_empty()).then(|| all[choice % all.len()])
}

#[test]
fn a_read_that_sees_another_value_is_caught() {
    let bad = mutants(|history, choice| {
        let read = chosen(history, choice, |op| {
            op.f == "read" && op.kind == OpKind::Ok
        })?;
        let other = chosen(history, choice / 2, |op| op.f == "write")?;
        let mut ops = history.ops().to_vec();
        ops[read].value = ops[other].value.clone();
        Some(History::new(ops).unwrap())
    });
    assert!(bad > 300, "{bad}");
}

#[test]
fn a_write_that_never_was_is_caught() {
    let bad = mutants(|history, choice| {
        let write = chosen(history, choice, |op| {
            op.f == "write" && op.kind == OpKind::Ok
        })?;
        let process = history.ops()[write].process;
        let invoked = history.ops()[..write]
            .iter()
            .rposition(|op| op.process == process && op.kind == OpKind::Invoke)?;
        let mut ops = history.ops().to_vec();
        ops.remove(write);
        ops.remove(invoked);
        ops.iter()
            .any(|op| op.kind == OpKind::Ok)
            .then(|| renumbered(ops))
    });
    assert!(bad > 150, "{bad}");
}

#[test]
fn a_write_reported_as_refused_is_caught() {
    let bad = mutants(|history, choice| {
        let write = chosen(history, choice, |op| {
            op.f == "write" && op.kind == OpKind::Ok
        })?;
        let mut ops = history.ops().to_vec();
        ops[write].kind = OpKind::Fail;
        ops.iter()
            .any(|op| op.kind == OpKind::Ok)
            .then(|| History::new(ops).unwrap())
    });
    assert!(bad > 150, "{bad}");
}

#[test]
fn results_given_to_the_wrong_readers_are_caught() {
    let bad = mutants(|history, choice| {
        let is_read = |op: &Op| op.f == "read" && op.kind == OpKind::Ok;
        let one = chosen(history, choice, is_read)?;
        let two = chosen(history, choice + 1, is_read)?;
        let mut ops = history.ops().to_vec();
        let value = std::mem::replace(&mut ops[one].value, json!(null));
        ops[one].value = std::mem::replace(&mut ops[two].value, value);
        Some(History::new(ops).unwrap())
    });
    assert!(bad > 60, "{bad}");
}
