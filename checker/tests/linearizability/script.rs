//! Small register histories by script, for proptest to make and to shrink.

use proptest::prelude::*;
use serde_json::{Value, json};
use shakedown_history::{History, Op, OpKind, ProcessId};

/// What one process does next: it invokes if it has nothing open, else it completes.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    process: u64,
    f: &'static str,
    key: u8,
    values: (u8, u8),
    outcome: OpKind,
    /// Takes effect at the invocation, rather than at the completion.
    early: bool,
    /// Sees this instead of what is there.
    lie: Option<u8>,
}

/// Scripts of up to `turns` turns of `processes` processes over `values` values.
pub(crate) fn scripts(
    processes: u64,
    turns: usize,
    values: u8,
) -> impl Strategy<Value = Vec<Turn>> {
    let f = prop_oneof![3 => Just("read"), 3 => Just("write"), 2 => Just("cas")];
    let outcome =
        prop_oneof![7 => Just(OpKind::Ok), 1 => Just(OpKind::Fail), 2 => Just(OpKind::Info)];
    let lie = prop_oneof![7 => Just(None), 1 => (0..=values).prop_map(Some)];
    let values = (0..values, 0..values);
    let turn = (
        0..processes,
        f,
        prop_oneof![9 => Just(0u8), 1 => Just(1)],
        values,
        outcome,
        any::<bool>(),
        lie,
    )
        .prop_map(|(process, f, key, values, outcome, early, lie)| Turn {
            process,
            f,
            key,
            values,
            outcome,
            early,
            lie,
        });
    prop::collection::vec(turn, 1..=turns)
}

/// An op that is open.
struct Open {
    turn: Turn,
    process: u64,
    effect: Option<Effect>,
}

/// What came of an op: its `ok` value, or that a cas did not match.
enum Effect {
    Ok(Value),
    Mismatch,
}

/// Plays a script. `distinct`: every write writes a value of its own.
pub(crate) fn play(script: &[Turn], distinct: bool) -> History {
    let mut world = World {
        registers: [Value::Null, Value::Null],
        ops: Vec::new(),
    };
    let mut open: Vec<Option<Open>> = Vec::new();
    let mut lives: Vec<u64> = Vec::new();
    for (number, turn) in script.iter().enumerate() {
        let thread = usize::try_from(turn.process).unwrap();
        open.resize_with(open.len().max(thread + 1), || None);
        lives.resize(lives.len().max(thread + 1), 0);
        match open[thread].take() {
            None => {
                let mut turn = turn.clone();
                if distinct {
                    turn.values.1 = 10 + u8::try_from(number).unwrap();
                }
                let process = turn.process + 100 * lives[thread];
                world.record(&turn, process, OpKind::Invoke, turn.question());
                let effect = turn.early.then(|| world.take_effect(&turn));
                open[thread] = Some(Open {
                    turn,
                    process,
                    effect,
                });
            }
            Some(op) => {
                let kind = world.complete(op, turn.outcome);
                lives[thread] += u64::from(kind == OpKind::Info);
            }
        }
    }
    History::new(world.ops).unwrap()
}

struct World {
    registers: [Value; 2],
    ops: Vec<Op>,
}

impl World {
    fn complete(&mut self, op: Open, outcome: OpKind) -> OpKind {
        let Open {
            turn,
            process,
            effect,
        } = op;
        // A fail after an early effect would be a lie of its own kind: also wanted, but rarely.
        let effect = match (effect, outcome) {
            (None, OpKind::Ok) => Some(self.take_effect(&turn)),
            (effect, _) => effect,
        };
        let (kind, value) = match (outcome, effect) {
            (OpKind::Ok, Some(Effect::Ok(value))) => (OpKind::Ok, value),
            (OpKind::Ok, _) => (OpKind::Fail, turn.question()),
            (other, _) => (other, turn.question()),
        };
        self.record(&turn, process, kind, value);
        kind
    }

    fn take_effect(&mut self, turn: &Turn) -> Effect {
        let register = &mut self.registers[usize::from(turn.key)];
        let seen = turn.lie.map_or_else(|| register.clone(), |lie| json!(lie));
        match turn.f {
            "read" => Effect::Ok(seen),
            "write" => {
                *register = json!(turn.values.1);
                Effect::Ok(json!(turn.values.1))
            }
            _ if seen == json!(turn.values.0) => {
                *register = json!(turn.values.1);
                Effect::Ok(json!([turn.values.0, turn.values.1]))
            }
            _ => Effect::Mismatch,
        }
    }

    fn record(&mut self, turn: &Turn, process: u64, kind: OpKind, value: Value) {
        let index = self.ops.len() as u64;
        self.ops.push(Op {
            index,
            time: index * 1_000_000,
            process: ProcessId(process),
            kind,
            f: turn.f.into(),
            key: Some(format!("k{}", turn.key)),
            value,
            node: None,
            error: None,
            witness: None,
            is_final: false,
        });
    }
}

impl Turn {
    fn question(&self) -> Value {
        match self.f {
            "read" => Value::Null,
            "write" => json!(self.values.1),
            _ => json!([self.values.0, self.values.1]),
        }
    }
}
