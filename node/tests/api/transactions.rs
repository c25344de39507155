//! `POST /v1/txn`: what becomes of a transaction, and every error.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use shakedown_history::NodeId;
use shakedown_history::event::{ClientSeq, ReadMode};
use shakedown_node::kv::{Applied, Command, Json, MicroOp, OpResult, Outcome};
use shakedown_node::request::{Answer, Ask};
use shakedown_raft::Refusal;
use tokio::sync::mpsc;

use crate::harness::{Node, decided, done, said};

fn write() -> String {
    json!({"client": 7, "seq": 1, "ops": [{"f": "w", "key": "x", "value": 1}]}).to_string()
}

const READ: &str = r#"{"ops": [{"f": "r", "key": "x"}]}"#;

fn json_of(value: &Value) -> Json {
    Json::from(value)
}

#[tokio::test]
async fn a_transaction_reaches_the_log_with_canonical_values() {
    let node = Node::answering(|ask| {
        let Ask::Write(bytes) = ask else {
            panic!("{ask:?}");
        };
        let key = || "k".to_owned();
        let expected = Command::Transaction {
            client: ClientSeq { client: 7, seq: 4 },
            ops: vec![
                MicroOp::Read { key: key() },
                MicroOp::Write {
                    key: key(),
                    value: json_of(&json!({"a": 1, "b": [null]})),
                },
                MicroOp::CompareAndSet {
                    key: key(),
                    old: Json::null(),
                    new: json_of(&json!("é\n")),
                },
                MicroOp::Append {
                    key: key(),
                    value: json_of(&json!(1.0)),
                },
            ],
        };
        assert_eq!(Command::decode(&bytes), expected);
        let read = OpResult::read(json_of(&json!(["v", {"x": 1}])));
        Some(done(vec![
            read,
            OpResult::default(),
            OpResult::default(),
            OpResult::default(),
        ]))
    })
    .await;
    let body = r#" {"seq": 4, "client": 7, "ops": [{"key": "k", "f": "r"},
        {"f": "w", "key": "k", "value": { "b" : [ null ], "a": 1 }},
        {"f": "cas", "key": "k", "old": null, "new": "\u00e9\n"},
        {"f": "append", "key": "k", "value": 1.0}]} "#;
    let reply = node.post("/v1/txn", body).await;
    let expected = json!({"results": [{"value": ["v", {"x": 1}]}, {}, {}, {}],
        "witness": {"term": 2, "index": 9}});
    assert_eq!((reply.0, reply.1), (200, expected));
}

#[tokio::test]
async fn a_repeated_transaction_gets_the_answer_of_the_first() {
    let repeated = Answer::Applied(Applied::Repeated(decided(Outcome::Done(vec![
        OpResult::default(),
    ]))));
    let mut answer = Some(repeated);
    let node = Node::answering(move |_| answer.take()).await;
    let reply = node.post("/v1/txn", write()).await;
    assert_eq!((reply.0, &reply.1["witness"]["index"]), (200, &json!(9)));
}

#[tokio::test]
async fn reads_go_the_way_that_the_client_or_else_the_node_chooses() {
    let answer = |ask| match ask {
        Ask::Read { keys, mode } => {
            assert_eq!(keys, ["x"]);
            Some(done(vec![OpResult::read(json_of(&json!(format!(
                "{mode:?}"
            ))))]))
        }
        other => panic!("{other:?}"),
    };
    for default in [ReadMode::Index, ReadMode::Local] {
        let node = Node::start(answer, |api| api.default_read_mode = default).await;
        for (read, mode) in [
            (json!("index"), ReadMode::Index),
            (json!("lease"), ReadMode::Lease),
            (json!("local"), ReadMode::Local),
            (Value::Null, default),
        ] {
            let body = json!({"read": read, "ops": [{"f": "r", "key": "x"}]});
            let reply = node.post("/v1/txn", body.to_string()).await;
            assert_eq!(reply.1["results"][0]["value"], format!("{mode:?}"));
            let is_stale = reply.1.get("stale") == Some(&json!(true));
            assert_eq!(is_stale, mode == ReadMode::Local, "{reply:?}");
        }
    }
}

/// The answer to a transaction if the driver gives this one.
async fn error_after(body: &str, answer: Answer) -> (u16, String, bool, Value) {
    let mut answer = Some(answer);
    let node = Node::answering(move |_| answer.take()).await;
    let reply = node.post("/v1/txn", body.to_owned()).await;
    let (status, name, definite) = reply.error();
    assert!(reply.1["message"].is_string());
    (status, name.to_owned(), definite, reply.1)
}

