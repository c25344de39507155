//! A client of the embedded node's HTTP API (`docs/node-api.md`).

mod wire;

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::{Value, json};
use shakedown_history::NodeId;
use tokio::time::{Instant, timeout_at};

use crate::client::{Asking, Client, Outcome};
use crate::workload::Request;
use wire::{Session, Transaction};

/// How often one request follows a hint to another node. Each hop comes after a definite refusal, so
/// nothing is ever done twice.
const HOPS_MAX: u32 = 3;

/// Connections idle for longer are not used again: the node closes them after a minute.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// How clients reach a cluster.
#[derive(Clone, Debug)]
pub struct Access {
    /// Where each node listens for clients.
    pub nodes: Vec<(NodeId, SocketAddr)>,
    /// What lets us in, where that is asked for.
    pub token: Option<String>,
    /// How long one request may take, with all its hops.
    pub timeout: Duration,
    /// Whether every client reads at its home node, whether that leads or not.
    pub reads_at_home: bool,
}

/// One process's client. It stays with the node that last served it, and goes back to its home node
/// after trouble: clients of a deposed leader keep asking it, as clients in the field do.
pub struct NodeClient {
    http: reqwest::Client,
    access: Access,
    home: usize,
    current: usize,
    session: Option<Session>,
}

/// What came of a request, as far as HTTP and refusals go.
enum Said {
    /// It succeeded; the body says how.
    Done(Vec<u8>),
    /// It certainly has no effect, and why.
    Refused(String),
    /// Nobody knows, and why.
    Unknown(String),
}

/// What one node says; or that this other node is to be asked, and nothing has happened here.
type Heard = Result<Said, NodeId>;

const NO_LEADER: &str = "not-leader: nobody knows a leader that serves";

impl NodeClient {
    /// A client whose home is the node at `home` of the list.
    ///
    /// # Errors
    /// If the HTTP client cannot be set up.
    pub fn new(access: Access, home: usize) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .timeout(access.timeout)
            .connect_timeout(access.timeout)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .default_headers(credentials(access.token.as_deref()))
            .build()?;
        let home = home % access.nodes.len();
        Ok(Self {
            http,
            access,
            home,
            current: home,
            session: None,
        })
    }

    async fn ask_nodes(&mut self, request: &Request) -> Outcome {
        let deadline = Instant::now() + self.access.timeout;
        let writes_go_to = self.current;
        if self.is_read_at_home(request) {
            self.current = self.home;
        }
        let outcome = self.ask_in_time(request, deadline).await;
        match &outcome {
            Outcome::Ok(_) if self.is_read_at_home(request) => self.current = writes_go_to,
            Outcome::Ok(_) => {}
            Outcome::Fail { error } => {
                self.current = self.home;
                if wire::ends_session(error) {
                    self.session = None;
                }
            }
            // The old request may still be on its way: a new session, as of a new process, lets it
            // arrive late instead of being discarded as outdated.
            Outcome::Info { .. } => {
                self.current = self.home;
                self.session = None;
            }
        }
        outcome
    }

    async fn ask_in_time(&mut self, request: &Request, deadline: Instant) -> Outcome {
        if !request.is_read()
            && let Err(error) = self.open_session(deadline).await
        {
            return Outcome::Fail { error };
        }
        let transaction = Transaction {
            request,
            session: self.session.as_mut().filter(|_| !request.is_read()),
        };
        let body = transaction.body();
        match self.ask_along("/v1/txn", &body, deadline).await {
            Said::Done(body) => wire::done(request, self.access.nodes[self.current].0, &body),
            Said::Refused(error) => Outcome::Fail { error },
            Said::Unknown(error) => wire::unanswered(request, &error),
        }
    }

    /// Makes sure that there is a session. Without one nothing has been asked yet, so that failing is
    /// definite, whatever became of the session.
    async fn open_session(&mut self, deadline: Instant) -> Result<(), String> {
        if self.session.is_some() {
            return Ok(());
        }
        let said = self.ask_along("/v1/sessions", &json!({}), deadline).await;
        let session = match said {
            Said::Done(body) => Session::opened(&body)?,
            Said::Refused(error) | Said::Unknown(error) => return Err(format!("session: {error}")),
        };
        self.session = Some(session);
        Ok(())
    }

    /// Asks one node after the other, as refusals point on.
    async fn ask_along(&mut self, path: &str, body: &Value, deadline: Instant) -> Said {
        for _ in 0..HOPS_MAX {
            let asked = timeout_at(deadline, self.ask_node(path, body)).await;
            match asked.unwrap_or_else(|_| Ok(Said::Unknown("timeout".to_owned()))) {
                Ok(said) => return said,
                Err(leader) => match self.position(leader) {
                    Some(position) if position != self.current => self.current = position,
                    _ => break,
                },
            }
        }
        Said::Refused(NO_LEADER.to_owned())
    }

    async fn ask_node(&self, path: &str, body: &Value) -> Heard {
        let (_, address) = self.access.nodes[self.current];
        let url = format!("http://{address}{path}");
        let response = match self.http.post(url).json(body).send().await {
            Ok(response) => response,
            Err(e) => return Ok(unanswered(&e)),
        };
        let ok = response.status().is_success();
        match response.bytes().await {
            Ok(bytes) if ok => Ok(Said::Done(bytes.to_vec())),
            Ok(bytes) => wire::refused(&bytes),
            Err(e) => Ok(Said::Unknown(format!("broken: {}", root(&e)))),
        }
    }

    fn is_read_at_home(&self, request: &Request) -> bool {
        self.access.reads_at_home && request.is_read()
    }

    fn position(&self, node: NodeId) -> Option<usize> {
        self.access.nodes.iter().position(|(id, _)| *id == node)
    }
}

impl Client for NodeClient {
    fn node(&self, request: &Request) -> NodeId {
        let first = if self.is_read_at_home(request) {
            self.home
        } else {
            self.current
        };
        self.access.nodes[first].0
    }

    fn ask<'a>(&'a mut self, request: &'a Request) -> Asking<'a> {
        Box::pin(self.ask_nodes(request))
    }
}

/// What a request without a response means: only if there was no connection, nothing was sent.
fn unanswered(error: &reqwest::Error) -> Said {
    if error.is_connect() {
        Said::Refused(format!("no-connection: {}", root(error)))
    } else if error.is_timeout() {
        Said::Unknown("timeout".to_owned())
    } else {
        Said::Unknown(format!("broken: {}", root(error)))
    }
}

/// The header that shows the token.
fn credentials(token: Option<&str>) -> HeaderMap {
    let value = token.and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok());
    value
        .into_iter()
        .map(|value| (AUTHORIZATION, value))
        .collect()
}

/// The innermost cause, which is what people want to read.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
