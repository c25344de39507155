//! Whatever is sent, the node answers with a refusal and goes on.

use proptest::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};
use shakedown_history::{LogId, NodeId};
use shakedown_node::api::Transaction;
use shakedown_node::kv::{Applied, Command, OpResult, Outcome};
use shakedown_node::request::{Answer, Ask};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Node, decided, said};

const POSTS: [&str; 4] = ["/v1/txn", "/v1/sessions", "/v1/members", "/v1/leader"];

#[tokio::test]
async fn what_is_no_transaction_is_refused() {
    let node = Node::unreachable(|_| {}).await;
    let deep = "[".repeat(100_000);
    let deep_value = format!(
        r#"{{"client": 1, "seq": 1, "ops": [{{"f": "w", "key": "x", "value": {}{}}}]}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    for body in [
        "",
        "{",
        "null",
        "[]",
        "{}",
        r#"[1, 2, null, [{"f": "r", "key": "x"}]]"#,
        r#"{"ops": []}"#,
        r#"{"ops": [{}]}"#,
        r#"{"ops": [{"f": "x"}]}"#,
        r#"{"ops": [{"f": "r"}]}"#,
        r#"{"ops": [{"f": "r", "key": 7}]}"#,
        r#"{"ops": [{"f": "r", "key": "x", "more": 1}]}"#,
        r#"{"ops": [{"f": "r", "key": "x", "value": 1}]}"#,
        r#"{"ops": [{"f": "r", "key": "x"}], "more": 1}"#,
        r#"{"ops": [{"f": "r", "key": "x"}], "read": "dirty"}"#,
        r#"{"ops": [{"f": "r", "key": "x"}]} x"#,
        r#"{"ops": [{"f": "r", "key": "x"}], "ops": [{"f": "r", "key": "x"}]}"#,
        r#"{"ops": [{"f": "w", "key": "x", "value": 1}]}"#,
        r#"{"client": 1, "ops": [{"f": "w", "key": "x", "value": 1}]}"#,
        r#"{"seq": 1, "ops": [{"f": "w", "key": "x", "value": 1}]}"#,
        r#"{"client": -1, "seq": 1, "ops": [{"f": "w", "key": "x", "value": 1}]}"#,
        r#"{"client": 1, "seq": 18446744073709551616, "ops": [{"f": "w", "key": "x", "value": 1}]}"#,
        r#"{"client": 1, "seq": 1, "ops": [{"f": "w", "key": "x"}]}"#,
        r#"{"client": 1, "seq": 1, "ops": [{"f": "w", "key": "x", "value": 1e999}]}"#,
        r#"{"client": 1, "seq": 1, "ops": [{"f": "w", "key": "x", "value": "\ud800"}]}"#,
        r#"{"client": 1, "seq": 1, "ops": [{"f": "w", "key": "x", "value": 1, "old": 1}]}"#,
        r#"{"client": 1, "seq": 1, "ops": [{"f": "cas", "key": "x", "new": 1}]}"#,
        r#"{"client": 1, "seq": 1, "read": "index", "ops": [{"f": "w", "key": "x", "value": 1}]}"#,
        "\u{0}\u{1}",
        &deep,
        &deep_value,
    ] {
        let reply = node.post("/v1/txn", body.to_owned()).await;
        let start = &body[..body.len().min(90)];
        assert_eq!(reply.error(), (400, "bad-request", true), "{start}");
    }
}

#[tokio::test]
async fn a_refusal_does_not_echo_everything() {
    let node = Node::unreachable(|_| {}).await;
    let long = json!({ "é".repeat(100_000): 1 }).to_string();
    let reply = node.post("/v1/txn", long).await;
    assert!(reply.1["message"].as_str().unwrap().len() <= 300);
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist_are_refused() {
    let node = Node::unreachable(|_| {}).await;
    for (method, path) in [
        (Method::GET, "/v1/txn"),
        (Method::GET, "/v1/sessions"),
        (Method::DELETE, "/v1/members"),
        (Method::PUT, "/v1/leader"),
        (Method::POST, "/v1/status"),
        (Method::POST, "/v1/log"),
        (Method::POST, "/metrics"),
        (Method::GET, "/"),
        (Method::GET, "/v1/txn/"),
        (Method::GET, "/%ff%00"),
    ] {
        let reply = said(node.request(method, path)).await;
        assert_eq!(reply.error(), (400, "bad-request", true), "{path}");
    }
}

#[tokio::test]
async fn what_is_no_http_ends_the_connection_only() {
    let node = Node::unreachable(|_| {}).await;
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(10_000));
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\n\r\nx\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST /v1/txn HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"POST /v1/txn HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        b"POST /v1/txn HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST /v1/txn HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        long.as_bytes(),
        many.as_bytes(),
    ] {
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        // The node may hang up before it has read everything.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
            "{answer:?}"
        );
    }
    assert_eq!(node.get("/v1/status").await.0, 200);
}

