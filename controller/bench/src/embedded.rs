//! The embedded node, `shakedown node`, as a measured system.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::cluster::free_addresses;
use crate::system::{Client, NODES, System, VALUE_BYTES};
use crate::wire::http1::{self, HttpConnection};

/// From which range each election timeout is drawn, in milliseconds.
pub(crate) const ELECTION_TIMEOUT_MS: (u64, u64) = (150, 300);
const HEARTBEAT_MS: u64 = 40;

/// What may differ between two measured clusters of ours.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Whether the nodes write their traces.
    pub(crate) trace: bool,
    /// What clients show, and nodes ask for.
    pub(crate) token: Option<String>,
    /// Added to each node's command line.
    pub(crate) node_args: Vec<String>,
}

/// Three embedded nodes.
#[derive(Debug)]
pub(crate) struct Embedded {
    program: PathBuf,
    dir: PathBuf,
    settings: Settings,
    clients: [SocketAddr; NODES],
    peers: [SocketAddr; NODES],
    /// For nodes without `/v1/sessions`: the next name of a client.
    next_client: Cell<u64>,
}

impl Embedded {
    /// Nodes that keep data and traces in `dir`.
    ///
    /// # Errors
    /// If there are no free ports, or our own executable cannot be found.
    pub(crate) fn new(dir: &Path, settings: Settings) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir)?;
        Ok(Self {
            program: std::env::current_exe().context("cannot find our own executable")?,
            dir: dir.to_owned(),
            settings,
            clients: free_addresses()?,
            peers: free_addresses()?,
            next_client: Cell::new(1),
        })
    }

    /// Where a node keeps its data.
    pub(crate) fn data_dir(&self, node: usize) -> PathBuf {
        self.dir.join(format!("n{}", node + 1))
    }

    /// What the node says about itself.
    ///
    /// # Errors
    /// If it does not answer.
    pub(crate) async fn status(&self, node: usize) -> anyhow::Result<Value> {
        let token = self.settings.token.as_deref();
        let body = http1::get(self.clients[node], "/v1/status", token).await?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// A number from the node's status.
    ///
    /// # Errors
    /// If it does not answer, or has no such number.
    pub(crate) async fn status_number(&self, node: usize, name: &str) -> anyhow::Result<u64> {
        let status = self.status(node).await?;
        let number = status[name].as_u64();
        number.with_context(|| format!("/v1/status has no number {name}"))
    }
}

impl System for Embedded {
    type Client = EmbeddedClient;

    fn name(&self) -> String {
        let name = if self.settings.trace {
            "shakedown"
        } else {
            "shakedown, no trace"
        };
        name.to_owned()
    }

    fn command(&self, node: usize) -> Command {
        let id = |node: usize| format!("n{}", node + 1);
        let mut command = Command::new(&self.program);
        command.arg("node").args(["--id", &id(node)]);
        command.arg("--data-dir").arg(self.data_dir(node));
        command.args(["--cluster", "bench", "--seed", "1"]);
        command.args(["--client-addr", &self.clients[node].to_string()]);
        for (peer, address) in self.peers.iter().enumerate() {
            command.args(["--peer", &format!("{}={address}", id(peer))]);
        }
        let (min, max) = ELECTION_TIMEOUT_MS;
        command.args(["--election-timeout-ms", &format!("{min}..{max}")]);
        command.args(["--heartbeat-ms", &HEARTBEAT_MS.to_string()]);
        if self.settings.trace {
            let trace = self.dir.join(format!("{}.jsonl", id(node)));
            command.arg("--trace").arg(trace);
        }
        if let Some(token) = &self.settings.token {
            command.args(["--token", token]);
        }
        command.args(&self.settings.node_args);
        // What a node logs costs time; etcd is told to be as silent.
        command.env("RUST_LOG", "warn");
        command
    }

    async fn leads(&self, node: usize) -> anyhow::Result<bool> {
        Ok(self.status(node).await?["role"] == "leader")
    }

    async fn fsyncs(&self, node: usize) -> anyhow::Result<u64> {
        self.status_number(node, "fsyncs").await
    }

