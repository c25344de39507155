//! A node that is only its API.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use shakedown_history::event::{ReadMode, Role};
use shakedown_history::{Configuration, Index, LogId, NodeId, Term};
use shakedown_node::api::{self, Api, Limits};
use shakedown_node::driver::NodeStatus;
use shakedown_node::kv::{Applied, Decision, OpResult, Outcome};
use shakedown_node::metrics::Metrics;
use shakedown_node::request::{Answer, Ask, Request};
use shakedown_node::storage::Identity;
use shakedown_raft::Status;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

/// How long requests may take in these tests unless they say otherwise.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// The contract.
pub(crate) const DOCUMENT: &str = include_str!("../../../docs/node-api.md");

pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Arc<Metrics>,
    http: reqwest::Client,
}

/// What the node says: status and body.
#[derive(Debug, PartialEq)]
pub(crate) struct Said(pub(crate) u16, pub(crate) Value);

impl Said {
    /// Status, name and whether it is definite. Every error must have its row in the document.
    pub(crate) fn error(&self) -> (u16, &str, bool) {
        let name = self.1["error"].as_str();
        let name = name.unwrap_or_else(|| panic!("no error: {self:?}"));
        let row = format!("| {} | `{name}` |", self.0);
        assert!(DOCUMENT.contains(&row), "{row} is not in docs/node-api.md");
        (self.0, name, self.1["definite"].as_bool().unwrap())
    }
}

impl Node {
    /// A node whose driver gives this answer to every request, or none.
    pub(crate) async fn answering(
        driver: impl FnMut(Ask) -> Option<Answer> + Send + 'static,
    ) -> Self {
        Self::start(driver, |_| {}).await
    }

    /// A node whose API nobody gets through.
    pub(crate) async fn unreachable(adjust: impl FnOnce(&mut Api)) -> Self {
        Self::start(|ask| panic!("{ask:?} came through"), adjust).await
    }

    /// A node with other settings.
    pub(crate) async fn start(
        mut driver: impl FnMut(Ask) -> Option<Answer> + Send + 'static,
        adjust: impl FnOnce(&mut Api),
    ) -> Self {
        let (requests, mut asked) = mpsc::channel::<Request>(16);
        let metrics = Arc::new(Metrics::default());
        let mut api = api(requests, Arc::clone(&metrics));
        adjust(&mut api);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut unanswered = Vec::new();
            while let Some(Request { ask, answer }) = asked.recv().await {
                match driver(ask) {
                    Some(said) => drop(answer.send(said)),
                    None => unanswered.push(answer),
                }
            }
        });
        tokio::spawn(api::serve(listener, api));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            address,
            metrics,
            http,
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.http.request(method, url)
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Said {
        said(self.request(Method::POST, path).body(body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Said {
        said(self.request(Method::GET, path)).await
    }
}

pub(crate) async fn said(request: RequestBuilder) -> Said {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers()["content-type"].clone();
    assert_eq!(kind, "application/json");
    Said(status, response.json().await.unwrap())
}

fn api(requests: mpsc::Sender<Request>, metrics: Arc<Metrics>) -> Api {
    // Whoever watches a channel keeps its last value, with or without a sender.
    let (_, status) = watch::channel(status());
    Api {
        node: NodeId(1),
        identity: Identity {
            disk: "5f".repeat(16),
            incarnation: 2,
            cluster: "test".to_owned(),
            node: NodeId(1),
        },
        planted_bug: None,
        requests,
        status,
        metrics,
        request_timeout: REQUEST_TIMEOUT,
        retry_after: REQUEST_TIMEOUT,
        default_read_mode: ReadMode::Index,
        token: None,
        limits: Limits::default(),
    }
}

/// A leader's.
pub(crate) fn status() -> NodeStatus {
    NodeStatus {
        raft: Status {
            node: NodeId(1),
            role: Role::Leader,
            term: Term(3),
            leader: Some(NodeId(1)),
            commit_index: Index(120),
            last: LogId::new(3, 121),
            config: Configuration::of_voters([NodeId(1), NodeId(2)]),
            match_indexes: vec![(NodeId(1), Index(121)), (NodeId(2), Index(120))],
        },
        last_applied: Index(119),
        fsyncs: 4711,
        snapshot: Some(LogId::new(2, 100)),
        log_base: LogId::new(2, 90),
        members: BTreeMap::new(),
        transferring_to: None,
        loss: None,
    }
}

/// What came of a transaction in the entry 9 of term 2.
pub(crate) fn decided(outcome: Outcome) -> Decision {
    let at = LogId::new(2, 9);
    Decision { outcome, at }
}

/// A transaction that took effect, with these results.
pub(crate) fn done(results: Vec<OpResult>) -> Answer {
    Answer::Applied(Applied::Fresh(decided(Outcome::Done(results))))
}
