//! The state machine: atomic transactions and digests.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod replicas;
mod sessions;

/// An op in the short form of requests.
fn op(op: &Value) -> MicroOp {
    let key = op["key"].as_str().unwrap().to_owned();
    let value = |field: &str| Json::from(&op[field]);
    match op["f"].as_str().unwrap() {
        "r" => MicroOp::Read { key },
        "w" => MicroOp::Write {
            key,
            value: value("value"),
        },
        "cas" => MicroOp::CompareAndSet {
            key,
            old: value("old"),
            new: value("new"),
        },
        _ => MicroOp::Append {
            key,
            value: value("value"),
        },
    }
}

fn transaction(client: u64, seq: u64, ops: &Value) -> Command {
    Command::Transaction {
        client: ClientSeq { client, seq },
        ops: ops.as_array().unwrap().iter().map(op).collect(),
    }
}

/// A store that is fed entry after entry.
struct Log {
    store: Store,
    last: u64,
}

impl Log {
    fn new(sessions: Sessions) -> Self {
        let store = Store::new(sessions);
        Self { store, last: 0 }
    }

    /// With a session, whose id is 1.
    fn with_a_session() -> Self {
        let mut log = Self::new(Sessions::Kept);
        assert_eq!(log.open(10), 1);
        log
    }

    fn apply(&mut self, command: Command) -> Applied {
        self.last += 1;
        self.store.apply(LogId::new(1, self.last), command)
    }

    fn open(&mut self, sessions_max: u32) -> u64 {
        match self.apply(Command::OpenSession { sessions_max }) {
            Applied::Opened(client) => client,
            other => panic!("{other:?}"),
        }
    }

    fn transact(&mut self, client: u64, seq: u64, ops: &Value) -> Applied {
        self.apply(transaction(client, seq, ops))
    }

    fn append(&mut self, client: u64, seq: u64, value: u64) -> Applied {
        self.transact(
            client,
            seq,
            &json!([{"f": "append", "key": "l", "value": value}]),
        )
    }

    fn read(&self, key: &str) -> Value {
        let results = self.store.read([key]);
        serde_json::from_str(results[0].value.as_ref().unwrap().as_str()).unwrap()
    }
}

fn done(applied: &Applied) -> Vec<Option<&str>> {
    match applied {
        Applied::Fresh(Decision {
            outcome: Outcome::Done(results),
            ..
        }) => results
            .iter()
            .map(|result| result.value.as_ref().map(Json::as_str))
            .collect(),
        other => panic!("not done: {other:?}"),
    }
}

