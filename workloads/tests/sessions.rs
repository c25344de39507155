//! A client of the node has a session, and takes care that a late request cannot do harm.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use shakedown_history::NodeId;
use shakedown_workloads::{Client, NodeClient, Outcome, Request};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Longer than any of these tests needs.
const AMPLE: Duration = Duration::from_secs(60);

/// Enough for a client that gets no answer.
const SHORT: Duration = Duration::from_millis(200);

/// A request that came to a node.
#[derive(Clone, Debug)]
struct Asked {
    path: String,
    authorization: Option<String>,
    body: Value,
}

/// A node that keeps what it was asked; `answer` gives status and body, or hangs up.
struct Node {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

type Answer = Option<(u16, Value)>;

impl Node {
    async fn start(answer: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (log, answer) = (Arc::clone(&asked), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    while let Some(asked) = receive(&mut stream).await {
                        let count = {
                            let mut log = log.lock().unwrap();
                            log.push(asked.clone());
                            log.len()
                        };
                        let Some((status, body)) = answer(&asked, count) else {
                            return;
                        };
                        let body = body.to_string();
                        let head = format!(
                            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n",
                            body.len()
                        );
                        stream.write_all((head + &body).as_bytes()).await.unwrap();
                    }
                });
            }
        });
        Self { address, asked }
    }

    /// The requests to a path.
    fn asked(&self, path: &str) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|asked| asked.path == path)
            .cloned()
            .collect()
    }

    /// Session and seq of all transactions.
    fn transactions(&self) -> Vec<(u64, u64)> {
        let number = |asked: &Asked, field: &str| asked.body[field].as_u64().unwrap();
        let transactions = self.asked("/v1/txn");
        transactions
            .iter()
            .map(|asked| (number(asked, "client"), number(asked, "seq")))
            .collect()
    }
}