#[tokio::test]
async fn every_refusal_of_the_core_is_definite_and_has_its_row() {
    let rows = [
        (Refusal::NotLeader { leader: None }, 421, "not-leader"),
        (Refusal::Overwritten, 503, "overwritten"),
        (Refusal::LeadershipLost, 503, "leadership-lost"),
        (Refusal::Transferring, 503, "transferring"),
        (Refusal::NotNow, 503, "not-now"),
        (Refusal::LagsBehind, 503, "lags-behind"),
        (
            Refusal::NoSuchChange("n9 is no member"),
            409,
            "no-such-change",
        ),
    ];
    for (why, status, name) in rows {
        for body in [&write(), READ] {
            let error = error_after(body, Answer::Refused(why)).await;
            assert_eq!((error.0, &*error.1, error.2), (status, name, true));
        }
    }
    for body in [&write(), READ] {
        let error = error_after(body, Answer::Overloaded).await;
        assert_eq!((error.0, &*error.1, error.2), (503, "overloaded", true));
    }
}

#[tokio::test]
async fn who_does_not_lead_names_the_leader() {
    let leader = Some(NodeId(2));
    let error = error_after(&write(), Answer::Refused(Refusal::NotLeader { leader })).await;
    assert_eq!(error.3["leader"], "n2");
}

#[tokio::test]
async fn what_the_state_machine_refuses_says_what_it_found() {
    let (key, actual) = (|| "x\"".to_owned(), json_of(&json!({"is": [1]})));
    let mismatch = Outcome::CasMismatch {
        key: key(),
        actual: actual.clone(),
    };
    let not_a_list = Outcome::NotAList { key: key(), actual };
    for (outcome, name) in [(mismatch, "cas-mismatch"), (not_a_list, "not-a-list")] {
        let error = error_after(&write(), Answer::Applied(Applied::Fresh(decided(outcome)))).await;
        assert_eq!((error.0, &*error.1, error.2), (409, name, true));
        assert_eq!(
            (&error.3["key"], &error.3["actual"]),
            (&json!("x\""), &json!({"is": [1]}))
        );
        assert_eq!(error.3["witness"], json!({"term": 2, "index": 9}));
    }
}

#[tokio::test]
async fn sessions_refuse_what_they_cannot_remember() {
    for (applied, name, definite) in [
        (Applied::Stale, "stale-session", false),
        (
            Applied::NoSession { expired: true },
            "session-expired",
            false,
        ),
        (
            Applied::NoSession { expired: false },
            "session-expired",
            true,
        ),
    ] {
        let error = error_after(&write(), Answer::Applied(applied)).await;
        assert_eq!((error.0, &*error.1, error.2), (409, name, definite));
    }
}

async fn timed(node: &Node, body: &str, timeout_ms: &str) -> (u16, String, bool) {
    let request = node.request(Method::POST, "/v1/txn").body(body.to_owned());
    let reply = said(request.header("shakedown-timeout-ms", timeout_ms)).await;
    let (status, name, definite) = reply.error();
    (status, name.to_owned(), definite)
}

#[tokio::test]
async fn no_answer_in_time_is_definite_for_reads_only() {
    let node = Node::answering(|_| None).await;
    for (body, definite) in [(&*write(), false), (READ, true)] {
        let error = timed(&node, body, "20").await;
        assert_eq!(error, (504, "timeout".to_owned(), definite));
    }
    for nonsense in ["soon", "-1", "600001", ""] {
        let error = timed(&node, READ, nonsense).await;
        assert_eq!(error, (400, "bad-request".to_owned(), true));
    }
}

/// A node that proposes again at once, and whose driver answers the attempts in turn.
async fn retrying(answers: Vec<Option<Answer>>) -> (Node, Arc<AtomicU64>) {
    let attempts = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&attempts);
    let mut answers = answers.into_iter();
    let driver = move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        answers.next().flatten()
    };
    let node = Node::start(driver, |api| api.retry_after = Duration::from_millis(1)).await;
    (node, attempts)
}

#[tokio::test]
async fn an_undecided_transaction_is_proposed_again() {
    let (node, attempts) = retrying(vec![None, None, Some(done(vec![OpResult::default()]))]).await;
    assert_eq!(node.post("/v1/txn", write()).await.0, 200);
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_refusal_is_definite_only_once_every_attempt_is_decided() {
    let refused = || Some(Answer::Refused(Refusal::Overwritten));
    let (node, _) = retrying(vec![None, refused()]).await;
    let error = timed(&node, &write(), "50").await;
    assert_eq!(
        error,
        (504, "timeout".to_owned(), false),
        "the first may take effect"
    );

    // The id may have been given by the time the first attempt comes through.
    let unknown = Some(Answer::Applied(Applied::NoSession { expired: false }));
    let (node, _) = retrying(vec![None, unknown]).await;
    let error = timed(&node, &write(), "60000").await;
    assert_eq!(error, (409, "session-expired".to_owned(), false));
}

#[tokio::test]
async fn a_driver_that_is_behind_makes_the_node_overloaded() {
    let (requests, _nobody_takes_them) = mpsc::channel(1);
    let node = Node::unreachable(|api| api.requests = requests).await;
    let error = timed(&node, READ, "1").await;
    assert_eq!(error, (504, "timeout".to_owned(), true));
    for body in [READ, &write()] {
        let error = timed(&node, body, "60000").await;
        assert_eq!(error, (503, "overloaded".to_owned(), true));
    }
}
