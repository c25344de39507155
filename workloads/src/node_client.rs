//! A client of the embedded node's HTTP API (`docs/node-api.md`).

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use shakedown_history::{NodeId, Witness};

use crate::client::{Answer, Asking, Client, Outcome};
use crate::workload::Request;

/// How often one request follows a hint to another node. Each hop comes after a definite refusal, so
/// nothing is ever done twice.
const HOPS_MAX: u32 = 3;

/// Sessions given to [`NodeClient::new`] are below this; a client's later sessions are above.
const SESSIONS_APART: u64 = 1 << 32;

/// One process's client. It stays with the node that last served it, and goes back to its home node
/// after trouble: clients of a deposed leader keep asking it, as clients in the field do.
pub struct NodeClient {
    http: reqwest::Client,
    nodes: Vec<(NodeId, SocketAddr)>,
    home: usize,
    current: usize,
    session: u64,
    next_seq: u64,
    timeout: Duration,
}

#[derive(Deserialize)]
struct TxnReply {
    results: Vec<MicroResult>,
    witness: Option<Witness>,
}

#[derive(Deserialize)]
struct MicroResult {
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize)]
struct TxnError {
    error: String,
    definite: bool,
    #[serde(default)]
    leader: Option<NodeId>,
    #[serde(default)]
    message: String,
}

/// What one node said.
enum Said {
    Done(Outcome),
    AskOther(NodeId),
}

impl NodeClient {
    /// A client whose home is `nodes[home]`. `session` names it to the cluster and must be unique in
    /// the run; `timeout` bounds one request.
    ///
    /// # Errors
    /// If the HTTP client cannot be set up.
    pub fn new(
        nodes: Vec<(NodeId, SocketAddr)>,
        home: usize,
        session: u64,
        timeout: Duration,
    ) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .timeout(timeout)
            .connect_timeout(timeout)
            .build()?;
        let home = home % nodes.len();
        Ok(Self {
            http,
            nodes,
            home,
            current: home,
            session,
            next_seq: 0,
            timeout,
        })
    }

    async fn ask_nodes(&mut self, request: &Request) -> Outcome {
        self.next_seq += 1;
        let body = transaction(request, self.session, self.next_seq);
        // The timeout bounds the request over all its hops.
        let deadline = tokio::time::Instant::now() + self.timeout;
        for _ in 0..HOPS_MAX {
            let asked = tokio::time::timeout_at(deadline, self.ask_node(request, &body)).await;
            let said = asked.unwrap_or_else(|_| Said::Done(unanswered(request, "timeout")));
            match said {
                Said::AskOther(leader) => match self.position(leader) {
                    Some(position) if position != self.current => self.current = position,
                    _ => return self.no_leader(),
                },
                Said::Done(outcome) => {
                    return self.after(outcome);
                }
            }
        }
        self.no_leader()
    }

    fn after(&mut self, outcome: Outcome) -> Outcome {
        if !matches!(outcome, Outcome::Ok(_)) {
            self.current = self.home;
        }
        if matches!(outcome, Outcome::Info { .. }) {
            // The old request may still be on its way: a new session, as of a new process, lets it
            // arrive late instead of being discarded as outdated.
            self.session += SESSIONS_APART;
            self.next_seq = 0;
        }
        outcome
    }

    fn no_leader(&mut self) -> Outcome {
        self.current = self.home;
        Outcome::Fail {
            error: "not-leader: nobody knows a leader that serves".to_owned(),
        }
    }

    fn position(&self, node: NodeId) -> Option<usize> {
        self.nodes.iter().position(|(id, _)| *id == node)
    }

    async fn ask_node(&self, request: &Request, body: &Value) -> Said {
        let (node, address) = self.nodes[self.current];
        let sent = self
            .http
            .post(format!("http://{address}/v1/txn"))
            .json(body)
            .send()
            .await;
        let response = match sent {
            Ok(response) => response,
            Err(e) if e.is_connect() => {
                return Said::Done(Outcome::Fail {
                    error: format!("no-connection: {}", root(&e)),
                });
            }
            Err(e) if e.is_timeout() => return Said::Done(unanswered(request, "timeout")),
            Err(e) => return Said::Done(unanswered(request, &format!("broken: {}", root(&e)))),
        };
        let ok = response.status().is_success();
        let bytes = match response.bytes().await {
            Ok(bytes) => bytes,
            Err(e) => return Said::Done(unanswered(request, &format!("broken: {}", root(&e)))),
        };
        if ok {
            done(request, node, &bytes)
        } else {
            refused(request, &bytes)
        }
    }
}

impl Client for NodeClient {
    fn node(&self) -> NodeId {
        self.nodes[self.current].0
    }

    fn ask<'a>(&'a mut self, request: &'a Request) -> Asking<'a> {
        Box::pin(self.ask_nodes(request))
    }
}

/// The request as a transaction of one micro-op.
fn transaction(request: &Request, session: u64, seq: u64) -> Value {
    let key = &request.key;
    let op = match request.f {
        "write" => json!({"f": "w", "key": key, "value": request.value}),
        "cas" => json!({"f": "cas", "key": key, "old": request.value[0], "new": request.value[1]}),
        "append" => json!({"f": "append", "key": key, "value": request.value}),
        _ => json!({"f": "r", "key": key}),
    };
    json!({"client": session, "seq": seq, "ops": [op]})
}

fn done(request: &Request, node: NodeId, body: &[u8]) -> Said {
    let outcome = match serde_json::from_slice::<TxnReply>(body) {
        Ok(reply) if reply.results.len() == 1 => {
            let read = reply
                .results
                .into_iter()
                .next()
                .map(|r| r.value)
                .unwrap_or_default();
            let value = if request.is_read() {
                read
            } else {
                request.value.clone()
            };
            Outcome::Ok(Answer {
                value,
                witness: reply.witness,
                node,
            })
        }
        Ok(reply) => unanswered(
            request,
            &format!("{} results for one op", reply.results.len()),
        ),
        Err(e) => unanswered(request, &format!("reply is not of the API: {e}")),
    };
    Said::Done(outcome)
}

fn refused(request: &Request, body: &[u8]) -> Said {
    match serde_json::from_slice::<TxnError>(body) {
        Ok(TxnError {
            definite: true,
            leader: Some(leader),
            ..
        }) => Said::AskOther(leader),
        Ok(TxnError {
            definite: true,
            error,
            message,
            ..
        }) => Said::Done(Outcome::Fail {
            error: format!("{error}: {message}"),
        }),
        Ok(TxnError { error, .. }) => Said::Done(unanswered(request, &error)),
        Err(e) => Said::Done(unanswered(
            request,
            &format!("error is not of the API: {e}"),
        )),
    }
}

/// A read has no effect, so no answer means that nothing happened; of anything else nobody knows.
fn unanswered(request: &Request, error: &str) -> Outcome {
    let error = error.to_owned();
    if request.is_read() {
        Outcome::Fail { error }
    } else {
        Outcome::Info { error }
    }
}

/// The innermost cause, which is what people want to read.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