#[test]
fn micro_ops_see_each_others_effects() {
    let mut log = Log::with_a_session();
    let applied = log.transact(
        1,
        1,
        &json!([
            {"f": "r", "key": "x"}, {"f": "w", "key": "x", "value": 7},
            {"f": "cas", "key": "x", "old": 7, "new": {"a": 8}}, {"f": "r", "key": "x"},
            {"f": "append", "key": "l", "value": 1}, {"f": "append", "key": "l", "value": 2},
            {"f": "r", "key": "l"}
        ]),
    );
    let expected = [
        Some("null"),
        None,
        None,
        Some(r#"{"a":8}"#),
        None,
        None,
        Some("[1,2]"),
    ];
    assert_eq!(done(&applied), expected);
    assert!(applied.has_effect());
}

#[test]
fn a_list_is_a_list_whether_written_or_appended_to() {
    let mut log = Log::with_a_session();
    let ops = json!([
        {"f": "w", "key": "l", "value": []}, {"f": "append", "key": "l", "value": [1]},
        {"f": "w", "key": "n", "value": null}, {"f": "append", "key": "n", "value": 1},
        {"f": "cas", "key": "l", "old": [[1]], "new": [1]}, {"f": "append", "key": "l", "value": "]"},
        {"f": "cas", "key": "absent", "old": null, "new": "["},
        {"f": "r", "key": "l"}, {"f": "r", "key": "n"}, {"f": "r", "key": "absent"}
    ]);
    let applied = log.transact(1, 1, &ops);
    let results = done(&applied);
    assert_eq!(
        results[7..],
        [Some(r#"[1,"]"]"#), Some("[1]"), Some(r#""[""#)]
    );
}

#[test]
fn a_refused_transaction_takes_no_effect_at_all() {
    let mut log = Log::with_a_session();
    log.transact(
        1,
        1,
        &json!([{"f": "w", "key": "x", "value": 1}, {"f": "append", "key": "l", "value": 1}]),
    );
    let (before, _) = log.store.digest();
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
        let applied = log.transact(1, seq, &ops);
        assert!(format!("{applied:?}").contains(refusal), "{applied:?}");
        assert!(!applied.has_effect());
        assert_eq!(log.store.digest().0, before);
        assert_eq!(log.read("l"), json!([1]));
    }
}

#[test]
fn a_command_survives_the_log() {
    let ops =
        json!([{"f": "cas", "key": "k", "old": null, "new": [1.5, "x"]}, {"f": "r", "key": "k"}]);
    for command in [
        transaction(1, 5, &ops),
        Command::OpenSession { sessions_max: 7 },
    ] {
        assert_eq!(Command::decode(&command.encode()), command);
    }
}

#[test]
fn an_entry_without_a_command_has_no_effect() {
    let mut log = Log::with_a_session();
    let before = log.store.digest();
    let write = transaction(1, 1, &json!([{"f": "w", "key": "x", "value": 71}])).encode();
    let garbled = String::from_utf8(write.to_vec())
        .unwrap()
        .replace("71", "7}");
    for bytes in [
        &b"garbage"[..],
        b"",
        garbled.as_bytes(),
        &[&write[..], b"more"].concat(),
    ] {
        let applied = log.apply(Command::decode(bytes));
        assert_eq!(applied, Applied::Malformed, "{bytes:?}");
        assert!(!applied.has_effect());
    }
    assert_eq!(log.store.digest(), before);
}

fn any_op() -> impl Strategy<Value = MicroOp> {
    let key = prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned);
    let value = prop_oneof![
        Just(json!(null)),
        Just(json!([])),
        Just(json!([0, "["])),
        (0..3).prop_map(Value::from)
    ]
    .prop_map(|value| Json::from(&value));
    prop_oneof![
        key.clone().prop_map(|key| MicroOp::Read { key }),
        (key.clone(), value.clone()).prop_map(|(key, value)| MicroOp::Write { key, value }),
        (key.clone(), value.clone(), value.clone())
            .prop_map(|(key, old, new)| MicroOp::CompareAndSet { key, old, new }),
        (key, value).prop_map(|(key, value)| MicroOp::Append { key, value }),
    ]
}

fn parsed(json: &Json) -> Value {
    serde_json::from_str(json.as_str()).unwrap()
}

/// The same, written for clarity: work on a copy and keep it only if all went well.
fn oracle(values: &mut BTreeMap<String, Value>, ops: &[MicroOp]) -> bool {
    let mut copy = values.clone();
    for op in ops {
        match op {
            MicroOp::Read { .. } => {}
            MicroOp::Write { key, value } => drop(copy.insert(key.clone(), parsed(value))),
            MicroOp::CompareAndSet { key, old, new } => {
                if copy.get(key).unwrap_or(&Value::Null) != &parsed(old) {
                    return false;
                }
                copy.insert(key.clone(), parsed(new));
            }
            MicroOp::Append { key, value } => {
                let mut list = match copy.get(key) {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::Array(list)) => list.clone(),
                    Some(_) => return false,
                };
                list.push(parsed(value));
                copy.insert(key.clone(), Value::Array(list));
            }
        }
    }
    *values = copy;
    true
}

/// A store that got its contents in the shortest way.
fn rewritten(values: &BTreeMap<String, Value>) -> Store {
    let mut log = Log::with_a_session();
    for (seq, (key, value)) in (1..).zip(values) {
        log.transact(1, seq, &json!([{"f": "w", "key": key, "value": value}]));
    }
    log.store
}

proptest! {
    #[test]
    fn transactions_are_atomic_and_the_digest_tells_contents_only(
        transactions in prop::collection::vec(prop::collection::vec(any_op(), 1..6), 1..30)
    ) {
        let mut log = Log::with_a_session();
        let mut values = BTreeMap::new();
        for (ops, seq) in transactions.into_iter().zip(1..) {
            let before = log.store.save();
            let _ = log.store.preview(ops.clone());
            prop_assert_eq!(log.store.save(), before, "a preview changes nothing");
            let expected = oracle(&mut values, &ops);
            let client = ClientSeq { client: 1, seq };
            let applied = log.apply(Command::Transaction { client, ops });
            prop_assert_eq!(applied.has_effect(), expected);
            for key in ["a", "b", "c"] {
                prop_assert_eq!(&log.read(key), values.get(key).unwrap_or(&Value::Null));
            }
            prop_assert_eq!(log.store.digest().0, rewritten(&values).digest().0);
        }
    }
}
