//! A client of the embedded node's HTTP API (`docs/node-api.md`).

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::RequestBuilder;
use serde::Deserialize;
use serde_json::{Value, json};
use shakedown_history::{NodeId, Witness};
use tokio::time::{Instant, timeout_at};

use crate::client::{Answer, Asking, Client, Outcome};
use crate::workload::Request;

/// How often one request follows a hint to another node. Each hop comes after a definite refusal, so
/// nothing is ever done twice.
const HOPS_MAX: u32 = 3;

/// How long a client waits before it asks for a session again, where nobody leads.
const SESSION_PAUSE: Duration = Duration::from_millis(20);

/// One node may take this share of the client's timeout to open a session; then another is asked.
const SESSION_TIMEOUT_SHARE: u32 = 4;

/// Connections idle for longer are not used again: the node closes them after a minute.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// One process's client. It stays with the node that last served it, and goes back to its home node
/// after trouble: clients of a deposed leader keep asking it, as clients in the field do.
pub struct NodeClient {
    http: reqwest::Client,
    token: Option<String>,
    nodes: Vec<(NodeId, SocketAddr)>,
    home: usize,
    current: usize,
    reads_at_home: bool,
    session: Option<Session>,
    timeout: Duration,
}

/// What makes a request take effect once: the cluster knows the client, and the client counts.
#[derive(Clone, Copy)]
struct Session {
    client: u64,
    last_seq: u64,
}

