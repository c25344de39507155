//! `POST /v1/members` and `POST /v1/leader`.

use reqwest::Method;
use serde_json::{Value, json};
use shakedown_history::{LogId, NodeId};
use shakedown_node::request::{Answer, Ask};
use shakedown_raft::{Change, DiskId, Refusal};

use crate::harness::{Node, said};

#[tokio::test]
async fn every_change_reaches_the_core() {
    let address = || "10.0.0.4:7000".to_owned();
    let (n1, n4) = (NodeId(1), NodeId(4));
    let add = |disk| Change::AddLearner {
        node: n4,
        address: address(),
        disk,
    };
    for (body, change) in [
        (
            json!({"change": "add", "node": "n4", "address": address()}),
            add(None),
        ),
        (
            json!({"change": "add", "node": "n4", "address": address(), "disk": "0f".repeat(16)}),
            add(Some(DiskId(0x0f0f_0f0f_0f0f_0f0f_0f0f_0f0f_0f0f_0f0f))),
        ),
        (
            json!({"change": "promote", "node": "n4"}),
            Change::Promote(n4),
        ),
        (
            json!({"change": "remove", "node": "n4"}),
            Change::Remove(n4),
        ),
        (
            json!({"change": "replace", "old": "n1", "new": "n4"}),
            Change::Replace { old: n1, new: n4 },
        ),
    ] {
        let node = Node::answering(move |ask| match ask {
            Ask::ChangeMembership(asked) => {
                assert_eq!(asked, change);
                Some(Answer::Changed(LogId::new(3, 8)))
            }
            other => panic!("{other:?}"),
        })
        .await;
        let reply = node.post("/v1/members", body.to_string()).await;
        assert_eq!(
            (reply.0, reply.1),
            (200, json!({"witness": {"term": 3, "index": 8}}))
        );
    }
}

#[tokio::test]
async fn what_is_no_change_is_refused() {
    let node = Node::unreachable(|_| {}).await;
    for body in [
        json!({}),
        json!({"change": "drop", "node": "n4"}),
        json!({"change": "add", "node": "n4"}),
        json!({"change": "add", "node": "n4", "address": "somewhere"}),
        json!({"change": "add", "node": "n4", "address": "10.0.0.4:7", "disk": "xyz"}),
        json!({"change": "promote", "node": "4"}),
        json!({"change": "promote", "node": "n4", "more": 1}),
        json!({"change": "replace", "old": "n1"}),
    ] {
        let reply = node.post("/v1/members", body.to_string()).await;
        assert_eq!(reply.error(), (400, "bad-request", true), "{body}");
    }
}

#[tokio::test]
async fn the_leadership_is_handed_over() {
    for (body, to) in [
        ("", None),
        ("{}", None),
        (r#"{"to": "n2"}"#, Some(NodeId(2))),
    ] {
        let node = Node::answering(move |ask| {
            assert!(matches!(ask, Ask::TransferLeadership(asked) if asked == to));
            Some(Answer::Transferred(NodeId(2)))
        })
        .await;
        let reply = node.post("/v1/leader", body).await;
        assert_eq!((reply.0, reply.1), (200, json!({"leader": "n2"})));
    }
    let node = Node::unreachable(|_| {}).await;
    for body in [r#"{"to": 2}"#, r#"{"too": "n2"}"#, "n2"] {
        let reply = node.post("/v1/leader", body).await;
        assert_eq!(reply.error(), (400, "bad-request", true), "{body}");
    }
}

const REMOVE: &str = r#"{"change": "remove", "node": "n2"}"#;

#[tokio::test]
async fn refusals_are_passed_on() {
    for (path, body) in [("/v1/members", REMOVE), ("/v1/leader", "{}")] {
        for (why, status, name) in [
            (
                Refusal::NotLeader {
                    leader: Some(NodeId(3)),
                },
                421,
                "not-leader",
            ),
            (Refusal::NotNow, 503, "not-now"),
            (Refusal::LagsBehind, 503, "lags-behind"),
            (Refusal::LeadershipLost, 503, "leadership-lost"),
            (
                Refusal::NoSuchChange("n2 is no member"),
                409,
                "no-such-change",
            ),
        ] {
            let node = Node::answering(move |_| Some(Answer::Refused(why))).await;
            let reply = node.post(path, body).await;
            assert_eq!(reply.error(), (status, name, true));
            if let Refusal::NoSuchChange(reason) = why {
                assert_eq!(reply.1["message"], Value::from(reason));
            }
        }
    }
}

#[tokio::test]
async fn without_an_answer_nobody_knows() {
    let node = Node::answering(|_| None).await;
    for (path, body) in [("/v1/members", REMOVE), ("/v1/leader", "{}")] {
        let request = node.request(Method::POST, path).body(body);
        let reply = said(request.header("shakedown-timeout-ms", "10")).await;
        assert_eq!(reply.error(), (504, "timeout", false));
    }
}
