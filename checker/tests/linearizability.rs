//! The linearizability checker against the oracle that tries every order.

mod oracle;
mod script;

use proptest::prelude::*;
use serde_json::Value;
use shakedown_checker::{Budget, Effect, Model, Register, RegisterCall, Verdict, check_linearizability};
use shakedown_history::{History, Op};

/// The register without the hints that open its own engine.
struct PlainRegister;

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

fn verdict(history: &History) -> Verdict {
    check_linearizability(history, &Register, Budget::default()).verdict
}

fn agrees_with_oracle(history: &History) -> Result<(), TestCaseError> {
    let expected =
        if oracle::is_linearizable(history) { Verdict::Pass } else { Verdict::Violation };
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