    async fn connect(&self, node: usize) -> anyhow::Result<EmbeddedClient> {
        let token = self.settings.token.as_deref();
        let connection = HttpConnection::connect(self.clients[node], token).await?;
        Ok(EmbeddedClient {
            connection,
            session: None,
            own_name: self.next_client.replace(self.next_client.get() + 1),
            seq: 0,
        })
    }
}

/// A client of one node.
#[derive(Debug)]
pub(crate) struct EmbeddedClient {
    connection: HttpConnection,
    /// What writes are named by; opened with the first of them.
    session: Option<u64>,
    own_name: u64,
    seq: u64,
}

impl EmbeddedClient {
    async fn session(&mut self) -> anyhow::Result<u64> {
        if let Some(session) = self.session {
            return Ok(session);
        }
        let (status, body) = self.connection.post("/v1/sessions", b"{}").await?;
        let session = opened_session(status, &body)?.unwrap_or(self.own_name);
        self.session = Some(session);
        Ok(session)
    }

    async fn txn(&mut self, body: &str) -> anyhow::Result<Vec<u8>> {
        let (status, answer) = self.connection.post("/v1/txn", body.as_bytes()).await?;
        ensure!(status == 200, "{}", refused("/v1/txn", status, &answer));
        Ok(answer)
    }
}

impl Client for EmbeddedClient {
    async fn put(&mut self, key: &str, value: &str) -> anyhow::Result<()> {
        let client = self.session().await?;
        self.seq += 1;
        let seq = self.seq;
        let body = format!(
            r#"{{"client":{client},"seq":{seq},"ops":[{{"f":"w","key":"{key}","value":"{value}"}}]}}"#
        );
        self.txn(&body).await.map(drop)
    }

    async fn get(&mut self, key: &str) -> anyhow::Result<()> {
        let body = format!(r#"{{"ops":[{{"f":"r","key":"{key}"}}]}}"#);
        let answer = self.txn(&body).await?;
        ensure!(answer.len() > VALUE_BYTES, "{key} has no value");
        Ok(())
    }
}

/// The session that was opened; none if the node knows no sessions and takes any name.
fn opened_session(status: u16, body: &[u8]) -> anyhow::Result<Option<u64>> {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    if status == 400 && answer["error"] == "bad-request" {
        return Ok(None);
    }
    let client = answer["client"].as_u64().filter(|_| status == 200);
    let refused = || refused("/v1/sessions", status, body);
    client.map(Some).with_context(refused)
}

fn refused(path: &str, status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    format!("{path} answers HTTP {status}: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_opened_or_unknown_or_refused() {
        let opened = |status, body: &str| opened_session(status, body.as_bytes());
        assert_eq!(opened(200, r#"{"client": 7}"#).unwrap(), Some(7));
        let unknown = r#"{"error": "bad-request", "definite": true}"#;
        assert_eq!(opened(400, unknown).unwrap(), None);
        let error = opened(421, r#"{"error": "not-leader"}"#).unwrap_err();
        assert!(error.to_string().contains("HTTP 421"), "{error}");
        assert!(opened(200, "{}").is_err());
    }

    #[test]
    fn a_node_is_told_of_trace_and_token_only_if_they_are_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let flags = |trace, token: Option<&str>| {
            let settings = Settings {
                trace,
                token: token.map(str::to_owned),
                node_args: vec!["--tick-ms=1".to_owned()],
            };
            let command = Embedded::new(dir.path(), settings).unwrap().command(1);
            let flags = command.get_args().map(|a| a.to_string_lossy().into_owned());
            flags.collect::<Vec<_>>()
        };
        let plain = flags(false, None);
        assert_eq!(plain[..3], ["node", "--id", "n2"]);
        assert_eq!(plain.iter().filter(|a| *a == "--peer").count(), NODES);
        assert_eq!(plain.last().unwrap(), "--tick-ms=1");
        let has = |flags: &[String], flag| flags.iter().any(|a| a == flag);
        assert!(!has(&plain, "--trace") && !has(&plain, "--token"));
        let full = flags(true, Some("secret"));
        assert!(has(&full, "--trace") && has(&full, "secret"));
    }
}