#[derive(Deserialize)]
struct SessionReply {
    client: u64,
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
    /// A client whose home is `nodes[home]`; `timeout` bounds one request.
    ///
    /// # Errors
    /// If the HTTP client cannot be set up.
    pub fn new(
        nodes: Vec<(NodeId, SocketAddr)>,
        home: usize,
        timeout: Duration,
    ) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .timeout(timeout)
            .connect_timeout(timeout)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .build()?;
        let home = home % nodes.len();
        Ok(Self {
            http,
            token: None,
            nodes,
            home,
            current: home,
            reads_at_home: false,
            session: None,
            timeout,
        })
    }

    /// The same client, with the token that the nodes want to see, if any.
    #[must_use]
    pub fn with_token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    /// The same client; it reads at its home node, whether that leads or not, if `reads_at_home`.
    #[must_use]
    pub fn with_reads_at_home(self, reads_at_home: bool) -> Self {
        Self {
            reads_at_home,
            ..self
        }
    }

    async fn ask_nodes(&mut self, request: &Request) -> Outcome {
        let writes_go_to = self.current;
        self.current = self.first(request);
        let outcome = self.ask_from_current(request).await;
        if self.is_read_at_home(request) && matches!(outcome, Outcome::Ok(_)) {
            self.current = writes_go_to;
        }
        outcome
    }

    async fn ask_from_current(&mut self, request: &Request) -> Outcome {
        // The timeout bounds the request over all its hops, and the session's opening.
        let deadline = Instant::now() + self.timeout;
        let body = if request.is_read() {
            transaction(request, None)
        } else {
            let Ok(session) = timeout_at(deadline, self.next_in_session()).await else {
                self.current = self.home;
                // The write itself was never sent.
                let error = "no-session: no node opened one in time".to_owned();
                return Outcome::Fail { error };
            };
            transaction(request, Some(session))
        };
        for _ in 0..HOPS_MAX {
            let asked = timeout_at(deadline, self.ask_node(request, &body)).await;
            let said = asked.unwrap_or_else(|_| Said::Done(unanswered(request, "timeout")));
            match said {
                Said::AskOther(leader) => match self.position(leader) {
                    Some(position) if position != self.current => self.current = position,
                    _ => return self.no_leader(),
                },
                Said::Done(outcome) => return self.after(outcome),
            }
        }
        self.no_leader()
    }

    fn after(&mut self, outcome: Outcome) -> Outcome {
        if !matches!(outcome, Outcome::Ok(_)) {
            self.current = self.home;
        }
        match &outcome {
            // The old request may still be on its way: a new session, as of a new process, lets it
            // arrive late instead of being discarded as outdated.
            Outcome::Info { .. } => self.session = None,
            Outcome::Fail { error } if error.starts_with("session-expired") => self.session = None,
            _ => {}
        }
        outcome
    }

    /// Counts one request more, in a session that is opened if there is none. Tries for ever.
    async fn next_in_session(&mut self) -> Session {
        let before = match self.session {
            Some(session) => session,
            None => self.open_session().await,
        };
        let last_seq = before.last_seq + 1;
        let session = Session { last_seq, ..before };
        self.session = Some(session);
        session
    }

    /// Any node that leads will do; the request itself then goes where it would have gone. If a
    /// session was opened whose id never arrived, nobody uses it.
    async fn open_session(&self) -> Session {
        let mut position = self.current;
        loop {
            match self.ask_for_session(self.nodes[position].1).await {
                Ok(client) => {
                    return Session {
                        client,
                        last_seq: 0,
                    };
                }
                Err(hint) => {
                    let next = (position + 1) % self.nodes.len();
                    let hinted = hint.and_then(|leader| self.position(leader));
                    position = hinted.filter(|hinted| *hinted != position).unwrap_or(next);
                    tokio::time::sleep(SESSION_PAUSE).await;
                }
            }
        }
    }

    /// # Errors
    /// Who may know more, if the node asked has an idea.
    async fn ask_for_session(&self, address: SocketAddr) -> Result<u64, Option<NodeId>> {
        let request = self.post(address, "/v1/sessions");
        let request = request.timeout(self.timeout / SESSION_TIMEOUT_SHARE);
        let response = request.send().await.map_err(|_| None)?;
        let is_ok = response.status().is_success();
        let body = response.bytes().await.map_err(|_| None)?;
        if is_ok && let Ok(reply) = serde_json::from_slice::<SessionReply>(&body) {
            return Ok(reply.client);
        }
        Err(serde_json::from_slice::<TxnError>(&body).map_or(None, |error| error.leader))
    }

    fn post(&self, address: SocketAddr, path: &str) -> RequestBuilder {
        let request = self.http.post(format!("http://{address}{path}"));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn no_leader(&mut self) -> Outcome {
        self.current = self.home;
        Outcome::Fail {
            error: "not-leader: nobody knows a leader that serves".to_owned(),
        }
    }

    fn is_read_at_home(&self, request: &Request) -> bool {
        self.reads_at_home && request.is_read()
    }

    /// Where the node stands in the list that a request goes to first.
    fn first(&self, request: &Request) -> usize {
        if self.is_read_at_home(request) {
            self.home
        } else {
            self.current
        }
    }

    fn position(&self, node: NodeId) -> Option<usize> {
        self.nodes.iter().position(|(id, _)| *id == node)
    }

    async fn ask_node(&self, request: &Request, body: &Value) -> Said {
        let (node, address) = self.nodes[self.current];
        let sent = self.post(address, "/v1/txn").json(body).send().await;
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
    fn node(&self, request: &Request) -> NodeId {
        self.nodes[self.first(request)].0
    }

    fn ask<'a>(&'a mut self, request: &'a Request) -> Asking<'a> {
        Box::pin(self.ask_nodes(request))
    }
}

/// The request as a transaction of one micro-op.
fn transaction(request: &Request, session: Option<Session>) -> Value {
    let key = &request.key;
    let op = match request.f {
        "write" => json!({"f": "w", "key": key, "value": request.value}),
        "cas" => json!({"f": "cas", "key": key, "old": request.value[0], "new": request.value[1]}),
        "append" => json!({"f": "append", "key": key, "value": request.value}),
        _ => json!({"f": "r", "key": key}),
    };
    match session {
        Some(Session { client, last_seq }) => {
            json!({"client": client, "seq": last_seq, "ops": [op]})
        }
        None => json!({"ops": [op]}),
    }
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
