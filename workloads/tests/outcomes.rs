//! What a client makes of every answer that a node can give: only a definite "did not happen" is a failure.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use shakedown_history::jsonl::FORMAT_VERSION;
use shakedown_history::{Format, Header, History, NodeId, OpKind};
use shakedown_workloads::{
    Client, Clock, Drive, Mix, NodeClient, Outcome, Recorder, Register, Request, Tally,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;

const TIMEOUT: Duration = Duration::from_millis(300);

/// What a node of these tests does with every request.
#[derive(Clone)]
enum Node {
    Answers(u16, Value),
    Says(&'static str),
    HangsUp,
    IsSilent,
}

/// Starts a node that opens sessions and treats every transaction alike.
async fn start(node: Node) -> SocketAddr {
    start_with(Node::Answers(200, json!({"client": 71})), node).await
}

/// Starts a node that treats sessions and transactions like this.
async fn start_with(sessions: Node, transactions: Node) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (sessions, transactions) = (sessions.clone(), transactions.clone());
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let node = match request.starts_with(b"POST /v1/sessions ") {
                        true => &sessions,
                        false => &transactions,
                    };
                    let body = match node {
                        Node::HangsUp => return,
                        Node::IsSilent => std::future::pending().await,
                        Node::Says(text) => (200, (*text).to_owned()),
                        Node::Answers(status, body) => (*status, body.to_string()),
                    };
                    let (status, body) = body;
                    let head = format!(
                        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n",
                        body.len()
                    );
                    if stream.write_all((head + &body).as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// An address at which nobody listens.
async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

fn client(nodes: &[SocketAddr]) -> NodeClient {
    let nodes = nodes
        .iter()
        .enumerate()
        .map(|(i, a)| (NodeId(i as u64 + 1), *a))
        .collect();
    NodeClient::new(nodes, 0, TIMEOUT).unwrap()
}

fn write() -> Request {
    Request {
        f: "write",
        key: Some("k0".to_owned()),
        value: json!(5),
    }
}

fn read() -> Request {
    Request {
        f: "read",
        key: Some("k0".to_owned()),
        value: Value::Null,
    }
}

async fn asked(node: Node, request: &Request) -> Outcome {
    client(&[start(node).await]).ask(request).await
}

fn error(name: &str, definite: bool) -> Value {
    json!({"error": name, "definite": definite, "message": "why"})
}

#[tokio::test]
async fn an_answer_carries_value_witness_and_node() {
    let body = json!({"results": [{"value": 9}], "witness": {"term": 2, "index": 8}});
    let Outcome::Ok(answer) = asked(Node::Answers(200, body), &read()).await else {
        panic!("it answered");
    };
    assert_eq!((answer.value, answer.node), (json!(9), NodeId(1)));
    let witness = answer.witness.unwrap();
    assert_eq!((witness.term.0, witness.index.0), (2, 8));
}

#[tokio::test]
async fn a_definite_refusal_is_a_failure() {
    let refused = asked(Node::Answers(409, error("cas-mismatch", true)), &write()).await;
    assert!(matches!(refused, Outcome::Fail { .. }), "{refused:?}");
    let refused = client(&[nobody().await]).ask(&write()).await;
    assert!(
        matches!(refused, Outcome::Fail { .. }),
        "nothing was sent: {refused:?}"
    );
}

#[tokio::test]
async fn whatever_else_happens_to_a_write_nobody_knows() {
    let doubtful = [
        Node::Answers(504, error("timeout", false)),
        Node::Answers(500, json!({"surprise": true})),
        Node::Answers(200, json!({"results": []})),
        Node::Says("<html>it works</html>"),
        Node::HangsUp,
        Node::IsSilent,
    ];
    for node in doubtful {
        let outcome = asked(node, &write()).await;
        assert!(matches!(outcome, Outcome::Info { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_read_without_an_answer_had_no_effect() {
    for node in [
        Node::HangsUp,
        Node::IsSilent,
        Node::Answers(504, error("timeout", false)),
    ] {
        let outcome = asked(node, &read()).await;
        assert!(matches!(outcome, Outcome::Fail { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_hint_leads_to_the_leader_and_the_next_request_goes_there_at_once() {
    let mut hint = error("not-leader", true);
    hint["leader"] = json!("n2");
    let follower = start(Node::Answers(421, hint)).await;
    let leader = start(Node::Answers(200, json!({"results": [{}]}))).await;
    let mut client = client(&[follower, leader]);
    assert_eq!(client.node(&write()), NodeId(1));
    assert!(matches!(client.ask(&write()).await, Outcome::Ok(_)));
    assert_eq!(client.node(&write()), NodeId(2));
}

#[tokio::test]
async fn nodes_that_point_at_each_other_are_not_followed_for_ever() {
    let hint = |leader: &str| {
        let mut hint = error("not-leader", true);
        hint["leader"] = json!(leader);
        Node::Answers(421, hint)
    };
    let mut client = client(&[start(hint("n2")).await, start(hint("n1")).await]);
    assert!(matches!(client.ask(&write()).await, Outcome::Fail { .. }));
}

#[tokio::test]
async fn reads_at_home_stay_there_and_writes_with_the_leader() {
    let mut hint = error("not-leader", true);
    hint["leader"] = json!("n2");
    let follower = start(Node::Answers(421, hint)).await;
    let reader = start(Node::Answers(200, json!({"results": [{"value": 3}]}))).await;
    let mut client = client(&[follower, reader]).with_reads_at_home(true);
    assert!(matches!(client.ask(&write()).await, Outcome::Ok(_)));
    assert_eq!(client.node(&write()), NodeId(2));
    assert_eq!(client.node(&read()), NodeId(1), "reads go home");
    let Outcome::Ok(answer) = client.ask(&read()).await else {
        panic!("the hint leads to somebody who answers");
    };
    assert_eq!((answer.node, answer.value), (NodeId(2), json!(3)));
    assert_eq!(
        client.node(&write()),
        NodeId(2),
        "writes stay with the leader"
    );
}

struct Stopwatch(std::time::Instant);

impl Clock for Stopwatch {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap()
    }
}

#[tokio::test]
async fn processes_end_with_an_indeterminate_op_and_the_history_is_well_formed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.jsonl");
    let header = Header {
        format: Format::History,
        version: FORMAT_VERSION,
        seed: 1,
        tool: "test".to_owned(),
        argv: Vec::new(),
        origin_mono_ns: 0,
        started: String::new(),
    };
    let clock = Box::new(Stopwatch(std::time::Instant::now()));
    let only_writes = Mix {
        read: 0,
        write: 1,
        cas: 0,
    };
    let drive = Drive {
        workload: Arc::new(Mutex::new(Register::new(1, 3, 2, 0.0, only_writes))),
        recorder: Arc::new(Recorder::create(&path, &header, clock).unwrap()),
        tally: Arc::new(Tally::default()),
        seed: 1,
        first_process: 0,
    };
    let node = start(Node::HangsUp).await;
    let clients = (0..3)
        .map(|_| Box::new(client(&[node])) as Box<dyn Client>)
        .collect();
    let (stop, stopped) = watch::channel(false);
    let tally = Arc::clone(&drive.tally);
    let working = tokio::spawn(async move { drive.work(clients, None, stopped).await });
    while tally.completed() < 30 {
        tokio::task::yield_now().await;
    }
    stop.send(true).unwrap();
    let unused = working.await.unwrap().unwrap();
    let (_, history) = History::read(&path).unwrap();
    let ops = history.ops();
    assert!(
        ops.iter()
            .all(|op| op.kind == OpKind::Invoke || op.kind == OpKind::Info)
    );
    assert!(
        ops.iter().all(|op| op.process.0 < unused),
        "fresh numbers are above all used ones"
    );
}
