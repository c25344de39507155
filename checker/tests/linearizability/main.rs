//! The linearizability checker against an oracle that tries every order, and by itself.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod budget;
mod corpus;
mod metamorphic;
mod oracle;
mod script;
mod simulator;
mod witness;

use proptest::prelude::*;
use serde_json::Value;
use shakedown_checker::{
    Budget, Effect, Model, Register, RegisterCall, Verdict, check_linearizability,
};
use shakedown_history::{History, Op, OpKind};
use simulator::{Shape, simulate};

/// The register without the hints that open its own engine.
pub(crate) struct PlainRegister;

impl Model for PlainRegister {
    type State = Value;
    type Call = RegisterCall;

    fn initial(&self) -> Value {
        Register.initial()
    }

    fn call(&self, invocation: &Op, ok: Option<&Op>) -> Result<Option<RegisterCall>, String> {
        Register.call(invocation, ok)
    }

    fn step(&self, state: &Value, call: &RegisterCall) -> Option<Value> {
        Register.step(state, call)
    }

    fn effect(&self, call: &RegisterCall) -> Effect {
        Register.effect(call)
    }
}

pub(crate) fn verdict(history: &History) -> Verdict {
    check_linearizability(history, &Register, Budget::default()).verdict
}

fn agrees_with_oracle(history: &History) -> Result<(), TestCaseError> {
    let expected = match oracle::is_linearizable(history) {
        _ if !history.ops().iter().any(|op| op.kind == OpKind::Ok) => Verdict::Inconclusive,
        true => Verdict::Pass,
        false => Verdict::Violation,
    };
    let general = check_linearizability(history, &PlainRegister, Budget::default());
    prop_assert_eq!(general.verdict, expected, "general engine");
    prop_assert_eq!(verdict(history), expected, "register engine");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn few_values(script in script::scripts(4, 20, 3)) {
        agrees_with_oracle(&script::play(&script, false))?;
    }

    #[test]
    fn two_values(script in script::scripts(5, 22, 2)) {
        agrees_with_oracle(&script::play(&script, false))?;
    }

    #[test]
    fn distinct_values(script in script::scripts(4, 20, 3)) {
        agrees_with_oracle(&script::play(&script, true))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_minimised_history_still_fails_and_cannot_lose_an_op(
        script in script::scripts(4, 22, 3),
        distinct: bool,
    ) {
        let history = script::play(&script, distinct);
        let report = check_linearizability(&history, &Register, Budget::default());
        for anomaly in report.anomalies {
            let mut part = anomaly.ops;
            for (index, op) in (0..).zip(&mut part) {
                op.index = index;
            }
            prop_assert!(!oracle::is_linearizable(&History::new(part).unwrap()), "{}", anomaly.summary);
        }
    }
}

#[test]
fn simulated_histories_are_linearizable_unless_stale() {
    for seed in 0..40 {
        for values in [Some(5), None] {
            for lost_per_mille in [0, 20] {
                for stale in [false, true] {
                    let clients = 3 + usize::try_from(seed).unwrap() % 5;
                    let shape = Shape {
                        ops: 300,
                        clients,
                        values,
                        lost_per_mille,
                        stale,
                        seed,
                        ..Shape::default()
                    };
                    let history = simulate(shape);
                    let expected = if stale {
                        Verdict::Violation
                    } else {
                        Verdict::Pass
                    };
                    assert_eq!(verdict(&history), expected, "{shape:?}");
                }
            }
        }
    }
}

#[test]
fn a_large_failure_is_made_small_and_always_the_same() {
    let shape = Shape {
        ops: 3000,
        values: None,
        stale: true,
        seed: 4,
        ..Shape::default()
    };
    let history = simulate(shape);
    let check = || check_linearizability(&history, &Register, Budget::default());
    let report = check();
    let anomaly = &report.anomalies[0];
    assert_eq!(anomaly.kind, "stale-read", "{}", anomaly.summary);
    assert!(anomaly.ops.len() <= 8, "{} records", anomaly.ops.len());
    assert_eq!(report, check());
}