async fn receive(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let (mut path, mut authorization, mut body_len) = (None, None, 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        match line.split_once(": ") {
            _ if path.is_none() => path = line.split(' ').nth(1).map(str::to_owned),
            Some(("content-length", len)) => body_len = len.parse().unwrap(),
            Some(("authorization", value)) => authorization = Some(value.to_owned()),
            _ if line.is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; body_len];
    stream.read_exact(&mut body).await.ok()?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Some(Asked {
        path: path?,
        authorization,
        body,
    })
}

fn client(nodes: &[&Node], timeout: Duration) -> NodeClient {
    let nodes = nodes
        .iter()
        .zip(1..)
        .map(|(node, id)| (NodeId(id), node.address));
    NodeClient::new(nodes.collect(), 0, timeout).unwrap()
}

fn write() -> Request {
    Request {
        f: "write",
        key: Some("k".to_owned()),
        value: json!(5),
    }
}

fn read() -> Request {
    Request {
        f: "read",
        key: Some("k".to_owned()),
        value: Value::Null,
    }
}

fn ok() -> Answer {
    Some((200, json!({"results": [{}]})))
}

fn error(name: &str, definite: bool, leader: Option<&str>) -> Answer {
    Some((
        503,
        json!({"error": name, "definite": definite, "message": "why", "leader": leader}),
    ))
}

/// Opens sessions that are numbered by the requests before.
fn opens(count: usize) -> Answer {
    Some((200, json!({"client": 100 + count})))
}

#[tokio::test]
async fn requests_are_counted_in_one_session() {
    let node = Node::start(|asked, count| match &*asked.path {
        "/v1/sessions" => opens(count),
        _ => ok(),
    })
    .await;
    let mut client = client(&[&node], AMPLE);
    for _ in 0..3 {
        assert!(matches!(client.ask(&write()).await, Outcome::Ok(_)));
    }
    assert_eq!(node.transactions(), [(101, 1), (101, 2), (101, 3)]);
}

#[tokio::test]
async fn reads_need_no_session() {
    let node = Node::start(|_, _| ok()).await;
    let mut client = client(&[&node], AMPLE);
    assert!(matches!(client.ask(&read()).await, Outcome::Ok(_)));
    assert_eq!(node.asked("/v1/sessions").len(), 0);
    assert_eq!(node.asked("/v1/txn")[0].body.get("client"), None);
}

#[tokio::test]
async fn a_failed_opening_is_a_failure_and_nothing_is_asked() {
    for answer in [
        None,
        error("timeout", false, None),
        error("not-leader", true, None),
        Some((200, json!({}))),
    ] {
        let node = Node::start(move |_, _| answer.clone()).await;
        let outcome = client(&[&node], SHORT).ask(&write()).await;
        assert!(matches!(outcome, Outcome::Fail { .. }), "{outcome:?}");
        assert!(node.transactions().is_empty());
    }
}

#[tokio::test]
async fn an_opening_is_tried_again_and_elsewhere() {
    let lonely = Node::start(|asked, _| match &*asked.path {
        "/v1/sessions" => error("not-leader", true, None),
        _ => ok(),
    })
    .await;
    let busy = Node::start(|_, count| match count {
        1 => None,
        2 => error("overloaded", true, None),
        _ => opens(count),
    })
    .await;
    let mut client = client(&[&lonely, &busy], AMPLE);
    assert!(matches!(client.ask(&write()).await, Outcome::Ok(_)));
    assert_eq!(
        client.node(&write()),
        NodeId(1),
        "the request goes home all the same"
    );
    assert_eq!(lonely.transactions(), [(103, 1)]);
}

#[tokio::test]
async fn an_opening_follows_hints() {
    let follower = Node::start(|asked, _| match &*asked.path {
        "/v1/sessions" => error("not-leader", true, Some("n3")),
        _ => ok(),
    })
    .await;
    let bystander = Node::start(|asked, _| panic!("{asked:?}")).await;
    let leader = Node::start(|_, count| opens(count)).await;
    let mut client = client(&[&follower, &bystander, &leader], AMPLE);
    assert!(matches!(client.ask(&write()).await, Outcome::Ok(_)));
    assert!(bystander.asked("/v1/sessions").is_empty());
}

/// Whether the next request is one of another session after this answer.
async fn changes_session(answer: Answer) -> bool {
    let node = Node::start(move |asked, count| match &*asked.path {
        "/v1/sessions" => opens(count),
        _ if count == 2 => answer.clone(),
        _ => ok(),
    })
    .await;
    let mut client = client(&[&node], AMPLE);
    let _ = client.ask(&write()).await;
    let _ = client.ask(&write()).await;
    let transactions = node.transactions();
    assert_eq!(transactions.len(), 2);
    match transactions[1] {
        (101, seq) => assert_eq!(seq, 2),
        (_, seq) => assert_eq!(seq, 1),
    }
    transactions[1].0 != transactions[0].0
}

#[tokio::test]
async fn after_a_request_that_may_arrive_late_a_new_session_begins() {
    assert!(changes_session(None).await);
    assert!(changes_session(error("timeout", false, None)).await);
    assert!(changes_session(error("stale-session", false, None)).await);
    assert!(changes_session(error("session-expired", true, None)).await);
    assert!(!changes_session(error("cas-mismatch", true, None)).await);
    assert!(!changes_session(ok()).await);
}

#[tokio::test]
async fn the_token_goes_with_every_request() {
    let node = Node::start(|asked, count| match &*asked.path {
        "/v1/sessions" => opens(count),
        _ => ok(),
    })
    .await;
    let mut client = client(&[&node], AMPLE).with_token(Some("s3cret".to_owned()));
    assert!(matches!(client.ask(&write()).await, Outcome::Ok(_)));
    let asked = node.asked.lock().unwrap();
    assert_eq!(asked.len(), 2);
    for asked in asked.iter() {
        assert_eq!(asked.authorization.as_deref(), Some("Bearer s3cret"));
    }
}
