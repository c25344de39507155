//! The state machine: atomic transactions, exactly-once sessions, digests.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn command(client: u64, seq: u64, ops: Value) -> Command {
    let client = ClientSeq { client, seq };
    let ops = serde_json::from_value(ops).unwrap();
    Command { client, ops }
}

fn done(applied: &Applied) -> Value {
    match applied {
        Applied::Fresh(Decision {
            outcome: Outcome::Done(results),
            ..
        }) => json!(results),
        other => panic!("not done: {other:?}"),
    }
}

#[test]
fn micro_ops_see_each_others_effects() {
    let mut store = Store::new(Sessions::Kept);
    let applied = store.apply(
        LogId::new(1, 2),
        command(
            7,
            1,
            json!([
                {"f": "r", "key": "x"}, {"f": "w", "key": "x", "value": 7},
                {"f": "cas", "key": "x", "old": 7, "new": {"a": 8}}, {"f": "r", "key": "x"},
                {"f": "append", "key": "l", "value": 1}, {"f": "append", "key": "l", "value": 2},
                {"f": "r", "key": "l"}
            ]),
        ),
    );
    assert_eq!(
        done(&applied),
        json!([{"value": null}, {}, {}, {"value": {"a": 8}}, {}, {}, {"value": [1, 2]}])
    );
    assert!(applied.has_effect());
}

#[test]
fn a_refused_transaction_takes_no_effect_at_all() {
    let mut store = Store::new(Sessions::Kept);
    let setup =
        json!([{"f": "w", "key": "x", "value": 1}, {"f": "append", "key": "l", "value": 1}]);
    let _ = store.apply(LogId::new(1, 1), command(1, 1, setup));
    let (before, _) = store.digest();
    let touch = json!([
        {"f": "append", "key": "l", "value": 2}, {"f": "w", "key": "l", "value": 0},
        {"f": "w", "key": "new", "value": 0}, {"f": "append", "key": "m", "value": 0},
        {"f": "append", "key": "m", "value": 1}
    ]);
    for (seq, last, refusal) in [
        (
            2,
            json!({"f": "cas", "key": "x", "old": 2, "new": 3}),
            "CasMismatch",
        ),
        (
            3,
            json!({"f": "append", "key": "x", "value": 3}),
            "NotAList",
        ),
    ] {
        let mut ops = touch.clone();
        ops.as_array_mut().unwrap().push(last);
        let applied = store.apply(LogId::new(1, seq), command(1, seq, ops));
        assert!(format!("{applied:?}").contains(refusal), "{applied:?}");
        assert!(!applied.has_effect());
        assert_eq!(store.digest().0, before);
    }
}

#[test]
fn a_request_takes_effect_once_and_keeps_its_answer() {
    let mut store = Store::new(Sessions::Kept);
    let request = command(
        1,
        5,
        json!([{"f": "append", "key": "l", "value": 1}, {"f": "r", "key": "l"}]),
    );
    let first = store.apply(LogId::new(1, 3), request.clone());
    let second = store.apply(LogId::new(1, 4), request.clone());
    let (Applied::Fresh(fresh), Applied::Repeated(repeated)) = (&first, &second) else {
        panic!("{first:?} {second:?}");
    };
    assert_eq!((fresh, repeated.at), (repeated, LogId::new(1, 3)));
    assert!(first.has_effect() && !second.has_effect());
    let earlier = command(1, 4, json!([{"f": "w", "key": "l", "value": 0}]));
    assert_eq!(store.apply(LogId::new(1, 5), earlier), Applied::Stale);
    assert_eq!(store.read(["l"]), [OpResult::read(json!([1]))]);
}

#[test]
fn without_sessions_a_repeated_request_takes_effect_again() {
    let mut store = Store::new(Sessions::Ignored);
    let request = command(1, 5, json!([{"f": "append", "key": "l", "value": 1}]));
    assert!(store.apply(LogId::new(1, 3), request.clone()).has_effect());
    assert!(store.apply(LogId::new(1, 4), request).has_effect());
    assert_eq!(store.read(["l"]), [OpResult::read(json!([1, 1]))]);
}

#[test]
fn a_command_survives_the_log() {
    let request = command(
        1,
        5,
        json!([{"f": "cas", "key": "k", "old": null, "new": [1.5, "x"]}]),
    );
    assert_eq!(Command::decode(&request.encode()), request);
}

fn any_op() -> impl Strategy<Value = MicroOp> {
    let key = prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned);
    let value = prop_oneof![Just(Value::Null), (0..3).prop_map(Value::from)];
    prop_oneof![
        key.clone().prop_map(|key| MicroOp::Read { key }),
        (key.clone(), value.clone()).prop_map(|(key, value)| MicroOp::Write { key, value }),
        (key.clone(), value.clone(), value.clone())
            .prop_map(|(key, old, new)| MicroOp::CompareAndSet { key, old, new }),
        (key, value).prop_map(|(key, value)| MicroOp::Append { key, value }),
    ]
}

/// The same, written for clarity: work on a copy and keep it only if all went well.
fn oracle(values: &mut BTreeMap<String, Value>, ops: &[MicroOp]) -> bool {
    let mut copy = values.clone();
    for op in ops {
        match op {
            MicroOp::Read { .. } => {}
            MicroOp::Write { key, value } => drop(copy.insert(key.clone(), value.clone())),
            MicroOp::CompareAndSet { key, old, new } => {
                if copy.get(key).unwrap_or(&Value::Null) != old {
                    return false;
                }
                copy.insert(key.clone(), new.clone());
            }
            MicroOp::Append { key, value } => {
                let mut list = match copy.get(key) {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::Array(list)) => list.clone(),
                    Some(_) => return false,
                };
                list.push(value.clone());
                copy.insert(key.clone(), Value::Array(list));
            }
        }
    }
    *values = copy;
    true
}

proptest! {
    #[test]
    fn transactions_are_atomic(transactions in prop::collection::vec(prop::collection::vec(any_op(), 1..6), 1..30)) {
        let mut store = Store::new(Sessions::Kept);
        let mut values = BTreeMap::new();
        for (ops, seq) in transactions.into_iter().zip(1..) {
            let before = store.values.clone();
            let _ = store.preview(ops.clone());
            prop_assert_eq!(&store.values, &before, "a preview changes nothing");
            let expected = oracle(&mut values, &ops);
            let client = ClientSeq { client: 1, seq };
            let applied = store.apply(LogId::new(1, seq), Command { client, ops });
            prop_assert_eq!(applied.has_effect(), expected);
            prop_assert_eq!(&store.values, &values);
        }
    }
}
