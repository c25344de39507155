//! The oracle: tries every order of a small register history (Wing & Gong 1993, without any cleverness).

use serde_json::Value;
use shakedown_history::{History, Op, OpKind};

/// One op, in the plainest form.
struct Interval {
    f: String,
    value: Value,
    invoked: u64,
    /// None: it may take effect at any time from its invocation on, or never.
    returned: Option<u64>,
    key: Option<String>,
}

/// Whether some order explains `history`, each key on its own.
pub(crate) fn is_linearizable(history: &History) -> bool {
    let mut ops: Vec<Interval> = history
        .pairs()
        .filter_map(|(i, c)| interval(i, c))
        .collect();
    while let Some(key) = ops.first().map(|op| op.key.clone()) {
        let (this, others): (Vec<_>, Vec<_>) = ops.into_iter().partition(|op| op.key == key);
        assert!(this.len() <= 14, "too many orders to try");
        if !some_order(&Value::Null, &mut this.iter().collect()) {
            return false;
        }
        ops = others;
    }
    true
}

fn interval(invocation: &Op, completion: Option<&Op>) -> Option<Interval> {
    let returned = match completion.map(|c| c.kind) {
        Some(OpKind::Fail) => return None,
        Some(OpKind::Ok) => completion,
        _ if invocation.f == "read" => return None,
        _ => None,
    };
    Some(Interval {
        f: invocation.f.clone(),
        value: returned.unwrap_or(invocation).value.clone(),
        invoked: invocation.index,
        returned: returned.map(|c| c.index),
        key: invocation.key.clone(),
    })
}

fn some_order(state: &Value, left: &mut Vec<&Interval>) -> bool {
    let Some(first_return) = left.iter().filter_map(|op| op.returned).min() else {
        return true;
    };
    for at in 0..left.len() {
        let op = left[at];
        if op.invoked > first_return {
            continue;
        }
        if let Some(next) = step(state, op) {
            left.remove(at);
            let found = some_order(&next, left);
            left.insert(at, op);
            if found {
                return true;
            }
        }
    }
    false
}

fn step(state: &Value, op: &Interval) -> Option<Value> {
    match op.f.as_str() {
        "read" => (op.value == *state).then(|| state.clone()),
        "write" => Some(op.value.clone()),
        "cas" => (op.value[0] == *state).then(|| op.value[1].clone()),
        other => panic!("no {other} in these tests"),
    }
}