/// Answers everything with success.
fn agree(ask: Ask) -> Option<Answer> {
    Some(match ask {
        Ask::Write(bytes) => Answer::Applied(match Command::decode(&bytes) {
            Command::OpenSession { .. } => Applied::Opened(1),
            Command::Transaction { ops, .. } => {
                let results = vec![OpResult::default(); ops.len()];
                Applied::Fresh(decided(Outcome::Done(results)))
            }
            Command::Malformed => panic!("only commands are proposed"),
        }),
        Ask::Read { keys, .. } => {
            let results = vec![OpResult::default(); keys.len()];
            Answer::Applied(Applied::Fresh(decided(Outcome::Done(results))))
        }
        Ask::ChangeMembership(_) => Answer::Changed(LogId::new(1, 1)),
        Ask::TransferLeadership(_) => Answer::Transferred(NodeId(1)),
        Ask::Log { .. } => unreachable!("that is no POST"),
    })
}

fn valid_body() -> impl Strategy<Value = Vec<u8>> {
    let bodies = [
        r#"{"client":1,"seq":2,"ops":[{"f":"cas","key":"x","old":[1,"\n"],"new":{"a":1.5e3}}]}"#,
        r#"{"read":"local","ops":[{"f":"r","key":"x"},{"f":"r","key":""}]}"#,
        r#"{"change":"add","node":"n4","address":"10.0.0.1:7000","disk":"000102030405060708090a0b0c0d0e0f"}"#,
        r#"{"to":"n2"}"#,
    ];
    prop::sample::select(bodies.to_vec()).prop_map(|body| body.as_bytes().to_vec())
}

/// Bytes, or something that is nearly right.
fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>());
    let changes = prop::collection::vec(change, 0..4);
    let nearly = (
        valid_body(),
        changes,
        any::<prop::sample::Index>(),
        any::<bool>(),
    )
        .prop_map(|(mut body, changes, cut, is_cut)| {
            for (at, byte) in changes {
                let at = at.index(body.len());
                body[at] = byte;
            }
            let len = cut.index(body.len());
            body.truncate(if is_cut { len } else { body.len() });
            body
        });
    prop_oneof![nearly, prop::collection::vec(any::<u8>(), 0..300)]
}

async fn survives(node: &Node, path: &str, body: Vec<u8>) -> Result<(), TestCaseError> {
    let reply = node.post(path, body).await;
    if reply.0 == 200 {
        return Ok(());
    }
    prop_assert_eq!(reply.error(), (400, "bad-request", true));
    Ok(())
}

#[test]
fn garbage_in_a_body_is_refused() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let node = runtime.block_on(Node::answering(agree));
    proptest!(ProptestConfig::with_cases(200), |(path in prop::sample::select(POSTS.to_vec()), body in any_body())| {
        runtime.block_on(survives(&node, path, body))?;
    });
}

proptest! {
    /// What gets through can be read by every node.
    #[test]
    fn a_transaction_that_is_accepted_survives_the_log(body in any_body()) {
        if let Ok(Transaction::Writes(command)) = Transaction::parse(&body) {
            prop_assert_eq!(Command::decode(&command.encode()), command);
        }
    }

    #[test]
    fn any_value_survives_the_log(text in r#"[\[{]?("[ -~]{0,4}"|-?[0-9]{1,3}(\.[0-9])?|null)[:,]?("[ -~]"|1)?[\]}]?"#) {
        let body = format!(r#"{{"client":1,"seq":2,"ops":[{{"f":"w","key":"x","value":{text}}}]}}"#);
        let value: Result<Value, _> = serde_json::from_str(&text);
        match (Transaction::parse(body.as_bytes()), value) {
            (Ok(Transaction::Writes(command)), _) => {
                prop_assert_eq!(Command::decode(&command.encode()), command);
            }
            (Ok(other), _) => prop_assert!(false, "{:?}", other),
            (Err(_), value) => prop_assert!(value.is_err(), "{}", text),
        }
    }
}
