//! `POST /v1/sessions`.

use serde_json::json;
use shakedown_node::kv::{Applied, Command, SESSIONS_MAX};
use shakedown_node::request::{Answer, Ask};
use shakedown_raft::Refusal;

use crate::harness::Node;

#[tokio::test]
async fn a_session_is_opened_through_the_log() {
    let node = Node::answering(|ask| {
        let Ask::Write(bytes) = ask else {
            panic!("{ask:?}");
        };
        let sessions_max = SESSIONS_MAX;
        assert_eq!(
            Command::decode(&bytes),
            Command::OpenSession { sessions_max }
        );
        Some(Answer::Applied(Applied::Opened(4711)))
    })
    .await;
    for body in ["", "{}"] {
        let reply = node.post("/v1/sessions", body).await;
        assert_eq!((reply.0, reply.1), (200, json!({"client": 4711})));
    }
    for body in ["[]", "{", r#"{"client": 1}"#] {
        let reply = node.post("/v1/sessions", body).await;
        assert_eq!(reply.error(), (400, "bad-request", true), "{body}");
    }
}

#[tokio::test]
async fn only_a_leader_opens_sessions() {
    let refusal = Refusal::NotLeader { leader: None };
    let node = Node::answering(move |_| Some(Answer::Refused(refusal))).await;
    let reply = node.post("/v1/sessions", "").await;
    assert_eq!(reply.error(), (421, "not-leader", true));
}
